//! In a long-lived host neither descriptors nor memory grow, however the logins end. TWOSTEP_LOGINS sets the number of
//! logins; `make soak` runs 10,000 and shows the figures.

use std::process::{Command, Output};

use twostep_tests::drive::pamdrive;

/// The number of ways in which a login of `pamsoak` can end.
const KINDS: usize = 18;
const ROUNDS: usize = 10;

/// How often each kind of login runs.
fn times() -> usize {
    #[expect(clippy::disallowed_methods, reason = "set by the user who runs the tests")]
    let logins = std::env::var("TWOSTEP_LOGINS").map_or(360, |number| number.parse().unwrap());
    logins / KINDS
}

/// The growth that each thread may cause, because the allocator gives it an arena: heap bytes and resident KiB.
const NOISE: [usize; 2] = [4 * 1024, 256];

/// Runs `pamsoak`, under another program if one is given, and prints its output.
fn soak(below: &[&str], numbers: [usize; 3]) -> Output {
    let program = pamdrive().with_file_name("pamsoak").to_str().unwrap().to_owned();
    let numbers = numbers.map(|number| number.to_string());
    let words: Vec<&str> =
        below.iter().copied().chain([program.as_str()]).chain(numbers.iter().map(String::as_str)).collect();
    let output = Command::new(words[0])
        .args(&words[1..])
        .env_remove("LD_LIBRARY_PATH")
        .env("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    println!("{}", String::from_utf8_lossy(&output.stdout));
    output
}

/// The first round loads libraries that stay. After it nothing may grow.
#[track_caller]
fn assert_flat(threads: usize) {
    let logins = (times() / ROUNDS / threads).max(1) * KINDS;
    let printed = String::from_utf8(soak(&[], [ROUNDS, logins, threads]).stdout).unwrap();
    let rows = printed.lines().skip(1);
    let rows: Vec<Vec<usize>> =
        rows.map(|row| row.split_whitespace().map(|number| number.parse().unwrap()).collect()).collect();
    let [first, .., last] = &rows[..] else { panic!("{printed}") };
    assert_eq!(first[1], last[1], "descriptors: {printed}");
    for (column, noise) in (2..).zip(NOISE) {
        assert!(last[column] <= first[column] + threads * noise, "{printed}");
    }
}

#[test]
fn leaks_no_descriptor_and_no_memory() {
    assert_flat(1);
}

#[test]
fn leaks_nothing_with_16_threads() {
    assert_flat(16);
}

/// The reports of valgrind. The process of the logins ends last; before, it forks others, whose memory is a copy of its own at
/// some moment.
#[derive(Debug, PartialEq)]
struct Findings {
    /// Whether every process had no invalid read or write, and no branch on uninitialized values.
    clean: bool,
    /// Bytes that the last process never freed: definitely, indirectly and possibly lost.
    lost: [u64; 3],
    reachable: u64,
}

fn valgrind(rounds: usize) -> Findings {
    let output = soak(&["valgrind", "--leak-check=full", "--errors-for-leak-kinds=none"], [rounds, KINDS, 1]);
    let report = String::from_utf8_lossy(&output.stderr);
    println!("{}", report.split("LEAK SUMMARY").last().unwrap());
    let all = |words: &str| -> Vec<&str> {
        report.split(words).skip(1).map(|rest| rest.split(' ').next().unwrap()).collect()
    };
    let bytes = |words: &str| all(words).last().unwrap().replace(',', "").parse().unwrap();
    Findings {
        clean: all("ERROR SUMMARY: ").iter().all(|errors| *errors == "0"),
        lost: ["definitely lost: ", "indirectly lost: ", "possibly lost: "].map(bytes),
        reachable: bytes("still reachable: "),
    }
}

#[test]
fn passes_valgrind_without_error_or_growing_leak() {
    let (few, many) = (valgrind(1), valgrind(times() / 10));
    assert_eq!(few, many);
    assert!(many.clean);
}
