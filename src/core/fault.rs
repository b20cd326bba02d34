//! What failed outside of this program: a file, a lock, the clock, a look-up.

/// What the operating system refused, in words for the administrator.
#[derive(Debug, PartialEq, Eq, Clone)]
pub struct Fault(pub String);

impl Fault {
    /// `what` failed on `path` with `error`.
    pub fn new(path: &std::path::Path, what: &str, error: impl std::fmt::Display) -> Self {
        Self(format!("{}: {what}: {error}", path.display()))
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
