//! The stacks of PAM.

use super::Patient;
use super::finding::Finding;

/// Checks each service that names the module.
pub fn check(_patient: &Patient<'_>) -> Vec<Finding> {
    Vec::new()
}
