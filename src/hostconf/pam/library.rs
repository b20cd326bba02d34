//! libpam itself and its modules: their places on a machine, and what is compiled into libpam.

use std::collections::BTreeSet;
use std::fs;

use twostep_core::os::root::Root;
use twostep_core::paths::PAM_DIRS;

use crate::elf::{self, Header, Processor};
use crate::tree::{self, bytes_of, is_hidden};

/// libpam is shorter, in bytes.
const LONGEST: u64 = 4 * 1024 * 1024;
/// Every libpam brings this module.
const ALWAYS_THERE: &str = "pam_permit.so";
/// Where Debian's libpam looks next.
const DEBIAN_SECOND: [&str; 2] = ["/usr/lib/security", "/lib/security"];
/// The folder of 64-bit libraries, on machines that also have 32-bit ones.
const WIDE: [&str; 2] = ["/usr/lib64", "/lib64"];
/// Where libraries lie, or the folders of those for one kind of processor, such as `arm-linux-gnueabihf`.
const USUAL: [&str; 2] = ["/usr/lib", "/lib"];
/// The folder that is named where there is none.
const NOWHERE: &str = "/usr/lib/security";
/// A program that every machine has, for the machine's own processor.
const PROGRAM: &str = "/bin/sh";

/// libpam on one machine.
pub struct Library<'a> {
    root: &'a Root,
    /// Whether it is Debian's.
    debian: bool,
    /// The folders of libraries, the first one first.
    folders: Vec<String>,
    /// The folder of modules that this libpam was built for.
    modules: String,
}

/// Whether the file of a module is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ModuleFile {
    There,
    Missing,
    /// Not known: it may not be looked at, or no module of libpam's own is there.
    Unknown,
}

impl<'a> Library<'a> {
    pub(super) fn of(root: &'a Root, debian: bool) -> Self {
        let folders = folders(root);
        let modules = modules(root, &folders);
        Self { root, debian, folders, modules }
    }

    /// The directories of service files that this libpam was built for; none if there is no libpam to look at.
    pub(super) fn service_directories(&self) -> Option<Vec<&'static str>> {
        let file = self.folders.iter().find_map(|folder| {
            let path = tree::resolve(self.root, &format!("{folder}/libpam.so.0"))?;
            bytes_of(&path, LONGEST)
        })?;
        let holds = |folder: &str| {
            let format = format!("{folder}/%s");
            file.windows(format.len()).any(|window| window == format.as_bytes())
        };
        let built_for: Vec<_> = PAM_DIRS.iter().copied().filter(|folder| holds(folder)).collect();
        (!built_for.is_empty()).then_some(built_for)
    }

    /// The path at which libpam looks for `module` first, as a line names it.
    pub fn path_of(&self, module: &str) -> String {
        if module.starts_with('/') { module.to_owned() } else { format!("{}/{module}", self.modules) }
    }

    /// Whether libpam finds the file of `module`, as a line names it.
    pub fn look_for(&self, module: &str) -> ModuleFile {
        let is_there = |path: &String| tree::resolve(self.root, path).is_some_and(|real| real.is_file());
        let paths = self.paths_of(module);
        if paths.iter().any(is_there) {
            return ModuleFile::There;
        }
        let hides = |path: &String| tree::resolve(self.root, path).is_some_and(|real| is_hidden(&real));
        // The meaning of `$ISA` is fixed when libpam is built.
        if module.contains("$ISA") || paths.iter().any(hides) {
            return ModuleFile::Unknown;
        }
        ModuleFile::Missing
    }

    /// Whether libpam's own modules exist, as on every machine that has logins.
    pub fn has_modules(&self) -> bool {
        self.look_for(ALWAYS_THERE) == ModuleFile::There
    }

    fn paths_of(&self, module: &str) -> Vec<String> {
        let mut paths = vec![self.path_of(module)];
        if self.debian && !module.starts_with('/') {
            paths.extend(DEBIAN_SECOND.iter().map(|folder| format!("{folder}/{module}")));
        }
        paths
    }
}

/// The folders in which libraries may lie. Where there are some for several kinds of processor, those for the machine's own
/// come first.
fn folders(root: &Root) -> Vec<String> {
    let own = processor(root, PROGRAM);
    let below = USUAL
        .iter()
        .flat_map(|folder| names(root, folder).into_iter().map(move |name| format!("{folder}/{name}")));
    let [wide, usual] = [WIDE, USUAL].map(|folders| folders.map(str::to_owned));
    let mut folders: Vec<_> = wide.into_iter().chain(below).chain(usual).collect();
    let files =
        |folder: &str| ["libpam.so.0", "security/pam_permit.so"].map(|file| format!("{folder}/{file}"));
    let is_own =
        |folder: &String| own.is_some() && files(folder).iter().find_map(|file| processor(root, file)) == own;
    folders.sort_by_cached_key(|folder| !is_own(folder));
    folders
}

/// For which machines the file at `path` was built; none if it is not there, or is no ELF file.
fn processor(root: &Root, path: &str) -> Option<Processor> {
    let bytes = bytes_of(&tree::resolve(root, path)?, elf::LENGTH)?;
    Header::of(&bytes).map(|header| header.processor)
}

/// The first folder that has modules; failing that, the first that could have some.
fn modules(root: &Root, folders: &[String]) -> String {
    let candidates: Vec<_> = folders.iter().map(|folder| format!("{folder}/security")).collect();
    let has_modules = |folder: &&String| names(root, folder).iter().any(|name| name.starts_with("pam_"));
    let is_there = |folder: &&String| tree::resolve(root, folder).is_some_and(|path| path.is_dir());
    let found = candidates.iter().find(has_modules).or_else(|| candidates.iter().find(is_there));
    found.cloned().unwrap_or_else(|| NOWHERE.to_owned())
}

/// The names of the entries of `folder`, sorted; none if it cannot be listed.
fn names(root: &Root, folder: &str) -> BTreeSet<String> {
    let listed = tree::resolve(root, folder).and_then(|path| fs::read_dir(path).ok());
    listed.into_iter().flatten().flatten().filter_map(|item| item.file_name().into_string().ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A root with some files, which goes with it.
    struct Machine(PathBuf);

    impl Machine {
        fn new(name: &str, files: &[(&str, &[u8])]) -> Self {
            let root = std::env::temp_dir().join(format!("twostep-library-{name}-{}", std::process::id()));
            for (path, bytes) in files {
                let path = root.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, bytes).unwrap();
            }
            Self(root)
        }

        fn finds(&self, debian: bool) -> String {
            Library::of(&Root::at(&self.0).unwrap(), debian).path_of("")
        }
    }

    impl Drop for Machine {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    /// An ELF file of this class, byte order and processor, as far as its header is read.
    fn built_for(class: u8, processor: u8) -> Vec<u8> {
        let head = [0x7f, b'E', b'L', b'F', class, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        [head.as_slice(), &[3, 0, processor, 0]].concat()
    }

    #[test]
    fn finds_modules_for_every_kind_of_processor() {
        for folder in [
            "usr/lib/x86_64-linux-gnu",
            "usr/lib/arm-linux-gnueabihf",
            "usr/lib/riscv64-linux-gnu",
            "usr/lib/powerpc64le-linux-gnu",
            "usr/lib/s390x-linux-gnu",
            "usr/lib/i386-linux-gnu",
            "lib/arm-linux-gnueabihf",
            "usr/lib",
            "lib",
        ] {
            let file = format!("{folder}/security/pam_unix.so");
            let machine = Machine::new("kinds", &[(&file, b""), ("usr/lib/jvm/security/policy", b"")]);
            assert_eq!(machine.finds(true), format!("/{folder}/security/"));
        }
    }

    #[test]
    fn prefers_modules_for_64_bits_on_fedora() {
        let files: [(&str, &[u8]); 2] =
            [("usr/lib/security/pam_unix.so", b""), ("usr/lib64/security/pam_unix.so", b"")];
        assert_eq!(Machine::new("fedora", &files).finds(false), "/usr/lib64/security/");
    }

    #[test]
    fn takes_modules_for_the_processor_of_the_machine() {
        let (arm, intel) = (built_for(1, 40), built_for(2, 62));
        for (shell, triplet) in [(&arm, "arm-linux-gnueabihf"), (&intel, "x86_64-linux-gnu")] {
            let files: [(&str, &[u8]); 3] = [
                ("usr/lib/arm-linux-gnueabihf/security/pam_permit.so", &arm),
                ("usr/lib/x86_64-linux-gnu/security/pam_permit.so", &intel),
                ("bin/sh", shell),
            ];
            assert_eq!(Machine::new("two", &files).finds(true), format!("/usr/lib/{triplet}/security/"));
        }
    }
}
