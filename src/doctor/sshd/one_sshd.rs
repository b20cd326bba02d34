//! One sshd, by the settings with which it is started.

use std::collections::{BTreeMap, BTreeSet};

use twostep_hostconf::sshd::config::{Block, Config};
use twostep_hostconf::sshd::effective;
use twostep_hostconf::sshd::launch::Launch;
use twostep_hostconf::sshd::methods::most_beside_pam;
use twostep_hostconf::sshd::view::View;

use super::pam_service::{self, PamService, Services};
use super::rules::{Case, EVERYBODY, EVERYONE_AND_BLOCKS, SettingCheck};
use super::{findings, refusal, remedy_effect, stale, unseen};
use crate::accounts::Accounts;
use crate::context::{Context, Visibility};
use crate::finding::Finding;

/// One sshd. `said` is the output of `sshd -T`; empty below another root, and without root.
struct Sshd<'a> {
    context: &'a Context<'a>,
    launch: &'a Launch,
    config: &'a Config,
    said: &'a BTreeMap<String, String>,
    services: Services<'a>,
}

/// Checks the settings for all users and for each `Match` block.
pub(crate) fn check(context: &Context<'_>, launch: &Launch) -> Vec<Finding> {
    let (said, refusal) = said(context, launch);
    let Some(config) = Config::read(context.root, launch).or_else(|| without_file(context, launch, &said))
    else {
        let unseen = unseen::settings(context, launch);
        return unseen.map(|finding| finding.about([pam_service::USUAL])).into_iter().collect();
    };
    if context.visibility == Visibility::Public && config.hides {
        return Vec::new();
    }
    let services = Services::new(context, launch, &said);
    let sshd = Sshd { context, launch, config: &config, said: &said, services };
    if !sshd.concerns_us() {
        return Vec::new();
    }
    if let Some(location) = config.too_deep.clone() {
        return vec![sshd.about_service(findings::includes_itself(location))];
    }
    let mut findings: Vec<_> = refusal.into_iter().collect();
    findings.extend(sshd.of_everybody());
    findings.extend(sshd.of_blocks());
    findings.extend(stale::check(context, launch, &config, &View::of_everybody(&config, &said)));
    findings.into_iter().map(|finding| sshd.about_service(sshd.named(finding))).collect()
}

/// The settings that `sshd -T` prints. Only root can run it, and only on the machine itself.
fn said(context: &Context<'_>, launch: &Launch) -> (BTreeMap<String, String>, Option<Finding>) {
    let may_ask = context.root.is_machine() && context.visibility == Visibility::Whole;
    match may_ask.then(|| effective::settings(launch)).flatten() {
        Some(Ok(said)) => (said, None),
        Some(Err(refusal)) => (BTreeMap::new(), Some(refusal::finding(&refusal, launch))),
        None => (BTreeMap::new(), None),
    }
}

/// An sshd without a file of settings: only the output of `sshd -T` is known.
fn without_file(context: &Context<'_>, launch: &Launch, said: &BTreeMap<String, String>) -> Option<Config> {
    (!said.is_empty()).then(|| Config::of_options(context.root, launch))
}

impl<'a> Sshd<'a> {
    fn view(&self, blocks: BTreeSet<usize>) -> View<'a> {
        View::of_blocks(self.config, self.said, blocks)
    }

    /// Whether a service that this sshd uses, or the service `sshd`, has a pam_twostep line.
    fn concerns_us(&self) -> bool {
        let blocks = (0..self.config.blocks.len()).map(|block| BTreeSet::from([block]));
        let mut views = [BTreeSet::new()].into_iter().chain(blocks).map(|blocks| self.view(blocks));
        pam_service::is_guarded(self.context, pam_service::USUAL)
            || views.any(|view| self.services.of(&view).first.is_some())
    }

    /// None if the service has no pam_twostep line: then the rules do not apply.
    fn case(&self, view: View<'a>) -> Option<Case<'a>> {
        let PamService { name, first, .. } = self.services.of(&view);
        let root_view = View::of_root(self.config, self.said);
        first.map(|first| Case { view, root_view, first, service: name, context: self.context })
    }

    fn of_everybody(&self) -> Vec<Finding> {
        let view = self.view(BTreeSet::new());
        let mut findings = pam_service::check(self.context, &self.services.of(&view), &view);
        if let Some(case) = self.case(view) {
            findings.extend(EVERYBODY.iter().filter_map(|rule| remedy_effect::judge(*rule, &case)));
            findings.extend(
                EVERYONE_AND_BLOCKS.iter().filter_map(|(_, rule)| remedy_effect::judge(*rule, &case)),
            );
        }
        findings
    }

    /// Checks `Match` blocks one by one and in combination: two blocks that are right alone may together let users in
    /// without a code.
    fn of_blocks(&self) -> Vec<Finding> {
        let blocks: Vec<_> = (0..self.config.blocks.len()).filter(|&block| self.matters(block)).collect();
        // One block sets AuthenticationMethods, and at most one other block switches on each of its methods.
        let most = most_beside_pam(self.config).saturating_add(1).max(2);
        let services = blocks.iter().flat_map(|&block| self.service_of_block(block));
        let mut found: Vec<_> = services.collect();
        let groups = self.config.together(&blocks, most).unwrap_or_else(|| {
            found.push(unseen::blocks(blocks.len(), self.launch));
            blocks.iter().map(|&block| BTreeSet::from([block])).collect()
        });
        for (keywords, rule) in EVERYONE_AND_BLOCKS {
            found.extend(self.of_groups(&groups, keywords, *rule));
        }
        found
    }

    /// Whether the block sets a keyword of a rule, for users whom the policy does not exempt.
    fn matters(&self, block: usize) -> bool {
        let mut keywords = EVERYONE_AND_BLOCKS.iter().map(|(keywords, _)| keywords);
        !self.config.is_for_everybody(block)
            && keywords.any(|keywords| self.config.sets(block, keywords))
            && !self.is_exempt(block)
    }

    /// Whether the policy exempts all users whom the block names.
    fn is_exempt(&self, index: usize) -> bool {
        let Some(policy) = &self.context.policy else { return self.context.hides_policy() };
        let Some(named) = self.config.blocks.get(index).and_then(Block::named) else { return false };
        let service = self.services.of(&self.view(BTreeSet::from([index])));
        Accounts::of(self.context).are_exempt(policy, &named, &service.name, self.context.now)
    }

    fn service_of_block(&self, block: usize) -> Vec<Finding> {
        let view = self.view(BTreeSet::from([block]));
        if !view.each_sets(&[pam_service::KEYWORD]) {
            return Vec::new();
        }
        pam_service::check(self.context, &self.services.of(&view), &view)
    }

    /// Checks one rule for each group of blocks. It is not repeated where it applies to all users, or to a part of the
    /// group.
    fn of_groups(&self, groups: &[BTreeSet<usize>], keywords: &[&str], rule: SettingCheck) -> Vec<Finding> {
        let everybody = self.case(self.view(BTreeSet::new()));
        let is_reported = everybody.and_then(|case| rule(&case)).is_some();
        let mut reported: Vec<&BTreeSet<usize>> = Vec::new();
        let mut findings = Vec::new();
        for group in groups {
            let view = self.view(group.clone());
            let is_known = || is_reported || reported.iter().any(|part| part.is_subset(group));
            if !view.each_sets(keywords) || (group.len() > 1 && is_known()) {
                continue;
            }
            if let Some(finding) = self.case(view).and_then(|case| remedy_effect::judge(rule, &case)) {
                findings.push(finding);
                reported.push(group);
            }
        }
        findings
    }

    /// The finding, which concerns the PAM service of most users unless it names another.
    fn about_service(&self, finding: Finding) -> Finding {
        if !finding.services.is_empty() {
            return finding;
        }
        let service = self.services.of(&self.view(BTreeSet::new())).name;
        finding.about([service.as_str()])
    }

    /// Adds the process to the finding if no file says how this sshd is started.
    fn named(&self, finding: Finding) -> Finding {
        match self.launch.processes.first() {
            Some(process) if !self.launch.is_written() => findings::of_process(finding, process.pid),
            _ => finding,
        }
    }
}
