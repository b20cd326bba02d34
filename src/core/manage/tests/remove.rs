use super::*;

const RULE: &str = "rule 'default' (line 2 of /etc/twostep/policy.toml) requires a second step of you";
const ADMINISTRATOR: &str = "an administrator requires a second step of you ('twostep require')";
const ASK: &str = "To change phones, run 'twostep replace'.\n\
                   For anything else, ask your administrator.";

fn one(label: &str) -> ManageRequest {
    Remove(Some(label.to_owned()))
}

fn with_three(policy: &str) -> Site {
    Site::enrolled(policy, &["phone", "tablet", "third"])
}

#[test]
fn removes_one_authenticator_after_proof() {
    let site = with_three(OPT_IN);
    let done = site.owner(&one("tablet"), &[Code(2)]);
    done.assert_said("Removed 'tablet'. Still set up: 'phone', 'third'.");
    assert_eq!(done.log, ["grant phone", "act remove authenticator=tablet"]);
    assert_eq!(site.labels(), ["phone", "third"]);
    assert_eq!(site.store.credential(&ada()).unwrap().unwrap().id, "an id");
    assert_eq!(
        site.state(),
        State { recovery: old_codes(), granted: by_command(60), ..State::new("ada", UnixTime::new(60)) }
    );
}

#[test]
fn removes_one_authenticator_for_an_administrator() {
    let site = with_three(MANDATORY);
    let done = site.administrator(&one("my \"old\" phone"), &[]);
    done.assert_refused(
        "ada has no authenticator 'my \"old\" phone'",
        "Authenticators: 'phone', 'tablet', 'third'.",
    );
    let done = site.administrator(&one("tablet"), &[]);
    done.assert_said("Removed 'tablet'. Still set up: 'phone', 'third'.");
    assert_eq!(site.labels(), ["phone", "third"]);
}

/// A user who has another authenticator still has a second step.
#[test]
fn removes_one_authenticator_of_owner_who_is_obliged() {
    let site = with_three(MANDATORY);
    assert!(site.owner(&one("tablet"), &[Code(2)]).said.is_ok());
    assert_eq!(site.labels(), ["phone", "third"]);
}

#[test]
fn refuses_to_remove_a_label_that_is_not_there() {
    let site = Site::enrolled(OPT_IN, &["phone"]);
    let done = site.owner(&one("tablet"), &[Code(2)]);
    done.assert_refused("you have no authenticator 'tablet'", "Authenticators: 'phone'.");
    assert_eq!(done.prompts.len(), 0);
}

#[test]
fn refuses_to_remove_the_only_authenticator_by_its_label() {
    let site = Site::enrolled(OPT_IN, &["phone"]);
    let done = site.owner(&one("phone"), &[Code(2)]);
    done.assert_refused(
        "'phone' is your only authenticator",
        "To turn the second step off, run 'twostep remove' without a label.",
    );
    assert_eq!(done.prompts.len(), 0);
    let done = site.administrator(&one("phone"), &[]);
    done.assert_refused(
        "'phone' is the only authenticator of ada",
        "To turn the second step off, run 'twostep remove --user ada' without a label.",
    );
    assert_eq!(site.labels(), ["phone"]);
}

#[test]
fn removes_everything_except_mark_after_proof() {
    let site = with_three(OPT_IN);
    let done = site.owner(&Remove(None), &[Code(2)]);
    done.assert_said("You are no longer enrolled. To enroll again, run 'twostep enroll'.");
    assert_eq!(done.log, ["grant phone", "act remove"]);
    assert_eq!(
        done.prompts,
        [format!("This removes 'phone', 'tablet', 'third' and all recovery codes.\n{ASK_PROOF}")]
    );
    assert!(!site.store.has_credential(7).unwrap());
    assert_eq!(site.state(), State::new("ada", UnixTime::new(60)));
}

#[test]
fn removes_everything_for_an_administrator_whatever_is_required() {
    let site = with_three(MANDATORY);
    site.change(|state| state.with_requirement(REQUIRED));
    let done = site.administrator(&Remove(None), &[]);
    done.assert_said("ada is no longer enrolled. To enroll again, run 'twostep enroll --user ada'.");
    assert_eq!(done.log, ["act remove"]);
    assert!(!site.store.has_credential(7).unwrap());
    assert_eq!(site.state(), State::new("ada", UnixTime::new(0)).with_requirement(REQUIRED));
}

#[test]
fn removes_nothing_of_owner_who_proves_nothing() {
    let site = with_three(OPT_IN);
    site.owner(&Remove(None), &[Text("000000"); 3]).assert_refused(NO_CODE, &not_accepted());
    assert_eq!(site.labels().len(), 3);
}

#[test]
fn refuses_removal_where_a_rule_requires_it() {
    let site = with_three(MANDATORY);
    let done = site.owner(&Remove(None), &[Code(2)]);
    done.assert_refused(RULE, ASK);
    assert_eq!((done.prompts.len(), site.labels().len()), (0, 3));
}

#[test]
fn refuses_removal_where_an_administrator_requires_it() {
    let site = with_three(OPT_IN);
    site.change(|state| state.with_requirement(REQUIRED));
    let done = site.owner(&Remove(None), &[Code(2)]);
    done.assert_refused(ADMINISTRATOR, ASK);
    assert_eq!((done.prompts.len(), site.labels().len()), (0, 3));
}

#[test]
fn refuses_removal_where_groups_cannot_be_looked_up() {
    let site =
        with_three(&format!("{OPT_IN}[[rule]]\nname = \"staff\"\ngroups = [\"staff\"]\nmode = \"opt-in\"\n"));
    site.knows_groups.set(false);
    let done = site.owner(&Remove(None), &[Code(2)]);
    done.assert_refused(
        "rule 'staff' (line 6 of /etc/twostep/policy.toml) requires a second step of you",
        ASK,
    );
    site.knows_groups.set(true);
    assert!(site.owner(&Remove(None), &[Code(2)]).said.is_ok());
}

#[test]
fn refuses_removal_where_a_requirement_came_up_meanwhile() {
    let rule = |site: &Site| site.set_policy(MANDATORY);
    let administrator = |site: &Site| site.change(|state| state.with_requirement(REQUIRED));
    let changes: [&dyn Fn(&Site); 2] = [&rule, &administrator];
    for (change, what) in changes.into_iter().zip([RULE, ADMINISTRATOR]) {
        let site = with_three(OPT_IN);
        let done = site.owner(&Remove(None), &[Meanwhile(&|| change(&site)), Code(2)]);
        done.assert_refused(what, ASK);
        assert_eq!(done.log, ["grant phone"]);
        assert_eq!(site.labels().len(), 3);
    }
}

#[test]
fn removes_nothing_where_the_basis_changed_meanwhile() {
    let site = with_three(OPT_IN);
    let renew = || site.change(|state| state.with_recovery(known_codes()));
    site.owner(&Remove(None), &[Meanwhile(&renew), Code(2)]).assert_refused(CHANGED, KEPT);
    assert_eq!(site.labels().len(), 3);
    assert!(site.state().recovery == known_codes());
}
