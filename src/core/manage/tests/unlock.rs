use super::*;
use crate::manage::unlock::Unlocked;

const LOCKED: Count = Count { codes: 20, recovery: 7, last: UnixTime::new(60), ..Count::NONE };

fn locked_out(mark: u64) -> Site {
    let site = Site::enrolled(OPT_IN, &["phone"]);
    site.change(|state| State { hosts: LOCKED, helper: LOCKED, mark: UnixTime::new(mark), ..state.clone() });
    site
}

fn unlock(site: &Site, resets_clock: bool) -> (Result<Unlocked, ActError>, Vec<String>) {
    site.acts(|acts| acts.unlock(&target(), resets_clock))
}

fn done(failures: u16, is_ahead: bool) -> Result<Unlocked, ActError> {
    Ok(Unlocked::Done { failures, is_ahead })
}

#[test]
fn forgets_failures_and_nothing_else() {
    let site = locked_out(30);
    let log = vec!["unlock ada failures=20 reset-clock=false".to_owned()];
    assert_eq!(unlock(&site, false), (done(20, false), log));
    let unlocked = State { recovery: old_codes(), ..State::new("ada", UnixTime::new(30)) };
    assert_eq!(site.state(), unlocked);
    assert_eq!(unlock(&site, true).0, done(0, false));
    assert_eq!(site.state(), unlocked, "a mark that is not ahead stays");
}

#[test]
fn logs_no_unlocking_where_nothing_is_stored() {
    let site = Site::new(OPT_IN);
    assert_eq!(unlock(&site, false), (Ok(Unlocked::NoRecord), vec![]));
}

/// The time is 60. A mark up to 600 s ahead is near.
#[test]
fn reports_mark_far_ahead_and_keeps_it() {
    for (mark, is_ahead) in [(30, false), (60, false), (660, false), (661, true)] {
        let site = locked_out(mark);
        assert_eq!(unlock(&site, false).0, done(20, is_ahead), "{mark}");
        assert_eq!(site.state().mark, UnixTime::new(mark));
    }
}

#[test]
fn puts_a_mark_far_ahead_back_to_the_end_of_the_window() {
    let site = locked_out(661);
    let log = vec!["unlock ada failures=20 reset-clock=true".to_owned()];
    assert_eq!(unlock(&site, true), (done(20, false), log));
    assert_eq!(site.state().mark, UnixTime::new(90));
}

#[test]
fn changes_nothing_where_the_mark_is_soon_reached() {
    for mark in [91, 660] {
        let site = locked_out(mark);
        let before = site.files();
        assert_eq!(unlock(&site, true), (Err(ActError::MarkIsSoon(UnixTime::new(mark))), vec![]));
        assert!(site.files() == before);
    }
    assert_eq!(unlock(&locked_out(90), true).0, done(20, false), "within the window");
}
