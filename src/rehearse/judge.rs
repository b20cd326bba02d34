//! What each login must come to.

use twostep_rehearse::{Case, Ended, FirstFactor, Login, LoginFault, Question};

/// The logins to try, the one with all of it right last.
pub(crate) const fn cases(first_factor: FirstFactor) -> [Case; 4] {
    match first_factor {
        FirstFactor::Password => [Case::WrongPassword, Case::WrongCode, Case::NoCode, Case::Right],
        FirstFactor::Publickey => [Case::NoKey, Case::WrongCode, Case::NoCode, Case::Right],
    }
}

/// What a login came to.
#[derive(Debug)]
pub(crate) struct Seen {
    pub asked: Vec<Question>,
    pub ended: Ended,
}

/// What is wrong with a login; none if it went as it must.
pub(crate) fn fault(first_factor: FirstFactor, case: Case, seen: &Seen) -> Option<LoginFault> {
    let asked = |question| seen.asked.contains(&question);
    let is_first_wrong = matches!(case, Case::WrongPassword | Case::NoKey);
    let is_right = case == Case::Right;
    let asked_code = asked(Question::Code) || asked(Question::PasswordAndCode);
    let asked_password = asked(Question::Password) || asked(Question::PasswordAndCode);
    // Without a key, a service that takes a key or a password asks for the password.
    let has_key = first_factor == FirstFactor::Publickey && case != Case::NoKey;
    match &seen.ended {
        Ended::LetIn if !is_right => Some(LoginFault::LetIn),
        Ended::LetIn if !asked_code => Some(LoginFault::CodeNotAsked),
        Ended::Refused { .. } | Ended::NotStarted { .. } if is_right => Some(LoginFault::Refused),
        Ended::LetIn | Ended::Refused { .. } | Ended::NotStarted { .. } => {
            if is_first_wrong && asked(Question::Code) {
                Some(LoginFault::CodeAskedTooEarly)
            } else if !is_first_wrong && !asked_code {
                Some(LoginFault::CodeNotAsked)
            } else {
                (has_key && asked_password).then_some(LoginFault::PasswordAsked)
            }
        }
        Ended::Killed { .. } | Ended::TooSlow { .. } | Ended::Exited { .. } => Some(LoginFault::NotEnded),
    }
}

/// Whether the login with all of it right was refused.
pub(crate) fn right_is_refused(logins: &[Login]) -> bool {
    logins.iter().any(|login| login.case == Case::Right && login.fault == Some(LoginFault::Refused))
}

/// Whether a login shows something even if a condition has refused the account.
pub(crate) fn is_certain(login: &Login) -> bool {
    match login.fault {
        None | Some(LoginFault::Refused | LoginFault::CodeNotAsked) => false,
        Some(
            LoginFault::LetIn
            | LoginFault::NotEnded
            | LoginFault::CodeAskedTooEarly
            | LoginFault::PasswordAsked,
        ) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Case::{NoCode, NoKey, Right, WrongCode, WrongPassword};
    use FirstFactor::{Password, Publickey};
    use Question::{Code, Password as PasswordAsked, PasswordAndCode};
    use twostep_rehearse::Phase;

    fn refused() -> Ended {
        Ended::Refused { phase: Phase::Auth, code: 7, text: String::new() }
    }

    type Row<'a> = (FirstFactor, Case, &'a [Question], Ended, Option<LoginFault>);

    #[test]
    fn judges_login_by_its_end_and_its_prompts() {
        let both = [PasswordAsked, Code];
        let table: [Row<'_>; 23] = [
            (Password, WrongPassword, &[PasswordAsked], refused(), None),
            (Password, WrongPassword, &both, refused(), Some(LoginFault::CodeAskedTooEarly)),
            (Password, WrongPassword, &both, Ended::LetIn, Some(LoginFault::LetIn)),
            (Password, WrongPassword, &[PasswordAndCode], refused(), None),
            (Password, WrongCode, &both, refused(), None),
            (Password, WrongCode, &[PasswordAsked], refused(), Some(LoginFault::CodeNotAsked)),
            (Password, WrongCode, &both, Ended::LetIn, Some(LoginFault::LetIn)),
            (Password, NoCode, &both, refused(), None),
            (Password, NoCode, &[PasswordAndCode], refused(), None),
            (Password, NoCode, &[PasswordAndCode, PasswordAsked], refused(), None),
            (Password, NoCode, &both, Ended::Killed { signal: 11 }, Some(LoginFault::NotEnded)),
            (Password, Right, &both, Ended::LetIn, None),
            (Password, Right, &both, refused(), Some(LoginFault::Refused)),
            (
                Password,
                Right,
                &[],
                Ended::NotStarted { code: 26, text: String::new() },
                Some(LoginFault::Refused),
            ),
            (Password, Right, &[PasswordAsked], Ended::LetIn, Some(LoginFault::CodeNotAsked)),
            (Password, Right, &both, Ended::TooSlow { seconds: 20 }, Some(LoginFault::NotEnded)),
            (Publickey, NoKey, &[], refused(), None),
            (Publickey, NoKey, &[PasswordAsked], refused(), None),
            (Publickey, NoKey, &[Code], refused(), Some(LoginFault::CodeAskedTooEarly)),
            (Publickey, WrongCode, &[Code], refused(), None),
            (Publickey, WrongCode, &both, refused(), Some(LoginFault::PasswordAsked)),
            (Publickey, Right, &[Code], Ended::LetIn, None),
            (Publickey, Right, &both, Ended::LetIn, Some(LoginFault::PasswordAsked)),
        ];
        for (first_factor, case, asked, ended, expected) in table {
            let seen = Seen { asked: asked.to_vec(), ended };
            assert_eq!(fault(first_factor, case, &seen), expected, "{case:?} {seen:?}");
        }
    }

    #[test]
    fn tries_right_login_last() {
        for first_factor in [Password, Publickey] {
            assert_eq!(cases(first_factor)[3], Right);
        }
    }
}
