//! Enrollment where a ticket is required.

use std::sync::LazyLock;

use super::*;

/// The answer to a ticket, whatever is wrong with it.
const NOT_THE_TICKET: &str = "That ticket was not accepted. Ask your administrator for one.";
const NO_TICKET: &str = "no ticket was accepted";
const QUESTION: &str = "Enrollment ticket: ";

fn needing(policy: &str) -> String {
    format!("{policy}require-ticket = true\n")
}

/// A ticket for ada, which expires at 200.
fn ticket() -> Ticket {
    // A hash takes some time.
    static TICKET: LazyLock<Ticket> = LazyLock::new(|| Ticket::issue(&the_code(), 7, UnixTime::new(200)));
    *TICKET
}

/// A machine where ada needs a ticket, and has one.
fn with_ticket() -> Site {
    let site = Site::new(&needing(MANDATORY));
    site.change(|state| state.with_ticket(Some(ticket())));
    site
}

fn enroll() -> ManageRequest {
    Enroll("phone".to_owned(), Screen::UNKNOWN)
}

/// Ada enrolls with her ticket. While she reads the recovery codes, `happens` runs.
fn enroll_while(site: &Site, happens: &dyn Fn()) -> Done {
    let text = the_code().expose_text();
    site.owner(&enroll(), &[Text(&text), Code(4), Code(5), Meanwhile(happens), Text(LAST_GROUP)])
}

#[test]
fn enrolls_with_a_ticket_that_is_then_used_up() {
    let site = with_ticket();
    let done = enroll_while(&site, &|| ());
    done.assert_said("You are enrolled (authenticator 'phone').");
    let first = "To set up your second step, you need a ticket from your administrator.\nEnrollment ticket: ";
    assert_eq!(done.prompts[0], first);
    assert_eq!(done.log, ["act enroll authenticator=phone"]);
    assert_eq!((site.labels().len(), site.state().ticket), (1, None));
}

#[test]
fn asks_again_for_a_ticket_and_logs_each_wrong_one() {
    let text = the_code().expose_text();
    let site = with_ticket();
    let wrong = [Text("9999-9999-9999-9999"), Text("1"), Text(&text)];
    let done = site.owner(&enroll(), &[&wrong[..], &[Code(4), Code(5), Text(LAST_GROUP)]].concat());
    assert!(done.said.is_ok());
    assert_eq!(done.log, ["deny wrong-ticket", "deny not-a-ticket", "act enroll authenticator=phone"]);
    assert_eq!(done.prompts[1], format!("{NOT_THE_TICKET}\n{QUESTION}"));
    assert_eq!(done.prompts[1], done.prompts[2]);
}

#[test]
fn refuses_a_third_wrong_ticket_and_the_right_one_is_dead() {
    let site = with_ticket();
    let done = site.owner(&enroll(), &[Text("9999-9999-9999-9999"); 9]);
    done.assert_refused(NO_TICKET, &format!("{NOT_THE_TICKET}\n{KEPT}"));
    assert_eq!(done.log, ["deny wrong-ticket"; 3]);
    assert_eq!(done.prompts.len(), 3);
    enroll_while(&site, &|| ()).assert_refused(NO_TICKET, &format!("{NOT_THE_TICKET}\n{KEPT}"));
    assert!(site.labels().is_empty());
}

#[test]
fn enrolls_nobody_whose_dialogue_outlived_the_ticket() {
    for (ends, enrolled) in [(799, true), (800, false)] {
        let site = with_ticket();
        let done = enroll_while(&site, &|| site.now.set(ends));
        assert_eq!((done.said.is_ok(), site.labels().len() == 1), (enrolled, enrolled), "{ends}");
        if !enrolled {
            done.assert_refused(NO_TICKET, &format!("{NOT_THE_TICKET}\n{NOT_SAVED}"));
            assert_eq!(site.state().ticket, Some(ticket()));
        }
    }
}

#[test]
fn enrolls_nobody_whose_ticket_was_withdrawn_meanwhile() {
    let site = with_ticket();
    let done = enroll_while(&site, &|| site.change(|state| state.with_ticket(None)));
    done.assert_refused(NO_TICKET, &format!("{NOT_THE_TICKET}\n{NOT_SAVED}"));
    assert!(site.labels().is_empty());
}

#[test]
fn asks_no_ticket_of_user_who_is_not_obliged() {
    let site = Site::new(&needing(OPT_IN));
    assert!(site.owner(&enroll(), &[Code(4), Code(5), Text(LAST_GROUP)]).said.is_ok());
    let site = Site::new(MANDATORY);
    assert!(site.owner(&enroll(), &[Code(4), Code(5), Text(LAST_GROUP)]).said.is_ok());
}

#[test]
fn asks_ticket_of_user_whom_administrator_obliges() {
    let site = Site::new(&needing(OPT_IN));
    site.change(|state| state.with_requirement(REQUIRED));
    let done = site.owner(&enroll(), &[Text("1")]);
    assert!(done.prompts[0].ends_with(QUESTION) && done.said.is_err());
}

#[test]
fn enrolls_nobody_who_needs_a_ticket_since_the_prompt() {
    let rule = |site: &Site| site.set_policy(&needing(MANDATORY));
    let administrator = |site: &Site| site.change(|state| state.with_requirement(REQUIRED));
    let changes: [&dyn Fn(&Site); 2] = [&rule, &administrator];
    for change in changes {
        let site = Site::new(&needing(OPT_IN));
        let happens = || change(&site);
        let replies = [Code(4), Code(5), Meanwhile(&happens), Text(LAST_GROUP)];
        site.owner(&enroll(), &replies).assert_refused(NO_TICKET, &format!("{NOT_THE_TICKET}\n{NOT_SAVED}"));
        assert!(site.labels().is_empty());
        assert!(site.administrator(&enroll(), &replies).said.is_ok(), "who needs none");
    }
}

#[test]
fn enrolls_nobody_if_the_policy_cannot_be_read_any_more() {
    let site = Site::new(OPT_IN);
    let broken = || site.set_policy(BROKEN);
    let done = site.owner(&enroll(), &[Code(4), Code(5), Meanwhile(&broken), Text(LAST_GROUP)]);
    done.assert_unavailable("version");
    assert!(site.labels().is_empty());
}
