//! Runs every input of `fuzz/corpus`: those written by hand, those that fuzzing found useful, and one for each defect that
//! it found.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use twostep_properties as properties;
use twostep_tests::workspace;

/// Calls `property` with each input of the folder `name`, and reports those for which it does not hold.
#[track_caller]
fn holds(name: &str, property: fn(&[u8])) {
    let folder = workspace().join("fuzz/corpus").join(name);
    let inputs = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    assert!(!inputs.is_empty(), "{} is empty", folder.display());
    let breaks = |bytes: &[u8]| catch_unwind(AssertUnwindSafe(|| property(bytes))).is_err();
    let broken: Vec<_> = inputs.iter().filter(|path| breaks(&fs::read(path).unwrap())).collect();
    assert!(broken.is_empty(), "{name} does not hold for {broken:#?}");
}

macro_rules! corpora {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                holds(stringify!($name), properties::$name);
            }
        )*

        #[test]
        fn has_test_and_fuzz_target_for_every_corpus() {
            let names = [$(stringify!($name)),*];
            for (folder, ending) in [("corpus", ""), ("targets", ".rs")] {
                let entries = fs::read_dir(workspace().join("fuzz").join(folder)).unwrap();
                let mut found: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
                found.sort();
                assert_eq!(found, names.map(|name| format!("{name}{ending}")), "{folder}");
            }
        }
    };
}

corpora! { authenticate code doctor import log policy protocol request secret stack state ticket uri }
