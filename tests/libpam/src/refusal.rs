//! Checks that a login with a bad file is refused.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::pam::{PAM_AUTHINFO_UNAVAIL, PAM_SERVICE_ERR, name_of};
use crate::{Generator, Login, NOW, World};

const OPT_IN: &str = "version = 1\nmode = \"opt-in\"\n[verification]\ntries = 1\n";
const STACK: &str = "auth required MODULE root=ROOT\nauth required pam_permit.so\n";

impl World {
    /// A world in which a module that takes the user for not enrolled lets them in: the policy is opt-in, and `pam_permit`
    /// follows the module.
    pub fn lenient() -> Self {
        let world = Self::default();
        world.policy(OPT_IN).service("followed", STACK);
        world
    }

    /// A login through the stack that ends with `pam_permit`.
    pub fn followed(&self, user: &str) -> Login {
        self.login(user).service("followed").at(NOW)
    }

    /// Asserts that the right code is refused without waiting for anything, with `code` and with a cause in the log.
    #[track_caller]
    pub fn assert_refused_at_once(&self, code: i32, what: &str) {
        let start = Instant::now();
        let outcome = self.followed("games").answer(Generator::default().at(NOW)).run();
        assert!(start.elapsed() < Duration::from_secs(5), "{what} took {:?}", start.elapsed());
        let reason = if code == PAM_SERVICE_ERR { "misconfigured" } else { "unavailable" };
        let seen = (name_of(outcome.code), outcome.field("reason"));
        assert_eq!(seen, (name_of(code), reason), "{what}: {outcome:#?}");
        assert_ne!(outcome.field("cause"), "", "{what}: {outcome:#?}");
    }
}

/// A file that a login of `games` reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// The policy.
    Policy,
    /// The secret file.
    Secret,
    /// The state file.
    State,
}

impl Target {
    /// All targets.
    pub const ALL: [Self; 3] = [Self::Policy, Self::Secret, Self::State];

    /// The path of the file.
    pub fn path(self, world: &World) -> PathBuf {
        match self {
            Self::Policy => world.policy_path(),
            Self::Secret => world.secret_path("games"),
            Self::State => world.state_path("games"),
        }
    }

    /// Calls `spoil` on the file. Asserts that the login is refused and leaves the file unchanged.
    #[track_caller]
    pub fn assert_refused(self, what: &str, spoil: impl Fn(&Path)) {
        let world = World::lenient();
        let path = self.path(&world);
        spoil(&path);
        let before = look(&path);
        let code = if self == Self::Policy { PAM_SERVICE_ERR } else { PAM_AUTHINFO_UNAVAIL };
        world.assert_refused_at_once(code, &format!("{self:?}: {what}"));
        assert_eq!(look(&path), before, "{self:?}: {what}: touched");
    }
}

fn look(path: &Path) -> (u64, u32, u64, i64, i64, u64, u64) {
    let meta = fs::symlink_metadata(path).unwrap();
    (meta.ino(), meta.mode(), meta.size(), meta.mtime(), meta.mtime_nsec(), meta.nlink(), meta.blocks())
}

/// Changes a file in place.
pub fn edit(path: &Path, change: impl Fn(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

/// Sets the mode of a file or folder.
pub fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Another path in the same folder.
pub fn aside(path: &Path) -> PathBuf {
    path.with_file_name("elsewhere")
}

/// Whether this process is root. Some tests need it.
pub fn is_root() -> bool {
    // SAFETY: takes no pointer.
    unsafe { libc::geteuid() == 0 }
}
