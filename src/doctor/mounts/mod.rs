//! The file systems of the store, the module and the helper, and their mount options.

mod findings;

use std::fs;

use nix::sys::statvfs::statvfs;
use twostep_core::os::root::Root;
use twostep_core::paths::STORE;
use twostep_hostconf::location::Location;
use twostep_hostconf::mounts::{Mount, fstab, holding, lies_below, mounted};
use twostep_hostconf::tree;

use crate::below_root::on_machine;
use crate::context::Context;
use crate::finding::Finding;
use crate::helper_path::HELPER;
use findings::Shortage;

/// The folders of modules that have no triplet in their names.
const MODULES: [&str; 2] = ["/usr/lib64/security", "/usr/lib/security"];
const FSTAB: &str = "/etc/fstab";
/// In bytes. A file system with less room is nearly full: an enrollment needs a few blocks, a log line one.
const FEW_BYTES: u64 = 16 * 1024 * 1024;
/// A file system on which fewer files can be created is nearly full.
const FEW_FILES: u64 = 100;

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

/// Whether /etc/fstab names a file system for the store that is not mounted.
pub(crate) fn is_unmounted(root: &Root) -> bool {
    unmounted(root, &mounted(root)).is_some()
}

fn unmounted(root: &Root, mounts: &[Mount]) -> Option<Finding> {
    let named = fstab(&tree::text(root, FSTAB)?);
    let concerns = |point: &str| point != "/" && (lies_below(STORE, point) || lies_below(point, STORE));
    let is_mounted = |point: &str| mounts.is_empty() || mounts.iter().any(|mount| mount.point == point);
    let (line, point) = named.into_iter().find(|(_, point)| concerns(point) && !is_mounted(point))?;
    Some(findings::store_not_mounted(
        Location::line(FSTAB, line),
        &point,
        on_machine(root, format!("mount {point}")),
    ))
}

fn store(root: &Root, mount: &Mount) -> Vec<Finding> {
    let found = [unfit(root, mount), read_only(root, mount), no_barriers(root, mount)];
    found.into_iter().flatten().collect()
}

/// These have O_TMPFILE and locks, and keep their content.
const FIT: [&str; 9] = ["ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "overlay"];
/// These lack one or the other, or owners and modes.
const UNFIT: [&str; 12] =
    ["nfs", "nfs4", "cifs", "smb3", "9p", "afs", "vfat", "exfat", "ntfs", "ntfs3", "ecryptfs", "jffs2"];
/// The first kernel whose overlayfs has O_TMPFILE.
const NEW_OVERLAY: (u32, u32) = (6, 1);

fn unfit(root: &Root, mount: &Mount) -> Option<Finding> {
    let kind = mount.kind.as_str();
    let is_old = kind == "overlay" && kernel(root).is_some_and(|release| release < NEW_OVERLAY);
    if UNFIT.contains(&kind) || is_old {
        Some(findings::unfit(mount))
    } else if ["tmpfs", "ramfs"].contains(&kind) {
        Some(findings::in_memory(mount))
    } else {
        (!FIT.contains(&kind)).then(|| findings::untried(mount))
    }
}

/// The kernel's release: major and minor number.
fn kernel(root: &Root) -> Option<(u32, u32)> {
    let release = tree::text(root, "/proc/sys/kernel/osrelease")?;
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn read_only(root: &Root, mount: &Mount) -> Option<Finding> {
    let remedy = || on_machine(root, format!("mount -o remount,rw {}", mount.point));
    mount.has("ro").then(|| findings::read_only(mount, remedy()))
}

fn no_barriers(root: &Root, mount: &Mount) -> Option<Finding> {
    let option = ["nobarrier", "barrier=0"].into_iter().find(|option| mount.has(option))?;
    let remedy = on_machine(root, format!("mount -o remount,barrier=1 {}", mount.point));
    Some(findings::no_barriers(mount, option, remedy))
}

fn not_executable(root: &Root, mounts: &[Mount], path: &str) -> Option<Finding> {
    let mount = holding(mounts, path)?;
    let remedy = || on_machine(root, format!("mount -o remount,exec {}", mount.point));
    mount.has("noexec").then(|| findings::module_cannot_be_loaded(mount, path, remedy()))
}

/// The finding where the helper cannot be started as the account.
fn helper(root: &Root, mounts: &[Mount]) -> Option<Finding> {
    let mount = holding(mounts, HELPER).filter(|_| root.path(HELPER).exists())?;
    // noexec is reported for a module on the same mount.
    let is_reported = modules(root).iter().any(|path| holding(mounts, path) == Some(mount));
    let options = [("noexec", "exec"), ("nosuid", "suid")];
    let options =
        options.iter().filter(|(option, _)| mount.has(option) && !(is_reported && *option == "noexec"));
    let (found, wanted): (Vec<_>, Vec<_>) = options.copied().unzip();
    let remedy = || on_machine(root, format!("mount -o remount,{} {}", wanted.join(","), mount.point));
    (!found.is_empty()).then(|| findings::helper_cannot_run(mount, &found, remedy()))
}

/// The paths of the installed modules of twostep.
pub(crate) fn modules(root: &Root) -> Vec<String> {
    let triplets = fs::read_dir(root.path("/usr/lib")).into_iter().flatten().flatten();
    let triplets = triplets.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let triplets =
        triplets.filter(|name| name.contains("-linux-")).map(|name| format!("/usr/lib/{name}/security"));
    let dirs = MODULES.iter().map(|&dir| dir.to_owned()).chain(triplets);
    let modules = dirs.map(|dir| format!("{dir}/pam_twostep.so"));
    modules.filter(|path| root.path(path).exists()).collect()
}

/// Only on the machine itself: another root may be on a disk of this machine.
fn full(root: &Root) -> Option<Finding> {
    let space = root.is_machine().then(|| statvfs(STORE).ok()).flatten()?;
    let bytes = space.blocks_available().saturating_mul(space.fragment_size());
    let files = (space.files() > 0).then(|| space.files_available());
    shortage(bytes, files).map(findings::nearly_full)
}

/// `files` is none for a file system that has no fixed number of files.
fn shortage(bytes: u64, files: Option<u64>) -> Option<Shortage> {
    if bytes < FEW_BYTES {
        return Some(Shortage::Bytes(bytes));
    }
    files.filter(|files| *files < FEW_FILES).map(Shortage::Files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_shortage_of_bytes_and_of_files() {
        let table = [
            (FEW_BYTES, Some(FEW_FILES), None),
            (FEW_BYTES, None, None),
            (FEW_BYTES - 1, None, Some(Shortage::Bytes(FEW_BYTES - 1))),
            (FEW_BYTES, Some(3), Some(Shortage::Files(3))),
        ];
        for (bytes, files, expected) in table {
            assert_eq!(shortage(bytes, files), expected, "{bytes} {files:?}");
        }
    }
}
