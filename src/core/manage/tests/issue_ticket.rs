//! Tickets, as an administrator issues them.

use std::time::Duration;

use super::*;
use crate::manage::ticket::NewTicket;

const HOUR: Duration = Duration::from_secs(3600);

fn issue(
    site: &Site,
    hand_over: impl FnOnce(&LongCode, UnixTime) -> Result<(), Failure>,
) -> (Result<bool, ActError>, Vec<String>) {
    site.acts(|acts| acts.ticket(&ada(), HOUR, hand_over))
}

#[test]
fn stores_ticket_after_it_was_handed_over() {
    let site = Site::new(OPT_IN);
    let mut shown = None;
    let done = issue(&site, |code, expires| {
        assert!(site.files().is_empty(), "nothing is stored before");
        shown = Some((LongCode::parse(code.expose_text().as_bytes()).unwrap(), expires));
        Ok(())
    });
    assert_eq!(done, (Ok(false), vec!["ticket ada expires=3660".to_owned()]));
    let ((code, expires), ticket) = (shown.unwrap(), site.state().ticket.unwrap());
    assert_eq!((ticket.expires, expires), (UnixTime::new(3660), UnixTime::new(3660)));
    assert!(ticket.is(&code, 7));
    assert_eq!(site.state().mark, UnixTime::new(90));
}

#[test]
fn says_whether_the_policy_asks_for_tickets() {
    let site = Site::new(&format!("{MANDATORY}require-ticket = true\n"));
    assert_eq!(issue(&site, |_, _| Ok(())).0, Ok(true));
}

#[test]
fn stores_no_ticket_that_could_not_be_handed_over() {
    let site = Site::new(OPT_IN);
    site.change(|state| state.with_ticket(Some(Ticket::issue(&the_code(), 7, UnixTime::new(200)))));
    let before = site.files();
    let failure = || Failure::unavailable("the disk is full.", "");
    assert_eq!(issue(&site, |_, _| Err(failure())), (Err(ActError::Failed(failure())), vec![]));
    assert!(site.files() == before, "the earlier one is still valid");
}

#[test]
fn issues_no_ticket_that_cannot_be_used() {
    let never = |_: &LongCode, _: UnixTime| -> Result<(), Failure> { panic!("handed over") };
    let site = Site::enrolled(OPT_IN, &["phone"]);
    assert_eq!(issue(&site, never), (Err(ActError::NeedsNoTicket), vec![]));
    let site = Site::new(OPT_IN);
    site.store.create_state(7, State::new("eva", UnixTime::new(0))).unwrap();
    assert!(matches!(issue(&site, never), (Err(ActError::Failed(_)), _)));
}

#[test]
fn reports_ticket_that_was_handed_over_in_vain() {
    let site = Site::new(OPT_IN);
    let done = issue(&site, |_, _| {
        site.store.create_state(7, State::new("eva", UnixTime::new(0))).unwrap();
        Ok(())
    });
    assert!(matches!(&done.0, Err(ActError::HandedOverInVain(_))) && done.1.is_empty());
    assert_eq!(site.state().ticket, None);
}

#[test]
fn stores_several_tickets_after_all_were_handed_over() {
    let site = Site::new(OPT_IN);
    let mut shown = Vec::new();
    let (done, log) = site.acts(|acts| {
        let hand_over = |tickets: &[&NewTicket<'_>]| {
            assert!(site.files().is_empty(), "nothing is stored before");
            shown = tickets.iter().map(|new| (new.account.name.clone(), new.expires.seconds())).collect();
            Ok(())
        };
        Ok(acts.tickets(&[&ada(), &eve()], HOUR, hand_over))
    });
    assert_eq!(done.unwrap(), Ok(vec![Ok(false), Ok(false)]));
    assert_eq!(shown, [("ada".to_owned(), 3660), ("eve".to_owned(), 3660)]);
    assert_eq!(log, ["ticket ada expires=3660", "ticket eve expires=3660"]);
    assert_eq!(site.state().ticket.unwrap().expires, UnixTime::new(3660));
}

#[test]
fn stores_none_of_several_tickets_that_could_not_be_handed_over() {
    let site = Site::new(OPT_IN);
    let failure = || Failure::unavailable("the disk is full.", "");
    let (done, log) = site.acts(|acts| Ok(acts.tickets(&[&ada(), &eve()], HOUR, |_| Err(failure()))));
    assert_eq!((done.unwrap(), log), (Err(failure()), vec![]));
    assert!(site.files().is_empty());
}

#[test]
fn leaves_out_user_who_needs_no_ticket() {
    let site = Site::enrolled(OPT_IN, &["phone"]);
    let mut shown = 0;
    let (done, _) = site.acts(|acts| {
        Ok(acts.tickets(&[&ada(), &eve()], HOUR, |tickets| {
            shown = tickets.len();
            Ok(())
        }))
    });
    assert_eq!(done.unwrap(), Ok(vec![Err(ActError::NeedsNoTicket), Ok(false)]));
    assert_eq!(shown, 1);
    let never = |_: &[&NewTicket<'_>]| -> Result<(), Failure> { panic!("handed over") };
    let (done, _) = site.acts(|acts| Ok(acts.tickets(&[&ada()], HOUR, never)));
    assert_eq!(done.unwrap(), Ok(vec![Err(ActError::NeedsNoTicket)]));
}
