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
    let table = [(CODES[3], "30 seconds fast"), (CODES[1], "30 seconds slow")];
    for (code, off) in table {
        let done = with_phone().owner(&Try, &[Text(code)]);
        done.assert_said(&format!(
            "That code works (authenticator 'phone'). It has not been used up.\n\
             Your phone's clock is {off}. Set it to network time."
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
        assert_eq!(done.prompts, ["Verification code: ", &again(WRONG), &again(WRONG)]);
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

#[test]
fn says_that_a_code_was_already_used() {
    let site = with_phone();
    site.change(|state| state.burn(UnixTime::new(60)));
    let done = site.owner(&Try, &[Code(2), Text("0123-4567-89AB-CDFZ"), Text("123456789"), Code(3)]);
    let spent = "That recovery code was not accepted. Each one works once.";
    let digits = "That is not a code: you typed 9 digits. A code has 6 to 8 digits,\n\
                  a recovery code 16 letters and digits.";
    assert_eq!(done.prompts, ["Verification code: ", &again(USED), &again(spent)]);
    done.assert_refused(NO_CODE, &format!("{digits}\n{KEPT}"));
}

/// One code with an offset may be a guess, which would be told when it is right.
#[test]
fn tells_clock_only_after_two_codes_that_agree() {
    let fast = "That code was not accepted.\nYour phone's clock is 2 minutes fast. Set it to network time.";
    let table: [(&[Reply<'_>], &str); 5] = [
        (&[Text("000000"), Text(CODES[6])], WRONG),
        (&[Text(CODES[6]), Text("000000")], WRONG),
        (&[Text(CODES[6]), Text(CODES[6])], WRONG),
        (&[Text(CODES[6]), Text(CODES[9])], WRONG),
        (&[Text(CODES[6]), Meanwhile(&|| ()), Text(CODES[7])], fast),
    ];
    for (replies, why) in table {
        let site = Site::enrolled(&format!("{OPT_IN}[verification]\ntries = 2\n"), &["phone"]);
        let later = || site.now.set(90);
        let replies: Vec<_> = replies
            .iter()
            .map(|reply| if let Meanwhile(_) = reply { Meanwhile(&later) } else { *reply })
            .collect();
        let done = site.owner(&Try, &replies);
        assert_eq!(done.prompts[1], again(WRONG), "one code says nothing");
        done.assert_refused(NO_CODE, &format!("{why}\n{KEPT}"));
    }
}
