//! libpam itself and its modules: where they lie on a machine, and what is compiled into libpam.

use twostep_core::os::root::Root;
use twostep_core::paths::PAM_DIRS;

use crate::tree::{self, bytes_of, is_hidden};

/// libpam is shorter, in bytes.
const LONGEST: u64 = 4 * 1024 * 1024;
/// Every libpam brings this module.
const ALWAYS_THERE: &str = "pam_permit.so";
/// Where Debian's libpam looks next.
const DEBIAN_SECOND: [&str; 2] = ["/usr/lib/security", "/lib/security"];

/// libpam on one machine.
#[derive(Clone, Copy)]
pub struct Library<'a> {
    root: &'a Root,
    /// Whether it is Debian's.
    debian: bool,
}

/// Whether the file of a module is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ModuleFile {
    /// libpam finds it.
    There,
    /// libpam does not find it.
    Missing,
    /// Not known: it may not be looked at, or no module of libpam's own is there.
    Unknown,
}

impl<'a> Library<'a> {
    pub(super) fn of(root: &'a Root, debian: bool) -> Self {
        Self { root, debian }
    }

    /// The directories of service files that this libpam was built for; none if there is no libpam to look at.
    pub(super) fn service_directories(&self) -> Option<Vec<&'static str>> {
        let file = self.folders().iter().find_map(|folder| {
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
        if module.starts_with('/') { module.to_owned() } else { format!("{}/{module}", self.modules()) }
    }

    /// Whether libpam finds the file of `module`, as a line names it.
    pub fn look_for(&self, module: &str) -> ModuleFile {
        let is_there = |path: &String| tree::resolve(self.root, path).is_some_and(|real| real.is_file());
        let paths = self.paths_of(module);
        if paths.iter().any(is_there) {
            return ModuleFile::There;
        }
        let hides = |path: &String| tree::resolve(self.root, path).is_some_and(|real| is_hidden(&real));
        // Where libpam stands for `$ISA` was decided when it was built.
        if module.contains("$ISA") || paths.iter().any(hides) {
            return ModuleFile::Unknown;
        }
        ModuleFile::Missing
    }

    /// Whether libpam's own modules are there, as on every machine that people log in to.
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

    /// The folder of modules that this libpam was built for.
    fn modules(&self) -> String {
        let folders = self.folders();
        let is_there = |folder: &&String| tree::resolve(self.root, folder).is_some_and(|path| path.is_dir());
        let candidates: Vec<_> = folders.iter().map(|folder| format!("{folder}/security")).collect();
        candidates.iter().find(is_there).or(candidates.first()).cloned().unwrap_or_default()
    }

    /// Where the libraries of this machine may lie.
    fn folders(&self) -> Vec<String> {
        if self.debian {
            let triplet = format!("{}-linux-gnu", std::env::consts::ARCH);
            return vec![format!("/usr/lib/{triplet}"), format!("/lib/{triplet}")];
        }
        ["/usr/lib64", "/lib64", "/usr/lib", "/lib"].map(str::to_owned).to_vec()
    }
}
