use super::*;

fn with_phone() -> Site {
    Site::enrolled(OPT_IN, &["phone"])
}

#[test]
fn says_that_a_code_works_and_uses_nothing_up() {
    let site = with_phone();
    let before = site.state();
    let done = site.owner(&Try, &[Code(2)]);
    done.assert_said("That code works (authenticator 'phone'). It has not been used up.");
    assert_eq!(done.prompts, ["Verification code: "]);
    assert_eq!(done.log, ["act verify"]);
    assert_eq!(site.state(), before);
    assert!(site.administrator(&Try, &[Code(2)]).said.is_ok(), "again");
}

#[test]
fn says_by_how_much_a_phone_is_off() {
    let table = [(CODES[3], "30 s fast"), (CODES[1], "30 s slow")];
    for (code, off) in table {
        let done = with_phone().owner(&Try, &[Text(code)]);
        done.assert_said(&format!(
            "That code works (authenticator 'phone'). It has not been used up.\n\
             The clock of that phone is about {off}."
        ));
    }
}

#[test]
fn says_that_a_recovery_code_works_and_uses_nothing_up() {
    let site = with_phone();
    site.change(|state| state.with_recovery(known_codes()));
    let before = site.state();
    let done = site.owner(&Try, &[Text(&the_code().expose_text())]);
    done.assert_said("That recovery code works. It has not been used up.");
    assert_eq!(site.state(), before);
}

#[test]
fn counts_wrong_tries_apart_from_logins() {
    for actor in [Actor::Owner, Actor::Administrator] {
        let site = with_phone();
        let done = site.act(actor, &Try, &[Text("000000"), Text("000000"), Text("000000"), Code(2)]);
        done.assert_refused(NO_CODE, &not_accepted());
        assert_eq!(done.log, ["deny wrong-code"; 3]);
        assert_eq!(done.prompts, ["Verification code: ", ASK_AGAIN, ASK_AGAIN]);
        let state = site.state();
        assert_eq!((state.helper.codes, state.hosts.codes), (3, 0));
    }
}

#[test]
fn remarks_on_a_tried_credential_without_a_state() {
    let site = Site::new(OPT_IN);
    site.store.create_credential(&credential("ada", &["phone"])).unwrap();
    let done = site.owner(&Try, &[Code(2), Code(5)]);
    let remark = "remark a credential had no state: created one, which counts the present codes as used";
    assert_eq!(done.log, [remark, "deny replayed", "act verify"]);
}
