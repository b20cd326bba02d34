//! Runs the real module in the real libpam, without root's files.
//!
//! A test makes a [`World`]: a service file, a policy and users with secrets, all below a temporary folder. Then users
//! log in: `world.login("games").at(T).answer("123456").run()`. The executable exports a few functions that the module
//! finds before those of libc and libpam ([`interpose`]), so the test controls the clock, the log and the accounts.
//! [`drive`] runs the same login in a separate process, for races, kills and limits.

mod code;
pub mod disk;
pub mod drive;
pub mod forced_panic;
pub mod interpose;
mod login;
pub mod pam;
pub mod paper;
mod processor_time;
pub mod refusal;
mod state;
pub mod strace;
pub mod sweep;
mod temp;
mod waiting;
mod world;

pub use code::Generator;
pub use login::{Answer, Login, Open, Outcome, Style};
pub use processor_time::processor_time;
pub use state::{AttemptCounter, BLOCK, Format, Stage, State, header, seal, slot_of};
pub use temp::Temp;
pub use waiting::{descriptors_of, wait_until};
pub use world::{World, build_dir, plant, uid, workspace};

/// The time of most tests, in seconds of Unix time: the first second of a step of 30 s and of 60 s.
pub const NOW: i64 = 1_800_000_000;
/// The usual secret, 20 bytes in base32.
pub const SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
/// The secret of another user.
pub const OTHER_SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
