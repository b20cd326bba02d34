//! The authenticator of the account of the logins: its secret, and what it shows.

use totp_rs::{Builder, Secret, Totp};
use twostep_core::os::{clock, entropy};
use twostep_core::proof::totp::{Algorithm, Authenticator};
use twostep_core::time::Period;
use twostep_core::zeroizing::Zeroizing;

use crate::failure::Failure;

const DIGITS: u8 = 6;
/// How many steps before and after the present one may be accepted, and more.
const NEAR: u64 = 20;

pub(crate) struct Phone {
    totp: Totp,
}

impl Phone {
    /// A phone with a new secret, and the authenticator to store for it.
    pub(crate) fn new() -> Result<(Self, Authenticator), Failure> {
        let mut secret = Zeroizing::new([0; 20]);
        entropy::fill(&mut *secret)?;
        let (sha1, period) = (Algorithm::SHA1, Period::DEFAULT);
        let stored = Authenticator::new("rehearsal".to_owned(), &*secret, sha1, DIGITS, period, None);
        let builder = Builder::new().with_secret(Secret::new((*secret).into())).with_algorithm(sha1);
        let builder = builder.with_digits(DIGITS).with_step_duration(period.seconds()).with_skew(0);
        let totp = builder.build().map_err(|_| Failure::Authenticator)?;
        Ok((Self { totp }, stored.map_err(|_| Failure::Authenticator)?))
    }

    /// The code that it shows now.
    pub(crate) fn code(&self) -> Result<Zeroizing<String>, Failure> {
        Ok(self.code_at(clock::now()?.seconds()))
    }

    /// A code that it shows at no time near the present one.
    pub(crate) fn wrong_code(&self) -> Result<Zeroizing<String>, Failure> {
        let (now, period) = (clock::now()?.seconds(), Period::DEFAULT.seconds());
        let around = (0..=NEAR).map(|steps| steps.saturating_mul(period));
        let moments = around.flat_map(|off| [now.saturating_add(off), now.saturating_sub(off)]);
        let right: Vec<_> = moments.map(|moment| self.code_at(moment)).collect();
        let mut codes = (0..=right.len()).map(|number| Zeroizing::new(format!("{number:06}")));
        codes.find(|code| !right.contains(code)).ok_or(Failure::Authenticator)
    }

    fn code_at(&self, moment: u64) -> Zeroizing<String> {
        Zeroizing::new(self.totp.generate(moment).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_code_of_stored_authenticator_and_wrong_one() {
        use twostep_core::proof::code::Code;
        let (phone, stored) = Phone::new().unwrap();
        let shows = |code: &str, off: u64| {
            let step = stored.step_at(clock::now().unwrap());
            let code = Code::parse(code.as_bytes()).unwrap();
            step.around(off).any(|step| stored.shows(&code, step))
        };
        assert!(shows(&phone.code().unwrap(), 1));
        assert!(!shows(&phone.wrong_code().unwrap(), 10));
    }
}
