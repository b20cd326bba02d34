//! The operating system: files by descriptor, accounts, the clock. Only this module of the crate may contain `unsafe`.

pub mod account;
pub mod aging;
#[expect(unsafe_code, reason = "takes over descriptors, of which the type system knows no owner")]
pub mod channel;
#[expect(unsafe_code, reason = "adjtimex(2), which nix lacks")]
pub mod clock;
#[expect(
    unsafe_code,
    reason = "clearenv(3), close_range(2), setitimer(2) and alarm(2), which nix lacks or forbids"
)]
pub mod confine;
pub mod entropy;
pub mod files;
pub mod groups;
#[expect(unsafe_code, reason = "lgetxattr(2), which nix lacks")]
pub mod label;
#[expect(unsafe_code, reason = "getauxval(3), which nix lacks")]
pub(crate) mod limits;
#[expect(unsafe_code, reason = "read(2) into memory that need not be cleared before")]
mod local_users;
#[expect(unsafe_code, reason = "flock(2): nix has it only behind a guard whose drop can panic")]
mod lock;
pub mod look_up;
pub mod names;
#[expect(unsafe_code, reason = "dlopen(3) and the functions of the name service's libraries, which are C's")]
mod nss;
pub mod root;
#[expect(
    unsafe_code,
    reason = "setresuid(2) of one thread, which libc has only for all of them, and capget(2)"
)]
mod shield;
#[expect(unsafe_code, reason = "clone(2) without a signal at the end, which libc's fork has not, and exec")]
pub mod spawn;
pub mod syslog;
#[expect(unsafe_code, reason = "getpwent_r(3), which nix lacks")]
pub mod user_list;
#[expect(unsafe_code, reason = "ioctl(2), which nix has only as a macro that makes it")]
pub mod window;
#[expect(unsafe_code, reason = "an allocator hands out pointers")]
mod wipe;

pub use lock::{LockError, lock_exclusive, unlock};
pub use shield::Shield;
pub use wipe::{WipingAllocator, wipe_stack};
