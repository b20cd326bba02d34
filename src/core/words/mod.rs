//! What a user reads in a login and in commands for their own account, in English.
//!
//! Each text is an item whose name is its key and whose doc comment is a note for the translator: when the text is shown, and
//! what its arguments are. Nothing reads a text back.

pub mod account;
pub mod enrollment;
pub mod login;

/// Defines texts: constants, functions of arguments that are shown as they are, and functions that address the user or
/// name another one.
///
/// ```
/// use twostep_core::words::Reader;
///
/// twostep_core::words! {
///     /// Asks for a code.
///     CODE_PROMPT = "Code: ";
///     /// `limit` failed codes in a row.
///     locked(limit) = "{limit} failed codes.";
///     /// After an enrollment. `user` is an account.
///     enrolled(user: Reader, label) = "You enrolled '{label}'.", "{user} enrolled '{label}'.";
/// }
///
/// assert_eq!(locked(3), "3 failed codes.");
/// assert_eq!(enrolled(Reader::You, "phone"), "You enrolled 'phone'.");
/// assert_eq!(enrolled(Reader::Admin("ada"), "phone"), "ada enrolled 'phone'.");
/// ```
#[macro_export]
macro_rules! words {
    ($($(#[doc = $note:literal])+ $key:ident $(($($arguments:tt)+))? = $($english:literal),+;)+) => {
        $($crate::words! { @one $(#[doc = $note])+ $key $(($($arguments)+))? = $($english),+ })+

        /// Each key with its texts.
        #[cfg(test)]
        pub(crate) const CATALOGUE: &[(&str, &[&str])] = &[$((stringify!($key), &[$($english),+])),+];
    };
    (@one $(#[doc = $note:literal])+ $key:ident = $english:literal) => {
        $(#[doc = $note])+
        pub const $key: &str = $english;
    };
    (@one $(#[doc = $note:literal])+ $key:ident($($argument:ident),+) = $english:literal) => {
        $(#[doc = $note])+
        pub fn $key($($argument: impl std::fmt::Display),+) -> String {
            format!($english)
        }
    };
    (@one $(#[doc = $note:literal])+ $key:ident($user:ident: Reader $(, $argument:ident)*) = $you:literal, $admin:literal) => {
        $(#[doc = $note])+
        pub fn $key($user: $crate::words::Reader<'_> $(, $argument: impl std::fmt::Display)*) -> String {
            match $user {
                $crate::words::Reader::You => format!($you),
                $crate::words::Reader::Admin($user) => format!($admin),
            }
        }
    };
}

/// Who reads a text about an account.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reader<'a> {
    /// The user whose account it is.
    You,
    /// An administrator; the account has this name.
    Admin(&'a str),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A terminal has 80 columns; `error: ` takes 7. A user may enroll in a window of 60.
    #[test]
    fn texts_fit_the_screen() {
        check_columns(&[account::CATALOGUE, login::CATALOGUE].concat(), 77);
        check_columns(enrollment::CATALOGUE, 60);
    }

    /// An argument counts as 8. Only texts for users are counted, which come first.
    fn check_columns(texts: &[(&str, &[&str])], most: usize) {
        for (key, texts) in texts {
            for line in texts.iter().take(1).flat_map(|text| text.lines()) {
                let parts = line.split(['{', '}']).enumerate();
                let columns: usize = parts.map(|(at, part)| if at % 2 == 0 { part.len() } else { 8 }).sum();
                assert!(columns <= most, "{key}: {columns} columns: {line}");
            }
        }
    }
}
