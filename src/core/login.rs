//! The story of one login, from the PAM items to the verdict.

use crate::audit::{self, Who};
use crate::code::Code;
use crate::os::account::Account;
use crate::policy::{Decision, Groups, Mode, Origin, Policy, Subject, Verification, literal};
use crate::verdict::{Accepted, Denial, Exemption, ExemptionReason, Next, Priority, Verdict};
use crate::world::{Host, Machine, Request};

/// What the person is asked.
pub const PROMPT: &str = "Verification code: ";

/// What must have been proved before: the module argument `first_factor=`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum FirstFactor {
    /// A password that an earlier line asked for or, in sshd, any method that sshd has accepted.
    #[default]
    PasswordOrMethod,
    /// This method of sshd's.
    Method(String),
    /// Nothing: the administrator says so in writing.
    Any,
}

/// Who is asked, and what can come of it.
enum Candidate {
    /// Codes can be accepted.
    Enrolled(Account),
    /// Whatever is typed is refused, with the words of a wrong code: nobody must learn who exists and who is enrolled.
    Hopeless(Denial),
}

/// What a login must prove.
enum Requirement {
    /// Nothing.
    Nothing(Exemption),
    /// A code.
    Code(Candidate, Verification),
}

/// Decides one login: asks for a code where the policy wants one, and logs each answer.
pub fn authenticate(host: &mut impl Host, machine: &impl Machine, first: &FirstFactor) -> Verdict {
    let request = host.request();
    let mut who = request.who();
    match require(&request, machine, first, &mut who) {
        Ok(Requirement::Nothing(exemption)) => finish(host, &who, Verdict::Exempt(exemption)),
        Ok(Requirement::Code(candidate, rules)) => prove(host, machine, &who, &candidate, &rules),
        Err(denial) => refuse(host, &who, denial),
    }
}

/// What the policy wants of this login. Fills in the name by which the log knows the person.
fn require(
    request: &Request,
    machine: &impl Machine,
    first: &FirstFactor,
    who: &mut Who,
) -> Result<Requirement, Denial> {
    check_first_factor(request, first)?;
    let policy = machine.policy()?;
    let account = match &request.user {
        Some(name) => machine.account(name)?,
        None => None,
    };
    let Some(account) = account else {
        return Ok(Requirement::Code(Candidate::Hopeless(Denial::UnknownUser), policy.verification));
    };
    who.user = Some(account.name.clone());
    let decision = decide(&policy, request, machine, &account);
    let exempt = |reason| Ok(Requirement::Nothing(Exemption { rule: decision.rule.to_owned(), reason }));
    if decision.mode == Mode::Exempt {
        return exempt(ExemptionReason::Exempt);
    }
    let candidate = match (machine.is_enrolled(&account)?, decision.mode) {
        (true, _) => Candidate::Enrolled(account),
        (false, Mode::Mandatory) => Candidate::Hopeless(Denial::NotEnrolled),
        (false, Mode::OptIn | Mode::Exempt) => return exempt(ExemptionReason::NotEnrolled),
    };
    Ok(Requirement::Code(candidate, policy.verification))
}

/// PAM does not say what the lines before ours found. In sshd at least something must show that a first factor was proved:
/// otherwise a stack of ours and `pam_permit` would let in whoever needs no code, and everybody else with a code alone.
fn check_first_factor(request: &Request, first: &FirstFactor) -> Result<(), Denial> {
    let methods = request.ssh_methods.as_deref().unwrap_or("");
    let proved = match first {
        FirstFactor::Any => true,
        FirstFactor::Method(wanted) => {
            methods.lines().any(|line| line.split(' ').next() == Some(wanted.as_str()))
        }
        FirstFactor::PasswordOrMethod => !request.is_sshd() || request.has_password || !methods.is_empty(),
    };
    if proved {
        return Ok(());
    }
    Err(Denial::NoFirstFactor(match first {
        FirstFactor::Method(wanted) => format!(
            "first_factor={wanted}, but sshd has not accepted that method: set AuthenticationMethods in sshd_config"
        ),
        FirstFactor::PasswordOrMethod | FirstFactor::Any => {
            "sshd has accepted no key and no line before ours asked for a password: mend the PAM stack, \
             or write first_factor=any"
                .to_owned()
        }
    }))
}

fn decide<'p>(
    policy: &'p Policy,
    request: &Request,
    machine: &impl Machine,
    account: &Account,
) -> Decision<'p> {
    let named = policy.groups();
    let groups =
        if named.is_empty() { Some(Default::default()) } else { machine.memberships(account, &named) };
    policy.decide(&Subject {
        user: &account.name,
        service: &request.service,
        origin: origin(request),
        address: literal(&request.rhost),
        groups: groups.map_or(Groups::Unknown, Groups::Known),
    })
}

/// Local is only what surely is: no remote host, a console, no sign of sshd, which over a socket gives no address.
fn origin(request: &Request) -> Origin {
    let tty = request.tty.strip_prefix("/dev/").unwrap_or(&request.tty);
    let number = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    let console = ["tty", "ttyS", "hvc", ":"].iter().any(|kind| tty.strip_prefix(kind).is_some_and(number));
    if console && request.rhost.is_empty() && !request.is_sshd() { Origin::Local } else { Origin::Remote }
}

/// Asks for a code until one is accepted or the tries are used up.
fn prove(
    host: &mut impl Host,
    machine: &impl Machine,
    who: &Who,
    candidate: &Candidate,
    rules: &Verification,
) -> Verdict {
    let mut prompt = PROMPT.to_owned();
    let mut left = rules.tries;
    loop {
        let judged = match host.ask(&prompt) {
            Ok(answer) => judge(host, machine, who, candidate, rules, &answer),
            Err(denial) => return refuse(host, who, denial),
        };
        let denial = match judged {
            Ok(accepted) => return finish(host, who, Verdict::Grant(accepted)),
            Err(denial) => denial,
        };
        left = match denial.outward().next {
            Next::AskAgain => left.saturating_sub(1),
            Next::OneMorePrompt => left.saturating_sub(1).min(1),
            Next::Stop => 0,
        };
        if left == 0 {
            return refuse(host, who, denial);
        }
        prompt = format!("{}\n{PROMPT}", denial.text());
        finish(host, who, Verdict::Deny(denial));
    }
}

/// Judges one answer.
fn judge(
    host: &mut impl Host,
    machine: &impl Machine,
    who: &Who,
    candidate: &Candidate,
    rules: &Verification,
    answer: &[u8],
) -> Result<Accepted, Denial> {
    if host.is_password(answer) {
        return Err(Denial::NotACode);
    }
    let code = Code::parse(answer).ok_or(Denial::NotACode)?;
    match candidate {
        Candidate::Hopeless(denial) => Err(denial.clone()),
        Candidate::Enrolled(account) => machine.verify(account, &code, rules, &mut |what| {
            host.log(&audit::remark(who, Priority::Notice, what));
        }),
    }
}

/// Ends a login that is refused. Of a plain refusal the application itself tells, and who went away reads nothing.
fn refuse(host: &mut impl Host, who: &Who, denial: Denial) -> Verdict {
    if denial.outward().next != Next::AskAgain && denial != Denial::Conversation {
        host.tell(&denial.text());
    }
    finish(host, who, Verdict::Deny(denial))
}

fn finish(host: &mut impl Host, who: &Who, verdict: Verdict) -> Verdict {
    host.log(&audit::line(who, &verdict));
    verdict
}
