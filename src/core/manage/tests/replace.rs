use super::*;
use crate::proof::totp::{Algorithm, Authenticator};
use crate::time::Period;

/// The secret of a phone that no test has.
const OLD: [u8; 20] = [7; 20];

fn replace(label: Option<&str>) -> ManageRequest {
    Replace(label.map(str::to_owned), Screen::UNKNOWN)
}

/// A machine on which ada has lost the first of these authenticators. The others are the tests' own.
fn with_lost(policy: &str, labels: &[&str]) -> Site {
    let site = Site::enrolled(policy, labels);
    let mut credential = credential("ada", labels);
    credential.authenticators[0] = lost(labels[0]);
    site.change_credential(CredentialChange::Stored(credential));
    site.change(|state| state.with_recovery(known_codes()));
    site
}

fn lost(label: &str) -> Authenticator {
    Authenticator::new(label.to_owned(), &OLD, Algorithm::SHA1, 6, Period::DEFAULT, None).unwrap()
}

/// The label and the secret of each of ada's authenticators.
fn secrets(site: &Site) -> Vec<(String, Vec<u8>)> {
    let credential = site.store.credential(&ada()).unwrap().unwrap();
    assert_eq!(credential.id, "an id", "recovery codes belong to it");
    let secret = |one: &Authenticator| (one.label.clone(), one.expose_secret().to_vec());
    credential.authenticators.iter().map(secret).collect()
}

/// The label and the secret of an authenticator that a dialogue made.
fn new(label: &str) -> (String, Vec<u8>) {
    (label.to_owned(), phone(label).expose_secret().to_vec())
}

fn old(label: &str) -> (String, Vec<u8>) {
    (label.to_owned(), OLD.to_vec())
}

#[test]
fn replaces_lost_phone_after_one_recovery_code() {
    let site = with_lost(MANDATORY, &["phone"]);
    let done = site.owner(&replace(None), &[Text(&the_code().expose_text()), Code(4), Code(5)]);
    done.assert_said(
        "Replaced 'phone'. Codes of the old one no longer work.\n\
         Recovery codes left: 0. For new ones, run 'twostep recovery'.",
    );
    let ask = format!("This replaces your authenticator 'phone' by a new one.\n{ASK_PROOF}");
    assert_eq!(done.prompts[0], ask);
    assert_eq!(done.prompts.len(), 3);
    assert_eq!(done.log, ["grant recovery code", "act replace authenticator=phone"]);
    assert_eq!(secrets(&site), [new("phone")]);
    let state = site.state();
    assert_eq!((state.mark, state.hosts), (UnixTime::new(150), Count::NONE), "both codes are used up");
}

#[test]
fn replaces_the_named_authenticator_and_no_other() {
    let site = with_lost(OPT_IN, &["phone", "tablet", "third"]);
    let done = site.owner(&replace(Some("phone")), &[Code(2), Code(4), Code(5)]);
    assert_eq!(done.log, ["grant tablet", "act replace authenticator=phone"]);
    assert_eq!(secrets(&site), [new("phone"), new("tablet"), new("third")]);
    assert_eq!(site.state().recovery, known_codes(), "they stay");
}

#[test]
fn replaces_authenticator_for_an_administrator_without_proof() {
    let site = with_lost(OPT_IN, &["phone"]);
    let done = site.administrator(&replace(None), &[Code(4), Code(5)]);
    assert!(done.said.is_ok());
    assert_eq!(secrets(&site), [new("phone")]);
}

#[test]
fn replaces_nothing_without_proof_or_with_half_a_dialogue() {
    let code = the_code().expose_text();
    let table: [&[Reply<'_>]; 4] = [&[Text("000000"); 3], &[], &[Text(&code)], &[Text(&code), Code(4)]];
    for replies in table {
        let site = with_lost(OPT_IN, &["phone"]);
        assert!(site.owner(&replace(None), replies).said.is_err());
        assert_eq!(secrets(&site), [old("phone")]);
    }
}

#[test]
fn replaces_nothing_where_the_basis_changed_meanwhile() {
    let site = with_lost(OPT_IN, &["phone", "tablet"]);
    let renew = || site.change(|state| state.with_recovery(old_codes()));
    let done = site.owner(&replace(Some("phone")), &[Code(2), Code(4), Meanwhile(&renew), Code(5)]);
    done.assert_refused(CHANGED, "Nothing was saved. Delete the new entry in your app.");
    assert_eq!(secrets(&site), [old("phone"), new("tablet")]);
}

#[test]
fn asks_which_of_several_authenticators_is_meant() {
    let site = Site::enrolled(OPT_IN, &["phone", "tablet"]);
    let done = site.owner(&replace(None), &[Code(2)]);
    done.assert_refused(
        "you have several authenticators: 'phone', 'tablet'",
        "To replace one, run 'twostep replace LABEL'.",
    );
    let done = site.owner(&replace(Some("third")), &[Code(2)]);
    done.assert_refused("you have no authenticator 'third'", "Authenticators: 'phone', 'tablet'.");
    assert_eq!(done.prompts.len(), 0);
    let done = Site::new(OPT_IN).owner(&replace(None), &[]);
    done.assert_refused("you are not enrolled", "To enroll, run 'twostep enroll'.");
}
