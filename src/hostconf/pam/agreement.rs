//! The walk through a stack against the real libpam: `tests/doctor/libpam.json` has its results for stacks of all kinds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use twostep_core::os::root::Root;
use twostep_core::pam::control::ReturnValue;
use twostep_core::pam::walk::{Handler, Walk};

use super::files::Files;
use super::pam_line::PamLine;
use super::service::Service;

const TABLE: &str = include_str!("../../../tests/doctor/libpam.json");

#[derive(serde::Deserialize)]
struct Case {
    files: BTreeMap<String, String>,
    says: usize,
}

#[test]
fn a_walk_ends_as_in_libpam() {
    let folder = std::env::temp_dir().join(format!("twostep-agreement-{}", std::process::id()));
    let cases: Vec<Case> = serde_json::from_str(TABLE).unwrap();
    let wrong: Vec<_> = cases.iter().filter(|case| walk(&folder, &case.files) != case.says).collect();
    let shown: Vec<_> = wrong.iter().take(3).map(|case| (&case.files, case.says)).collect();
    assert!(wrong.is_empty(), "{} of {}: {shown:#?}", wrong.len(), cases.len());
}

fn walk(folder: &Path, files: &BTreeMap<String, String>) -> usize {
    let pam_d = folder.join("etc/pam.d");
    fs::create_dir_all(&pam_d).unwrap();
    files.iter().for_each(|(name, text)| fs::write(pam_d.join(name), text).unwrap());
    let root = Root::at(folder).unwrap();
    let service = Service::load(&Files::new(&root), "service").unwrap();
    fs::remove_dir_all(folder).unwrap();
    let mut walk = Walk::start();
    while let Some(line) = service.auth.get(walk.next()) {
        walk = walk.step(&service.auth, answer(line));
    }
    walk.outcome().number()
}

fn answer(line: &PamLine) -> ReturnValue {
    let said = line.arguments().next().and_then(|argument| argument.strip_prefix("auth="));
    match line.handler {
        Handler::Broken | Handler::Substack => ReturnValue::PERM_DENIED,
        Handler::Module if line.module() == "pam_permit.so" => ReturnValue::SUCCESS,
        Handler::Module => said.map_or(ReturnValue::MODULE_UNKNOWN, |name| ReturnValue::named(name).unwrap()),
    }
}
