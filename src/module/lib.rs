//! `pam_twostep.so`: the entry points that libpam calls. Each translates; none decides.
#![expect(
    unsafe_code,
    reason = "libpam's interface is C; see ffi and the entry points that pam-bindings expands"
)]
#![expect(missing_docs, reason = "of those entry points")]

mod arguments;
mod ffi;
mod host;

use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use pam::constants::{PamFlag, PamResultCode};
use pam::module::{PamHandle, PamHooks};
use pam::pam_hooks;
use twostep_core::audit;
use twostep_core::login;
use twostep_core::machine::System;
use twostep_core::verdict::{Denial, PamCode, Verdict};
use twostep_core::world::{Conversation, Host};

use arguments::Arguments;
use host::PamHost;

/// How long libpam waits before it reports a failed login, in microseconds: guessing must not be fast.
const FAIL_DELAY: u32 = 2_000_000;

struct Twostep;
pam_hooks!(Twostep);

impl PamHooks for Twostep {
    fn sm_authenticate(pamh: &mut PamHandle, args: Vec<&CStr>, flags: PamFlag) -> PamResultCode {
        guarded(|| {
            // Set before anything can fail, so that every denial is slow.
            ffi::fail_delay(pamh, FAIL_DELAY);
            translate(&authenticate(&mut PamHost::new(pamh, flags), &args))
        })
    }

    /// PAM_SUCCESS and nothing else: sshd calls this in processes that know nothing of the login, and PAM_IGNORE would
    /// refuse a login in a stack in which we stand alone.
    fn sm_setcred(_: &mut PamHandle, _: Vec<&CStr>, _: PamFlag) -> PamResultCode {
        PamResultCode::PAM_SUCCESS
    }
}

fn authenticate(host: &mut PamHost<'_>, args: &[&CStr]) -> Verdict {
    match Arguments::parse(args) {
        Ok(Arguments { root, first_factor }) => login::authenticate(host, &System::new(root), &first_factor),
        Err(problem) => {
            let denial = Denial::Misconfigured(problem);
            host.tell(&denial.text());
            let verdict = Verdict::Deny(denial);
            let who = host.request().who();
            host.log(&audit::line(&who, &verdict));
            verdict
        }
    }
}

fn translate(verdict: &Verdict) -> PamResultCode {
    match verdict.pam_code() {
        PamCode::Success => PamResultCode::PAM_SUCCESS,
        PamCode::ServiceErr => PamResultCode::PAM_SERVICE_ERR,
        PamCode::AuthErr => PamResultCode::PAM_AUTH_ERR,
        PamCode::AuthinfoUnavail => PamResultCode::PAM_AUTHINFO_UNAVAIL,
        PamCode::MaxTries => PamResultCode::PAM_MAXTRIES,
        PamCode::ConvErr => PamResultCode::PAM_CONV_ERR,
        PamCode::Ignore => PamResultCode::PAM_IGNORE,
    }
}

/// Runs `story`; a panic in it becomes PAM_SYSTEM_ERR. It prints nothing: in setcred the standard streams lead to the
/// remote client. The payload is forgotten, because dropping it could panic again, outside of any guard.
fn guarded(story: impl FnOnce() -> PamResultCode) -> PamResultCode {
    static SILENCE: Once = Once::new();
    // This hook is that of the module's own copy of the standard library, not the host's.
    SILENCE.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    catch_unwind(AssertUnwindSafe(story)).unwrap_or_else(|payload| {
        std::mem::forget(payload);
        PamResultCode::PAM_SYSTEM_ERR
    })
}
