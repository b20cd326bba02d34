use super::*;
use crate::dialogue::enroll::IssuedEnrollment;

fn issue(site: &Site, label: &str, hand_over: impl FnOnce(&IssuedEnrollment) -> Result<(), Failure>) -> Done {
    let account = ada();
    let mut person = Person::new(site, &[]);
    let context = Context::open(site, &account, Actor::Administrator).unwrap();
    let said = context.issue(&mut person, label, hand_over).map(|()| String::new());
    Done { said, prompts: person.prompts, log: person.log }
}

fn take(_: &IssuedEnrollment) -> Result<(), Failure> {
    Ok(())
}

#[test]
fn issues_first_authenticator_after_it_was_handed_over() {
    let policy = MANDATORY.replace("recovery-codes = 1", "digits = 8\nrecovery-codes = 2");
    let site = Site::new(&policy);
    let done = issue(&site, "phone", |issued| {
        assert!(site.labels().is_empty(), "nothing is stored before");
        let uri = issued.uri.as_str();
        assert!(uri.starts_with("otpauth://totp/web1:ada?") && uri.ends_with("&digits=8"), "{uri}");
        assert_eq!(issued.recovery_codes.len(), 2);
        Ok(())
    });
    done.assert_said("");
    assert_eq!(done.log, ["act enroll authenticator=phone confirmed=no"]);
    assert_eq!(done.prompts.len(), 0);
    assert_eq!(site.labels(), ["phone"]);
    assert_eq!((site.state().mark, site.state().recovery.left()), (UnixTime::new(0), Some(2)));
}

#[test]
fn issues_under_the_name_that_the_policy_gives_this_machine() {
    let site = Site::new(&format!("{OPT_IN}issuer = \"Example\"\n"));
    let done = issue(&site, "phone", |issued| {
        assert!(issued.uri.starts_with("otpauth://totp/Example:ada?"), "{}", issued.uri.as_str());
        Ok(())
    });
    assert!(done.said.is_ok());
}

#[test]
fn stores_nothing_that_could_not_be_handed_over() {
    let site = Site::new(OPT_IN);
    let done = issue(&site, "phone", |_| Err(Failure::unavailable("the disk is full.", "")));
    assert_eq!(done.said, Err(Failure::unavailable("the disk is full.", "")));
    assert!(site.labels().is_empty() && site.store.snapshot(7).state.unwrap().is_none());
    assert_eq!(done.log, [""; 0]);
}

#[test]
fn issues_nothing_that_cannot_be_stored() {
    let never = |_: &IssuedEnrollment| -> Result<(), Failure> { panic!("handed over") };
    let site = Site::new(OPT_IN);
    let label = "a label must have 1 to 32 printable characters";
    issue(&site, "", never).assert_refused(label, "Choose another --label.");

    site.store.create_state(7, State::new("eve", UnixTime::new(0))).unwrap();
    issue(&site, "phone", never).assert_unavailable("belongs to 'eve'");

    let site = Site::enrolled(OPT_IN, &["phone"]);
    let then = "For a new or lost phone, run 'twostep replace --user ada'.\n\
                To add another one, run 'twostep enroll --user ada --label tablet'.";
    issue(&site, "phone", never).assert_refused("ada is already enrolled (authenticator 'phone')", then);
    assert_eq!(site.labels(), ["phone"]);
}

#[test]
fn issues_nothing_to_user_who_enrolled_meanwhile() {
    let site = Site::new(OPT_IN);
    let done = issue(&site, "phone", |issued| {
        site.store.create_credential(&credential("ada", &["other"])).unwrap();
        take(issued)
    });
    let what = "ada has been enrolled in the meantime";
    done.assert_refused(what, "Nothing was saved. Delete the new entry in your app.");
    assert_eq!((site.labels(), done.log.len()), (vec!["other".to_owned()], 0));
}
