use super::*;
use crate::manage::reset::Reset;

fn done(had_credential: bool, state_was_lost: bool) -> Result<Reset, ActError> {
    Ok(Reset::Done { had_credential, state_was_lost })
}

fn reset(site: &Site, target: &Target) -> (Result<Reset, ActError>, Vec<String>) {
    site.acts(|acts| acts.reset(target))
}

#[test]
fn forgets_all_but_mark_and_requirement() {
    let site = Site::enrolled(OPT_IN, &["phone", "tablet"]);
    site.change(|state| State { requirement: REQUIRED, mark: UnixTime::new(30), ..state.clone() });
    assert_eq!(reset(&site, &target()), (done(true, false), vec!["reset ada credential=true".to_owned()]));
    assert!(site.labels().is_empty());
    assert_eq!(site.state(), State::new("ada", UnixTime::new(30)).with_requirement(REQUIRED));
    assert_eq!(reset(&site, &target()), (done(false, false), vec!["reset ada credential=false".to_owned()]));
}

/// The uid now belongs to another user.
#[test]
fn forgets_requirement_of_another_name() {
    let site = Site::new(OPT_IN);
    site.store.create_state(7, State::new("eva", UnixTime::new(30)).with_requirement(REQUIRED)).unwrap();
    assert_eq!(reset(&site, &target()).0, done(false, false));
    assert_eq!(site.state(), State::new("ada", UnixTime::new(30)));
}

#[test]
fn keeps_name_and_requirement_of_a_gone_account() {
    let site = Site::enrolled(OPT_IN, &["phone"]);
    site.change(|state| state.with_requirement(REQUIRED));
    assert_eq!(reset(&site, &gone()), (done(true, false), vec!["reset uid 7 credential=true".to_owned()]));
    assert_eq!(site.state(), State::new("ada", UnixTime::new(0)).with_requirement(REQUIRED));
}

#[test]
fn logs_no_reset_where_nothing_is_stored() {
    let site = Site::new(OPT_IN);
    assert_eq!(reset(&site, &target()), (Ok(Reset::NoRecord), vec![]));
    assert!(site.files().is_empty());
}

#[test]
fn removes_credential_without_state() {
    let site = Site::new(OPT_IN);
    site.store.create_credential(&credential("ada", &["phone"])).unwrap();
    assert_eq!(reset(&site, &target()), (done(true, false), vec!["reset ada credential=true".to_owned()]));
    assert!(site.files().is_empty());
}

/// The mark is lost with the state: the codes of this moment count as used.
#[test]
fn replaces_a_lost_state_and_logs_it() {
    let site = Site::enrolled(OPT_IN, &["phone"]);
    fs::write(site.scratch.0.join("var/lib/twostep/state/7"), [0; 8192]).unwrap();
    assert_eq!(reset(&site, &target()), (done(true, true), vec!["reset ada credential=true".to_owned()]));
    assert_eq!(site.state(), State::new("ada", UnixTime::new(90)));
    assert!(site.labels().is_empty());
}
