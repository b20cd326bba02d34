//! `twostep import`, except why something in a file is not imported. A text in a line of the report begins with a
//! small letter and has no full stop.

twostep_core::words! {
    /// What became of an authenticator.
    IMPORTED = "imported";
    /// The same with --dry-run.
    WOULD_BE_IMPORTED = "would be imported";
    /// The secret is stored for this account already.
    UNCHANGED = "unchanged";
    /// What became of an authenticator.
    REFUSED = "refused";
    /// What became of a file.
    NOT_LOOKED_AT = "not looked at";
    /// What a folder is that is no account's.
    NOBODYS_HOME = "no user's home";
    /// The last line, where no file is found.
    NOTHING_FOUND = "Nothing was found.";
    /// The last line. `counts` are numbers, each with what became of so many, and commas between them.
    sum(counts) = "{counts}.";
    /// A part of it. `outcome` is one of the first five texts.
    count(number, outcome) = "{number} {outcome}";
    /// Below a line. `note` is a text of import_notes.
    note(note) = "note: {note}";
    /// With --all-homes.
    all_looked_at(accounts) = "All {accounts} accounts were looked at.";
    /// The same.
    some_looked_at(accounts) = "{accounts} accounts were looked at. Those in lines with 'not looked at' are not counted.";
    /// Below an error about a label.
    LABEL_THEN = "Choose another --label.";
    /// After `error:`. What was typed may be a secret, and is not repeated.
    NOT_A_PATH = "--secret is not the absolute path of a file";
    /// Below it.
    NOT_A_PATH_THEN = "Write it as in the argument secret= of the old PAM line.";
    /// Below an error about the file of one user.
    FILE_UNSEEN_THEN = "Name the file of one user.";
    /// After `error:`.
    ONE_OWNER = "a file has one owner";
    /// Below it.
    ONE_OWNER_THEN = "Name one user with it.";
    /// Below an error about a file of many users.
    NOTHING_IMPORTED_THEN = "Nothing was imported.";
    /// After `note:`. The secret is stored, and the file still has its name.
    not_retired(file, obstacle) = "{file} {obstacle}.";

    /// Why the file of one user is refused, with --user.
    NO_SUCH_FILE = "there is no such file";
    /// What is wrong with the file that was named. `obstacle` is one of the texts of import_obstacles.
    file(obstacle) = "the file {obstacle}";
    /// Why a file in a home was not looked for. `user` is whose home it is.
    home(obstacle, user) = "the home {obstacle}: import it when it is mounted, with --user {user}";
    /// Of nsswitch.conf.
    UNLISTED_ACCOUNTS =
        "a directory here lists none of its accounts, so only those with a home here were looked at: \
         name the others, as in --user alice --user bob";
    /// Why a file was not looked at.
    UNKNOWN_UID = "the name service does not know the uid of this account";
    /// Of a file with the name of a user.
    NO_ACCOUNT = "no account has this name";
}
