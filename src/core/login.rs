//! The story of one login, from the PAM items to the verdict.

use std::collections::BTreeSet;

use crate::audit::{self, Who};
use crate::code::Code;
use crate::os::account::{Account, Entry};
use crate::policy::{Address, DEFAULT_RULE, Groups, Mode, Origin, Policy, Subject, Verification};
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

/// Decides one login: asks for a code where the policy wants one, and logs each answer.
pub fn authenticate(host: &mut impl Host, machine: &impl Machine, first: &FirstFactor) -> Verdict {
    let request = host.request();
    let who = request.who();
    let mut login = Login { host, machine, request, who };
    match login.require(first) {
        Ok(Requirement::Nothing(exemption)) => login.finish(Verdict::Exempt(exemption)),
        Ok(Requirement::Code(candidate, rules)) => login.prove(&candidate, &rules),
        Err(denial) => login.refuse(denial),
    }
}

/// What a login must prove.
enum Requirement {
    /// Nothing.
    Nothing(Exemption),
    /// A code.
    Code(Candidate, Verification),
}

/// Who is asked, and what can come of it.
enum Candidate {
    /// Codes can be accepted.
    Enrolled(Account),
    /// Whatever is typed is refused, with the words of a wrong code: nobody must learn who exists and who is enrolled.
    Refused(Denial),
}

/// One login under way.
struct Login<'a, H, M> {
    host: &'a mut H,
    machine: &'a M,
    request: Request,
    /// Who logs in, as the log names them: filled in as it becomes known.
    who: Who,
}

impl<H: Host, M: Machine> Login<'_, H, M> {
    /// What must be proved.
    fn require(&mut self, first: &FirstFactor) -> Result<Requirement, Denial> {
        let account = self.request.user.as_deref().map_or(Ok(None), |name| self.machine.account(name))?;
        self.who.user = account.as_ref().map(|account| account.name.clone());
        check_first_factor(&self.request, first)?;
        let policy = self.machine.policy()?;
        let Some(account) = account else {
            return Ok(Requirement::Code(Candidate::Refused(Denial::UnknownUser), policy.verification));
        };
        let (mode, rule) = self.decide(&policy, &account);
        self.who.rule = Some(rule.clone());
        if mode == Mode::Exempt {
            return Ok(Requirement::Nothing(Exemption { rule, reason: ExemptionReason::Exempt }));
        }
        let candidate = match (self.machine.is_enrolled(&account)?, mode) {
            (true, _) => Candidate::Enrolled(account),
            (false, Mode::Mandatory) => Candidate::Refused(Denial::NotEnrolled),
            (false, Mode::OptIn | Mode::Exempt) => {
                return Ok(Requirement::Nothing(Exemption { rule, reason: ExemptionReason::NotEnrolled }));
            }
        };
        Ok(Requirement::Code(candidate, policy.verification))
    }

    /// What the policy wants, and by which rule. Of an account's names, the one with the strictest verdict counts.
    fn decide(&mut self, policy: &Policy, account: &Account) -> (Mode, String) {
        let named = policy.groups();
        let mut strictest: Option<(Mode, String)> = None;
        for entry in &account.entries {
            let groups = self.groups_of(entry, &named);
            let decision = policy.decide(&Subject {
                user: &entry.name,
                service: &self.request.service,
                origin: origin(&self.request),
                address: Address::of(&self.request.rhost),
                groups,
            });
            if strictest.as_ref().is_none_or(|(mode, _)| decision.mode > *mode) {
                strictest = Some((decision.mode, decision.rule.to_owned()));
            }
        }
        // Every account has a name; if one had none, nothing would speak for an exemption.
        strictest.unwrap_or_else(|| (Mode::Mandatory, DEFAULT_RULE.to_owned()))
    }

    fn groups_of(&mut self, entry: &Entry, named: &BTreeSet<&str>) -> Groups {
        if named.is_empty() {
            return Groups::Known(BTreeSet::new());
        }
        self.machine.memberships(entry, named).map_or_else(
            |fault| {
                self.remark(&format!("{fault}: rules with groups count as mandatory"));
                Groups::Unknown
            },
            Groups::Known,
        )
    }

    /// Asks for a code until one is accepted or the tries are used up.
    fn prove(&mut self, candidate: &Candidate, rules: &Verification) -> Verdict {
        let mut prompt = PROMPT.to_owned();
        let mut left = rules.tries;
        loop {
            let judged = match self.host.ask(&prompt) {
                Ok(answer) => self.judge(candidate, rules, &answer),
                Err(denial) => return self.refuse(denial),
            };
            let denial = match judged {
                Ok(accepted) => return self.finish(Verdict::Grant(accepted)),
                Err(denial) => denial,
            };
            left = match denial.outward().next {
                Next::AskAgain => left.saturating_sub(1),
                // Also where one try is allowed: sudo and `ssh -q` show a reason in a prompt or not at all.
                Next::OneMorePrompt => left.saturating_sub(1).max(u8::from(prompt == PROMPT)).min(1),
                Next::Stop => 0,
            };
            if left == 0 {
                return self.refuse(denial);
            }
            prompt = format!("{}\n{PROMPT}", denial.text());
            self.finish(Verdict::Deny(denial));
        }
    }

    /// Judges one answer.
    fn judge(
        &mut self,
        candidate: &Candidate,
        rules: &Verification,
        answer: &[u8],
    ) -> Result<Accepted, Denial> {
        let account = match candidate {
            Candidate::Refused(denial) => return Err(denial.clone()),
            Candidate::Enrolled(account) => account,
        };
        if self.request.is_sshd() && is_put_there_by_sshd(answer) {
            return Err(Denial::RefusedBySshd);
        }
        if self.host.is_password(answer) {
            return Err(Denial::NotACode);
        }
        let code = Code::parse(answer).ok_or(Denial::NotACode)?;
        self.machine.verify(account, &code, rules, &mut |what| self.remark(what))
    }

    /// Ends a login that is refused. Of a plain refusal the application itself tells, and who went away reads nothing.
    fn refuse(&mut self, denial: Denial) -> Verdict {
        if denial.outward().next != Next::AskAgain && denial != Denial::Conversation {
            self.host.tell(&denial.text());
        }
        self.finish(Verdict::Deny(denial))
    }

    fn finish(&mut self, verdict: Verdict) -> Verdict {
        self.host.log(&audit::line(&self.who, &verdict));
        verdict
    }

    fn remark(&mut self, what: &str) {
        self.host.log(&audit::remark(&self.who, Priority::Warning, what));
    }
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

/// Local is only what surely is: no remote host, a console, no sign of sshd, which over a socket gives no address, and no
/// setuid program, to which its caller may give any terminal as standard input.
fn origin(request: &Request) -> Origin {
    let tty = request.tty.strip_prefix("/dev/").unwrap_or(&request.tty);
    let number = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    let console = ["tty", "ttyS", "hvc"].iter().any(|kind| tty.strip_prefix(kind).is_some_and(number));
    let here = (console || tty == ":0") && request.rhost.is_empty();
    if here && request.called_by_root && !request.is_sshd() { Origin::Local } else { Origin::Remote }
}

/// For whom it will not let in, sshd replaces each answer by this text, cut or repeated to the answer's length
/// (`fake_password` in its auth-pam.c).
fn is_put_there_by_sshd(answer: &[u8]) -> bool {
    const JUNK: &[u8] = b"\x08\n\r\x7fINCORRECT";
    !answer.is_empty() && answer.iter().zip(JUNK.iter().cycle()).all(|(typed, junk)| typed == junk)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::audit::Line;
    use crate::code::Answer;
    use crate::os::{Fault, account};
    use crate::time::UnixTime;
    use crate::verdict::PamCode;
    use crate::world::Conversation;

    /// An application whose user types the given answers, then hangs up.
    struct Person {
        request: Request,
        answers: Vec<&'static str>,
        shown: Vec<String>,
        log: Vec<String>,
    }

    impl Conversation for Person {
        fn ask(&mut self, prompt: &str) -> Result<Answer, Denial> {
            self.shown.push(prompt.to_owned());
            if self.answers.is_empty() {
                return Err(Denial::Conversation);
            }
            Ok(Answer::new(self.answers.remove(0).into()))
        }
        fn tell(&mut self, text: &str) {
            self.shown.push(format!("[{text}]"));
        }
    }

    impl Host for Person {
        fn request(&mut self) -> Request {
            self.request.clone()
        }
        fn is_password(&self, answer: &[u8]) -> bool {
            self.request.has_password && answer == b"11223344"
        }
        fn log(&mut self, line: &Line) {
            self.log.push(line.text.clone());
        }
    }

    /// A machine on which root exists, and codes get the given verdicts, one after the other.
    struct Fake {
        policy: Result<&'static str, Denial>,
        enrolled: Result<bool, Denial>,
        verdicts: RefCell<Vec<Result<(), Denial>>>,
    }

    impl Machine for Fake {
        fn policy(&self) -> Result<Policy, Denial> {
            let text = self.policy.clone()?;
            Ok(Policy::parse(format!("version = 1\n{text}").as_bytes()).unwrap())
        }
        fn account(&self, name: &str) -> Result<Option<Account>, Denial> {
            let canonical = if name == "toor" { "root" } else { name };
            let mut account = account::by_name(canonical)?;
            if let Some(account) = account.as_mut().filter(|_| name == "toor") {
                let alias = Entry { name: name.to_owned(), ..account.entries[0].clone() };
                account.entries.push(alias);
            }
            Ok(account)
        }
        fn memberships(&self, entry: &Entry, groups: &BTreeSet<&str>) -> Result<BTreeSet<String>, Fault> {
            if groups.contains("lost") {
                return Err(Fault("LDAP is down".to_owned()));
            }
            let wheel = entry.name == "toor" && groups.contains("wheel");
            Ok(wheel.then(|| "wheel".to_owned()).into_iter().collect())
        }
        fn is_enrolled(&self, _: &Account) -> Result<bool, Denial> {
            self.enrolled.clone()
        }
        fn verify(
            &self,
            _: &Account,
            _: &Code,
            _: &Verification,
            _: &mut dyn FnMut(&str),
        ) -> Result<Accepted, Denial> {
            self.verdicts.borrow_mut().remove(0)?;
            Ok(Accepted { authenticator: "phone".to_owned(), offset: 0 })
        }
    }

    fn enrolled(verdicts: &[Result<(), Denial>]) -> Fake {
        Fake {
            policy: Ok("mode = \"opt-in\""),
            enrolled: Ok(true),
            verdicts: RefCell::new(verdicts.to_vec()),
        }
    }

    fn person(user: &str, answers: &[&'static str]) -> Person {
        let request = Request {
            user: Some(user.to_owned()),
            service: "login".to_owned(),
            called_by_root: true,
            ..Request::default()
        };
        Person { request, answers: answers.to_vec(), shown: Vec::new(), log: Vec::new() }
    }

    fn run(person: &mut Person, machine: &Fake) -> PamCode {
        authenticate(person, machine, &FirstFactor::default()).pam_code()
    }

    const WRONG: Result<(), Denial> = Err(Denial::WrongCode { failures: 1, elsewhere: None });
    const REFUSED: &str = "Not accepted. Each code works once: wait for the next one.\nVerification code: ";

    #[test]
    fn who_mistypes_may_try_again_and_each_answer_is_logged() {
        let mut ada = person("root", &["123456", "abc", "234567"]);
        assert_eq!(run(&mut ada, &enrolled(&[WRONG, Ok(())])), PamCode::Success);
        assert_eq!(ada.shown, [PROMPT, REFUSED, REFUSED]);
        let reasons = ["reason=wrong-code", "reason=not-a-code", "result=grant"];
        for (line, reason) in ada.log.iter().zip(reasons) {
            assert!(line.contains(reason), "{line}");
        }
        assert_eq!(ada.log.len(), 3);
    }

    #[test]
    fn after_the_last_try_nobody_is_asked_again() {
        let mut ada = person("root", &["123456"; 9]);
        assert_eq!(run(&mut ada, &enrolled(&[WRONG, WRONG, WRONG])), PamCode::AuthErr);
        assert_eq!((ada.shown.len(), ada.log.len()), (3, 3));
    }

    #[test]
    fn an_unknown_user_and_a_mandatory_one_without_a_credential_see_what_an_enrolled_one_sees() {
        let mandatory = Fake { policy: Ok("mode = \"mandatory\""), enrolled: Ok(false), ..enrolled(&[]) };
        let mut known = person("root", &["123456", "", "x", "1"]);
        let mut nobody = person("no such user", &["123456", "", "x", "1"]);
        let mut unenrolled = person("root", &["123456", "", "x", "1"]);
        assert_eq!(run(&mut known, &enrolled(&[WRONG])), PamCode::AuthErr);
        assert_eq!(run(&mut nobody, &mandatory), PamCode::AuthErr);
        assert_eq!(run(&mut unenrolled, &mandatory), PamCode::AuthErr);
        assert_eq!(known.shown, nobody.shown);
        assert_eq!(known.shown, unenrolled.shown);
        assert!(nobody.log[0].contains("user=? ") && nobody.log[0].contains("reason=unknown-user"));
        assert!(!nobody.log.join("").contains("no such user"));
    }

    #[test]
    fn only_a_policy_decision_is_ignored() {
        let table = [
            // policy                     enrolled                                    code
            (Ok("mode = \"exempt\""), Err(Denial::Unavailable("disk".into())), PamCode::Ignore),
            (Ok("mode = \"opt-in\""), Ok(false), PamCode::Ignore),
            (Ok("mode = \"opt-in\""), Err(Denial::Unavailable("disk".into())), PamCode::AuthinfoUnavail),
            (Ok("mode = \"mandatory\""), Err(Denial::Unavailable("disk".into())), PamCode::AuthinfoUnavail),
            (Err(Denial::Misconfigured("1:1: x".into())), Ok(false), PamCode::ServiceErr),
        ];
        for (policy, is_enrolled, code) in table {
            let machine = Fake { policy: policy.clone(), enrolled: is_enrolled, ..enrolled(&[]) };
            let mut ada = person("root", &[]);
            assert_eq!(run(&mut ada, &machine), code, "{policy:?}");
            assert_eq!(ada.log.len(), 1);
            assert!(!ada.shown.iter().any(|text| text.contains(PROMPT)), "nobody is asked");
        }
    }

    #[test]
    fn who_is_locked_out_reads_why_in_one_more_prompt() {
        let waiting = Err(Denial::Waiting { until: UnixTime::new(60), now: UnixTime::new(33) });
        let mut ada = person("root", &["123456"; 9]);
        assert_eq!(run(&mut ada, &enrolled(&[waiting.clone(), waiting])), PamCode::MaxTries);
        let text = "Too many wrong codes. No code is accepted before 00:01:00 UTC (in 27 s).";
        assert_eq!(ada.shown, [PROMPT, &format!("{text}\n{PROMPT}"), &format!("[{text}]")]);
    }

    #[test]
    fn who_is_locked_out_reads_why_even_where_one_try_is_allowed() {
        let disabled = || Err(Denial::Disabled { name: "root".to_owned() });
        let machine = Fake {
            policy: Ok("mode = \"opt-in\"\n[verification]\ntries = 1"),
            ..enrolled(&[disabled(), disabled()])
        };
        let mut ada = person("root", &["123456"; 9]);
        assert_eq!(run(&mut ada, &machine), PamCode::MaxTries);
        assert!(ada.shown[1].contains("run 'twostep unlock root'"));
        assert_eq!(ada.log.len(), 2);
    }

    #[test]
    fn an_error_ends_the_conversation_without_its_cause() {
        let mut ada = person("root", &["123456"; 9]);
        let broken = Err(Denial::Unavailable("/var/lib/x is damaged".to_owned()));
        assert_eq!(run(&mut ada, &enrolled(&[broken])), PamCode::AuthinfoUnavail);
        assert_eq!(ada.shown, [PROMPT, "[Verification is unavailable. Ask your administrator.]"]);
        assert!(ada.log[0].contains("cause=\"/var/lib/x is damaged\""));
    }

    #[test]
    fn who_hangs_up_is_refused() {
        let mut ada = person("root", &[]);
        assert_eq!(run(&mut ada, &enrolled(&[])), PamCode::ConvErr);
        assert_eq!(ada.log.len(), 1);
    }

    #[test]
    fn the_password_is_never_taken_for_a_code() {
        let mut ada = person("root", &["11223344"; 3]);
        ada.request.has_password = true;
        assert_eq!(run(&mut ada, &enrolled(&[])), PamCode::AuthErr);
        assert!(ada.log.iter().all(|line| line.contains("reason=not-a-code") && !line.contains("1122")));
    }

    #[test]
    fn what_sshd_puts_in_place_of_an_answer_is_recognised() {
        let mut ada =
            person("root", &["\x08\n\r\x7fIN", "\x08\n\r\x7fINCORRECT\x08\n", "\x08\n\r\x7fINCORRECt"]);
        ada.request.service = "sshd".to_owned();
        ada.request.has_password = true;
        assert_eq!(run(&mut ada, &enrolled(&[])), PamCode::AuthErr);
        assert_eq!(ada.shown, [PROMPT, REFUSED, REFUSED]);
        let reasons = ["reason=refused-by-sshd", "reason=refused-by-sshd", "reason=not-a-code"];
        for (line, reason) in ada.log.iter().zip(reasons) {
            assert!(line.contains(reason), "{line}");
        }
    }

    #[test]
    fn in_sshd_something_must_show_a_first_factor() {
        use FirstFactor::{Any, Method, PasswordOrMethod};
        let key = || Method("publickey".to_owned());
        let table = [
            // service, tty, password, methods, argument                                 admitted
            ("login", "tty1", false, None, PasswordOrMethod, true),
            ("sshd", "ssh", false, None, PasswordOrMethod, false),
            ("sshd", "ssh", false, Some(""), PasswordOrMethod, false),
            ("sshd", "ssh", true, None, PasswordOrMethod, true),
            ("sshd", "ssh", false, Some("publickey ssh-ed25519 AAAA"), PasswordOrMethod, true),
            ("sshd", "ssh", false, None, Any, true),
            ("renamed", "ssh", false, None, PasswordOrMethod, false),
            ("renamed", "", false, Some(""), PasswordOrMethod, false),
            ("sshd", "ssh", true, None, key(), false),
            ("sshd", "ssh", false, Some("password"), key(), false),
            ("sshd", "ssh", false, Some("publickeyish x"), key(), false),
            ("sshd", "ssh", false, Some("publickey ssh-ed25519 AAAA\n"), key(), true),
            ("sshd", "ssh", false, Some("gssapi-with-mic\npublickey ssh-rsa AAAA"), key(), true),
            ("login", "tty1", true, None, key(), false),
        ];
        for (service, tty, has_password, methods, argument, admitted) in table {
            let mut ada = person("root", &[]);
            ada.request = Request {
                service: service.to_owned(),
                tty: tty.to_owned(),
                has_password,
                ssh_methods: methods.map(str::to_owned),
                ..ada.request
            };
            let exempt = Fake { policy: Ok("mode = \"exempt\""), ..enrolled(&[]) };
            let code = authenticate(&mut ada, &exempt, &argument).pam_code();
            let expected = if admitted { PamCode::Ignore } else { PamCode::AuthErr };
            assert_eq!(code, expected, "{service} {tty} {has_password} {methods:?} {argument:?}");
        }
    }

    #[test]
    fn lost_groups_make_the_second_step_mandatory_and_the_log_says_why() {
        let policy = "mode = \"opt-in\"\n[[rule]]\nname = \"g\"\ngroups = [\"lost\"]\nmode = \"exempt\"";
        let machine = Fake { policy: Ok(policy), enrolled: Ok(false), ..enrolled(&[]) };
        let mut ada = person("root", &["1", "2", "3"]);
        assert_eq!(run(&mut ada, &machine), PamCode::AuthErr);
        assert!(ada.log[0].starts_with("remark=\"LDAP is down: rules with groups count as mandatory\""));
        assert!(ada.log[1].ends_with("reason=not-enrolled rule=g"), "{}", ada.log[1]);
    }

    #[test]
    fn of_two_names_of_an_account_the_stricter_verdict_counts() {
        let rule = |condition: &str, mode: &str| {
            let text = format!("mode = \"opt-in\"\n[[rule]]\nname = \"r\"\n{condition}\nmode = \"{mode}\"");
            Box::leak(text.into_boxed_str()) as &'static str
        };
        let table = [
            ("users = [\"toor\"]", "mandatory", PamCode::AuthErr),
            ("users = [\"root\"]", "mandatory", PamCode::AuthErr),
            ("groups = [\"wheel\"]", "mandatory", PamCode::AuthErr),
            ("users = [\"nobody\"]", "mandatory", PamCode::Ignore),
        ];
        for (condition, mode, code) in table {
            let machine = Fake { policy: Ok(rule(condition, mode)), enrolled: Ok(false), ..enrolled(&[]) };
            assert_eq!(run(&mut person("toor", &["1", "2", "3"]), &machine), code, "{condition}");
        }
        let exempt =
            Fake { policy: Ok(rule("users = [\"toor\"]", "exempt")), ..enrolled(&[WRONG, WRONG, WRONG]) };
        assert_eq!(run(&mut person("toor", &["123456"; 3]), &exempt), PamCode::AuthErr);
    }

    #[test]
    fn local_is_only_what_surely_is() {
        let table = [
            ("tty1", "", None, Origin::Local),
            ("/dev/tty1", "", None, Origin::Local),
            ("ttyS0", "", None, Origin::Local),
            ("hvc0", "", None, Origin::Local),
            (":0", "", None, Origin::Local),
            (":10", "", None, Origin::Remote),
            ("", "", None, Origin::Remote),
            ("ssh", "", None, Origin::Remote),
            ("pts/0", "", None, Origin::Remote),
            ("/dev/pts/0", "", None, Origin::Remote),
            ("tty", "", None, Origin::Remote),
            ("ttyUSB", "", None, Origin::Remote),
            ("tty1x", "", None, Origin::Remote),
            ("tty1", "192.0.2.7", None, Origin::Remote),
            ("tty1", "", Some(""), Origin::Remote),
        ];
        for (tty, rhost, methods, expected) in table {
            let request = Request {
                tty: tty.to_owned(),
                rhost: rhost.to_owned(),
                ssh_methods: methods.map(str::to_owned),
                called_by_root: true,
                ..Request::default()
            };
            assert_eq!(origin(&request), expected, "{tty} {rhost} {methods:?}");
            let from_a_user = Request { called_by_root: false, ..request };
            assert_eq!(origin(&from_a_user), Origin::Remote, "su of a user's");
        }
    }
}
