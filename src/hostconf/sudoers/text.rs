//! The text of sudoers(5): its files, joined as sudo reads them, and the place of each line.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;

use twostep_core::os::root::Root;

use crate::location::Location;
use crate::tree::{self, LONGEST, is_hidden};

/// Where sudo finds the main file: the administrator's, then SUSE's own. The first that exists counts.
pub const MAIN: [&str; 2] = ["/etc/sudoers", "/usr/etc/sudoers"];
/// What packages own, and what below it they do not.
const VENDORS: &str = "/usr/";
const LOCAL: &str = "/usr/local/";
/// The name of a file that sudo reads after most others of its folder.
const LATE: &str = "zz-twostep";
/// So many files may include each other (sudoers(5)).
const DEEPEST: usize = 128;
/// No machine has more, in bytes. An included file counts as some more than it has.
const MOST: usize = 4 * 1024 * 1024;
const EACH_FILE: usize = 4096;

/// A logical line: what `\` continues is one line.
#[derive(Clone, Debug)]
pub struct Line {
    pub location: Location,
    /// As it is written, with all line breaks except the last.
    pub text: String,
}

/// Why the text is not known.
#[derive(Debug)]
pub enum TextFault {
    /// This process may not read this file.
    Hidden(String),
    /// A line includes a file that cannot be read: sudo then refuses every caller.
    NotIncluded { location: Location, file: String },
    /// There is more in a file than is read, or a line includes more than sudo takes.
    TooMuch(Location),
}

/// All lines that sudo reads, in their order, without those that include others.
#[derive(Clone, Debug)]
pub struct Text {
    pub main: String,
    pub lines: Vec<Line>,
    /// The folders that are there and whose files are included, each with the number of lines that are read up to its end.
    folders: Vec<(String, usize)>,
}

/// A file for an administrator's own lines, which need not be there yet.
#[derive(Debug)]
pub struct OwnFile {
    pub file: String,
    /// The number of lines that sudo reads before a line at its end.
    before: usize,
}

/// Whether a package owns the file.
pub fn is_vendors(file: &str) -> bool {
    file.starts_with(VENDORS) && !file.starts_with(LOCAL)
}

impl Text {
    /// Reads the text below `root`; none if there is no main file. `short_host` is what sudo puts in place of `%h`.
    pub fn read(root: &Root, short_host: &str) -> Result<Option<Self>, TextFault> {
        let Some(main) = MAIN.iter().find(|file| fs::symlink_metadata(root.path(file)).is_ok()) else {
            let hidden = MAIN.iter().find(|file| is_hidden(&root.path(file)));
            return hidden.map_or(Ok(None), |file| Err(TextFault::Hidden((*file).to_owned())));
        };
        let mut reader = Reader { root, short_host, lines: Vec::new(), folders: Vec::new(), left: MOST };
        let text = tree::text(root, main).ok_or_else(|| TextFault::Hidden((*main).to_owned()))?;
        reader.file(main, &text, 0)?;
        Ok(Some(Self { main: (*main).to_owned(), lines: reader.lines, folders: reader.folders }))
    }

    /// The same text with another line at `location`.
    pub(super) fn with(mut self, location: &Location, text: &str) -> Self {
        for line in self.lines.iter_mut().filter(|line| line.location == *location) {
            text.clone_into(&mut line.text);
        }
        self
    }

    /// The same text with one more line at the end of `own`.
    pub(super) fn with_added(mut self, own: &OwnFile, text: &str) -> Self {
        let line = Line { location: Location::file(&own.file), text: text.to_owned() };
        self.lines.insert(own.before.min(self.lines.len()), line);
        self
    }

    /// An administrator's file whose end is read after the line at `location`; none if there is none.
    pub(super) fn own_file_after(&self, location: &Location) -> Option<OwnFile> {
        let line = self.lines.iter().position(|line| line.location == *location)?;
        let is_own = |(folder, end): &&(String, usize)| !is_vendors(folder) && *end > line;
        let folder = self.folders.iter().rev().find(is_own);
        let in_folder = folder.map(|(folder, end)| {
            let file = format!("{}/{LATE}", folder.trim_end_matches('/'));
            OwnFile { file, before: *end }
        });
        let main = || OwnFile { file: self.main.clone(), before: self.lines.len() };
        in_folder.or_else(|| (!is_vendors(&self.main)).then(main))
    }
}

struct Reader<'a> {
    root: &'a Root,
    short_host: &'a str,
    lines: Vec<Line>,
    folders: Vec<(String, usize)>,
    /// How many bytes may still come.
    left: usize,
}

impl Reader<'_> {
    fn file(&mut self, file: &str, text: &str, depth: usize) -> Result<(), TextFault> {
        let cut_off = u64::try_from(text.len()).is_ok_and(|length| length >= LONGEST);
        let left = self.left.checked_sub(text.len().saturating_add(EACH_FILE)).filter(|_| !cut_off);
        self.left = left.ok_or_else(|| TextFault::TooMuch(Location::file(file)))?;
        for line in logical_lines(file, text) {
            if depth > DEEPEST {
                return Err(TextFault::TooMuch(line.location));
            }
            match included(&line.text) {
                None => self.lines.push(line),
                Some(Included::File(path)) => {
                    let path = self.whole(&path, file);
                    let text = tree::text(self.root, &path);
                    let location = line.location;
                    let text = text.ok_or(TextFault::NotIncluded { location, file: path.clone() })?;
                    self.file(&path, &text, depth.saturating_add(1))?;
                }
                Some(Included::Folder(path)) => {
                    let folder = self.whole(&path, file);
                    for path in files_in(self.root, &folder) {
                        // sudo passes over what it cannot open there.
                        let Some(text) = tree::text(self.root, &path) else { continue };
                        self.file(&path, &text, depth.saturating_add(1))?;
                    }
                    if self.root.path(&folder).is_dir() {
                        self.folders.push((folder, self.lines.len()));
                    }
                }
            }
        }
        Ok(())
    }

    /// The whole path of a file that `from` includes: a relative path starts in the folder of `from`.
    fn whole(&self, path: &str, from: &str) -> String {
        let path = path.replace("%h", self.short_host);
        if path.starts_with('/') {
            return path;
        }
        let folder = Path::new(from).parent().unwrap_or(Path::new("/"));
        folder.join(path).display().to_string()
    }
}

/// The files that `@includedir` means, in their order: none that ends in `~` or has a dot in its name.
fn files_in(root: &Root, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root.path(folder)).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(|name| !name.ends_with('~') && !name.contains('.')).collect();
    names.sort();
    names.iter().map(|name| format!("{}/{name}", folder.trim_end_matches('/'))).collect()
}

/// A comment is not continued; `\` and blanks at the end of any other line continue it.
fn logical_lines(file: &str, text: &str) -> Vec<Line> {
    let mut physical: VecDeque<_> = (1..).zip(text.lines()).collect();
    let mut lines = Vec::new();
    while let Some((first, begun)) = physical.pop_front() {
        let (mut last, mut whole) = (first, begun.to_owned());
        while !is_comment(&whole) && whole.trim_end().ends_with('\\') {
            let Some((number, next)) = physical.pop_front() else { break };
            last = number;
            whole = format!("{whole}\n{next}");
        }
        if !whole.trim().is_empty() && !is_comment(&whole) {
            lines.push(Line { location: Location::lines(file, first, last), text: whole });
        }
    }
    lines
}

/// `#` begins a comment, unless it includes a file or begins a uid.
fn is_comment(line: &str) -> bool {
    let Some(rest) = line.trim_start().strip_prefix('#') else { return false };
    included(line).is_none() && !rest.starts_with(|c: char| c.is_ascii_digit())
}

enum Included {
    File(String),
    Folder(String),
}

/// What the line includes.
fn included(line: &str) -> Option<Included> {
    let rest = line.trim_start().strip_prefix(['@', '#'])?;
    let (word, path) = rest.split_once([' ', '\t'])?;
    match word {
        "include" => path_of(path).map(Included::File),
        "includedir" => path_of(path).map(Included::Folder),
        _ => None,
    }
}

/// A path in quotes, or up to a blank without a backslash before it.
fn path_of(text: &str) -> Option<String> {
    let text = text.trim();
    if let Some(quoted) = text.strip_prefix('"') {
        return quoted.split_once('"').map(|(path, _)| path.to_owned());
    }
    let (mut path, mut letters) = (String::new(), text.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => path.extend(letters.next()),
            ' ' | '\t' => break,
            _ => path.push(letter),
        }
    }
    Some(path).filter(|path| !path.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn included_path(line: &str) -> Option<String> {
        included(line).map(|included| match included {
            Included::File(path) => path,
            Included::Folder(path) => format!("{path}/"),
        })
    }

    #[test]
    fn reads_what_a_line_includes() {
        let table = [
            ("@include /etc/a", Some("/etc/a")),
            ("  #include\t/etc/a  # why", Some("/etc/a")),
            ("@includedir \"/etc/a b\" # why", Some("/etc/a b/")),
            (r"@include /etc/a\ b\\c", Some(r"/etc/a b\c")),
            ("#include", None),
            ("#included /etc/a", None),
            ("# @include /etc/a", None),
            ("alice ALL = ALL", None),
        ];
        for (line, expected) in table {
            assert_eq!(included_path(line).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn joins_continued_lines_and_leaves_comments_out() {
        let text = "# a \\\nDefaults a, \\ \n b\n\n#1000 ALL = ALL\n #x\nb ALL = \\";
        let lines = logical_lines("/f", text);
        let seen: Vec<_> = lines.iter().map(|line| (line.location.to_string(), line.text.as_str())).collect();
        let expected =
            [("/f:2-3", "Defaults a, \\ \n b"), ("/f:5", "#1000 ALL = ALL"), ("/f:7", "b ALL = \\")];
        assert_eq!(seen, expected.map(|(at, text)| (at.to_owned(), text)));
    }
}
