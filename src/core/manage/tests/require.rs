use super::*;
use crate::manage::require::Required;

fn now(enrolled: bool) -> Required {
    Required::Now { enrolled, services: vec!["sshd".to_owned(), "login".to_owned()] }
}

#[test]
fn requires_second_step_of_user_without_record() {
    let site = Site::new(OPT_IN);
    let (required, log) = site.acts(|acts| acts.require(&ada()));
    assert_eq!((required, log), (Ok(now(false)), vec!["require ada".to_owned()]));
    assert_eq!(site.state().requirement, REQUIRED);
}

#[test]
fn requires_second_step_of_enrolled_user_and_keeps_rest() {
    let site = Site::enrolled(OPT_IN, &["phone"]);
    let before = site.state();
    let (required, _) = site.acts(|acts| acts.require(&ada()));
    assert_eq!((required, site.state()), (Ok(now(true)), before.with_requirement(REQUIRED)));
}

/// If the state was lost, codes of this moment may have been used.
#[test]
fn creates_state_of_required_account_with_a_mark() {
    let site = Site::new(OPT_IN);
    site.store.create_credential(&credential("ada", &["phone"])).unwrap();
    assert!(site.acts(|acts| acts.require(&ada())).0.is_ok());
    assert_eq!(site.state().mark, UnixTime::new(90));
}

#[test]
fn logs_no_requirement_that_was_there_before() {
    let site = Site::new(OPT_IN);
    site.change(|state| state.with_requirement(REQUIRED));
    let before = site.files();
    assert_eq!(site.acts(|acts| acts.require(&ada())), (Ok(Required::Already), vec![]));
    assert!(site.files() == before);
}

#[test]
fn requires_nothing_where_the_policy_cannot_be_read() {
    let site = Site::new(BROKEN);
    let (required, log) = site.acts(|acts| acts.require(&ada()));
    assert!(matches!(required, Err(ActError::Failed(_))) && log.is_empty() && site.files().is_empty());
}

#[test]
fn takes_a_requirement_back_once() {
    let site = Site::enrolled(OPT_IN, &["phone"]);
    let before = site.state();
    site.change(|state| state.with_requirement(REQUIRED));
    let unrequire = || site.acts(|acts| acts.unrequire(&gone()));
    assert_eq!(unrequire(), (Ok(true), vec!["unrequire uid 7".to_owned()]));
    assert_eq!(site.state(), before);
    assert_eq!(unrequire(), (Ok(false), vec![]));
}

#[test]
fn takes_no_requirement_back_where_nothing_is_stored() {
    let site = Site::new(OPT_IN);
    assert_eq!(site.acts(|acts| acts.unrequire(&target())), (Ok(false), vec![]));
    assert!(site.files().is_empty());
}
