//! Services that say nothing of twostep, and should: a package may have replaced their file, or it cannot be read.

use twostep_hostconf::location::Location;
use twostep_hostconf::pam::files::Files;
use twostep_hostconf::pam::service::Service;

use crate::context::Context;
use crate::finding::{Finding, Remedy};

/// What is wrong with services that do not name the module, where others do.
pub(crate) fn check(context: &Context<'_>, files: &Files<'_>, services: &[Service]) -> Vec<Finding> {
    let unreadable = files.unreadable().into_iter().map(cannot_be_read);
    unreadable.chain(unguarded(context, services)).collect()
}

/// What stands in the place of a service's file, and is none.
fn cannot_be_read(file: String) -> Finding {
    Finding::warning(
        Location::file(file),
        "this is not a regular file",
        "libpam does not read it, or waits for ever: who logs in by this service is refused.",
        Remedy::Advice {
            text: "Put a regular file in its place. Without one, a service is treated by the file 'other', which may ask \
                   for no code."
                .to_owned(),
        },
    )
}

/// At the gate's services, and where people enroll, the policy counts on being asked.
fn unguarded(context: &Context<'_>, services: &[Service]) -> Vec<Finding> {
    let Some(policy) = &context.policy else { return Vec::new() };
    let named = |service: &&Service| {
        [&policy.gate.services, &policy.enrollment.services].iter().any(|list| list.contains(&service.name))
    };
    let silent = services.iter().filter(named).filter(|service| !service.names_us());
    let required = silent.filter(|service| policy.may_require(&service.name));
    required.map(|service| says_nothing(&service.file, &service.name)).collect()
}

fn says_nothing(file: &str, service: &str) -> Finding {
    let why = "The policy makes the second step mandatory there for some, and nobody is asked. Perhaps a package has \
               replaced the file.";
    let advice = format!(
        "pam.d/README.md of twostep says which lines go into it. If nobody shall be asked there, say so in the policy: take '{service}' out of [gate] and [enrollment]."
    );
    Finding::warning(
        Location::file(file),
        "this file does not name pam_twostep.so, as others do",
        why,
        Remedy::Advice { text: advice },
    )
}
