//! Injects each of [`FAULTS`] into every system call of one login. Two outcomes are allowed: denied, or granted with the
//! record of the login on disk. Only a kill ends the host, and before it lets anyone in. No stray file is left.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::disk::{Disk, Image, WATCHED};
use crate::pam::PAM_SUCCESS;
use crate::strace::{calls_of_the_module, trace};
use crate::{Login, State, World};

/// The faults, as arguments of strace's `inject`.
pub const FAULTS: [&str; 6] =
    ["error=EIO", "error=ENOSPC", "error=EINTR", "error=EACCES", "error=ENOMEM", "signal=KILL"];

/// One kind of login, and its checks.
pub struct Sweep<'a> {
    /// The name in the printed line.
    pub name: &'a str,
    /// Makes the files that the login finds.
    pub world: &'a (dyn Fn() -> World + Sync),
    /// The outcome without a fault: the reason of a denial, or the result, as in the log.
    pub without_fault: &'a str,
    /// Makes the login.
    pub login: &'a (dyn Fn(&World) -> Login + Sync),
    /// Whether an image holds the record of a granted login. Called with every image that the disk may hold after a grant.
    pub is_recorded: &'a (dyn Fn(&World, &Image) -> bool + Sync),
    /// Asserts what must hold afterwards. The arguments are the world, whether the login was granted, and the fault.
    pub check: &'a (dyn Fn(&World, bool, &str) + Sync),
}

/// The number of logins for each outcome.
#[derive(Default)]
pub struct Tally {
    /// Denied.
    pub denied: AtomicUsize,
    /// Denied because the process ended.
    pub ended: AtomicUsize,
    /// Granted, with the record on disk.
    pub granted: AtomicUsize,
}

impl Sweep<'_> {
    /// Runs the sweep and prints one line.
    pub fn run(&self) -> Tally {
        let normal = trace(&(self.login)(&(self.world)()), &[]);
        let ended = [normal.report.field("reason"), normal.report.field("result")];
        assert!(ended.contains(&self.without_fault), "{}: {:?}", self.name, normal.report);
        let calls = calls_of_the_module(&normal.calls);
        let places = calls.iter().flat_map(|call| FAULTS.map(|fault| (call, fault)));
        let (places, tally) = (Mutex::new(places), Tally::default());
        let next = || places.lock().unwrap().next();
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while let Some(((name, count), fault)) = next() {
                        self.one(name, *count, fault, &tally);
                    }
                });
            }
        });
        let [denied, ended, granted] =
            [&tally.denied, &tally.ended, &tally.granted].map(|count| count.load(Ordering::Relaxed));
        println!(
            "{}: {} calls x {} = {} faults: {} denied, {ended} of them by the end of the process; {granted} granted and on disk",
            self.name,
            calls.len(),
            FAULTS.len(),
            calls.len() * FAULTS.len(),
            denied + ended,
        );
        tally
    }

    fn one(&self, name: &str, count: usize, fault: &str, tally: &Tally) {
        let world = (self.world)();
        let inject = format!("inject={name}:{fault}:when={count}");
        let watched = format!("{},{name}", WATCHED[4]);
        let mut options = WATCHED;
        options[4] = &watched;
        let mut disk = Disk::of(&world);
        let traced = trace(&(self.login)(&world), &[&options[..], &["-e", &inject]].concat());
        let (code, what) = (traced.report.code, format!("{}: {inject}", self.name));
        assert!(!traced.report.log.iter().any(|line| line.field("result") == Some("exempt")), "{what}");
        assert!(code.is_none() || fault != "signal=KILL", "{what}: the kill came too late");
        let outcome = match code {
            None => {
                assert_eq!(fault, "signal=KILL", "{what}: the host died");
                &tally.ended
            }
            Some(PAM_SUCCESS) => {
                disk.follow(&traced.calls);
                let recorded = disk.images(512).iter().all(|image| (self.is_recorded)(&world, image));
                assert!(recorded, "{what}: granted, and not on disk");
                &tally.granted
            }
            Some(_) => &tally.denied,
        };
        outcome.fetch_add(1, Ordering::Relaxed);
        assert_no_stray_files(&world, &what);
        (self.check)(&world, code == Some(PAM_SUCCESS), &what);
    }
}

/// Asserts that each state can be read, and that the store has no files except those of `games`.
fn assert_no_stray_files(world: &World, what: &str) {
    let ours = [world.state_path("games"), world.secret_path("games")];
    for (path, bytes) in world.files_of_store().into_iter().filter(|(path, _)| *path != world.format_path()) {
        assert!(ours.contains(&path), "{what}: {} is a stray file", path.display());
        assert!(path == ours[1] || State::parse(&bytes).is_some(), "{what}: the state cannot be read");
    }
}
