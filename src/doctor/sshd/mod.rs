//! sshd: whether it comes to PAM at all, whether it can ask there, and who gets in without.

mod doors;
mod fate;
mod refusal;
mod rules;
mod setting;

use std::collections::BTreeMap;

use twostep_hostconf::location::Location;
use twostep_hostconf::sshd::config::{Block, Config};
use twostep_hostconf::sshd::effective;
use twostep_hostconf::sshd::view::View;

use crate::context::{Context, Visibility};
use crate::finding::{Finding, Remedy};
use crate::people::People;
use crate::stack;
use fate::SshdFirstFactor;
use rules::{Case, EVERYBODY, EVERYONE_AND_BLOCKS};

/// Checks the settings of sshd for everybody and for each `Match` block, if its PAM service has a line of ours.
pub(crate) fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(first) = first_factor(context) else { return Vec::new() };
    let Some(config) = Config::read(context.root) else { return Vec::new() };
    if context.visibility == Visibility::Public && config.hides {
        return Vec::new();
    }
    if let Some(location) = config.too_deep {
        return vec![includes_too_much(location)];
    }
    let (said, refusal) = said(context);
    let mut findings: Vec<_> = refusal.into_iter().collect();
    let everybody = case(context, &config, &said, first, View::of_everybody(&config, &said));
    findings.extend(EVERYBODY.iter().filter_map(|rule| doors::judge(*rule, &everybody)));
    findings.extend(EVERYONE_AND_BLOCKS.iter().filter_map(|(_, rule)| doors::judge(*rule, &everybody)));
    for (index, block) in config.blocks.iter().enumerate() {
        if config.is_for_everybody(index) || is_exempt(context, block) {
            continue;
        }
        let case = case(context, &config, &said, first, View::of_block(&config, &said, index));
        // What a block does not touch was told already.
        let rules = EVERYONE_AND_BLOCKS.iter().filter(|(keywords, _)| case.view.sets(keywords));
        findings.extend(rules.filter_map(|(_, rule)| doors::judge(*rule, &case)));
    }
    findings
}

fn includes_too_much(location: Location) -> Finding {
    Finding::problem(
        location,
        "sshd comes here by more 'Include' lines than it takes",
        "The next start or reload of sshd fails: nobody can log in by SSH then. What it would ask for is not known.",
        Remedy::Advice { text: "Delete the 'Include' line that leads back to its own file.".to_owned() },
    )
}

fn case<'a>(
    context: &'a Context<'a>,
    config: &'a Config,
    said: &'a BTreeMap<String, String>,
    first: SshdFirstFactor,
    view: View<'a>,
) -> Case<'a> {
    Case { view, root_view: View::of_root(config, said), first, context }
}

/// What comes before our line in sshd's service; none if it has no line of ours.
fn first_factor(context: &Context<'_>) -> Option<SshdFirstFactor> {
    let guard = stack::guard(context, "sshd");
    let key = |arguments: &Vec<String>| arguments.iter().any(|argument| argument == "first_factor=publickey");
    match guard.asks {
        Some(arguments) if key(&arguments) => Some(SshdFirstFactor::Key),
        Some(_) => Some(SshdFirstFactor::Password),
        None => guard.keeps.then_some(SshdFirstFactor::Password),
    }
}

/// What sshd says of itself, to root alone; of a machine below another root it cannot be asked.
fn said(context: &Context<'_>) -> (BTreeMap<String, String>, Option<Finding>) {
    let said = (context.root.is_machine() && context.visibility == Visibility::Whole)
        .then(effective::settings)
        .flatten();
    match said {
        Some(Ok(said)) => (said, None),
        Some(Err(refusal)) => (BTreeMap::new(), Some(refusal::finding(&refusal))),
        None => (BTreeMap::new(), None),
    }
}

/// Whether the policy asks nothing of those whom `block` names, so that they may come in as they like.
fn is_exempt(context: &Context<'_>, block: &Block) -> bool {
    let Some(policy) = &context.policy else { return context.hides_policy() };
    block.named().is_some_and(|named| People::of(context.root).are_exempt(policy, &named, context.now))
}
