//! The control of a line: what each return value of a module does to the stack (pam.conf(5), pam_misc.c).

use std::fmt::{self, Display, Formatter};

/// One of libpam's return values, with which a module answers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ReturnValue(usize);

/// The names of the return values, in libpam's order.
const NAMES: [&str; 32] = [
    "success",
    "open_err",
    "symbol_err",
    "service_err",
    "system_err",
    "buf_err",
    "perm_denied",
    "auth_err",
    "cred_insufficient",
    "authinfo_unavail",
    "user_unknown",
    "maxtries",
    "new_authtok_reqd",
    "acct_expired",
    "session_err",
    "cred_unavail",
    "cred_expired",
    "cred_err",
    "no_module_data",
    "conv_err",
    "authtok_err",
    "authtok_recover_err",
    "authtok_lock_busy",
    "authtok_disable_aging",
    "try_again",
    "ignore",
    "abort",
    "authtok_expired",
    "module_unknown",
    "bad_item",
    "conv_again",
    "incomplete",
];

/// The values that twostep needs by name.
impl ReturnValue {
    /// The module accepts.
    pub const SUCCESS: Self = Self(0);
    /// The module cannot do its work.
    pub const SERVICE_ERR: Self = Self(3);
    /// A system call failed.
    pub const SYSTEM_ERR: Self = Self(4);
    /// Memory is exhausted.
    pub const BUF_ERR: Self = Self(5);
    /// Permission is denied; libpam also returns this for an empty stack.
    pub const PERM_DENIED: Self = Self(6);
    /// The authentication failed.
    pub const AUTH_ERR: Self = Self(7);
    /// The module cannot reach the information that it needs.
    pub const AUTHINFO_UNAVAIL: Self = Self(9);
    /// The module does not know the user.
    pub const USER_UNKNOWN: Self = Self(10);
    /// The user has tried too often.
    pub const MAXTRIES: Self = Self(11);
    /// The password is right, but the user must change it.
    pub const NEW_AUTHTOK_REQD: Self = Self(12);
    /// The account has expired.
    pub const ACCT_EXPIRED: Self = Self(13);
    /// twostep's answer on a line with `sshd_accepted=` if sshd has accepted the method.
    pub const CRED_UNAVAIL: Self = Self(15);
    /// A new password could not be set, or not yet.
    pub const AUTHTOK_ERR: Self = Self(20);
    /// The application could not ask the user.
    pub const CONV_ERR: Self = Self(19);
    /// The module has no say.
    pub const IGNORE: Self = Self(25);
    /// The login must end at once.
    pub const ABORT: Self = Self(26);
    /// The password expired so long ago that the account is locked.
    pub const AUTHTOK_EXPIRED: Self = Self(27);
    /// The file of the module cannot be loaded.
    pub const MODULE_UNKNOWN: Self = Self(28);
}

impl ReturnValue {
    /// All return values, in libpam's order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..NAMES.len()).map(Self)
    }

    /// The value that a service file calls `name`.
    pub fn named(name: &str) -> Option<Self> {
        NAMES.iter().position(|&known| known == name).map(Self)
    }

    /// Its number in libpam.
    pub fn number(self) -> usize {
        self.0
    }
}

/// What a return value does to the stack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Leaves the result of the stack as it is.
    Ignore,
    /// Counts as success, unless a line has refused.
    Ok,
    /// Counts as `Ok` and ends the stack, unless a line has refused.
    Done,
    /// Makes the stack refuse.
    Bad,
    /// Makes the stack refuse, and ends it.
    Die,
    /// Forgets the result of the lines before.
    Reset,
    /// Skips this many lines.
    Jump(usize),
}

const ACTIONS: [(&str, Action); 6] = [
    ("ignore", Action::Ignore),
    ("ok", Action::Ok),
    ("done", Action::Done),
    ("bad", Action::Bad),
    ("die", Action::Die),
    ("reset", Action::Reset),
];

/// Why libpam cannot read a control.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ControlError {
    /// This control lacks a `=`.
    NoEqualsSign(String),
    /// This word is not a return value.
    NoReturnValue(String),
    /// This word is not an action.
    NoAction(String),
}

impl Display for ControlError {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoEqualsSign(word) => write!(f, "'=' is missing in '{word}'"),
            Self::NoReturnValue(word) => write!(f, "'{word}' is no return value"),
            Self::NoAction(word) => write!(f, "'{word}' is no action"),
        }
    }
}

/// The actions of one line, one for each return value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Control([Action; NAMES.len()]);

impl Control {
    /// The control that replaces one that libpam cannot read: every answer counts as a refusal.
    pub const REFUSES: Self = Self::always(Action::Bad);

    /// The control that does the same whatever the answer is.
    pub const fn always(action: Action) -> Self {
        Self([action; NAMES.len()])
    }

    /// Parses the word of a control, without its brackets.
    pub fn parse(word: &str) -> Result<Self, ControlError> {
        use ReturnValue as R;
        let named = |pairs: &[(ReturnValue, Action)], rest| Ok(Table::from(pairs).filled(rest));
        let yes = |action| [(R::SUCCESS, action), (R::NEW_AUTHTOK_REQD, action)];
        let needed = [yes(Action::Ok).as_slice(), &[(R::IGNORE, Action::Ignore)]].concat();
        match word.to_ascii_lowercase().as_str() {
            "required" => named(&needed, Action::Bad),
            "requisite" => named(&needed, Action::Die),
            "optional" => named(&yes(Action::Ok), Action::Ignore),
            "sufficient" => named(&yes(Action::Done), Action::Ignore),
            _ => pairs(word),
        }
    }

    /// What `answer` does to the stack.
    pub fn on(&self, answer: ReturnValue) -> Action {
        self.0.get(answer.0).copied().unwrap_or(Action::Bad)
    }

    /// Whether a login goes the same way whatever the answer is, unless no other line counts: as with `optional`.
    pub fn is_optional(&self) -> bool {
        ReturnValue::all().all(|answer| match self.on(answer) {
            Action::Ignore => true,
            Action::Ok => [ReturnValue::SUCCESS, ReturnValue::NEW_AUTHTOK_REQD].contains(&answer),
            Action::Done | Action::Bad | Action::Die | Action::Reset | Action::Jump(_) => false,
        })
    }
}

/// A table while it is read: a return value that is not named yet gets the default.
struct Table([Option<Action>; NAMES.len()]);

impl Table {
    fn from(pairs: &[(ReturnValue, Action)]) -> Self {
        let mut table = Self([None; NAMES.len()]);
        pairs.iter().for_each(|&(answer, action)| table.set(answer, action));
        table
    }

    fn set(&mut self, answer: ReturnValue, action: Action) {
        if let Some(slot) = self.0.get_mut(answer.0) {
            *slot = Some(action);
        }
    }

    fn set_rest(&mut self, action: Action) {
        self.0.iter_mut().for_each(|slot| *slot = slot.or(Some(action)));
    }

    fn filled(&self, rest: Action) -> Control {
        Control(self.0.map(|slot| slot.unwrap_or(rest)))
    }
}

/// Parses `value=action ...`. A value that is not named counts as a refusal.
fn pairs(word: &str) -> Result<Control, ControlError> {
    let mut table = Table::from(&[]);
    let mut rest = word.trim_start();
    while !rest.is_empty() {
        let (answer, after) = answer(rest)?;
        let after = after
            .trim_start()
            .strip_prefix('=')
            .ok_or_else(|| ControlError::NoEqualsSign(word.to_owned()))?;
        let (action, after) = action(after.trim_start())?;
        match answer {
            Some(answer) => table.set(answer, action),
            None => table.set_rest(action),
        }
        rest = after.trim_start();
    }
    Ok(table.filled(Action::Bad))
}

/// A return value, or `None` for `default`. libpam compares only the beginning of the text.
fn answer(text: &str) -> Result<(Option<ReturnValue>, &str), ControlError> {
    for (number, name) in NAMES.iter().enumerate() {
        if let Some(rest) = text.strip_prefix(name) {
            return Ok((Some(ReturnValue(number)), rest));
        }
    }
    let rest = text.strip_prefix("default").ok_or_else(|| ControlError::NoReturnValue(first(text)))?;
    Ok((None, rest))
}

fn action(text: &str) -> Result<(Action, &str), ControlError> {
    for (name, action) in ACTIONS {
        if let Some(rest) = text.strip_prefix(name) {
            return Ok((action, rest));
        }
    }
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(digits);
    match number.parse::<i32>().map(usize::try_from) {
        Ok(Ok(lines)) if lines > 0 => Ok((Action::Jump(lines), rest)),
        Ok(_) | Err(_) => Err(ControlError::NoAction(first(text))),
    }
}

fn first(text: &str) -> String {
    text.split(char::is_whitespace).next().unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_optional_only_if_no_answer_decides() {
        let is_optional = |word| Control::parse(word).unwrap().is_optional();
        assert!(["optional", "success=ok default=ignore", "default=ignore"].into_iter().all(is_optional));
        let deciding = [
            "required",
            "requisite",
            "sufficient",
            "default=ok",
            "success=1 default=ignore",
            "success=ok default=bad",
        ];
        assert!(!deciding.into_iter().any(is_optional));
    }

    #[test]
    fn reads_words_and_pairs_as_manual_says() {
        use Action::{Bad, Die, Done, Ignore, Jump, Ok};
        let table = [
            // control                                success  expired  ignore   auth_err
            ("required", [Ok, Ok, Ignore, Bad]),
            ("REQUISITE", [Ok, Ok, Ignore, Die]),
            ("Optional", [Ok, Ok, Ignore, Ignore]),
            ("sufficient", [Done, Done, Ignore, Ignore]),
            ("success=1 default=ignore", [Jump(1), Ignore, Ignore, Ignore]),
            ("default=die success=ok", [Ok, Die, Die, Die]),
            (" success = ok  ignore=ignore", [Ok, Bad, Ignore, Bad]),
            ("success=okdefault=die", [Ok, Die, Die, Die]),
            ("default=1 ignore=ignore success=ok", [Ok, Jump(1), Ignore, Jump(1)]),
            ("success=ok new_authtok_reqd=ok ignore=ignore default=bad", [Ok, Ok, Ignore, Bad]),
            ("", [Bad, Bad, Bad, Bad]),
        ];
        for (word, expected) in table {
            let control = Control::parse(word).unwrap();
            let answers = [
                ReturnValue::SUCCESS,
                ReturnValue::NEW_AUTHTOK_REQD,
                ReturnValue::IGNORE,
                ReturnValue::AUTH_ERR,
            ];
            assert_eq!(answers.map(|answer| control.on(answer)), expected, "{word:?}");
        }
    }

    #[test]
    fn refuses_unknown_word_or_pair() {
        for word in [
            "requird",
            "success",
            "success=",
            "success=0",
            "success=-1",
            "foo=ok",
            "SUCCESS=ok",
            "success=ok,",
            "success=2147483648",
        ] {
            assert!(Control::parse(word).is_err(), "{word:?}");
        }
    }
}
