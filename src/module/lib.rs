//! `pam_twostep.so`: the entry points that libpam calls. Each translates; none decides.
#![expect(
    unsafe_code,
    reason = "libpam's interface is C; see ffi and the entry points that pam-bindings expands"
)]

mod application;
mod arguments;
mod ffi;
#[cfg(loads_unwinder)]
mod unwind;

use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use pam::constants::{PamFlag, PamResultCode};
use pam::module::{PamHandle, PamHooks};
use pam::pam_hooks;
use twostep_core::login::account_phase;
use twostep_core::login::auth_phase;
use twostep_core::machine::{HelperMachine, LocalMachine};
use twostep_core::os::root::Root;
use twostep_core::os::{WipingAllocator, wipe_stack};
use twostep_core::verdict::{Denial, PamCode};

use application::PamApplication;
use arguments::{ArgumentError, Arguments};

/// Used only for the module's own memory: the host has its own allocator.
#[global_allocator]
static ALLOCATOR: WipingAllocator = WipingAllocator;

/// How long libpam waits before it reports a failed login, in microseconds. This makes guessing slow.
const FAIL_DELAY: u32 = 2_000_000;

struct Twostep;
pam_hooks!(Twostep);

impl PamHooks for Twostep {
    fn sm_authenticate(pamh: &mut PamHandle, args: Vec<&CStr>, flags: PamFlag) -> PamResultCode {
        guarded(|| {
            // Set before anything can fail, so that every denial is slow.
            ffi::fail_delay(pamh, FAIL_DELAY);
            authenticate(&mut PamApplication::new(pamh, flags), &args)
        })
    }

    /// Returns PAM_IGNORE if there is no reason to refuse: PAM_SUCCESS could end a stack before its other lines are
    /// asked.
    fn acct_mgmt(pamh: &mut PamHandle, args: Vec<&CStr>, flags: PamFlag) -> PamResultCode {
        guarded(|| code_of(admit(&mut PamApplication::new(pamh, flags), &args), PamCode::Ignore))
    }

    /// Returns PAM_SUCCESS, unless an enrollment is still pending. sshd calls this in processes that know nothing of
    /// the login. PAM_IGNORE would refuse a login if the stack has no other module. This function opens no file.
    fn sm_setcred(pamh: &mut PamHandle, _: Vec<&CStr>, flags: PamFlag) -> PamResultCode {
        guarded(|| {
            code_of(account_phase::check_not_pending(&mut PamApplication::new(pamh, flags)), PamCode::Success)
        })
    }
}

fn authenticate(application: &mut PamApplication<'_>, args: &[&CStr]) -> PamCode {
    let verdict = match Arguments::parse(args) {
        Ok(Arguments::SshdAccepted(method)) => return auth_phase::has_accepted(application, &method),
        Ok(Arguments::Step { root, options }) if root.is_ours() => {
            auth_phase::authenticate(application, &LocalMachine::new(root), &options)
        }
        Ok(Arguments::Step { root, options }) => {
            auth_phase::authenticate(application, &HelperMachine::new(root), &options)
        }
        Err(problem) => auth_phase::misconfigured(application, &LocalMachine::new(Root::SYSTEM), problem),
    };
    verdict.pam_code()
}

fn admit(application: &mut PamApplication<'_>, args: &[&CStr]) -> Result<(), Denial> {
    match Arguments::parse(args) {
        Ok(Arguments::Step { root, .. }) if root.is_ours() => {
            account_phase::admit(application, &LocalMachine::new(root))
        }
        Ok(Arguments::Step { root, .. }) => account_phase::admit(application, &HelperMachine::new(root)),
        Ok(Arguments::SshdAccepted(_)) => Err(no_account_line(application, ArgumentError::AuthAlone)),
        Err(problem) => Err(no_account_line(application, problem)),
    }
}

fn no_account_line(application: &mut PamApplication<'_>, problem: ArgumentError) -> Denial {
    account_phase::misconfigured(application, &LocalMachine::new(Root::SYSTEM), problem)
}

fn code_of(decided: Result<(), Denial>, otherwise: PamCode) -> PamCode {
    decided.map_or_else(|denial| denial.outward().code, |()| otherwise)
}

const fn translate(code: PamCode) -> PamResultCode {
    match code {
        PamCode::Success => PamResultCode::PAM_SUCCESS,
        PamCode::ServiceErr => PamResultCode::PAM_SERVICE_ERR,
        PamCode::PermDenied => PamResultCode::PAM_PERM_DENIED,
        PamCode::AuthErr => PamResultCode::PAM_AUTH_ERR,
        PamCode::AuthinfoUnavail => PamResultCode::PAM_AUTHINFO_UNAVAIL,
        PamCode::MaxTries => PamResultCode::PAM_MAXTRIES,
        PamCode::CredUnavail => PamResultCode::PAM_CRED_UNAVAIL,
        PamCode::CredErr => PamResultCode::PAM_CRED_ERR,
        PamCode::ConvErr => PamResultCode::PAM_CONV_ERR,
        PamCode::Ignore => PamResultCode::PAM_IGNORE,
    }
}

/// Runs `story`, then wipes the part of the stack that it used. A panic in it becomes PAM_SYSTEM_ERR. The panic prints
/// nothing, because in setcred the standard streams lead to the remote client. Its payload is forgotten, because
/// dropping it could panic again, outside of any guard.
fn guarded(story: impl FnOnce() -> PamCode) -> PamResultCode {
    static SILENCE: Once = Once::new();
    // This hook belongs to the module's own copy of the standard library, not to the host's.
    SILENCE.call_once(|| {
        std::panic::set_hook(Box::new(|_| {
            #[cfg(loads_unwinder)]
            unwind::load_or_abort();
        }));
    });
    let ended = catch_unwind(AssertUnwindSafe(story));
    wipe_stack();
    ended.map_or_else(
        |payload| {
            std::mem::forget(payload);
            PamResultCode::PAM_SYSTEM_ERR
        },
        translate,
    )
}
