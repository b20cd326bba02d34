use super::*;

fn enroll(label: &str) -> ManageRequest {
    Enroll(label.to_owned(), Screen::UNKNOWN)
}

const CONFIRMED: [Reply<'_>; 3] = [Code(4), Code(5), Text(LAST_GROUP)];

#[test]
fn enrolls_owner_for_the_first_time() {
    let site = Site::new(OPT_IN);
    let done = site.owner(&enroll("Ada's phone"), &CONFIRMED);
    done.assert_said("You are enrolled (authenticator 'Ada's phone').");
    assert_eq!(done.log, ["act enroll authenticator=\"Ada's phone\""]);
    assert_eq!(done.prompts.len(), 3, "nobody has anything to prove yet");
    assert!(done.prompts[0].starts_with("Type t for text only.\nScan this code"), "{}", done.prompts[0]);
    assert_eq!(site.labels(), ["Ada's phone"]);
    assert_eq!((site.state().mark, site.state().recovery.left()), (UnixTime::new(150), Some(1)));
}

#[test]
fn enrolls_for_administrator_without_ticket() {
    let site = Site::new(&format!("{MANDATORY}require-ticket = true\n"));
    let done = site.administrator(&enroll("phone"), &CONFIRMED);
    done.assert_said("ada is enrolled (authenticator 'phone').");
    assert_eq!(done.log, ["act enroll authenticator=phone"]);
    assert!(done.prompts[0].starts_with("Type t for text only.\nScan this code"));
    assert_eq!(site.labels(), ["phone"]);
}

#[test]
fn enrolls_without_recovery_codes_where_policy_allows_none() {
    let site = Site::new(&OPT_IN.replace("codes = 1", "codes = 0"));
    assert!(site.owner(&enroll("phone"), &CONFIRMED[..2]).said.is_ok());
    assert_eq!(site.state().recovery, RecoveryCodes::NONE);
}

#[test]
fn adds_further_authenticator_after_proof() {
    let site = Site::enrolled(OPT_IN, &["phone"]);
    site.change(|state| State { helper: Count { codes: 9, ..Count::NONE }, ..state.clone() });
    let done = site.owner(&enroll("tablet"), &[Code(2), Code(4), Code(5)]);
    done.assert_said("You are enrolled (authenticator 'tablet').");
    assert_eq!(done.log, ["grant phone", "act enroll authenticator=tablet"]);
    assert_eq!(done.prompts[0], ASK_PROOF);
    assert_eq!(done.prompts.len(), 3, "the recovery codes are there");
    assert_eq!(site.labels(), ["phone", "tablet"]);
    assert_eq!(
        site.state(),
        State { recovery: old_codes(), granted: by_command(60), ..State::new("ada", UnixTime::new(150)) }
    );
}

#[test]
fn adds_authenticator_for_an_administrator_without_proof() {
    let site = Site::enrolled(OPT_IN, &["phone"]);
    let done = site.administrator(&enroll("tablet"), &[Code(4), Code(5)]);
    done.assert_said("ada is enrolled (authenticator 'tablet').");
    assert_eq!(done.log, ["act enroll authenticator=tablet"]);
    assert_eq!(site.labels(), ["phone", "tablet"]);
}

#[test]
fn adds_nothing_without_proof() {
    let site = Site::enrolled(OPT_IN, &["phone"]);
    let done = site.owner(&enroll("tablet"), &[Text("000000"), Text("000000"), Text("000000")]);
    done.assert_refused(NO_CODE, &not_accepted());
    assert_eq!(site.labels(), ["phone"]);
}

#[test]
fn adds_nothing_where_the_basis_changed_during_the_dialogue() {
    let site = Site::enrolled(OPT_IN, &["phone"]);
    let renew = || site.change(|state| state.with_recovery(known_codes()));
    let delete = "Nothing was saved. Delete the new entry in your app.";
    let done = site.owner(&enroll("tablet"), &[Code(2), Code(4), Meanwhile(&renew), Code(5)]);
    done.assert_refused(CHANGED, delete);
    let remove = || site.change_credential(CredentialChange::Removed);
    let done = site.administrator(&enroll("tablet"), &[Code(4), Meanwhile(&remove), Code(5)]);
    done.assert_refused(&CHANGED.replace("your second step", "the second step of ada"), delete);
    assert_eq!(site.labels(), [""; 0]);
    assert_eq!(done.log, [""; 0]);
}

#[test]
fn refuses_label_that_cannot_be_shown() {
    let site = Site::new(OPT_IN);
    let done = site.owner(&enroll("a\nb"), &CONFIRMED);
    done.assert_refused("a label must have 1 to 32 printable characters", "Choose another --label.");
    assert_eq!(done.prompts.len(), 0);
}

#[test]
fn refuses_label_that_is_taken_before_it_asks() {
    let site = Site::enrolled(OPT_IN, &["phone"]);
    let done = site.owner(&enroll("phone"), &[Code(2), Code(4), Code(5)]);
    done.assert_refused(
        "you are already enrolled (authenticator 'phone')",
        "For a new or lost phone, run 'twostep replace'.\nTo add another one, run 'twostep enroll --label tablet'.",
    );
    assert_eq!(done.prompts.len(), 0);
    let done = site.administrator(&enroll("phone"), &[Code(4), Code(5)]);
    done.assert_refused(
        "ada is already enrolled (authenticator 'phone')",
        "For a new or lost phone, run 'twostep replace --user ada'.\n\
         To add another one, run 'twostep enroll --user ada --label tablet'.",
    );
    assert_eq!(site.labels(), ["phone"]);
}

#[test]
fn refuses_a_ninth_authenticator_before_it_asks() {
    let labels = ["1", "2", "3", "4", "5", "6", "7", "8"];
    let site = Site::enrolled(OPT_IN, &labels);
    let done = site.owner(&enroll("9"), &[Code(2), Code(4), Code(5)]);
    done.assert_refused(
        "you have 8 authenticators, and no more are allowed",
        "To remove one, run 'twostep remove LABEL'.",
    );
    assert_eq!(done.prompts.len(), 0);
    let done = site.administrator(&enroll("9"), &[Code(4), Code(5)]);
    done.assert_refused(
        "ada has 8 authenticators, and no more are allowed",
        "To remove one, run 'twostep remove --user ada LABEL'.",
    );
    assert_eq!(site.labels(), labels);
}

#[test]
fn refuses_enrollment_over_the_state_of_another_account() {
    let site = Site::new(OPT_IN);
    site.store.create_state(7, State::new("eve", UnixTime::new(0))).unwrap();
    for actor in [Actor::Owner, Actor::Administrator] {
        let done = site.act(actor, &enroll("phone"), &CONFIRMED);
        done.assert_unavailable("the state of uid 7 belongs to 'eve'");
        assert_eq!(done.prompts.len(), 0);
    }
}

#[test]
fn refuses_enrollment_while_the_clock_is_wrong() {
    let site = Site::new(OPT_IN);
    site.store.create_state(7, State::new("ada", UnixTime::new(9999))).unwrap();
    let done = site.owner(&enroll("phone"), &CONFIRMED);
    let text = "last accepted code is 9939 s ahead of the clock: set the clock, then run 'twostep unlock ada --reset-clock'";
    done.assert_refused(text, "Then enroll.");
    assert_eq!(done.prompts.len(), 0);
}

#[test]
fn stores_nothing_of_a_dialogue_that_ends() {
    let table: [&[Reply<'_>]; 4] = [
        &[Text("000000"); 9],
        &[Code(4)],
        &[Code(4), Code(5)],
        &[Code(4), Code(5), Text(""), Text("x"), Text("y"), Text("z")],
    ];
    for replies in table {
        let site = Site::new(OPT_IN);
        let done = site.owner(&enroll("phone"), replies);
        done.assert_refused("cancelled (end of input)", NOT_SAVED);
        assert_eq!((done.prompts.len(), done.log.len()), (replies.len() + 1, 0));
        assert!(site.labels().is_empty() && site.store.snapshot(7).state.unwrap().is_none());
    }
}

#[test]
fn accepts_no_phone_whose_clock_is_off_beyond_policy() {
    let site = Site::new(&format!("{OPT_IN}[verification]\nskew-steps = 0\n"));
    let done = site.owner(&enroll("phone"), &[Text(CODES[3]), Code(4), Code(5), Text(LAST_GROUP)]);
    done.assert_said("You are enrolled (authenticator 'phone').");
    assert!(done.prompts[1].contains("Your phone's clock is 30 seconds fast:"), "{}", done.prompts[1]);
}

#[test]
fn stores_nothing_if_another_login_enrolled_meanwhile() {
    let then = "Nothing was saved. Delete the new entry in your app.";
    for (actor, whom) in [(Actor::Owner, "you have"), (Actor::Administrator, "ada has")] {
        let site = Site::new(OPT_IN);
        let other = || assert!(site.store.create_credential(&credential("ada", &["other"])).unwrap());
        let done = site.act(actor, &enroll("phone"), &[Code(4), Code(5), Meanwhile(&other), CONFIRMED[2]]);
        done.assert_refused(&format!("{whom} been enrolled in the meantime"), then);
        assert_eq!((site.labels(), done.log.len()), (vec!["other".to_owned()], 0));
    }
}

#[test]
fn shows_what_the_screen_can_show() {
    for colour in [Colour::None, Colour::Explicit] {
        for picture in [true, false] {
            let screen = Screen { picture, colour, window: None };
            let done = Site::new(OPT_IN).owner(&Enroll("phone".to_owned(), screen), &[]);
            let shown = (done.prompts[0].contains('▀'), done.prompts[0].contains('\x1b'));
            assert_eq!(shown, (picture, picture && colour == Colour::Explicit));
        }
    }
}
