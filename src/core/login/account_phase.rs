//! The account phase: it stores what a login has enrolled, and refuses who skipped a required second step. And its backstop
//! in setcred.

use crate::login::application::{Host, Left, Outcome};
use crate::login::audit::{self, Enrolled};
use crate::login::machine::Machine;
use crate::login::pam_call::{Visit, Wanted};
use crate::os::account::Account;
use crate::policy::{Methods, Mode, Policy};
use crate::store::files::credential::Confirmed;
use crate::verdict::{Denial, TicketFault, Verdict};

const DONE: &str = "Your second step is set up. From now on, logins here ask for a code.";

/// Decides the account phase of one login. There is nothing to say for it, only against it.
pub fn admit(host: &mut impl Host, machine: &impl Machine) -> Result<(), Denial> {
    let left = host.take();
    let mut admission = Admission(Visit::new(host, machine));
    admission.admit(left).inspect_err(|denial| admission.refuse(denial))
}

/// Refuses because the line in the PAM stack is wrong.
pub fn misconfigured(host: &mut impl Host, machine: &impl Machine, problem: String) -> Denial {
    drop(host.take());
    let denial = Denial::Misconfigured(problem);
    Admission(Visit::new(host, machine)).refuse(&denial);
    denial
}

/// The backstop: fails as long as an enrollment is pending. An application comes here only after the account phase, so that
/// has not reached us, and the login would go on with nothing stored.
pub fn check_settled(host: &mut impl Host) -> Result<(), Denial> {
    if !host.is_pending() {
        return Ok(());
    }
    let request = host.request();
    // An account's name: for nobody else an enrollment is pending.
    let who = audit::Who { user: request.user.clone(), ..request.who() };
    let denial = Denial::NotStored { service: request.service };
    host.log(&audit::line(&who, &Verdict::Deny(denial.clone())));
    Err(denial)
}

/// One account phase under way.
struct Admission<'a, H, M>(Visit<'a, H, M>);

impl<H: Host, M: Machine> Admission<'_, H, M> {
    fn admit(&mut self, left: Option<Left>) -> Result<(), Denial> {
        let policy = self.0.machine.policy()?;
        if left.is_none() && !self.0.request.is_one_of(&policy.gate.services) {
            return Ok(());
        }
        let account = self.0.account()?.ok_or(Denial::UnknownUser)?;
        match left {
            Some(left) if left.is_for(&account, &self.0.request) => {
                if let Outcome::Enrolling(confirmed) = left.outcome {
                    self.store(&policy, &account, *confirmed)?;
                }
                // An application may come here again; an enrollment serves once.
                self.0.host.keep(Left { outcome: Outcome::Passed, ..left })
            }
            Some(Left { outcome: Outcome::Enrolling(_), .. }) => Err(Denial::Unavailable(
                "another account was enrolled than the one that is let in".to_owned(),
            )),
            // Proved for somebody else, it proves nothing here, at whatever service.
            Some(Left { outcome: Outcome::Passed, .. }) | None => self.pass_the_gate(&policy, &account),
        }
    }

    fn store(&mut self, policy: &Policy, account: &Account, confirmed: Confirmed) -> Result<(), Denial> {
        self.check_still_wanted(policy, &confirmed)?;
        let enrolled = Enrolled::from(&confirmed);
        self.0.machine.enroll(account, confirmed)?;
        self.0.host.settle();
        self.0.host.log(&audit::enrolled(&self.0.who, &enrolled));
        self.0.host.tell(DONE);
        Ok(())
    }

    /// A dialogue takes minutes: what an administrator has changed meanwhile counts.
    fn check_still_wanted(&self, policy: &Policy, confirmed: &Confirmed) -> Result<(), Denial> {
        let changed = |what: &str| Err(Denial::Unavailable(format!("while the person enrolled, {what}")));
        if !policy.enrollment.services.contains(&self.0.request.service) {
            return changed("the policy's enrollment.services ceased to name this service");
        }
        match &confirmed.ticket {
            None if policy.enrollment.require_ticket => changed("the policy began to require a ticket"),
            Some(ticket) if ticket.is_over(self.0.machine.now()?) => {
                Err(Denial::WrongTicket(TicketFault::Expired))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// SSH keys skip the whole auth stack: who must prove a second step, and comes here without one, is refused. Of who must
    /// from some day on, only who is not enrolled is told: the others need do nothing for it.
    fn pass_the_gate(&mut self, policy: &Policy, account: &Account) -> Result<(), Denial> {
        let request = self.0.request.clone();
        let known = request.methods_of_sshd().collect::<Vec<_>>();
        // After a key alone sshd does not say so here.
        let methods = if known.is_empty() { Methods::Unknown } else { Methods::Known(known) };
        let wanted = self.0.decide(policy, account, &methods)?;
        let wanted = self.0.heed_requirement(wanted, account)?;
        match wanted.mode {
            Mode::Mandatory => Err(Denial::Skipped),
            Mode::Exempt | Mode::OptIn => self.announce(&wanted, account),
        }
    }

    fn announce(&mut self, wanted: &Wanted, account: &Account) -> Result<(), Denial> {
        let Some(text) = wanted.text() else { return Ok(()) };
        if !self.0.machine.is_enrolled(account)? {
            self.0.host.tell(&text);
        }
        Ok(())
    }

    fn refuse(&mut self, denial: &Denial) {
        self.0.host.tell(&denial.text());
        self.0.log(&Verdict::Deny(denial.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::login::application::Request;
    use crate::login::auth_phase::{Manner, authenticate};
    use crate::proof::code::LongCode;
    use crate::proof::ticket::Ticket;
    use crate::test_support::{Fake, Person, enrolled, person};
    use crate::time::UnixTime;
    use crate::verdict::PamCode;

    const MANDATORY: &str = "mode = \"mandatory\"\n[enrollment]\nrecovery-codes = 0";
    const CODES: [&str; 2] = ["338314", "254676"];

    fn newcomer() -> Fake {
        Fake { policy: Ok(MANDATORY), enrolled: Ok(false), ..enrolled(&[]) }
    }

    /// Somebody at login(1) whose auth phase is over, with an enrollment pending.
    fn pending() -> Person {
        let mut ada = person("root", &CODES);
        authenticate(&mut ada, &newcomer(), &Manner::default());
        assert!(ada.pending);
        ada.log.clear();
        ada.shown.clear();
        ada
    }

    fn code(admitted: Result<(), Denial>) -> Option<PamCode> {
        admitted.err().map(|denial| denial.outward().code)
    }

    #[test]
    fn a_pending_enrollment_is_stored_once_and_the_person_is_told() {
        let (mut ada, machine) = (pending(), newcomer());
        assert_eq!(admit(&mut ada, &machine), Ok(()));
        assert_eq!((machine.stored.borrow().len(), ada.pending), (1, false));
        assert_eq!(ada.shown, [format!("[{DONE}]")]);
        assert!(ada.log[0].starts_with("result=enrolled user=root service=login"), "{:?}", ada.log);
        assert_eq!(check_settled(&mut ada), Ok(()));
        assert_eq!(admit(&mut ada, &machine), Ok(()));
        assert_eq!(machine.stored.borrow().len(), 1, "it serves once");
    }

    #[test]
    fn who_comes_second_is_told_and_denied() {
        let mut ada = pending();
        let first = Fake { policy: Ok(MANDATORY), ..enrolled(&[]) };
        assert_eq!(code(admit(&mut ada, &first)), Some(PamCode::PermDenied));
        assert!(ada.shown[0].contains("enrolled meanwhile") && ada.pending);
        assert!(ada.log[0].contains("reason=enrolled-meanwhile"));
    }

    #[test]
    fn what_was_left_for_another_account_or_service_is_stored_for_nobody() {
        let changes: [fn(&mut Person); 4] = [
            |ada| ada.request.user = Some("daemon".to_owned()),
            |ada| ada.request.service = "sshd".to_owned(),
            |ada| ada.left.as_mut().unwrap().name = "toor".to_owned(),
            |ada| ada.left.as_mut().unwrap().uid = 1,
        ];
        for change in changes {
            let (mut ada, machine) = (pending(), newcomer());
            change(&mut ada);
            assert_eq!(code(admit(&mut ada, &machine)), Some(PamCode::AuthinfoUnavail));
            assert!(machine.stored.borrow().is_empty());
            assert_eq!(code(check_settled(&mut ada)), Some(PamCode::CredErr));
        }
    }

    #[test]
    fn the_backstop_refuses_as_long_as_something_is_pending_and_names_the_line_to_move() {
        let mut ada = pending();
        ada.request.service = "sshd".to_owned();
        assert_eq!(code(check_settled(&mut ada)), Some(PamCode::CredErr));
        assert!(
            ada.log[0].contains("reason=not-stored") && ada.log[0].contains("/etc/pam.d/sshd"),
            "{:?}",
            ada.log
        );
    }

    #[test]
    fn the_gate_refuses_at_its_services_who_skipped_a_mandatory_second_step() {
        let (refused, passes) = (Some(PamCode::PermDenied), None);
        let table = [
            // service, tty, methods      policy                                           expected
            ("sshd", "ssh", Some(""), MANDATORY, refused),
            ("renamed", "ssh", None, MANDATORY, refused),
            ("renamed", "", Some(""), MANDATORY, refused),
            ("sshd", "ssh", Some(""), "mode = \"opt-in\"", passes),
            ("sshd", "ssh", Some(""), "mode = \"exempt\"", passes),
            ("sshd", "ssh", Some(""), "mode = \"mandatory\"\n[gate]\nservices = []", passes),
            ("sshd", "ssh", Some(""), "mode = \"mandatory\"\n[gate]\nservices = [\"login\"]", passes),
            ("login", "tty1", None, "mode = \"mandatory\"\n[gate]\nservices = [\"login\"]", refused),
            ("login", "tty1", None, MANDATORY, passes),
            ("cron", "cron", None, MANDATORY, passes),
            ("sudo", "/dev/pts/1", None, MANDATORY, passes),
            ("systemd-user", "", None, MANDATORY, passes),
        ];
        for (service, tty, methods, policy, expected) in table {
            let mut ada = person("root", &[]);
            ada.request.service = service.to_owned();
            ada.request.tty = tty.to_owned();
            ada.request.ssh_methods = methods.map(str::to_owned);
            let machine = Fake { policy: Ok(policy), ..enrolled(&[]) };
            assert_eq!(code(admit(&mut ada, &machine)), expected, "{service} {tty} {policy}");
            let told = expected.is_some();
            assert_eq!(ada.shown.iter().any(|text| text.contains("AuthenticationMethods")), told);
            assert_eq!(ada.log.iter().any(|line| line.contains("reason=second-step-skipped")), told);
        }
    }

    /// Somebody who comes to the gate of sshd by a key alone.
    fn by_key() -> Person {
        let mut ada = person("root", &[]);
        ada.request = Request { service: "sshd".to_owned(), ssh_methods: Some(String::new()), ..ada.request };
        ada
    }

    #[test]
    fn the_gate_heeds_what_an_administrator_requires() {
        for (policy, expected) in
            [("mode = \"opt-in\"", Some(PamCode::PermDenied)), ("mode = \"exempt\"", None)]
        {
            let machine = Fake { policy: Ok(policy), required: Ok(true), ..enrolled(&[]) };
            assert_eq!(code(admit(&mut by_key(), &machine)), expected, "{policy}");
        }
        let lost = Err(Denial::Unavailable("the state cannot be read".to_owned()));
        let machine = Fake { required: lost, ..enrolled(&[]) };
        assert_eq!(code(admit(&mut by_key(), &machine)), Some(PamCode::AuthinfoUnavail));
    }

    #[test]
    fn at_the_gate_nobody_knows_of_a_key_so_it_exempts_nobody() {
        let policy = "mode = \"mandatory\"\n[[rule]]\nname = \"keys\"\nfirst-factor = [\"publickey\"]\nmode = \"exempt\"";
        let machine = Fake { policy: Ok(policy), ..enrolled(&[]) };
        assert_eq!(code(admit(&mut by_key(), &machine)), Some(PamCode::PermDenied));
        let mut ada = by_key();
        ada.request.ssh_methods = Some("publickey ssh-ed25519 AAAA".to_owned());
        assert_eq!(admit(&mut ada, &machine), Ok(()), "where sshd says so, it does");
        let policy = "mode = \"opt-in\"\n[[rule]]\nname = \"keys\"\nfirst-factor = [\"publickey\"]\nmode = \"mandatory\"";
        let machine = Fake { policy: Ok(policy), ..enrolled(&[]) };
        assert_eq!(code(admit(&mut by_key(), &machine)), Some(PamCode::PermDenied), "and it may be one");
    }

    #[test]
    fn at_the_gate_a_rule_about_a_first_factor_that_nobody_tells_is_not_evaded() {
        let policy = "mode = \"exempt\"\n[[rule]]\nname = \"keys\"\nfirst-factor = [\"publickey\"]\nmode = \"mandatory\"";
        let machine = Fake { policy: Ok(policy), ..enrolled(&[]) };
        assert_eq!(code(admit(&mut by_key(), &machine)), Some(PamCode::PermDenied));
        let mut ada = by_key();
        ada.request.ssh_methods = Some("password".to_owned());
        assert_eq!(admit(&mut ada, &machine), Ok(()), "where sshd says that it was another, it is");
    }

    #[test]
    fn who_is_nobody_is_refused_at_the_gate() {
        let mut nobody = by_key();
        nobody.request.user = Some("no such user".to_owned());
        assert_eq!(code(admit(&mut nobody, &newcomer())), Some(PamCode::AuthErr));
    }

    #[test]
    fn a_wrong_line_stores_nothing_now_or_later_and_the_backstop_still_refuses() {
        let (mut ada, machine) = (pending(), newcomer());
        let denial = misconfigured(&mut ada, &machine, "nullok".to_owned());
        assert_eq!(denial.outward().code, PamCode::ServiceErr);
        assert_eq!(admit(&mut ada, &machine), Ok(()));
        assert!(machine.stored.borrow().is_empty());
        assert_eq!(code(check_settled(&mut ada)), Some(PamCode::CredErr));
    }

    #[test]
    fn the_gate_tells_who_has_no_second_step_from_when_on_one_is_required() {
        let policy =
            "mode = \"opt-in\"\n[[rule]]\nname = \"later\"\nmode = \"mandatory\"\nstarts = 2027-01-15";
        for (is_enrolled, told) in [(false, 1), (true, 0)] {
            let mut ada = by_key();
            let machine = Fake { policy: Ok(policy), enrolled: Ok(is_enrolled), ..enrolled(&[]) };
            assert_eq!(admit(&mut ada, &machine), Ok(()));
            assert_eq!(ada.shown.iter().filter(|text| text.contains("From 2027-01-15 on")).count(), told);
        }
    }

    #[test]
    fn a_code_or_an_exemption_opens_the_gate_for_the_same_login_alone() {
        let opened = || {
            let mut ada = person("root", &["123456"]);
            ada.request = Request { service: "sshd".to_owned(), has_password: true, ..ada.request };
            let machine = Fake { policy: Ok(MANDATORY), ..enrolled(&[Ok(())]) };
            authenticate(&mut ada, &machine, &Manner::default());
            (ada, machine)
        };
        let (mut ada, machine) = opened();
        assert_eq!(admit(&mut ada, &machine), Ok(()));
        assert_eq!(admit(&mut ada, &machine), Ok(()), "applications may ask again");
        let (mut ada, machine) = opened();
        ada.request.user = Some("daemon".to_owned());
        assert_eq!(code(admit(&mut ada, &machine)), Some(PamCode::PermDenied));
    }

    #[test]
    fn what_was_proved_for_somebody_else_proves_nothing_at_any_service() {
        let mut ada = person("root", &["123456"]);
        let machine = Fake { policy: Ok(MANDATORY), ..enrolled(&[Ok(())]) };
        authenticate(&mut ada, &machine, &Manner::default());
        ada.request.user = Some("daemon".to_owned());
        assert_eq!(code(admit(&mut ada, &machine)), Some(PamCode::PermDenied));
    }

    #[test]
    fn what_an_administrator_changes_during_the_dialogue_counts() {
        for change in ["services = []", "require-ticket = true"] {
            let policy = format!("mode = \"mandatory\"\n[enrollment]\n{change}").leak();
            let (mut ada, machine) = (pending(), Fake { policy: Ok(policy), ..newcomer() });
            assert_eq!(code(admit(&mut ada, &machine)), Some(PamCode::AuthinfoUnavail), "{change}");
            assert!(machine.stored.borrow().is_empty());
            assert_eq!(code(check_settled(&mut ada)), Some(PamCode::CredErr));
        }
    }

    #[test]
    fn a_ticket_that_is_long_over_stores_nothing() {
        let expires = UnixTime::new(1000);
        for (now, expected) in [(1599, None), (1600, Some(PamCode::AuthErr))] {
            let (mut ada, machine) = (pending(), Fake { now: UnixTime::new(now), ..newcomer() });
            let left = ada.left.as_mut().unwrap();
            let Outcome::Enrolling(confirmed) = &mut left.outcome else { panic!("nothing is pending") };
            confirmed.ticket = Some(Ticket::issue(&LongCode::new(Fake::TICKET), 0, expires));
            assert_eq!(code(admit(&mut ada, &machine)), expected, "{now}");
            assert_eq!(machine.stored.borrow().len(), usize::from(expected.is_none()));
        }
    }

    #[test]
    fn a_broken_policy_denies_whoever_asks() {
        for service in ["sshd", "cron"] {
            let mut ada = person("root", &[]);
            ada.request.service = service.to_owned();
            let machine = Fake { policy: Err(Denial::Misconfigured("1:1: x".to_owned())), ..enrolled(&[]) };
            assert_eq!(code(admit(&mut ada, &machine)), Some(PamCode::ServiceErr));
        }
    }
}
