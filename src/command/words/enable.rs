//! `twostep enable`, `disable`, `keep` and `revert`.

twostep_core::words! {
    /// Nothing is to be done. `services` is a list of names.
    already(services) = "{services}: everything is already so. Nothing changed.";
    /// A heading above the reasons for the changes.
    WHY = "Why:";
    /// A heading above the outcome of the rehearsal.
    REHEARSED = "Rehearsed, before anything is changed:";
    /// One line of it.
    sshd_accepts(command) = "  {command}: accepted";
    /// A password, then a code. `outcome` is one of the texts that follow.
    login(service, case, outcome) = "  {service}, {case}: {outcome}";
    /// A case: what the user of a login in the rehearsal had and typed.
    CASE_WRONG_PASSWORD = "wrong password";
    /// Another case.
    CASE_WRONG_CODE = "right password, wrong code";
    /// Another case.
    CASE_NO_CODE = "right password, no code";
    /// Another case.
    CASE_RIGHT = "right password and code";
    /// Another case.
    CASE_NO_KEY = "no key";
    /// Another case.
    CASE_KEY_WRONG_CODE = "key, wrong code";
    /// Another case.
    CASE_KEY_NO_CODE = "key, no code";
    /// Another case.
    CASE_KEY_RIGHT = "key and right code";
    /// An outcome.
    LET_IN = "let in";
    /// libpam's own text.
    refused_because(text) = "refused ({text})";
    /// An outcome: a module crashed.
    killed(signal) = "ended by signal {signal}";
    /// An outcome.
    too_slow(seconds) = "no end within {seconds} s";
    /// An outcome.
    exited(status) = "ended with status {status}";
    /// A module that may do something outside of the login, whose line is optional.
    left_out(service, module) = "  {service}: tried without {module}, which is optional";
    /// The same where the line is not.
    not_run(service, module) = "  {service}: not tried, since {module} may do more than check a login";
    /// The same where a module looks at who the user is.
    condition(service, module) =
        "  {service}: {module} refuses the account of the rehearsal, so this proves\n    nothing";
    /// The same for other reasons.
    not_tried(service) = "  {service}: not tried";
    /// After `error:`. The rehearsal found something. `what` says what, in several lines.
    rehearsal_failed(what) = "the rehearsal failed, and nothing was changed:\n{what}";
    /// Below it.
    REHEARSAL_FAILED_THEN = "Fix this first. 'twostep doctor' explains each finding.";
    /// Logins that could not be tried.
    NOT_ALL_REHEARSED = "not every login could be tried before the change";
    /// Below it.
    NOT_ALL_REHEARSED_THEN = "To go on nevertheless, add --unrehearsed.";
    /// After `error:`, with the text of the system.
    no_namespace(error) =
        "nothing can be tried before the change: this machine allows no mount\nnamespace ({error})";
    /// The program of the rehearsal.
    rehearsal_unavailable(program, why) = "{program}: {why}";
    /// A fault of one login of the rehearsal.
    LET_IN_WRONGLY = "is let in, and must not be";
    /// Another fault.
    CODE_TOO_EARLY = "is asked for a code before the first factor is right";
    /// Another fault.
    CODE_NOT_ASKED = "is not asked for a code";
    /// Another fault.
    PASSWORD_ASKED = "is asked for a password, though a key comes first";
    /// Another fault.
    REFUSED_WRONGLY = "is refused, though all is right";
    /// A line of `rehearsal_failed`.
    login_fault(service, case, fault) = "a login by {service} with {case} {fault}";
    /// Another line of it, with the text of sshd.
    sshd_refuses(command, error) = "{command}: {error}";

    /// A question; the answer `y` goes on.
    ASK_APPLY = "Change these files? [y/N] ";
    /// After `error:`.
    NOT_CONFIRMED = "nothing was changed";
    /// After `error:`.
    NO_TERMINAL = "there is no terminal to ask for a confirmation";
    /// Below it.
    NO_TERMINAL_THEN = "Look at the changes with --dry-run, then add --yes.";
    /// After a change that waits. `time` is the time of day.
    waits(services, time, minutes) =
        "{services}: changed. Keep this terminal open.\n\
         1. Log in there with a code, from another terminal.\n\
         2. Then run 'sudo twostep keep'.\n\
         Without that, everything is taken back at {time}, in {minutes} minutes,\n\
         or after a restart. To take it back at once, run 'sudo twostep revert'.";
    /// After a change that does not wait.
    changed(services) = "{services}: changed.";
    /// After `twostep disable`.
    taken_out(services) = "{services}: the lines of twostep are taken out.";
    /// The same where there was nothing to do.
    not_enabled(services) = "{services}: no lines of 'twostep enable'. Nothing changed.";

    /// After `error:`. Another change waits.
    waiting(services, time) = "a change to {services} waits to be kept until {time}";
    /// Below it.
    WAITING_THEN = "Run 'twostep keep' or 'twostep revert' first.";
    /// `--for` is for sshd alone.
    FOR_IS_FOR_SSHD = "only sshd checks keys, so --for is for sshd alone";
    /// After `error:`. A file that services include.
    shared(service) = "{service} is a part of other services, not a service";
    /// Below it.
    SHARED_THEN = "Name the services that should ask for a code, such as sshd or sudo.";
    /// After `error:`.
    POLICY_FIRST = "the policy cannot be read, so it is not known who needs a code";
    /// Below it.
    POLICY_FIRST_THEN = "Run 'twostep policy check'.";
    /// After `error:`.
    NOBODY_ENROLLED =
        "nobody who may become root has a second step, so nobody could keep the change";
    /// Below it.
    NOBODY_ENROLLED_THEN = "Run 'twostep enroll' as a user who may use sudo, then this command again.";
    /// After `error:`.
    NO_WAY_BACK =
        "nothing would take the change back: this machine has neither systemd\nnor a running cron";
    /// Below it, and below the next one.
    NO_WAY_BACK_THEN = "To change the files for good, add --no-revert, and keep a root shell open.";
    /// After `error:`.
    WAY_BACK_UNAVAILABLE = "the program that takes the change back cannot be started";
    /// After `error:`, with `--root`.
    OTHER_ROOT = "files below another root are changed for good: add --no-revert";
    /// After `note:`. The records of administrators can then say by which service a code was accepted.
    converted(users) = "the records of {users} now have format 2, which says where a code was typed";

    /// With `doctor --fix`: a heading above commands.
    AT_ONCE = "At once, and not taken back:";
    /// The same, above problems.
    BY_HAND = "By hand, as 'twostep doctor' says:";
    /// In place of a change.
    NOTHING_TO_FIX = "There is no problem that --fix can fix.";
    /// After `error:`.
    command_failed(command, why) = "{command}: {why}";

    /// After `error:`.
    NOTHING_WAITS = "no change waits to be kept";
    /// Below it.
    NOTHING_WAITS_THEN = "Run 'twostep services' to see which services ask for a code.";
    /// After `error:`.
    TOO_LATE = "it is too late: the change is being taken back";
    /// Below it.
    TOO_LATE_THEN = "Run 'twostep enable' again.";
    /// `services` are those by which nobody has logged in.
    no_proof(services) =
        "nobody who may become root has logged in with a code by {services} since the\nchange";
    /// Below it.
    NO_PROOF_THEN =
        "Log in there with a code, from another terminal, then run this again.\n\
         An exemption or an enrollment is no proof.";
    /// The outcome of `twostep keep`.
    kept(services, user, service, time) =
        "{services}: kept. {user} logged in by {service} with a code at {time}.";

    /// A line for each file that was put back.
    put_back(file) = "{file}: as it was before";
    /// Another such line.
    own_lines_out(file) =
        "{file}: changed by somebody since, so only the lines of twostep were\n  taken out";
    /// Another such line.
    left(file) =
        "{file}: changed by somebody since, without lines of twostep. It was left\n  as it is";
    /// After `error:`.
    not_put_back(fault) = "not put back: {fault}";
    /// After `error:`.
    NOT_ALL_PUT_BACK = "not everything is taken back";
    /// Below it.
    NOT_ALL_PUT_BACK_THEN = "It is tried again each minute, as long as the change waits.";
    /// After `error:`, with the text of sshd.
    sshd_not_reloaded(why) = "sshd was not told to read its settings again: {why}";
}
