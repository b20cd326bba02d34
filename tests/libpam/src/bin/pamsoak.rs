//! Runs many logins of every kind in one process: `pamsoak ROUNDS LOGINS THREADS`. Each thread runs LOGINS logins a round.
//! After each round it prints how many descriptors are open and how much memory is in use. The allocator counts its
//! thread caches as in use, so turn them off: GLIBC_TUNABLES=glibc.malloc.tcache_count=0.

use std::env;
use std::fs;
use std::thread;

use twostep_tests::interpose::skip_flushes;
use twostep_tests::pam::*;
use twostep_tests::paper::{dialogue, long_code, recovery_code};
use twostep_tests::{Generator, Login, NOW, SECRET, World};

fn main() {
    let numbers: Vec<usize> = env::args().skip(1).map(|word| word.parse().unwrap()).collect();
    let [rounds, logins, threads] = numbers[..] else { panic!("pamsoak ROUNDS LOGINS THREADS") };
    let sites: Vec<Site> = (0..threads).map(|_| Site::new()).collect();
    println!("      logins  descriptors  heap (bytes)  VmRSS (KiB)");
    for round in 1..=rounds {
        together(&sites, |site| site.round(logins));
        let [descriptors, heap, resident] = in_use();
        println!("{:12}  {descriptors:11}  {heap:12}  {resident:11}", round * logins * threads);
    }
}

fn together(sites: &[Site], work: impl Fn(&Site) + Sync) {
    if let [alone] = sites {
        return work(alone);
    }
    thread::scope(|scope| {
        for site in sites {
            scope.spawn(|| work(site));
        }
    });
}

/// Open descriptors, bytes of the heap, and resident KiB.
fn in_use() -> [usize; 3] {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    // SAFETY: the call takes no pointer.
    let heap = unsafe { libc::mallinfo2() };
    let descriptors = fs::read_dir("/proc/self/fd").unwrap().count();
    [descriptors, heap.uordblks + heap.hblkhd, resident.split_whitespace().next().unwrap().parse().unwrap()]
}

/// The machines of one thread.
struct Site {
    enrolled: World,
    newcomers: World,
    with_ticket: World,
    broken: World,
    right: String,
    wrong: String,
    dialogue: [String; 3],
}

type Kind = fn(&Site);

/// Every way in which a login can end.
const KINDS: [Kind; 18] = [
    |site| site.assert_end(site.fresh().service("login").whole().answer(&site.right), PAM_SUCCESS),
    |site| site.assert_end(site.games().answer(&site.right), PAM_AUTH_ERR), // the login before has used it
    |site| site.assert_end(site.fresh().answer(&site.wrong), PAM_AUTH_ERR),
    |site| site.assert_end(site.fresh().answer("not a code"), PAM_AUTH_ERR),
    |site| site.assert_end(site.enrolled.login("nobody-here").at(NOW).answer("123456"), PAM_AUTH_ERR),
    |site| site.assert_end(site.fresh(), PAM_CONV_ERR),
    |site| site.assert_end(site.fresh().without_conversation(), PAM_CONV_ERR),
    |site| site.assert_end(site.locked().answers([&site.right; 2]), PAM_MAXTRIES),
    |site| site.assert_end(site.fresh().answer(long_code(&[7; 10])), PAM_AUTH_ERR),
    |site| site.assert_end(site.with_recovery_codes().answer(recovery_code(1)), PAM_SUCCESS),
    |site| site.assert_end(site.first_login(), PAM_CONV_ERR),
    |site| site.assert_end(site.first_login().answer(&site.dialogue[0]), PAM_CONV_ERR),
    |site| site.assert_end(site.first_login().answers([&site.wrong; 51]), PAM_AUTH_ERR),
    |site| site.assert_end(site.first_login().answers(&site.dialogue), PAM_SUCCESS),
    |site| drop(site.first_login().answers(&site.dialogue).begin()), // dropped while the enrollment is pending
    |site| site.assert_end(site.with_ticket.newcomer("games").answers(["x"; 3]), PAM_AUTH_ERR),
    |site| site.assert_end(site.broken.login("games").at(NOW).answer(&site.right), PAM_AUTHINFO_UNAVAIL),
    |site| {
        let mut gate = site.enrolled.login("games").service("sshd").tty("ssh").at(NOW).open();
        assert_eq!(gate.account().code, PAM_PERM_DENIED);
    },
];

impl Site {
    fn new() -> Self {
        let site = Self {
            enrolled: World::newcomers("").after_password(),
            newcomers: World::newcomers(""),
            with_ticket: World::newcomers("require-ticket = true\n"),
            broken: World::default(),
            right: Generator::default().at(NOW),
            wrong: Generator::default().wrong(NOW),
            dialogue: dialogue(NOW),
        };
        site.enrolled.service("sshd", "account required MODULE root=ROOT\n");
        fs::write(site.broken.secret_path("games"), "").unwrap();
        site
    }

    /// Runs this many logins, cycling through the kinds.
    fn round(&self, logins: usize) {
        skip_flushes();
        KINDS.iter().cycle().take(logins).for_each(|login| login(self));
    }

    #[track_caller]
    fn assert_end(&self, login: Login, code: i32) {
        let outcome = login.run();
        assert_eq!(outcome.code, code, "{outcome:#?}");
    }

    fn games(&self) -> Login {
        self.enrolled.login("games").at(NOW)
    }

    fn fresh(&self) -> Login {
        self.enrolled.enroll("games", SECRET);
        self.games()
    }

    fn locked(&self) -> Login {
        let mut state = self.enrolled.state_of("games");
        (state.root.codes, state.root.last_failure) = (3, NOW as u64);
        self.enrolled.state("games", &state);
        self.games()
    }

    fn with_recovery_codes(&self) -> Login {
        let login = self.fresh();
        self.enrolled.state("games", &self.enrolled.state_of("games").with_recovery_codes(1));
        login
    }

    fn first_login(&self) -> Login {
        let _ = fs::remove_file(self.newcomers.secret_path("games"));
        let _ = fs::remove_file(self.newcomers.state_path("games"));
        self.newcomers.newcomer("games")
    }
}
