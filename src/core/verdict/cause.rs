//! The fact that led to a denial.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// The fact that led to a denial: an error of a storey above this one, with all its fields.
///
/// `dyn Error` would bring the `Debug` of every error into the module.
#[derive(Clone)]
pub struct Cause(Arc<dyn fmt::Display + Send + Sync>);

impl Cause {
    /// Keeps `fact`, whose `Display` the log shows.
    pub fn new(fact: impl Error + Send + Sync + 'static) -> Self {
        Self(Arc::new(fact))
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cause({self})")
    }
}

/// Facts of different types cannot be compared. Two facts with the same text are equal, because the log shows only the
/// text.
impl PartialEq for Cause {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for Cause {}
