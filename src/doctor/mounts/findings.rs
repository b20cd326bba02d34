//! The sentences of the findings about mounts: one function a finding, named after its id.

use twostep_core::paths::STORE;
use twostep_hostconf::location::Location;
use twostep_hostconf::mounts::Mount;

use crate::finding::{Finding, Remedy};
use crate::helper_path::{HELPER, WHO_NEEDS_IT};
use crate::id::Id;

/// `location` is the line of `point` in /etc/fstab.
pub(super) fn store_not_mounted(location: Location, point: &str, remedy: Remedy) -> Finding {
    Finding::problem(
        Id::MountsStoreNotMounted,
        location,
        format!("{point} is not mounted"),
        "Enrollments are stored there. Until it is mounted, logins fail or treat users as not enrolled.",
        remedy,
    )
}

pub(super) fn unfit(mount: &Mount) -> Finding {
    let why = "twostep needs unnamed files (O_TMPFILE), reliable locks, owners and modes. Nobody can enroll there, and logins may \
               be refused.";
    Finding::problem(Id::MountsUnfit, point(mount), store_is_on(mount), why, another_file_system())
}

pub(super) fn untried(mount: &Mount) -> Finding {
    let why = "twostep was never tested on it. twostep needs unnamed files (O_TMPFILE) and locks (flock).";
    Finding::warning(Id::MountsUntried, point(mount), store_is_on(mount), why, another_file_system())
}

pub(super) fn in_memory(mount: &Mount) -> Finding {
    let why = "It is empty after the next boot, and then nobody is enrolled.";
    Finding::warning(Id::MountsInMemory, point(mount), store_is_on(mount), why, another_file_system())
}

fn store_is_on(mount: &Mount) -> String {
    format!("{STORE} is on {}", mount.kind)
}

fn another_file_system() -> Remedy {
    advice(format!("Put {STORE} on a local file system, such as ext4, xfs or btrfs."))
}

pub(super) fn read_only(mount: &Mount, remedy: Remedy) -> Finding {
    Finding::problem(
        Id::MountsReadOnly,
        point(mount),
        format!("it is mounted read-only, and {STORE} is on it"),
        "twostep records a code before it accepts it, so every code is refused. The kernel makes a file system read-only after a \
         disk error; 'dmesg' then says so.",
        remedy,
    )
}

pub(super) fn no_barriers(mount: &Mount, option: &str, remedy: Remedy) -> Finding {
    Finding::warning(
        Id::MountsNoBarriers,
        point(mount),
        format!("it is mounted with {option}, and {STORE} is on it"),
        "After a power cut, a used code may be valid again.",
        remedy,
    )
}

/// `module` is the path of the module.
pub(super) fn module_cannot_be_loaded(mount: &Mount, module: &str, remedy: Remedy) -> Finding {
    Finding::problem(
        Id::ModuleCannotBeLoaded,
        point(mount),
        format!("it is mounted with noexec, and {module} is on it"),
        "libpam cannot load the module: every login whose stack names it is refused.",
        remedy,
    )
}

pub(super) fn helper_cannot_run(mount: &Mount, options: &[&str], remedy: Remedy) -> Finding {
    Finding::warning(
        Id::HelperCannotRun,
        point(mount),
        format!("it is mounted with {}, and {HELPER} is on it", options.join(" and ")),
        format!("The helper cannot run as the account twostep. {WHO_NEEDS_IT} Change /etc/fstab as well."),
        remedy,
    )
}

/// What a file system has too little of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shortage {
    /// Only so many bytes are free.
    Bytes(u64),
    /// Only so many more files can be made.
    Files(u64),
}

pub(super) fn nearly_full(shortage: Shortage) -> Finding {
    let left = match shortage {
        Shortage::Bytes(bytes) => format!("{} KiB are left", bytes / 1024),
        Shortage::Files(files) => format!("{files} more files can be created"),
    };
    Finding::warning(
        Id::MountsNearlyFull,
        Location::file(STORE),
        format!("its file system is nearly full: {left}"),
        "When it is full, nobody can enroll, and on btrfs and zfs every code is refused.",
        advice("Free space on that file system."),
    )
}

fn point(mount: &Mount) -> Location {
    Location::file(&mount.point)
}

fn advice(text: impl Into<String>) -> Remedy {
    Remedy::Advice { text: text.into() }
}
