//! What the store, the module and the helper are mounted from, and how.

use std::fs;

use nix::sys::statvfs::statvfs;
use twostep_core::os::root::Root;
use twostep_core::paths::STORE;
use twostep_hostconf::location::Location;
use twostep_hostconf::mounts::{Mount, fstab, holding, lies_below, mounted};
use twostep_hostconf::tree;

use crate::below_root::on_machine;
use crate::context::Context;
use crate::finding::{Finding, Remedy};
use crate::helper_path::{HELPER, WHO_NEEDS_IT};
use crate::id::Id;

/// Where distributions put modules, as far as no triplet stands in it.
const MODULES: [&str; 2] = ["/usr/lib64/security", "/usr/lib/security"];
const FSTAB: &str = "/etc/fstab";
/// Bytes below which a file system is nearly full for us: an enrollment needs a few blocks, a log line one.
const FEW_BYTES: u64 = 16 * 1024 * 1024;
/// New files below which it is nearly full.
const FEW_FILES: u64 = 100;

/// Checks where the store lies, and from where the module is loaded and the helper started.
pub(crate) fn check(context: &Context<'_>) -> Vec<Finding> {
    let root = context.root;
    let mounts = mounted(root);
    let mut findings: Vec<_> = unmounted(root, &mounts).into_iter().collect();
    if findings.is_empty() {
        findings.extend(holding(&mounts, STORE).into_iter().flat_map(|mount| store(root, mount)));
        findings.extend(full(root));
    }
    findings.extend(modules(root).iter().filter_map(|path| not_executable(root, &mounts, path)));
    findings.extend(helper(root, &mounts));
    findings
}

/// Whether the store lies on something that /etc/fstab names and that is not mounted.
pub(crate) fn is_unmounted(root: &Root) -> bool {
    unmounted(root, &mounted(root)).is_some()
}

fn unmounted(root: &Root, mounts: &[Mount]) -> Option<Finding> {
    let named = fstab(&tree::text(root, FSTAB)?);
    let concerns = |point: &str| point != "/" && (lies_below(STORE, point) || lies_below(point, STORE));
    let is_mounted = |point: &str| mounts.is_empty() || mounts.iter().any(|mount| mount.point == point);
    let (line, point) = named.into_iter().find(|(_, point)| concerns(point) && !is_mounted(point))?;
    Some(Finding::problem(
        Id::MountsStoreNotMounted,
        Location::line(FSTAB, line),
        format!("{point} is not mounted"),
        "What people have enrolled lies there: until it is mounted, logins are refused, or take people for not enrolled.",
        on_machine(root, format!("mount {point}")),
    ))
}

/// What is wrong with the mount that holds the store.
fn store(root: &Root, mount: &Mount) -> Vec<Finding> {
    let found = [unfit(root, mount), read_only(root, mount), unsafe_after_power_loss(root, mount)];
    found.into_iter().flatten().collect()
}

/// These have O_TMPFILE and locks, and keep what they were given.
const FIT: [&str; 9] = ["ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "overlay"];
/// These lack one or the other, or owners and modes.
const UNFIT: [&str; 12] =
    ["nfs", "nfs4", "cifs", "smb3", "9p", "afs", "vfat", "exfat", "ntfs", "ntfs3", "ecryptfs", "jffs2"];
/// The first kernel whose overlayfs has O_TMPFILE.
const NEW_OVERLAY: (u32, u32) = (6, 1);

fn unfit(root: &Root, mount: &Mount) -> Option<Finding> {
    let kind = mount.kind.as_str();
    let old = kind == "overlay" && kernel(root).is_some_and(|release| release < NEW_OVERLAY);
    let (id, finding, why): (_, fn(_, _, _, _, _) -> _, _) = if UNFIT.contains(&kind) || old {
        let why = "twostep needs files without a name (O_TMPFILE), locks that hold, owners and modes: nobody can \
                   enroll there, and logins may be refused.";
        (Id::MountsUnfit, Finding::problem, why)
    } else if ["tmpfs", "ramfs"].contains(&kind) {
        (
            Id::MountsInMemory,
            Finding::warning,
            "It is empty after the next start: whoever is enrolled then is not.",
        )
    } else if !FIT.contains(&kind) {
        let why = "Nobody has tried that. It must have files without a name (O_TMPFILE) and locks (flock).";
        (Id::MountsUntried, Finding::warning, why)
    } else {
        return None;
    };
    let text = format!("Put {STORE} on a local file system, such as ext4, xfs or btrfs.");
    Some(finding(
        id,
        Location::file(&mount.point),
        format!("{STORE} lies on {kind}"),
        why,
        Remedy::Advice { text },
    ))
}

/// The kernel's release: major and minor number.
fn kernel(root: &Root) -> Option<(u32, u32)> {
    let release = tree::text(root, "/proc/sys/kernel/osrelease")?;
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn read_only(root: &Root, mount: &Mount) -> Option<Finding> {
    mount.has("ro").then(|| {
        Finding::problem(
            Id::MountsReadOnly,
            Location::file(&mount.point),
            format!("it is mounted read-only, and {STORE} lies on it"),
            "A code is written down before it is accepted: every code is refused. A file system turns read-only by itself after \
             an error of the disk; 'dmesg' says so.",
            on_machine(root, format!("mount -o remount,rw {}", mount.point)),
        )
    })
}

fn unsafe_after_power_loss(root: &Root, mount: &Mount) -> Option<Finding> {
    let option = ["nobarrier", "barrier=0"].into_iter().find(|option| mount.has(option))?;
    Some(Finding::warning(
        Id::MountsNoBarriers,
        Location::file(&mount.point),
        format!("it is mounted with {option}, and {STORE} lies on it"),
        "After a power cut a code that was used up may be usable again.",
        on_machine(root, format!("mount -o remount,barrier=1 {}", mount.point)),
    ))
}

fn not_executable(root: &Root, mounts: &[Mount], path: &str) -> Option<Finding> {
    let mount = holding(mounts, path)?;
    mount.has("noexec").then(|| {
        Finding::problem(
            Id::ModuleCannotBeLoaded,
            Location::file(&mount.point),
            format!("it is mounted with noexec, and {path} lies on it"),
            "It cannot be loaded: every login whose stack names it is refused.",
            on_machine(root, format!("mount -o remount,exec {}", mount.point)),
        )
    })
}

/// Where the helper cannot be started, or not as the account.
fn helper(root: &Root, mounts: &[Mount]) -> Option<Finding> {
    let mount = holding(mounts, HELPER).filter(|_| root.path(HELPER).exists())?;
    // Where a module lies beside it, that was told.
    let told = modules(root).iter().any(|path| holding(mounts, path) == Some(mount));
    let options = [("noexec", "exec"), ("nosuid", "suid")];
    let options = options.iter().filter(|(option, _)| mount.has(option) && !(told && *option == "noexec"));
    let (found, wanted): (Vec<_>, Vec<_>) = options.copied().unzip();
    (!found.is_empty()).then(|| {
        Finding::warning(
            Id::HelperCannotRun,
            Location::file(&mount.point),
            format!("it is mounted with {}, and {HELPER} lies on it", found.join(" and ")),
            format!("The helper cannot run as the account twostep. {WHO_NEEDS_IT} Look into {FSTAB}, too."),
            on_machine(root, format!("mount -o remount,{} {}", wanted.join(","), mount.point)),
        )
    })
}

/// The modules, as far as they are there.
pub(crate) fn modules(root: &Root) -> Vec<String> {
    let triplets = fs::read_dir(root.path("/usr/lib")).into_iter().flatten().flatten();
    let triplets = triplets.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let triplets =
        triplets.filter(|name| name.contains("-linux-")).map(|name| format!("/usr/lib/{name}/security"));
    let dirs = MODULES.iter().map(|&dir| dir.to_owned()).chain(triplets);
    let modules = dirs.map(|dir| format!("{dir}/pam_twostep.so"));
    modules.filter(|path| root.path(path).exists()).collect()
}

/// Only of the machine itself: what another root lies on is not its own disk.
fn full(root: &Root) -> Option<Finding> {
    let space = root.is_machine().then(|| statvfs(STORE).ok()).flatten()?;
    let bytes = space.blocks_available().saturating_mul(space.fragment_size());
    let files = (space.files() > 0).then(|| space.files_available());
    let what = shortage(bytes, files)?;
    Some(Finding::warning(
        Id::MountsNearlyFull,
        Location::file(STORE),
        what,
        "Nobody can enroll when it is full, and on btrfs and zfs every code is refused.",
        Remedy::Advice { text: "Make room on that file system.".to_owned() },
    ))
}

/// What there is too little of. A file system without a number of files makes them as it needs them.
fn shortage(bytes: u64, files: Option<u64>) -> Option<String> {
    if bytes < FEW_BYTES {
        return Some(format!("its file system is nearly full: {} KiB are left", bytes / 1024));
    }
    let files = files.filter(|files| *files < FEW_FILES)?;
    Some(format!("its file system is nearly full: {files} more files can be made"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_is_nearly_full_in_two_ways() {
        assert_eq!(shortage(FEW_BYTES, Some(FEW_FILES)), None);
        assert_eq!(shortage(FEW_BYTES, None), None);
        assert!(shortage(FEW_BYTES - 1, None).unwrap().contains("16383 KiB are left"));
        assert!(shortage(FEW_BYTES, Some(3)).unwrap().contains("3 more files"));
    }
}
