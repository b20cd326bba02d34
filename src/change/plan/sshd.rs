//! The settings of sshd: a drop-in of its own, or a block at the top of its file.

use std::collections::{BTreeMap, BTreeSet};

use twostep_core::os::root::Root;
use twostep_doctor::draft::{FirstFactor, Step};
use twostep_hostconf::sshd::config::{Config, Setting};
use twostep_hostconf::sshd::launches::Launches;
use twostep_hostconf::sshd::view::View;

use super::{Files, NoPlan, SshdObstacle};
use crate::marks;

/// The file in a folder of drop-ins. sshd reads them in the order of their names, and the first value of a keyword counts.
const NAMES: [&str; 3] = ["10-twostep.conf", "00-twostep.conf", "00-0-twostep.conf"];
/// The end of an `Include` pattern for a folder of drop-ins.
const DROP_INS: &str = "/*.conf";

/// The settings for a first factor, each with its reason.
fn settings(first: FirstFactor) -> Vec<(&'static str, &'static str, &'static str)> {
    let methods = match first {
        FirstFactor::Password => "keyboard-interactive:pam",
        FirstFactor::Key => "publickey,keyboard-interactive:pam",
        FirstFactor::KeyOrPassword => "publickey,keyboard-interactive:pam keyboard-interactive:pam",
    };
    let key = ("PubkeyAuthentication", "yes", "The key comes before the code.");
    let all = [
        ("UsePAM", "yes", "sshd asks PAM, and PAM asks twostep."),
        ("KbdInteractiveAuthentication", "yes", "The method by which sshd can ask for a code."),
        ("PasswordAuthentication", "no", "This method cannot ask for a code."),
        (
            "AuthenticationMethods",
            methods,
            "Without this, a key alone lets users in, and no code is asked for.",
        ),
        ("LoginGraceTime", "300", "Enrolling during a login takes two codes, up to a minute apart."),
    ];
    let key = (first != FirstFactor::Password).then_some(key);
    all.into_iter().take(1).chain(key).chain(all.into_iter().skip(1)).collect()
}

/// The lines of the settings.
fn text(first: FirstFactor) -> String {
    settings(first).iter().map(|(keyword, value, _)| format!("{keyword} {value}\n")).collect()
}

pub(super) fn enable(root: &Root, files: &mut Files<'_>, first: FirstFactor) -> Result<Vec<Step>, NoPlan> {
    let mut steps = Vec::new();
    let mut done = BTreeSet::new();
    for launch in Launches::of(root).known {
        let Some(config) = Config::read(root, &launch) else { continue };
        check_options(&config, first)?;
        let Some(main) = config.main.clone() else { return Err(SshdObstacle::NoFile.into()) };
        if !done.insert(main.clone()) {
            continue;
        }
        if is_so(files, &config, first)? {
            continue;
        }
        let path = add(files, &config, &main, first)?;
        let reason = |(keyword, value, why): (&str, &str, &str)| Step {
            file: path.clone(),
            why: format!("{keyword} {value}: {why}"),
        };
        steps.extend(settings(first).into_iter().map(reason));
    }
    if done.is_empty() { Err(SshdObstacle::NoFile.into()) } else { Ok(steps) }
}

/// Takes the settings out of the files of every sshd.
pub(super) fn disable(root: &Root, files: &mut Files<'_>) -> Result<(), NoPlan> {
    for config in Launches::of(root).known.iter().filter_map(|launch| Config::read(root, launch)) {
        for path in &config.read {
            if !root.path(path).is_file() {
                continue; // a folder
            }
            if files.text(path)?.is_some_and(|text| marks::is_marked(&text)) {
                let base = files.base(path)?;
                files.set(path, base)?;
            }
        }
    }
    Ok(())
}

/// Whether lines of an administrator's own set all of it.
fn is_so(files: &mut Files<'_>, config: &Config, first: FirstFactor) -> Result<bool, NoPlan> {
    let nothing_said = BTreeMap::new();
    let view = View::of_everybody(config, &nothing_said);
    for (keyword, value, _) in settings(first) {
        let now = view.value(&keyword.to_ascii_lowercase());
        let file = now.location.map(|location| location.file);
        let is_own = match file {
            Some(file) => !files.text(&file)?.is_some_and(|text| marks::is_marked(&text)),
            None => false,
        };
        if !is_own || !now.text.eq_ignore_ascii_case(value) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Adds the settings, and takes out those that an earlier plan added elsewhere. Returns the file.
fn add(files: &mut Files<'_>, config: &Config, main: &str, first: FirstFactor) -> Result<String, NoPlan> {
    let text = text(first);
    let path = match drop_in(files, config, main, first)? {
        Some(path) => {
            files.set(&path, Some(marks::block(&text)))?;
            path
        }
        None => {
            let base = files.base(main)?.unwrap_or_default();
            files.set(main, Some(format!("{}{base}", marks::block(&text))))?;
            main.to_owned()
        }
    };
    for other in config.read.iter().filter(|other| **other != path) {
        let is_file = files.root.path(other).is_file();
        if is_file && files.text(other)?.is_some_and(|text| marks::is_marked(&text)) {
            let base = files.base(other)?;
            files.set(other, base)?;
        }
    }
    Ok(path)
}

/// The path of the drop-in, if sshd reads one before all other lines that set the same.
fn drop_in(
    files: &mut Files<'_>,
    config: &Config,
    main: &str,
    first: FirstFactor,
) -> Result<Option<String>, NoPlan> {
    let base = files.base(main)?.unwrap_or_default();
    let Some((line, folder)) = include(&base) else { return Ok(None) };
    if !files.root.path(&folder).is_dir() {
        return Ok(None);
    }
    let mut others = Vec::new();
    for setting in config.settings.iter().filter(|setting| is_ours(setting, first)) {
        let location = &setting.location;
        let is_of_twostep = files.text(&location.file)?.is_some_and(|text| marks::is_marked(&text));
        if location.file == main {
            // Blocks of an earlier plan are gone in `base`, where a line may have another number.
            let at = base.lines().position(|line| sets(line, &setting.keyword));
            if at.is_some_and(|at| at < line) {
                return Ok(None);
            }
        } else if !is_of_twostep {
            others.extend(location.file.strip_prefix(&format!("{folder}/")).map(str::to_owned));
        }
    }
    let name = NAMES.iter().find(|name| others.iter().all(|other| **name < other.as_str()));
    Ok(name.map(|name| format!("{folder}/{name}")))
}

/// Whether it sets for all users what the plan sets.
fn is_ours(setting: &Setting, first: FirstFactor) -> bool {
    setting.block.is_none()
        && settings(first).iter().any(|(keyword, ..)| keyword.eq_ignore_ascii_case(&setting.keyword))
}

fn sets(line: &str, keyword: &str) -> bool {
    let word = line.trim_start().split([' ', '\t', '=']).next().unwrap_or_default();
    word.eq_ignore_ascii_case(keyword)
}

/// The first `Include` of a folder of drop-ins outside of `Match` blocks: the index of its line, and the folder.
fn include(text: &str) -> Option<(usize, String)> {
    let lines = || text.lines().enumerate();
    let end = lines().find(|(_, line)| sets(line, "match")).map_or(usize::MAX, |(number, _)| number);
    lines().take_while(|(number, _)| *number < end).filter(|(_, line)| sets(line, "include")).find_map(
        |(number, line)| {
            let patterns = line.split([' ', '\t', '=', '"']).skip(1);
            let folder = patterns.filter_map(|pattern| pattern.strip_suffix(DROP_INS)).next()?;
            Some((number, folder.to_owned()))
                .filter(|(_, folder)| folder.starts_with('/') && !folder.contains('*'))
        },
    )
}

fn check_options(config: &Config, first: FirstFactor) -> Result<(), SshdObstacle> {
    let option = config.settings.iter().find(|setting| setting.is_option && is_ours(setting, first));
    option.map_or(Ok(()), |setting| {
        let (place, keyword) = (setting.location.to_string(), setting.keyword.clone());
        Err(SshdObstacle::OnCommandLine { place, keyword })
    })
}
