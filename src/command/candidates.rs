//! The words that a shell offers for an argument: users, groups, PAM services, labels. They are public, or the caller's own.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;

use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use twostep_core::helper::client;
use twostep_core::manage::act::Target;
use twostep_core::manage::status::Status;
use twostep_core::os::groups;
use twostep_core::os::user_list;
use twostep_core::paths::PAM_DIRS;

use crate::administrator::Administrator;
use crate::caller::Caller;
use crate::subject::Subject;

/// The users whom the name service lists.
pub(crate) fn users() -> ArgValueCompleter {
    offer(user_names)
}

/// The groups of the local database.
pub(crate) fn groups() -> ArgValueCompleter {
    offer(|| groups::local_names().unwrap_or_default())
}

/// The services that have a file for PAM.
pub(crate) fn services() -> ArgValueCompleter {
    offer(|| PAM_DIRS.iter().flat_map(fs::read_dir).flatten().filter_map(service).collect())
}

/// For root the users, for all others the labels of their own authenticators.
pub(crate) fn users_or_own_labels() -> ArgValueCompleter {
    offer(|| match Caller::new(None) {
        Ok(Caller::Administrator(_)) if user_option().is_none() => user_names(),
        _ => labels(user_option()),
    })
}

/// The labels of the user whom the arguments before name.
pub(crate) fn labels_of_user() -> ArgValueCompleter {
    offer(|| labels(user_option().or_else(user_after_verb)))
}

fn offer(words: impl Fn() -> Vec<String> + Send + Sync + 'static) -> ArgValueCompleter {
    ArgValueCompleter::new(move |typed: &OsStr| {
        let typed = typed.to_string_lossy();
        let fits = |word: &String| word.starts_with(&*typed) && can_be_typed(word);
        let words: BTreeSet<String> = words().into_iter().filter(fits).collect();
        words.into_iter().map(CompletionCandidate::new).collect()
    })
}

/// Whether a shell takes the word as it is. Others are not offered, because each shell quotes in its own way.
fn can_be_typed(word: &str) -> bool {
    !word.is_empty()
        && !word.starts_with('-')
        && word.chars().all(|c| c.is_alphanumeric() || "_-.@+".contains(c))
}

fn user_names() -> Vec<String> {
    user_list::listed().unwrap_or_default().into_iter().map(|user| user.name).collect()
}

fn service(entry: std::io::Result<fs::DirEntry>) -> Option<String> {
    entry.ok()?.file_name().into_string().ok()
}

/// The labels of a user's authenticators. Root reads the store; others ask the helper, which tells them their own.
fn labels(user: Option<String>) -> Vec<String> {
    let status = match (Caller::new(None), user) {
        (Ok(Caller::Administrator(administrator)), Some(user)) => status_of(&administrator, &user),
        (Ok(Caller::User), _) => client::status().ok(),
        _ => None,
    };
    status.unwrap_or_default().authenticators.into_iter().map(|authenticator| authenticator.label).collect()
}

fn status_of(administrator: &Administrator, user: &str) -> Option<Status> {
    let target = Target::find(user, administrator.names()).ok()??;
    let snapshot = administrator.store().ok()?.snapshot(target.uid);
    Some(Status::of(snapshot, target.account.as_ref(), administrator.now().ok()?))
}

/// The words that were typed after `twostep`, which the shell gives after `--`.
fn typed() -> impl Iterator<Item = String> {
    std::env::args_os().skip(3).map(|word| word.to_string_lossy().into_owned())
}

/// The value of `--user`.
fn user_option() -> Option<String> {
    typed()
        .skip_while(|word| word != "--user")
        .nth(1)
        .or_else(|| typed().find_map(|word| Some(word.strip_prefix("--user=")?.to_owned())))
}

/// The first word after the subcommand that is no option.
fn user_after_verb() -> Option<String> {
    typed().filter(|word| !word.starts_with('-')).nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_no_word_that_a_shell_changes() {
        for word in ["ada", "_apt", "svc-web.2", "ada@corp.example", "new+phone", "J\u{fc}rgen"] {
            assert!(can_be_typed(word), "{word}");
        }
        for word in ["", "-x", "my phone", "$(id)", "a;b", "CORP\\ada", "*", "a'b", "a:b", "~", "a\u{b}b"] {
            assert!(!can_be_typed(word), "{word}");
        }
    }
}
