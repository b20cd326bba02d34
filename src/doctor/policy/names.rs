//! The users and groups that rules name: which of them the machine does not know. The sentences are in `findings`.

use twostep_core::fault::Fault;
use twostep_core::os::names::Names;
use twostep_core::os::root::Root;
use twostep_core::policy::{Condition, Policy, Rule, may_be_spelling};
use twostep_hostconf::nsswitch;

use crate::accounts::Accounts;

/// A name in a rule that does not mean what it seems to mean, or that could not be looked up.
pub struct NameRemark<'p> {
    pub rule: &'p Rule,
    pub name: &'p str,
    pub problem: NameProblem,
}

pub enum NameProblem {
    UnknownUser,
    UnknownGroup,
    /// The name service knows the name, but the user is called this, which is not another spelling of it.
    OtherName(String),
    LookUpFailed(Fault),
}

/// Looks up the users and groups that rules of `policy` name, on the machine below `root`. After a look-up that fails, it skips the
/// rest of that kind: a directory that is away may delay each look-up.
pub fn remarks<'p>(policy: &'p Policy, root: &Root) -> Vec<NameRemark<'p>> {
    let names = Names::default();
    let accounts = Accounts::new(root, &names);
    let knows_all =
        root.is_machine() || accounts.local().is_some() && nsswitch::remote_sources(root).is_empty();
    if !knows_all {
        return Vec::new(); // only that machine itself can look up its users
    }
    let mut remarks = Vec::new();
    for kind in [Condition::Users, Condition::Groups] {
        let names = policy.rules().iter().flat_map(|rule| rule.names().map(move |named| (rule, named)));
        for (rule, (_, name)) in names.filter(|(_, (condition, _))| *condition == kind) {
            match problem(kind, name, &accounts) {
                Ok(problem) => remarks.extend(problem.map(|problem| NameRemark { rule, name, problem })),
                Err(fault) => {
                    remarks.push(NameRemark { rule, name, problem: NameProblem::LookUpFailed(fault) });
                    break;
                }
            }
        }
    }
    remarks
}

fn problem(kind: Condition, name: &str, accounts: &Accounts<'_>) -> Result<Option<NameProblem>, Fault> {
    if kind == Condition::Groups {
        return Ok((!accounts.is_group(name)?).then_some(NameProblem::UnknownGroup));
    }
    Ok(match accounts.entry(name)? {
        None => Some(NameProblem::UnknownUser),
        Some((_, canonical)) if may_be_spelling(name, &canonical) => None,
        Some((_, canonical)) => Some(NameProblem::OtherName(canonical)),
    })
}
