//! Codes from oathtool, which shares no code with the module under test.

use std::collections::HashMap;
use std::process::Command;
use std::sync::Mutex;

use crate::SECRET;

/// The number of codes that one run of oathtool computes.
const AT_ONCE: i64 = 32;

/// The codes that oathtool has computed, by generator and first step.
type Known = HashMap<(Generator, i64), Vec<String>>;

/// An authenticator app.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Generator {
    /// The key in base32.
    pub secret: String,
    /// `SHA1`, `SHA256` or `SHA512`.
    pub algorithm: &'static str,
    /// The length of a code, 6 to 8.
    pub digits: u32,
    /// The length of a step in seconds.
    pub period: i64,
}

impl Default for Generator {
    fn default() -> Self {
        Self::new(SECRET)
    }
}

impl Generator {
    /// The usual kind: SHA1, 6 digits, 30 seconds.
    pub fn new(secret: &str) -> Self {
        Self { secret: secret.into(), algorithm: "SHA1", digits: 6, period: 30 }
    }

    /// The code shown at `time`, seconds of Unix time.
    pub fn at(&self, time: i64) -> String {
        static KNOWN: Mutex<Option<Known>> = Mutex::new(None);
        let step = time.div_euclid(self.period);
        let first = step - step.rem_euclid(AT_ONCE);
        let mut known = KNOWN.lock().unwrap();
        let known = known.get_or_insert_default().entry((self.clone(), first));
        let codes = known.or_insert_with(|| self.codes(first * self.period, AT_ONCE as u32 - 1));
        codes[(step - first) as usize].clone()
    }

    /// A code that belongs to no step within 24 steps of `time`.
    pub fn wrong(&self, time: i64) -> String {
        let taken = self.codes((time - 24 * self.period).max(0), 48);
        let width = self.digits as usize;
        (0..).map(|n| format!("{n:0width$}")).find(|code| !taken.contains(code)).unwrap()
    }

    fn codes(&self, time: i64, more: u32) -> Vec<String> {
        let output = Command::new("oathtool")
            .arg(format!("--totp={}", self.algorithm))
            .arg(format!("--digits={}", self.digits))
            .arg(format!("--time-step-size={}s", self.period))
            .arg(format!("--now=@{time}"))
            .arg(format!("--window={more}"))
            .args(["--base32", &self.secret])
            .output()
            .expect("oathtool is needed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(Into::into).collect()
    }
}
