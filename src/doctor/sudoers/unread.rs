//! Rules of sudo that could not be read.

use twostep_core::os::root::Root;
use twostep_hostconf::sudoers::SudoersFault;
use twostep_hostconf::sudoers::export::ExportFault;
use twostep_hostconf::sudoers::text::TextFault;

use super::{findings, words};
use crate::below_root::named;
use crate::finding::Finding;

pub(super) fn finding(root: &Root, fault: &SudoersFault) -> Finding {
    let (location, what) = findings::fault_words(fault);
    let editors = is_in_sudoers(fault).then(|| words::editor(&location.file)).into_iter().collect();
    findings::not_read(fault, named(root, &what)).with_editors(editors)
}

/// Whether an administrator must correct the file with visudo.
fn is_in_sudoers(fault: &SudoersFault) -> bool {
    matches!(
        fault,
        SudoersFault::Text(TextFault::NotIncluded { .. } | TextFault::TooMuch(_))
            | SudoersFault::Export(ExportFault::Refused { .. })
    )
}
