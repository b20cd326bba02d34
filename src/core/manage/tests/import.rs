use super::*;

fn import(site: &Site, labels: &[&str]) -> (Result<(), ActError>, Vec<String>) {
    let authenticators = labels.iter().map(|label| phone(label)).collect();
    site.acts(|acts| acts.import(&ada(), "pam_oath", authenticators, UnixTime::new(150)))
}

#[test]
fn imports_authenticators_and_uses_codes_up() {
    let site = Site::new(OPT_IN);
    let log = vec!["import ada from=pam_oath authenticators=2".to_owned()];
    assert_eq!(import(&site, &["phone", "phone 2"]), (Ok(()), log));
    assert_eq!(site.labels(), ["phone", "phone 2"]);
    assert_eq!(site.store.credential(&ada()).unwrap().unwrap().id.len(), 16);
    assert_eq!(site.state(), State::new("ada", UnixTime::new(150)));
}

#[test]
fn imports_nothing_in_place_of_another_credential() {
    let site = Site::enrolled(OPT_IN, &["tablet"]);
    let before = site.files();
    assert_eq!(import(&site, &["phone"]), (Err(ActError::AlreadyEnrolled), vec![]));
    assert!(site.files() == before);
}

#[test]
fn imports_nothing_over_the_state_of_another_name() {
    let site = Site::new(OPT_IN);
    site.store.create_state(7, State::new("eva", UnixTime::new(0))).unwrap();
    assert!(matches!(import(&site, &["phone"]), (Err(ActError::Failed(_)), log) if log.is_empty()));
    assert!(site.labels().is_empty());
}
