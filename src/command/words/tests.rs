use super::{
    acts, enable, enroll, export, frame, help, import, import_notes, import_obstacles, import_problems,
    moment, naming, policy_check, policy_explain, rebind, report, require, reset, services, sheet, status,
    storage, ticket, unlock,
};

type Catalogue = &'static [(&'static str, &'static [&'static str])];

/// Each file here.
const ALL: [(&str, Catalogue); 24] = [
    ("acts", acts::CATALOGUE),
    ("enable", enable::CATALOGUE),
    ("enroll", enroll::CATALOGUE),
    ("export", export::CATALOGUE),
    ("frame", frame::CATALOGUE),
    ("help", help::CATALOGUE),
    ("import", import::CATALOGUE),
    ("import_notes", import_notes::CATALOGUE),
    ("import_obstacles", import_obstacles::CATALOGUE),
    ("import_problems", import_problems::CATALOGUE),
    ("moment", moment::CATALOGUE),
    ("naming", naming::CATALOGUE),
    ("policy_check", policy_check::CATALOGUE),
    ("policy_explain", policy_explain::CATALOGUE),
    ("rebind", rebind::CATALOGUE),
    ("report", report::CATALOGUE),
    ("require", require::CATALOGUE),
    ("reset", reset::CATALOGUE),
    ("services", services::CATALOGUE),
    ("sheet", sheet::CATALOGUE),
    ("status", status::CATALOGUE),
    ("storage", storage::CATALOGUE),
    ("ticket", ticket::CATALOGUE),
    ("unlock", unlock::CATALOGUE),
];

/// Every text, with its file and key.
fn texts() -> impl Iterator<Item = (String, &'static str)> {
    ALL.into_iter().flat_map(|(file, catalogue)| {
        catalogue
            .iter()
            .flat_map(move |(key, texts)| texts.iter().map(move |text| (format!("{file}::{key}"), *text)))
    })
}

/// How wide a line is where each argument shows 8 characters.
fn columns(line: &str) -> usize {
    let parts = line.split(['{', '}']).enumerate();
    parts.map(|(at, part)| if at % 2 == 0 { part.chars().count() } else { 8 }).sum()
}

/// Lines of an import's report are as long as the paths in them.
#[test]
fn texts_fit_the_screen() {
    for (key, text) in texts().filter(|(key, _)| !key.starts_with("import")) {
        for line in text.lines() {
            assert!(columns(line) <= 80, "{key}: {} columns: {line}", columns(line));
        }
    }
}

#[test]
fn what_to_do_is_whole_sentences() {
    for (key, text) in texts().filter(|(key, _)| key.to_lowercase().ends_with("_then")) {
        let begins = text.trim_start().chars().next().unwrap();
        assert!(begins.is_uppercase() || begins == '{', "{key}: {text}");
        assert!(text.ends_with(['.', '}']), "{key}: {text}");
    }
}

#[test]
fn problems_have_no_argument_and_no_full_stop() {
    let problems = import_problems::CATALOGUE.iter().map(|(key, texts)| (key, texts[0]));
    for (key, text) in problems {
        assert!(!text.contains(['{', '\n']) && !text.ends_with('.'), "{key}: {text}");
    }
}

/// Where a file of texts is not in `ALL`, these tests would not see it.
#[test]
fn every_file_of_texts_is_tested() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/words");
    let names =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> =
        names.filter_map(|name| Some(name.strip_suffix(".rs")?.to_owned())).collect();
    names.retain(|name| !["mod", "tests"].contains(&name.as_str()));
    names.sort();
    assert_eq!(names, ALL.map(|(file, _)| file));
}
