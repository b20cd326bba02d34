//! The manual pages agree with the programs: what is documented exists, and what exists is documented. `--help` fits the screen.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![allow(clippy::disallowed_methods)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use twostep_core::document::DocumentError;
use twostep_core::policy::{Policy, PolicyErrorKind};

type Words = BTreeSet<String>;

/// Options of all subcommands, which the manual does not repeat at each.
const EVERYWHERE: [&str; 2] = ["root", "help"];
/// Subcommands that --help leaves out.
const HIDDEN: [&str; 8] = [
    "completions",
    "export",
    "keep",
    "rebind",
    "revert",
    "storage downgrade",
    "storage upgrade",
    "unrequire",
];
/// Options that name users, which the manual describes once.
const NAMING: [&str; 3] = ["user", "group", "file"];
/// A terminal of 80 by 24, with a prompt in the last line.
const COLUMNS: usize = 80;
const LINES: usize = 23;

fn read(name: &str) -> String {
    let crate_dir = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(crate_dir.ancestors().nth(2).unwrap().join(name)).unwrap()
}

fn page(name: &str) -> String {
    read(&format!("docs/man/{name}"))
}

fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> Words {
    words.into_iter().map(str::to_owned).collect()
}

// -- what --help says

fn help_of(verb: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twostep"));
    let output = command.args(verb.split_whitespace()).arg("--help").output().unwrap();
    assert!(output.status.success(), "twostep {verb} --help");
    String::from_utf8(output.stdout).unwrap()
}

/// The subcommands below `verb`, on all levels. One that has subcommands is left out, unless it has options.
fn verbs_below(verb: &str) -> Words {
    let help = help_of(verb);
    let Some((_, list)) = help.split_once("Commands:\n") else { return words([verb]) };
    let lines =
        list.lines().take_while(|line| !line.starts_with("Options:")).filter(|line| line.starts_with("  "));
    let names = lines.filter_map(|line| line.split_whitespace().next());
    let below =
        names.filter(|&name| name != "help").flat_map(|name| verbs_below(format!("{verb} {name}").trim()));
    let itself = (!verb.is_empty() && !own_options_of(verb).is_empty()).then(|| verb.to_owned());
    below.chain(itself).collect()
}

fn verbs() -> Words {
    let verbs = &verbs_below("") | &words(HIDDEN);
    assert!(verbs.len() > 10 && verbs.contains("policy check"), "{verbs:?}");
    verbs
}

fn options_of(verb: &str) -> Words {
    let help = help_of(verb);
    let (_, options) = help.split_once("Options:").unwrap();
    // The page of all subcommands has its options in one line.
    let lines = options.split(['\n', ';']).map(str::trim_start);
    let long = lines.filter_map(|line| line.strip_prefix("--").or_else(|| Some(line.split_once(", --")?.1)));
    words(long.filter_map(|option| option.split_whitespace().next()))
}

fn own_options_of(verb: &str) -> Words {
    &options_of(verb) - &words(EVERYWHERE)
}

#[test]
fn every_help_fits_the_screen() {
    let above = ["", "policy"].map(str::to_owned);
    for verb in verbs().into_iter().chain(above) {
        let help = help_of(&verb);
        assert!(help.lines().count() <= LINES, "{} lines:\n{help}", help.lines().count());
        let long = help.lines().find(|line| line.chars().count() > COLUMNS);
        assert_eq!(long, None, "longer than {COLUMNS} columns, in 'twostep {verb} --help'");
    }
}

// -- what the pages say

/// The lines below a heading, such as `.Sh EXAMPLES`, up to the next heading of its kind or above.
fn section<'a>(page: &'a str, heading: &str) -> Vec<&'a str> {
    let is_end =
        |line: &str| line.starts_with(".Sh ") || (heading.starts_with(".Ss ") && line.starts_with(".Ss "));
    let below = page.lines().skip_while(|&line| line != heading).skip(1);
    let lines: Vec<_> = below.take_while(|line| !is_end(line)).collect();
    assert!(!lines.is_empty(), "no {heading}");
    lines
}

/// The items `.It MACRO NAME` of the outermost lists, each with the lines that belong to it.
fn items<'a>(lines: &[&'a str], tag: &str) -> BTreeMap<String, Vec<&'a str>> {
    let (mut found, mut depth, mut name) = (BTreeMap::<String, Vec<&str>>::new(), 0_u32, None);
    for &line in lines {
        match line.split(' ').next().unwrap() {
            ".Bl" => depth += 1,
            ".El" => depth -= 1,
            ".It" if depth == 1 => name = line.strip_prefix(tag).map(str::to_owned),
            _ => {}
        }
        if depth == 0 {
            name = None;
        }
        if let Some(name) = &name {
            found.entry(name.clone()).or_default().push(line);
        }
    }
    found
}

/// The word behind each `Fl Fl`.
fn options_in(lines: &[&str]) -> Words {
    words(
        lines.iter().flat_map(|line| line.split("Fl Fl ").skip(1)).filter_map(|rest| rest.split(' ').next()),
    )
}

/// The forms in the synopsis of twostep(1): each subcommand with its options.
fn synopsis(page: &str) -> BTreeMap<String, Words> {
    let lines = section(page, ".Sh SYNOPSIS");
    let forms = lines.split(|&line| line == ".Nm").skip(1);
    forms
        .map(|form| (form.first().unwrap().strip_prefix(".Cm ").unwrap().to_owned(), options_in(form)))
        .collect()
}

#[test]
fn subcommands_options_and_manual_agree() {
    let page = page("twostep.1");
    let synopsis = synopsis(&page);
    let described = items(&section(&page, ".Sh DESCRIPTION"), ".It Cm ");
    let (verbs, naming) = (verbs(), words(NAMING));
    // clap's own subcommand, which has no options.
    let all = &verbs | &words(["help"]);
    assert_eq!(all, synopsis.keys().cloned().collect(), "--help, and the synopsis");
    assert_eq!(all, described.keys().cloned().collect(), "--help, and the description");
    for verb in verbs {
        let options = own_options_of(&verb);
        assert_eq!(options, synopsis[&verb], "'twostep {verb} --help', and its form in the synopsis");
        let listed = items(&described[&verb], ".It Fl Fl ").into_keys();
        let listed: Words = listed.map(|tag| tag.split(' ').next().unwrap().to_owned()).collect();
        let own = &options - &naming;
        assert_eq!(own, &listed - &naming, "'twostep {verb} --help', and the list in its description");
        let named = options_in(&described[&verb]);
        assert_eq!(own, &named - &naming, "'twostep {verb} --help', and its description");
        assert!(named.is_subset(&options), "'twostep {verb} --help', and its description: {named:?}");
    }
    let listed = items(&section(&page, ".Ss Naming users"), ".It Fl Fl ").into_keys();
    assert_eq!(naming, listed.map(|tag| tag.split(' ').next().unwrap().to_owned()).collect());
    let everywhere = section(&page, ".Ss Options of all subcommands");
    assert_eq!(
        options_of(""),
        options_in(&everywhere),
        "'twostep --help', and the options of all subcommands"
    );
}

/// In examples, and in references of one page to another.
#[test]
fn names_only_commands_that_exist() {
    let verbs = verbs();
    let mut seen = 0;
    for name in ["twostep.1", "twostep.policy.5", "pam_twostep.8", "twostep-helper.8"] {
        let page = page(name);
        let lines =
            page.lines().filter_map(|line| line.strip_prefix(".Ql ").or_else(|| line.strip_prefix(".Dl ")));
        for command in lines.filter_map(|line| line.strip_prefix("twostep ")) {
            let verb = verbs.iter().rfind(|&verb| format!("{command} ").starts_with(&format!("{verb} ")));
            let verb = verb.unwrap_or_else(|| panic!("{name}: twostep {command}"));
            let given =
                command.split(' ').take_while(|&word| word != "|").filter_map(|word| word.strip_prefix("--"));
            assert!(words(given).is_subset(&options_of(verb)), "{name}: twostep {command}");
            seen += 1;
        }
    }
    assert!(seen > 15, "{seen}");
}

/// The patterns of the `match` in the module's source, up to the one for unknown arguments.
fn module_arguments() -> Words {
    let source = read("src/module/arguments.rs");
    let (_, body) = source.split_once("fn parse(").unwrap();
    let arms = body.split_once("match ").unwrap().1.split_once("_ => return Err(unknown()").unwrap().0;
    let patterns = arms.lines().filter_map(|line| Some(line.split_once("=>")?.0));
    let quoted = patterns.flat_map(|pattern| pattern.split('"').skip(1).step_by(2));
    let keys = words(quoted);
    assert!(keys.contains("root") && keys.contains("first_factor"), "{keys:?}");
    keys
}

#[test]
fn module_arguments_and_manual_agree() {
    let page = page("pam_twostep.8");
    let described = items(&section(&page, ".Ss Arguments"), ".It Cm ").into_keys();
    let described: Words = described.map(|tag| tag.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(module_arguments(), described, "src/module/arguments.rs, and the arguments");
    let synopsis = section(&page, ".Sh SYNOPSIS");
    let shown = synopsis.iter().filter_map(|line| line.strip_prefix(".Op Cm ")?.split(' ').next());
    assert_eq!(module_arguments(), words(shown), "src/module/arguments.rs, and the synopsis");
}

// -- the policy

/// The keys of a table of the policy, as the error about an unknown key lists them; none if it is no table.
fn keys_below(header: &str) -> Option<Words> {
    let policy = format!("version = 1\nmode = \"opt-in\"\n{header}\nnobody-knows = 1\n");
    Policy::errors(policy.as_bytes()).into_iter().find_map(|error| {
        let PolicyErrorKind::Document(DocumentError::UnknownKey { key, known }) = error.kind else {
            return None;
        };
        (key == "nobody-knows").then(|| words(known))
    })
}

/// The keys of the policy, by table; those above all tables, and the tables, by "".
fn policy_keys() -> BTreeMap<String, Words> {
    let above = keys_below("").unwrap();
    let mut all = BTreeMap::new();
    for key in &above {
        let below = keys_below(&format!("[{key}]")).or_else(|| keys_below(&format!("[[{key}]]")));
        all.extend(below.map(|below| (key.clone(), below)));
    }
    assert!(all.len() >= 4 && all["gate"] == words(["services"]), "{all:?}");
    all.insert(String::new(), above);
    all
}

/// The keys of a text by table, to which each line contributes a table, a key or nothing.
fn keys_by_table<'a>(said: impl Iterator<Item = Said<'a>>) -> BTreeMap<String, Words> {
    let mut all = BTreeMap::from([(String::new(), Words::new())]);
    let mut table = String::new();
    for word in said {
        match word {
            Said::Table(name) => {
                table = name.to_owned();
                all.entry(String::new()).or_default().insert(table.clone());
                all.entry(table.clone()).or_default();
            }
            Said::Key(name) => drop(all.entry(table.clone()).or_default().insert(name.to_owned())),
        }
    }
    all
}

enum Said<'a> {
    Table(&'a str),
    Key(&'a str),
}

/// The name between brackets, if these are all.
fn table(text: &str) -> Option<Said<'_>> {
    let name = text.strip_prefix('[')?.strip_suffix(']')?;
    Some(Said::Table(name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name)))
}

#[test]
fn policy_keys_and_manual_agree() {
    let page = page("twostep.policy.5");
    let mut documented = BTreeMap::new();
    let text = read("docs/policy.toml");
    let annotated = text.lines().map(|line| line.strip_prefix("# ").unwrap_or(line)).filter_map(|line| {
        let key =
            || line.split_once(" = ").map(|(key, _)| key).filter(|key| !key.contains(' ')).map(Said::Key);
        table(line).or_else(key)
    });
    documented.insert("docs/policy.toml", keys_by_table(annotated));
    let mut depth = 0_u32;
    let described = page.lines().filter_map(|line| {
        match line.split(' ').next().unwrap() {
            ".Bl" => depth += 1,
            ".El" => depth -= 1,
            _ => {}
        }
        let key = || line.strip_prefix(".It Va ").filter(|_| depth == 1).map(Said::Key);
        line.strip_prefix(".Ss ").and_then(table).or_else(key)
    });
    documented.insert("twostep.policy.5", keys_by_table(described));
    for (name, keys) in documented {
        assert_eq!(policy_keys(), keys, "what the policy takes, and what {name} says");
    }
}
