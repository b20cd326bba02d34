//! `twostep ticket --sheet`: a page of HTML with a slip for each user. `<` and `&` in an argument are escaped before.

twostep_core::words! {
    /// The title of the page. `host` is the name of this machine.
    title(host) = "Tickets for {host}";
    /// The heading of a slip.
    whose(name, host) = "{name} at {host}";
    /// Above the ticket. `until` is a date and time.
    valid(until) = "Your ticket. It works once, until {until}.";
    /// Below the ticket, the first of three steps.
    log_in(host) = "Log in to {host} as usual.";
    /// The second.
    TYPE_TICKET = "Type this ticket when the login asks for it.";
    /// The third.
    SCAN = "Scan the picture with an authenticator app, and follow the questions.";
    /// Below the steps.
    KEEP_SECRET = "Show this ticket to no one. Destroy this paper when you have finished.";
}
