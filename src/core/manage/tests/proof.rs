//! How an owner proves that an account is theirs, for every act.

use super::*;

fn remove_tablet() -> ManageRequest {
    Remove(Some("tablet".to_owned()))
}

fn with_two() -> Site {
    Site::enrolled(OPT_IN, &["phone", "tablet"])
}

#[test]
fn asks_owner_for_proof_and_uses_the_code_up() {
    let site = with_two();
    let done = site.owner(&remove_tablet(), &[Code(2)]);
    assert_eq!(done.prompts, [ASK_PROOF]);
    assert_eq!(done.log[0], "grant phone");
    assert!(done.said.is_ok());
    assert_eq!(site.state().mark, UnixTime::new(60));
}

#[test]
fn asks_administrator_for_no_proof() {
    let done = with_two().administrator(&remove_tablet(), &[]);
    assert!(done.said.is_ok());
    assert_eq!((done.prompts.len(), done.log.len()), (0, 1));
}

#[test]
fn accepts_recovery_code_as_proof_and_uses_it_up() {
    let site = with_two();
    site.change(|state| state.with_recovery(known_codes()));
    let done = site.owner(&remove_tablet(), &[Text(&the_code().expose_text())]);
    assert!(done.said.is_ok());
    assert_eq!(done.log[0], "grant recovery code");
    assert_eq!(site.state().recovery.left(), Some(0));
}

#[test]
fn asks_again_after_wrong_answers_and_logs_each() {
    let site = with_two();
    let done = site.owner(&remove_tablet(), &[Text("abc"), Text("000000"), Code(2)]);
    assert_eq!(done.prompts, [ASK_PROOF, &again(TOO_SHORT), &again(WRONG)]);
    let act = "act remove authenticator=tablet";
    assert_eq!(done.log, ["deny not-a-code", "deny wrong-code", "grant phone", act]);
    assert_eq!(site.labels(), ["phone"]);
}

#[test]
fn refuses_owner_after_as_many_wrong_codes_as_are_allowed() {
    for (tries, policy) in [(3, OPT_IN.to_owned()), (2, format!("{OPT_IN}[verification]\ntries = 2\n"))] {
        let site = with_two();
        site.set_policy(&policy);
        let done = site.owner(&remove_tablet(), &[Text("000000"); 9]);
        done.assert_refused(NO_CODE, &not_accepted());
        assert_eq!(done.log, vec!["deny wrong-code"; tries]);
        assert_eq!(done.prompts.len(), tries);
        assert_eq!(usize::from(site.state().hosts.codes), tries, "each is paid for");
        assert_eq!(site.labels(), ["phone", "tablet"]);
    }
}

#[test]
fn tells_locked_out_owner_until_when_and_stops() {
    let site = with_two();
    let locked = Count { codes: 3, recovery: 0, last: UnixTime::new(60), ..Count::NONE };
    site.change(|state| State { hosts: locked, ..state.clone() });
    let done = site.owner(&remove_tablet(), &[Code(2), Code(3)]);
    let text = "Too many wrong codes. Try again after 00:01:30 UTC (in 30 s).\nA recovery code works now.";
    done.assert_refused(NO_CODE, &format!("{text}\n{KEPT}"));
    assert_eq!((done.prompts.len(), done.log), (1, vec!["deny locked".to_owned()]));
    assert_eq!(site.labels(), ["phone", "tablet"]);
}

#[test]
fn changes_nothing_for_owner_who_hangs_up() {
    let site = with_two();
    let done = site.owner(&remove_tablet(), &[]);
    done.assert_refused("cancelled (end of input)", KEPT);
    assert_eq!(done.log, [""; 0]);
    assert_eq!(site.labels(), ["phone", "tablet"]);
}

#[test]
fn reports_state_of_another_account() {
    let site = Site::new(OPT_IN);
    site.store.create_credential(&credential("ada", &["phone", "tablet"])).unwrap();
    site.store.create_state(7, State::new("eve", UnixTime::new(0))).unwrap();
    let done = site.owner(&remove_tablet(), &[Code(2)]);
    done.assert_unavailable("the state of uid 7 belongs to 'eve'");
    assert_eq!(done.log, ["deny unavailable"]);
    site.administrator(&remove_tablet(), &[]).assert_unavailable("the state of uid 7 belongs to 'eve'");
    assert_eq!(site.labels(), ["phone", "tablet"]);
}

#[test]
fn tells_owner_if_second_step_was_removed_meanwhile() {
    let site = with_two();
    let remove = || site.change_credential(CredentialChange::Removed);
    let done = site.owner(&remove_tablet(), &[Meanwhile(&remove), Code(2), Code(3), Code(4)]);
    done.assert_refused("you are no longer enrolled", KEPT);
    assert_eq!(done.log, ["deny not-enrolled"; 3]);
}

#[test]
fn remarks_on_a_credential_without_a_state() {
    let site = Site::new(OPT_IN);
    site.store.create_credential(&credential("ada", &["phone", "tablet"])).unwrap();
    let done = site.owner(&remove_tablet(), &[Code(2), Code(5)]);
    let remark = "remark a credential had no state: created one, which counts the present codes as used";
    assert_eq!(done.log[..3], [remark, "deny replayed", "grant phone"]);
    assert!(done.said.is_ok());
}

#[test]
fn creates_missing_state_that_uses_up_the_codes_of_now() {
    let site = Site::new(OPT_IN);
    site.store.create_credential(&credential("ada", &["phone", "tablet"])).unwrap();
    assert!(site.administrator(&remove_tablet(), &[]).said.is_ok());
    assert_eq!(site.state(), State::new("ada", UnixTime::new(90)));
}

#[test]
fn does_nothing_under_a_policy_that_cannot_be_read() {
    let site = with_two();
    site.set_policy(BROKEN);
    for actor in [Actor::Owner, Actor::Administrator] {
        let done = site.act(actor, &remove_tablet(), &[Code(2)]);
        done.assert_unavailable("version");
        assert_eq!(done.prompts.len(), 0);
    }
    assert_eq!(site.labels(), ["phone", "tablet"]);
}

/// Every act except enrolling needs a second step.
fn on_what_is_there() -> [ManageRequest; 4] {
    [Recovery, Remove(None), remove_tablet(), Try]
}

#[test]
fn refuses_acts_on_user_who_is_not_enrolled() {
    let site = Site::new(OPT_IN);
    for request in on_what_is_there() {
        let done = site.owner(&request, &[Code(2)]);
        done.assert_refused("you are not enrolled", "To enroll, run 'twostep enroll'.");
        assert_eq!(done.prompts.len(), 0);
        let done = site.administrator(&request, &[]);
        done.assert_refused("ada is not enrolled", "To enroll, run 'twostep enroll --user ada'.");
    }
}

#[test]
fn refuses_acts_on_the_credential_of_another_account() {
    let site = Site::new(OPT_IN);
    site.store.create_credential(&credential("eve", &["phone", "tablet"])).unwrap();
    let others = on_what_is_there().into_iter().chain([Enroll("third".to_owned(), Screen::UNKNOWN)]);
    for request in others {
        for actor in [Actor::Owner, Actor::Administrator] {
            let done = site.act(actor, &request, &[Code(2), Code(3), Code(4)]);
            let text = "the secret of uid 7 belongs to 'eve' (uid 7), not to 'ada': \
                        if the account was renamed, run 'twostep rebind ada'; if another user has the uid now, run 'twostep reset ada'";
            done.assert_refused(text, "");
            assert_eq!(done.prompts.len(), 0);
        }
    }
    assert_eq!(site.labels(), ["phone", "tablet"]);
}

/// A phone, a set of recovery codes or a freedom that was removed meanwhile proves nothing any more.
#[test]
fn trusts_no_proof_whose_basis_changed_meanwhile() {
    let phone_goes = |site: &Site| {
        site.change_credential(CredentialChange::Stored(credential("ada", &["tablet", "third"])));
    };
    let codes_go = |site: &Site| site.change(|state| state.with_recovery(known_codes()));
    let is_required = |site: &Site| site.change(|state| state.with_requirement(REQUIRED));
    let changes: [&dyn Fn(&Site); 3] = [&phone_goes, &codes_go, &is_required];
    for change in changes {
        let site = with_two();
        let done = site.owner(&remove_tablet(), &[Meanwhile(&|| change(&site)), Code(2)]);
        done.assert_refused(CHANGED, KEPT);
        assert_eq!(done.log.len(), 1, "the proof alone");
        assert!(site.labels().contains(&"tablet".to_owned()));
    }
}

#[test]
fn accepts_proof_where_only_failures_changed_meanwhile() {
    let site = with_two();
    let fail = || site.change(|state| State { helper: Count { codes: 2, ..Count::NONE }, ..state.clone() });
    assert!(site.owner(&remove_tablet(), &[Meanwhile(&fail), Code(2)]).said.is_ok());
}
