//! The service files of PAM.

use std::collections::{BTreeMap, BTreeSet};

use twostep_core::os::root::Root;
use twostep_core::paths::PAM_DIR;
use twostep_doctor::context::Context;
use twostep_doctor::draft::{Draft, FirstFactor, NoDraft, Step, partners};
use twostep_hostconf::pam::files::Files as PamFiles;
use twostep_hostconf::pam::service::Service;

use super::{Files, NoPlan};
use crate::marks;

pub(super) fn enable(
    context: &Context<'_>,
    files: &mut Files<'_>,
    names: &BTreeSet<String>,
    first_of: impl Fn(&str) -> FirstFactor,
) -> Result<(BTreeSet<String>, Vec<Step>), NoPlan> {
    let bases = bases(files, names)?;
    let mut draft = Draft::new(context, bases.clone());
    let mut services = BTreeSet::new();
    for name in included_first(context.root, names) {
        services.extend(draft.guard(name, first_of(name))?);
    }
    for (path, new) in draft.texts() {
        let copied = draft.copies().get(path);
        let base = match (bases.get(path), copied) {
            (Some(base), _) => base.clone(),
            (None, Some(vendors)) => files.text(vendors)?.unwrap_or_default(),
            (None, None) => files.text(path)?.unwrap_or_default(),
        };
        let marked = marks::mark(&base, new);
        let now = files.text(path)?.unwrap_or_default();
        let text = match (copied, marks::copy_line(&now)) {
            (Some(vendors), _) => marks::copy(vendors, &base, &marked),
            (None, Some(copied_before)) => format!("{copied_before}{marked}"),
            (None, None) => marked,
        };
        files.set(path, Some(text))?;
    }
    check(context, files, &services)?;
    Ok((services, draft.steps().to_vec()))
}

/// A service that includes another one comes after it: it may ask by the lines of that one.
fn included_first<'a>(root: &Root, names: &'a BTreeSet<String>) -> Vec<&'a String> {
    let files = PamFiles::new(root);
    let many = |name: &str| Service::load(&files, name).map_or(0, |service| service.files().len());
    let mut names: Vec<_> = names.iter().collect();
    names.sort_by_cached_key(|name| many(name));
    names
}

/// The texts of the services' own files, as they were before twostep changed them.
fn bases(files: &mut Files<'_>, names: &BTreeSet<String>) -> Result<BTreeMap<String, String>, NoPlan> {
    let mut bases = BTreeMap::new();
    for name in with_partners(names) {
        let path = own_file(&name);
        if files.text(&path)?.is_some_and(|text| marks::is_marked(&text))
            && let Some(base) = files.base(&path)?
        {
            bases.insert(path, base);
        }
    }
    Ok(bases)
}

/// The marks may not change what libpam and the module read.
fn check(context: &Context<'_>, files: &Files<'_>, services: &BTreeSet<String>) -> Result<(), NoPlan> {
    let texts = files.new.iter().filter_map(|(path, text)| Some((path.clone(), text.clone()?)));
    let draft = Draft::new(context, texts.collect());
    let problem = services.iter().find_map(|name| draft.problem(name));
    problem.map_or(Ok(()), |finding| Err(NoPlan::Draft(NoDraft::Finding(Box::new(finding)))))
}

pub(super) fn disable(
    root: &Root,
    files: &mut Files<'_>,
    names: &BTreeSet<String>,
) -> Result<BTreeSet<String>, NoPlan> {
    let mut services = BTreeSet::new();
    for name in with_partners(names) {
        let path = own_file(&name);
        let Some(text) = files.text(&path)? else { continue };
        if marks::is_marked(&text) {
            let base = files.base(&path)?;
            files.set(&path, base.filter(|base| !marks::is_copy_of(&text, base)))?;
            services.insert(name);
        }
    }
    let texts = files.new.iter().map(|(path, text)| (path, text.clone().unwrap_or_default()));
    let after = texts.fold(PamFiles::new(root), |after, (path, text)| after.with(path, text));
    for name in &with_partners(names) {
        let left = Service::load(&after, name).filter(Service::names_us);
        if let Some(service) = left.filter(|service| service.file == own_file(name)) {
            return Err(NoPlan::ByHand { service: name.clone(), file: service.file });
        }
    }
    Ok(services)
}

fn with_partners(names: &BTreeSet<String>) -> BTreeSet<String> {
    let partners = names.iter().flat_map(|name| partners(name)).map(str::to_owned);
    names.iter().cloned().chain(partners).collect()
}

fn own_file(name: &str) -> String {
    format!("{PAM_DIR}/{name}")
}
