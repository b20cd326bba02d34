//! Remedies for /etc/pam.conf.

use twostep_core::paths::PAM_CONF;
use twostep_hostconf::pam::service::Service;

use crate::finding::{Finding, Remedy};

/// In /etc/pam.conf each line begins with its service.
pub(crate) fn in_pam_conf(service: &Service, finding: Finding) -> Finding {
    let column = |text: String| {
        let lines: Vec<_> = text.lines().map(|line| format!("{} {line}", service.name)).collect();
        lines.join("\n")
    };
    let remedy = match finding.remedy {
        Remedy::Replace { location, text } if location.file == PAM_CONF => {
            Remedy::Replace { location, text: column(text) }
        }
        Remedy::Insert { location, text } if location.file == PAM_CONF => {
            Remedy::Insert { location, text: column(text) }
        }
        other @ (Remedy::Replace { .. }
        | Remedy::Insert { .. }
        | Remedy::Delete { .. }
        | Remedy::Move { .. }
        | Remedy::Steps { .. }
        | Remedy::Run { .. }
        | Remedy::Choose { .. }
        | Remedy::Advice { .. }) => other,
    };
    Finding { remedy, ..finding }
}
