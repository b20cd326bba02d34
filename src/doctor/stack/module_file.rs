//! The module's file, where libpam looks for it.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;

use twostep_core::pam::line::Word;
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::pam_line::PamLine;
use twostep_hostconf::tree::is_hidden;

use super::findings::modules as findings;
use super::own_line;
use crate::context::{Context, Visibility};
use crate::finding::Finding;
use crate::id::Id;

const NAME: &str = "pam_twostep.so";

/// The findings on the file that `line` names.
pub(crate) fn check(context: &Context<'_>, files: &Files<'_>, line: &PamLine) -> Vec<Finding> {
    let path = files.library().path_of(line.module());
    let real = files.resolve(&path);
    if context.visibility == Visibility::Public && real.as_deref().is_some_and(is_hidden) {
        return Vec::new();
    }
    let found = real.and_then(|real| Some((fs::metadata(&real).ok()?, real)));
    let Some((meta, real)) = found.filter(|(meta, _)| meta.is_file()) else {
        return vec![missing(files, line, &path)];
    };
    let owner = context.root.system_owner().map(|uid| uid.as_raw()).unwrap_or_default();
    let not_loadable = context.module_files.not_loadable(real);
    let content = not_loadable.map(|problem| findings::cannot_be_loaded(&path, &problem));
    mode(&path, &meta, owner).into_iter().chain(content).collect()
}

/// Whether libpam cannot load the module of `line`, as [`check`] reports it.
pub(crate) fn is_not_loaded(context: &Context<'_>, files: &Files<'_>, line: &PamLine) -> bool {
    let ids = [Id::ModuleMissing, Id::ModuleMisnamed, Id::ModuleCannotBeLoaded];
    check(context, files, line).iter().any(|finding| ids.contains(&finding.id))
}

fn missing(files: &Files<'_>, line: &PamLine, path: &str) -> Finding {
    if is_elsewhere(files, path) {
        let remedy = own_line::clean(&corrected(files, line));
        return findings::misnamed(line.location.clone(), path, true, remedy);
    }
    findings::missing(path)
}

/// The line with the name of an existing module, if it names a missing one.
pub(crate) fn corrected(files: &Files<'_>, line: &PamLine) -> PamLine {
    let mut line = line.clone();
    let path = files.library().path_of(line.module());
    let is_there = files.resolve(&path).is_some_and(|real| real.is_file());
    if let Some(word) = line.words.get_mut(2).filter(|_| !is_there && is_elsewhere(files, &path)) {
        *word = Word { text: NAME.to_owned(), raw: NAME.to_owned() };
    }
    line
}

/// Whether libpam finds the module by its name alone, in another place than `path`.
fn is_elsewhere(files: &Files<'_>, path: &str) -> bool {
    let usual = files.library().path_of(NAME);
    usual != path && files.resolve(&usual).is_some_and(|real| real.is_file())
}

fn mode(path: &str, meta: &Metadata, owner: u32) -> Option<Finding> {
    if meta.uid() != owner {
        return Some(findings::wrong_owner(path));
    }
    (meta.mode() & 0o022 != 0).then(|| findings::open_to_others(path))
}
