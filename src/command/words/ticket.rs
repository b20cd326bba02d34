//! `twostep ticket`.

twostep_core::words! {
    /// After what clap says of a wrong value of --valid.
    NOT_A_TIME = "write it as in 90min, 24h or 7d";
    /// The same.
    TIME_OUT_OF_RANGE = "a ticket is valid for one minute to 30 days";
    /// Scripts read this line. `code` is the ticket.
    ticket(name, code) = "Ticket for {name}: {code}";
    /// Below it. `until` is a date and time.
    valid_until(until) = "Valid for one enrollment until {until}.";
    /// After `note:`. `policy` is a path.
    not_needed(policy) = "The policy does not ask for tickets.\nSee require-ticket in [enrollment] of {policy}.";
}
