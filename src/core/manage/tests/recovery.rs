use super::*;

/// The text if the codes were not replaced.
const STILL: &str = "Nothing was changed. The old recovery codes still work.";

fn no_codes() -> String {
    OPT_IN.replace("codes = 1", "codes = 0")
}

/// A user with two failures at recovery codes.
fn with_failures(policy: &str) -> Site {
    let site = Site::enrolled(policy, &["phone"]);
    let failed = Count { codes: 0, recovery: 2, last: UnixTime::new(0), ..Count::NONE };
    site.change(|state| State { hosts: failed, helper: failed, ..state.clone() });
    site
}

#[test]
fn renews_recovery_codes_after_proof() {
    let site = with_failures(OPT_IN);
    let done = site.owner(&Recovery, &[Code(2), Text(LAST_GROUP)]);
    done.assert_said("You have new recovery codes (1). The old ones no longer work.");
    assert_eq!(done.log, ["grant phone", "act recovery codes=1"]);
    assert_eq!(done.prompts[0], ASK_PROOF);
    assert!(done.prompts[1].starts_with("Write down these recovery codes"));
    let state = site.state();
    assert!(state.recovery != old_codes() && state.recovery.left() == Some(1));
    let shown = LongCode::new(*b"7890123456");
    assert!(state.recovery.find(&shown, "an id").is_some(), "for this credential");
    assert_eq!((state.hosts.recovery, state.helper.recovery), (0, 0), "with all tries");
}

#[test]
fn renews_recovery_codes_for_an_administrator_without_proof() {
    let site = with_failures(OPT_IN);
    let done = site.administrator(&Recovery, &[Text(LAST_GROUP)]);
    done.assert_said("ada has new recovery codes (1). The old ones no longer work.");
    assert_eq!(done.log, ["act recovery codes=1"]);
    assert!(site.state().recovery != old_codes());
}

#[test]
fn keeps_old_recovery_codes_until_user_has_read_new_ones() {
    let table: [(&[Reply<'_>], &str); 2] = [
        (&[Text(""), Text("x"), Text("y"), Text("z")], "cancelled (end of input)"),
        (&[], "cancelled (end of input)"),
    ];
    for (replies, what) in table {
        let site = with_failures(OPT_IN);
        let before = site.state();
        let done = site.administrator(&Recovery, replies);
        done.assert_refused(what, STILL);
        assert_eq!((site.state(), done.log.len()), (before, 0));
    }
}

#[test]
fn keeps_old_recovery_codes_of_owner_who_proves_nothing() {
    let site = with_failures(OPT_IN);
    let done = site.owner(&Recovery, &[Text("000000"), Text("000000"), Text("000000"), Text(LAST_GROUP)]);
    done.assert_refused(NO_CODE, &not_accepted());
    assert!(site.state().recovery == old_codes());
}

#[test]
fn renews_no_recovery_codes_where_the_basis_changed_meanwhile() {
    let site = with_failures(OPT_IN);
    let renew = || site.change(|state| state.with_recovery(known_codes()));
    let done = site.owner(&Recovery, &[Code(2), Meanwhile(&renew), Text(LAST_GROUP)]);
    done.assert_refused(CHANGED, KEPT);
    assert_eq!(done.log, ["grant phone"]);
    assert!(site.state().recovery == known_codes());
}

#[test]
fn refuses_owner_new_recovery_codes_where_policy_allows_none() {
    let site = with_failures(&no_codes());
    let done = site.owner(&Recovery, &[Code(2)]);
    done.assert_refused("the policy allows no recovery codes", KEPT);
    assert_eq!(done.prompts.len(), 0);
    assert!(site.state().recovery == old_codes());
}

#[test]
fn takes_recovery_codes_away_where_none_are_allowed() {
    let site = with_failures(&no_codes());
    let done = site.administrator(&Recovery, &[]);
    done.assert_said("ada no longer has recovery codes, because the policy allows none.");
    assert_eq!(done.log, ["act recovery codes=0"]);
    assert_eq!(done.prompts.len(), 0);
    assert_eq!(site.state().recovery, RecoveryCodes::NONE);
}
