#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| twostep_properties::import(bytes));
