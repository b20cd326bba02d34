//! The four kinds of lines in a service file.

/// What a line is for, which is its first word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ModuleType {
    /// Proves who the user is.
    Auth,
    /// Whether they may come in.
    Account,
    /// The change of a password.
    Password,
    /// What surrounds a session: before and after.
    Session,
}

impl ModuleType {
    /// The kind that libpam sees in a word, without its leading `-`.
    pub fn parse(word: &str) -> Option<Self> {
        let all = [Self::Auth, Self::Account, Self::Password, Self::Session];
        all.into_iter().find(|kind| kind.word().eq_ignore_ascii_case(word))
    }

    /// The word in a file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Account => "account",
            Self::Password => "password",
            Self::Session => "session",
        }
    }
}
