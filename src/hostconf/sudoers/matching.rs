//! Whether a list of sudoers(5) means a caller or a host: its last member that does decides.

use std::collections::BTreeSet;

use super::export::{Member, Named};
use super::host::Host;
use super::sure::Sure;

/// A user who calls sudo.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The account; none stands for a user whom no entry names.
    pub account: Option<CallerAccount>,
    /// The groups to which the caller belongs; none if they are not known.
    pub groups: Option<CallerGroups>,
}

/// The account of a caller.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct CallerAccount {
    pub name: String,
    pub uid: u32,
}

/// The groups of a caller, as far as sudoers names them.
#[derive(Clone, Default, Debug)]
pub struct CallerGroups {
    pub names: BTreeSet<String>,
    pub gids: BTreeSet<u32>,
}

impl Caller {
    /// Whether the caller belongs to the group called `name`. Case does not count (`case_insensitive_group`).
    pub(super) fn is_member_of(&self, name: &str) -> Sure {
        let Some(groups) = &self.groups else { return Sure::Perhaps };
        groups.names.iter().any(|group| group.eq_ignore_ascii_case(name)).into()
    }

    /// Case does not count (`case_insensitive_user`).
    fn is_called(&self, name: &str) -> Sure {
        self.account.as_ref().is_some_and(|account| account.name.eq_ignore_ascii_case(name)).into()
    }

    fn has_gid(&self, gid: u32) -> Sure {
        self.groups.as_ref().map_or(Sure::Perhaps, |groups| groups.gids.contains(&gid).into())
    }

    fn is_meant_by(&self, named: &Named) -> Sure {
        match named {
            all if all.is_all() => Sure::Yes,
            Named::Username(name) => self.is_called(name),
            Named::Userid(uid) => self.account.as_ref().is_some_and(|account| account.uid == *uid).into(),
            Named::Usergroup(name) => self.is_member_of(name),
            Named::Usergid(gid) => self.has_gid(*gid),
            Named::Netgroup(_)
            | Named::NonUnixGroup(_)
            | Named::NonUnixGid(_)
            | Named::Hostname(_)
            | Named::NetworkAddr(_)
            | Named::Command(_) => Sure::Perhaps,
        }
    }
}

/// Whether a list of users means `caller`.
pub(super) fn means_caller(list: &[Member], caller: &Caller) -> Sure {
    decided(list, |named| caller.is_meant_by(named))
}

/// Whether a list of hosts means `host`.
pub(super) fn means_host(list: &[Member], host: &Host) -> Sure {
    decided(list, |named| match named {
        all if all.is_all() => Sure::Yes,
        Named::Hostname(pattern) => host.is_called(pattern),
        Named::NetworkAddr(network) => host.is_in(network),
        Named::Username(_)
        | Named::Userid(_)
        | Named::Usergroup(_)
        | Named::Usergid(_)
        | Named::Netgroup(_)
        | Named::NonUnixGroup(_)
        | Named::NonUnixGid(_)
        | Named::Command(_) => Sure::Perhaps,
    })
}

/// Whether a list means everything; of any one thing it is not known.
pub(super) fn means_everything(list: &[Member]) -> Sure {
    decided(list, |named| if named.is_all() { Sure::Yes } else { Sure::Perhaps })
}

/// What the last member says that means it. As long as members only perhaps do, each of their answers may be it.
fn decided(list: &[Member], means: impl Fn(&Named) -> Sure) -> Sure {
    let mut possible: Option<Sure> = None;
    let certain = list.iter().rev().find_map(|member| {
        let answer = Sure::from(!member.negated);
        match means(&member.named) {
            Sure::Yes => Some(answer),
            Sure::No => None,
            Sure::Perhaps => {
                possible = Some(either(possible, answer));
                None
            }
        }
    });
    either(possible, certain.unwrap_or(Sure::No))
}

fn either(one: Option<Sure>, other: Sure) -> Sure {
    one.map_or(other, |one| if one == other { one } else { Sure::Perhaps })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(json: &str) -> Vec<Member> {
        serde_json::from_str(json).unwrap()
    }

    fn alice() -> Caller {
        let groups = CallerGroups { names: ["Adm".to_owned()].into(), gids: [4].into() };
        Caller { account: Some(CallerAccount { name: "alice".to_owned(), uid: 1001 }), groups: Some(groups) }
    }

    #[test]
    fn takes_the_last_member_that_means_the_caller() {
        let table = [
            (r#"[]"#, Sure::No),
            (r#"[{"username": "ALL"}]"#, Sure::Yes),
            (r#"[{"username": "ALL"}, {"username": "alice", "negated": true}]"#, Sure::No),
            (r#"[{"username": "alice", "negated": true}, {"username": "ALL"}]"#, Sure::Yes),
            (r#"[{"username": "ALICE"}]"#, Sure::Yes),
            (r#"[{"username": "bob"}]"#, Sure::No),
            (r#"[{"userid": 1001}]"#, Sure::Yes),
            (r#"[{"userid": 1002}]"#, Sure::No),
            (r#"[{"usergroup": "adm"}]"#, Sure::Yes),
            (r#"[{"usergid": 4}]"#, Sure::Yes),
            (r#"[{"usergid": 5}]"#, Sure::No),
            (r#"[{"netgroup": "x"}]"#, Sure::Perhaps),
            (r#"[{"netgroup": "x"}, {"username": "alice"}]"#, Sure::Yes),
            (r#"[{"username": "alice"}, {"netgroup": "x"}]"#, Sure::Yes),
            (r#"[{"username": "alice"}, {"netgroup": "x", "negated": true}]"#, Sure::Perhaps),
            (r#"[{"nonunixgroup": "x", "negated": true}]"#, Sure::No),
        ];
        for (json, expected) in table {
            assert_eq!(means_caller(&list(json), &alice()), expected, "{json}");
        }
    }

    #[test]
    fn leaves_a_group_open_if_groups_are_unknown() {
        let unknown = Caller { groups: None, ..alice() };
        assert_eq!(means_caller(&list(r#"[{"usergroup": "adm"}]"#), &unknown), Sure::Perhaps);
        assert_eq!(means_caller(&list(r#"[{"usergid": 4}]"#), &unknown), Sure::Perhaps);
    }

    #[test]
    fn means_a_user_whom_no_entry_names_by_all_alone() {
        let nobody = Caller { account: None, groups: Some(CallerGroups::default()) };
        for (json, expected) in [
            (r#"[{"username": "ALL"}]"#, Sure::Yes),
            (r#"[{"username": "alice"}]"#, Sure::No),
            (r#"[{"userid": 0}]"#, Sure::No),
        ] {
            assert_eq!(means_caller(&list(json), &nobody), expected, "{json}");
        }
    }
}
