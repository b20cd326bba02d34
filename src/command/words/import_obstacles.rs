//! Why a file, folder or home is not read. The path is before it, or the word for it: "the file", "the home".

twostep_core::words! {
    /// `error` is the kernel's, also below.
    not_looked_at(error) = "cannot be looked at: {error}";
    /// The same.
    not_opened(error) = "cannot be opened: {error}";
    /// The same.
    not_read(error) = "cannot be read: {error}";
    /// The same.
    not_listed(error) = "cannot be listed: {error}";
    /// The same. The file is imported, and would get a suffix.
    not_renamed(error) = "cannot be renamed: {error}";
    /// The same, without an error of the kernel's.
    NOT_RENAMED = "cannot be renamed";
    /// The same. Root reads a file in a home with the rights of its owner.
    rights_not_taken(error) = "cannot be looked at with its owner's rights: {error}";
    /// The same.
    rights_not_given_back(error) = "was looked at, and root's rights cannot be taken back: {error}";
    /// It may belong to one user and to root.
    belongs_to(uid) = "belongs to uid {uid}";
    /// Its mode is too wide.
    READABLE = "can be read by users other than its owner, so its key is no secret: run chmod 600, or enroll again";
    /// A link of ln(1) without -s.
    HARD_LINKS = "has more than one name (hard links)";
    /// It may lead elsewhere.
    BEHIND_LINK = "is a symbolic link, or behind one";
    /// It is a folder, a pipe or a device.
    NOT_REGULAR = "is not a regular file";
    /// It is too long for what it is to be.
    too_long(kibibytes) = "is longer than {kibibytes} KiB";
    /// It is not there.
    MISSING = "does not exist";
    /// Of a home in passwd(5).
    NOT_ABSOLUTE = "is not an absolute path";
    /// Of a home.
    EMPTY = "is empty";
    /// Of a home that eCryptfs has not opened.
    ENCRYPTED = "is encrypted";
    /// Of a folder where homes are. The file has the name of another program's file.
    stray_file(uid) = "is no account's home, and has a file of uid {uid}";
}
