use twostep::import::found::{Problem, Token, Used};
use twostep::import::{google, oath, otpauth};
use twostep_core::time::UnixTime;

const NOW: UnixTime = UnixTime::new(1_800_000_000);

/// A file of another program, which the first byte selects. An accepted file can make codes, and no future code of it
/// counts as used. The reason of a rejection is one short line.
pub fn import(bytes: &[u8]) {
    let Some((kind, file)) = bytes.split_first() else { return };
    if kind % 3 == 0 {
        let read = google::parse(file, NOW);
        if let Err((line, _)) = &read {
            let lines = file.split(|&byte| byte == b'\n').count();
            assert!(*line <= lines, "line {line} of {lines}");
        }
        check(read.map_err(|(_, problem)| problem));
        return;
    }
    let Ok(text) = std::str::from_utf8(file) else { return };
    for line in text.split_inclusive('\n') {
        let read = if kind % 3 == 1 { oath::parse(line) } else { otpauth::parse(line) };
        if let Some(line) = read {
            check(line.found);
        }
    }
}

fn check(read: Result<Token, Problem>) {
    match read {
        Ok(token) => {
            assert!(!token.secret.is_empty() && (6..=8).contains(&token.digits));
            assert!((15..=120).contains(&token.period.seconds()));
            if let Used::Until(moment) = token.used {
                assert!(moment <= NOW.plus(24 * 3600));
            }
        }
        Err(problem) => {
            assert!((1..200).contains(&problem.len()) && !problem.contains(char::is_control), "{problem:?}");
        }
    }
}
