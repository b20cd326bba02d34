//! /etc/login.defs: how long login(1) lets people take.

use twostep_hostconf::location::Location;
use twostep_hostconf::login_defs::{FILE, LOGIN_TIMEOUT, LoginTimeout, login_timeout};

use crate::context::Context;
use crate::enrolling::{self, TIME_TO_ENROLL};
use crate::finding::{Finding, Remedy};
use crate::id::Id;
use crate::stack;

/// Checks LOGIN_TIMEOUT where people enroll at the console.
pub(crate) fn check(context: &Context<'_>) -> Vec<Finding> {
    let asked = stack::guard(context, "login").asks.is_some();
    if !asked || !enrolling::is_possible(context, "login") {
        return Vec::new();
    }
    let Some(LoginTimeout { seconds: value, line }) = login_timeout(context.root) else { return Vec::new() };
    if value == 0 || value >= TIME_TO_ENROLL {
        return Vec::new();
    }
    let location = line.map_or_else(|| Location::file(FILE), |line| Location::line(FILE, line));
    let text = format!("{LOGIN_TIMEOUT} {TIME_TO_ENROLL}");
    let remedy = match line {
        Some(_) => Remedy::Replace { location: location.clone(), text },
        None => Remedy::Insert { location: location.clone(), text },
    };
    let what = format!("{LOGIN_TIMEOUT} is {value} s: too short to enroll in a login");
    vec![Finding::warning(Id::UsersTooLittleTime, location, what, enrolling::WHY_SHORT, remedy)]
}
