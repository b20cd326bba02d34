//! Three answers: what cannot be known is neither yes nor no.

/// How sure it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Sure {
    No,
    /// True for some, or not known.
    Perhaps,
    Yes,
}

impl From<bool> for Sure {
    fn from(is_so: bool) -> Self {
        if is_so { Self::Yes } else { Self::No }
    }
}

impl Sure {
    /// Both this and `other`.
    pub(super) fn and(self, other: Self) -> Self {
        self.min(other)
    }
}
