//! Files that are not what they should be: what to put in their place, and how that must end.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::pam::{PAM_AUTHINFO_UNAVAIL, PAM_SERVICE_ERR, name_of};
use crate::{Generator, Login, NOW, World};

const OPT_IN: &str = "version = 1\nmode = \"opt-in\"\n[verification]\ntries = 1\n";
const STACK: &str = "auth required MODULE root=ROOT\nauth required pam_permit.so\n";

impl World {
    /// Opt-in, so that whatever looks like "not enrolled" would show; and followed by `pam_permit`, so that it would pass.
    pub fn lenient() -> Self {
        let world = Self::default();
        world.policy(OPT_IN).service("followed", STACK);
        world
    }

    /// The user logs in through the stack that `pam_permit` ends.
    pub fn followed(&self, user: &str) -> Login {
        self.login(user).service("followed").at(NOW)
    }

    /// The right code is refused with `code` and a cause in the log, within a second.
    #[track_caller]
    pub fn assert_refused_at_once(&self, code: i32, what: &str) {
        let start = Instant::now();
        let outcome = self.followed("games").answer(Generator::default().at(NOW)).run();
        assert!(start.elapsed() < Duration::from_secs(1), "{what} took {:?}", start.elapsed());
        let reason = if code == PAM_SERVICE_ERR { "misconfigured" } else { "unavailable" };
        let seen = (name_of(outcome.code), outcome.field("reason"));
        assert_eq!(seen, (name_of(code), reason), "{what}: {outcome:#?}");
        assert_ne!(outcome.field("cause"), "", "{what}: {outcome:#?}");
    }
}

/// One of the files that a login of `games` reads.
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
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Policy, Self::Secret, Self::State];

    /// Where it lies.
    pub fn path(self, world: &World) -> PathBuf {
        match self {
            Self::Policy => world.policy_path(),
            Self::Secret => world.secret_path("games"),
            Self::State => world.state_path("games"),
        }
    }

    /// Lets `spoil` change the file, and checks that the login is refused and the file left as it is.
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

/// A name beside `path`.
pub fn aside(path: &Path) -> PathBuf {
    path.with_file_name("elsewhere")
}

/// Whether the tests that only root can make are possible.
pub fn is_root() -> bool {
    // SAFETY: takes no pointer.
    unsafe { libc::geteuid() == 0 }
}
