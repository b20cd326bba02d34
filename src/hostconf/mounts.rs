//! /proc/self/mountinfo and /etc/fstab (proc(5), fstab(5)).

use twostep_core::os::root::Root;

use crate::tree;

/// Something that is mounted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mount {
    /// The directory on which it is mounted.
    pub point: String,
    /// The kind of file system.
    pub kind: String,
    options: Vec<String>,
}

impl Mount {
    /// Reads a line of mountinfo.
    fn parse(line: &str) -> Option<Self> {
        let (mount, source) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(4);
        let (point, options) = (unescaped(fields.next()?), fields.next()?);
        let mut source = source.split(' ');
        let (kind, of_super) = (source.next()?, source.nth(1).unwrap_or(""));
        let options = options.split(',').chain(of_super.split(',')).map(str::to_owned).collect();
        Some(Self { point, kind: kind.to_owned(), options })
    }

    /// Whether it is mounted with `option`, or its file system is.
    pub fn has(&self, option: &str) -> bool {
        self.options.iter().any(|one| one == option)
    }
}

/// What is mounted, in the order in which it was; nothing if that cannot be read.
pub fn mounted(root: &Root) -> Vec<Mount> {
    let text = tree::text(root, "/proc/self/mountinfo").unwrap_or_default();
    text.lines().filter_map(Mount::parse).collect()
}

/// The mount that holds `path`: the deepest one; of several at one place, the last.
pub fn holding<'m>(mounts: &'m [Mount], path: &str) -> Option<&'m Mount> {
    let holding = mounts.iter().filter(|mount| lies_below(path, &mount.point));
    holding.max_by_key(|mount| mount.point.len())
}

/// Whether `path` is `dir` or is below it.
pub fn lies_below(path: &str, dir: &str) -> bool {
    let rest = path.strip_prefix(dir.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The lines of fstab that name a directory: the number, from 1, and the directory.
pub fn fstab(text: &str) -> Vec<(usize, String)> {
    let point = |line: &str| {
        let mut fields = line.split_whitespace();
        let _source = fields.next()?;
        let point = unescaped(fields.next()?);
        Some(if point == "/" { point } else { point.trim_end_matches('/').to_owned() })
    };
    let lines = tree::lines(text).filter_map(|(number, line)| Some((number, point(line)?)));
    lines.filter(|(_, point)| point.starts_with('/')).collect()
}

/// Both files write blanks as three octal digits.
fn unescaped(field: &str) -> String {
    let mut text = field.to_owned();
    for (escape, letter) in [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")] {
        text = text.replace(escape, letter);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTINFO: &str = "22 27 0:21 / /proc rw,relatime - proc proc rw\n\
        27 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n\
        28 27 8:2 / /var rw,noexec shared:2 master:1 - xfs /dev/sda2 ro,attr2\n\
        29 28 8:3 / /var/lib/two\\040step rw - ext4 /dev/sda3 rw\n\
        30 27 0:5 / /var rw - nfs4 server:/var rw\n";

    fn mounts() -> Vec<Mount> {
        MOUNTINFO.lines().filter_map(Mount::parse).collect()
    }

    #[test]
    fn a_line_of_mountinfo_is_a_mount() {
        let mounts = mounts();
        assert_eq!(mounts.len(), 5);
        assert_eq!((mounts[2].point.as_str(), mounts[2].kind.as_str()), ("/var", "xfs"));
        assert!(mounts[2].has("noexec") && mounts[2].has("ro") && !mounts[2].has("relatime"));
        assert_eq!(mounts[3].point, "/var/lib/two step");
    }

    #[test]
    fn the_deepest_and_latest_mount_holds_a_path() {
        let mounts = mounts();
        let kind = |path| holding(&mounts, path).unwrap().kind.as_str();
        assert_eq!(kind("/var/lib/twostep"), "nfs4");
        assert_eq!(kind("/variety"), "ext4");
        assert_eq!(kind("/proc/self"), "proc");
        assert!(holding(&[], "/var").is_none());
    }

    #[test]
    fn fstab_names_directories() {
        let text =
            "# comment\nUUID=1 / ext4 defaults 0 1\nUUID=2 none swap sw 0 0\nUUID=3 /var/lib/ ext4 rw 0 2\n";
        assert_eq!(fstab(text), [(2, "/".to_owned()), (4, "/var/lib".to_owned())]);
    }
}
