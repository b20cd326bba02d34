//! Generated input for tests.

#![expect(clippy::arithmetic_side_effects, reason = "a list to choose from is not empty")]

/// Xorshift (Marsaglia 2003): a random sequence that is the same in each run.
pub(crate) struct Chance(pub u64);

impl Chance {
    pub(crate) fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most as u64) as usize
    }

    pub(crate) fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    pub(crate) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}
