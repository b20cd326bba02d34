//! Which files make up the services of systemd (systemd.unit(5)).
//!
//! A link to a file beside other units is one more name of that unit. A link to any other place, as `systemctl link` makes it,
//! is a unit of its own, whatever the name of its target.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use twostep_core::os::root::Root;

use crate::tree;

/// The folders of units: the first entry of a name counts.
const FOLDERS: [&str; 13] = [
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
];
/// systemd follows at most so many aliases, one after another.
const MOST_NAMES: usize = 8;

/// The files of one unit, without links.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct UnitFiles {
    pub main: String,
    /// Its drop-ins, in the order in which they count.
    pub drop_ins: Vec<String>,
}

/// The meaning of a name of a unit.
enum Entry {
    File(String),
    /// A link to a unit with this name.
    Alias(String),
    /// Nothing, although a folder further down may have such a unit.
    Masked,
}

/// All services below `root`, in the order of their names.
pub(crate) fn units(root: &Root) -> Vec<UnitFiles> {
    let mut names = BTreeMap::new();
    let mut drop_ins = BTreeMap::new();
    for (folder, name) in
        FOLDERS.iter().flat_map(|folder| entries(root, folder).map(move |name| (folder, name)))
    {
        if name.ends_with(".service") {
            let entry = entry(root, folder, &name);
            names.entry(name).or_insert(entry);
        } else if let Some(unit) = name.strip_suffix(".d").filter(|unit| unit.ends_with(".service")) {
            let of_unit: &mut BTreeMap<_, _> = drop_ins.entry(unit.to_owned()).or_default();
            for (name, file) in drop_ins_in(root, &format!("{folder}/{name}")) {
                of_unit.entry(name).or_insert(file);
            }
        }
    }
    let of_file = |(name, entry): (&String, &Entry)| {
        let Entry::File(main) = entry else { return None };
        let others = names.keys().filter(|other| *other != name && target(&names, other) == Some(name));
        let mut all = BTreeMap::new();
        for (name, file) in [name].into_iter().chain(others).filter_map(|name| drop_ins.get(name)).flatten() {
            all.entry(name).or_insert(file);
        }
        Some(UnitFiles { main: main.clone(), drop_ins: all.into_values().cloned().collect() })
    };
    names.iter().filter_map(of_file).collect()
}

/// The name at the end of the aliases of `name`.
fn target<'a>(names: &'a BTreeMap<String, Entry>, name: &'a String) -> Option<&'a String> {
    let mut name = name;
    for _ in 0..MOST_NAMES {
        let Some(Entry::Alias(other)) = names.get(name) else { return Some(name) };
        name = other;
    }
    None
}

fn entry(root: &Root, folder: &str, name: &str) -> Entry {
    let path = format!("{folder}/{name}");
    let file = tree::real(root, &path).unwrap_or_else(|| path.clone());
    if is_masking(root, &file) {
        return Entry::Masked;
    }
    let link = fs::read_link(root.path(&path)).ok();
    let alias = link.and_then(|target| alias(root, &Path::new(folder).join(target)));
    alias.filter(|alias| alias != name).map_or(Entry::File(file), Entry::Alias)
}

/// The unit that a link to `target` names, if `target` is in a folder of units.
fn alias(root: &Root, target: &Path) -> Option<String> {
    let folder = tree::real(root, target.parent()?.to_str()?)?;
    let is_of_units =
        |units: &&str| tree::real(root, units).is_some_and(|units| Path::new(&folder).starts_with(units));
    FOLDERS.iter().find(|units| is_of_units(units))?;
    Some(target.file_name()?.to_str()?.to_owned())
}

/// Whether it is `/dev/null`, which need not be there below another root, or as empty.
fn is_masking(root: &Root, file: &str) -> bool {
    let is_null = |file: fs::Metadata| {
        file.file_type().is_char_device()
            || file.file_type().is_block_device()
            || (file.is_file() && file.len() == 0)
    };
    file == "/dev/null" || fs::metadata(root.path(file)).is_ok_and(is_null)
}

/// The drop-ins in a folder: their names, by which they count, and their files.
fn drop_ins_in(root: &Root, folder: &str) -> Vec<(String, String)> {
    let names = entries(root, folder).filter(|name| name.ends_with(".conf"));
    names.filter_map(|name| Some((name.clone(), tree::real(root, &format!("{folder}/{name}"))?))).collect()
}

/// The names in a folder.
fn entries(root: &Root, folder: &str) -> impl Iterator<Item = String> + use<> {
    let entries = tree::resolve(root, folder).and_then(|folder| fs::read_dir(folder).ok());
    entries.into_iter().flatten().flatten().map(|entry| entry.file_name().to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests;
