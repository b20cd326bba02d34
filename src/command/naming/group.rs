//! The members of a group.

use twostep_core::login::audit::Value;
use twostep_core::os::groups;
use twostep_core::os::root::Root;
use twostep_core::os::user_list;

use crate::failure::Failure;
use crate::import::unlisted_directory;
use crate::terminal::note;
use crate::words::frame::CHECK_SPELLING;
use crate::words::naming as words;

/// The names of the users whom the group lists, then of those whose primary group it is. Some may be no users.
pub(crate) fn members(name: &str) -> Result<Vec<String>, Failure> {
    let Some(group) = groups::by_name(name)? else {
        return Err(Failure::refused(words::unknown_group(Value(name)), CHECK_SPELLING));
    };
    let listed = user_list::listed()?;
    if unlisted_directory(&Root::SYSTEM, &listed)?.is_some() {
        note(&words::unlisted_members(name));
    }
    let primary = listed.into_iter().filter(|user| user.gid == group.gid).map(|user| user.name);
    Ok(group.mem.into_iter().chain(primary).collect())
}

/// The failure for a member that the name service does not know.
pub(super) fn unknown_member(group: &str, name: &str) -> Failure {
    Failure::refused(words::unknown_member(group, Value(name)), words::UNKNOWN_MEMBER_THEN)
}
