//! `twostep --help`. The other words of this page are in the notes on the subcommands, from which clap makes it.

twostep_core::words! {
    /// A heading.
    COMMANDS = "Commands:";
    /// A heading: below it are the subcommands that only root can run.
    FOR_ROOT = "For root:";
    /// The beginning of the last line.
    OPTIONS = "Options:";
    /// The rest of it.
    OPTIONS_AND_HELP = "-h, --help; -V, --version; --root DIR. See 'twostep help COMMAND'.";
}
