//! The users and groups that rules name: whom the machine knows by these names, and which look-ups fail.

use twostep_core::fault::Fault;
use twostep_core::os::root::Root;
use twostep_core::policy::{Condition, Policy, Rule, may_be_spelling};
use twostep_hostconf::nsswitch;

use crate::accounts::Accounts;
use crate::id::Id;

/// What is remarkable about a name in a rule.
pub struct NameRemark {
    /// The line of the policy file.
    pub line: usize,
    /// What is remarkable, in one line.
    pub what: String,
    /// What to do about it, as a sentence.
    pub then: String,
    /// What is wrong, for programs: `MachineLookUpFails` if nobody knows.
    pub id: Id,
}

/// What is remarkable about the users and groups that the rules of `policy` name, on the machine below `root`. After a look-up
/// that fails none of its kind is asked for: a directory that is away may take its time for each.
pub fn remarks(policy: &Policy, root: &Root) -> Vec<NameRemark> {
    let accounts = Accounts::of(root);
    let knows_all =
        root.is_machine() || accounts.local().is_some() && nsswitch::remote_sources(root).is_empty();
    if !knows_all {
        return Vec::new(); // who else there is, only that machine can say
    }
    let mut remarks = Vec::new();
    for kind in [Condition::Users, Condition::Groups] {
        let names = policy.rules().iter().flat_map(|rule| rule.names().map(move |named| (rule, named)));
        for (rule, (_, name)) in names.filter(|(_, (condition, _))| *condition == kind) {
            match remark(rule, kind, name, &accounts) {
                Ok(remark) => remarks.extend(remark),
                Err(fault) => {
                    remarks.push(failed(rule, name, &fault));
                    break;
                }
            }
        }
    }
    remarks
}

fn remark(
    rule: &Rule,
    kind: Condition,
    name: &str,
    accounts: &Accounts<'_>,
) -> Result<Option<NameRemark>, Fault> {
    let unknown = |what| {
        let what = format!("rule '{}' names a {what} that this machine does not know: '{name}'", rule.name);
        Some(NameRemark {
            line: rule.line,
            what,
            then: "Check the spelling.".to_owned(),
            id: Id::PolicyUnknownName,
        })
    };
    if kind == Condition::Groups {
        return Ok(if accounts.is_group(name)? { None } else { unknown("group") });
    }
    Ok(match accounts.entry(name)? {
        None => unknown("user"),
        Some((_, canonical)) if may_be_spelling(name, &canonical) => None,
        Some((_, canonical)) => Some(NameRemark {
            line: rule.line,
            what: format!(
                "rule '{}' names '{name}', which is no spelling of the user's name, '{canonical}'",
                rule.name
            ),
            then: format!("It does not hold for them: write '{canonical}'."),
            id: Id::PolicyNotTheUsersName,
        }),
    })
}

fn failed(rule: &Rule, name: &str, fault: &Fault) -> NameRemark {
    NameRemark {
        line: rule.line,
        what: format!("rule '{}' names '{name}', and {fault}", rule.name),
        then: "Check again when the directory service answers: until then nobody knows whom the rule means."
            .to_owned(),
        id: Id::MachineLookUpFails,
    }
}
