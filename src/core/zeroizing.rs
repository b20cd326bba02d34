//! Values that are wiped when they are dropped.

use std::fmt;
use std::ops::{Deref, DerefMut};

use zeroize::Zeroize;

/// A value that the crate `zeroize` wipes when it is dropped. That crate's own wrapper is inlined wherever a value is
/// dropped, with its loops. This one drops each type in one function.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Zeroizing<Z: Zeroize>(Z);

impl<Z: Zeroize> Zeroizing<Z> {
    /// Wraps `value`.
    pub fn new(value: Z) -> Self {
        Self(value)
    }
}

impl<Z: Zeroize> Deref for Zeroizing<Z> {
    type Target = Z;

    fn deref(&self) -> &Z {
        &self.0
    }
}

impl<Z: Zeroize> DerefMut for Zeroizing<Z> {
    fn deref_mut(&mut self) -> &mut Z {
        &mut self.0
    }
}

/// Without the value, which may be secret.
impl<Z: Zeroize> fmt::Debug for Zeroizing<Z> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Zeroizing(..)")
    }
}

impl<Z: Zeroize> Drop for Zeroizing<Z> {
    #[inline(never)]
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wipes_value_when_dropped() {
        struct Told<'a>(&'a mut u32);
        impl Zeroize for Told<'_> {
            fn zeroize(&mut self) {
                *self.0 += 1;
            }
        }
        let mut wiped = 0;
        drop(Zeroizing::new(Told(&mut wiped)));
        assert_eq!(wiped, 1);
    }

    #[test]
    fn does_not_print_value() {
        assert_eq!(format!("{:?}", Zeroizing::new("secret".to_owned())), "Zeroizing(..)");
    }
}
