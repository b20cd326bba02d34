//! /etc/login.defs: the time limit of login(1).

use twostep_hostconf::location::Location;
use twostep_hostconf::login_defs::{FILE, LOGIN_TIMEOUT, LoginTimeout, login_timeout};

use crate::context::Context;
use crate::enrolling::{self, TIME_TO_ENROLL};
use crate::finding::{Finding, Remedy};
use crate::stack;

/// Checks LOGIN_TIMEOUT where users can enroll at the console.
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
    vec![enrolling::too_little_time(location, LOGIN_TIMEOUT, value, remedy).about(["login"])]
}
