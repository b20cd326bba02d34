//! Where a code was typed.

use std::fmt;

use crate::time::UnixTime;

/// Bytes of a service's name that are kept.
pub const SERVICE: usize = 32;
/// Bytes of a host's name or address that are kept. An IPv6 address with its zone fits.
pub const HOST: usize = 64;

/// Where a code was typed: the service and the host that PAM names. Both are foreign text: they are shortened, and every
/// byte that is not printable ASCII is a `?`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    service: [u8; SERVICE],
    host: [u8; HOST],
}

impl Origin {
    /// A program that does not run as root, such as a screen locker. It could name any service.
    pub const OWN_PROGRAM: Self = Self { service: [0; SERVICE], host: [0; HOST] };

    /// The origin with PAM_SERVICE and PAM_RHOST, which is empty for a login at the machine itself.
    pub fn new(service: &str, host: &str) -> Self {
        Self { service: printable(service), host: printable(host) }
    }

    /// The origin with these stored bytes; none if [`Self::new`] never makes them.
    pub fn of_bytes(service: [u8; SERVICE], host: [u8; HOST]) -> Option<Self> {
        (is_printable(&service) && is_printable(&host)).then_some(Self { service, host })
    }

    /// The bytes to store: service and host, each padded with zero.
    pub const fn bytes(&self) -> (&[u8; SERVICE], &[u8; HOST]) {
        (&self.service, &self.host)
    }

    /// The service, such as `sshd`; empty for a program that does not run as root.
    pub fn service(&self) -> &str {
        text(&self.service)
    }

    /// The host, an address or a name; empty if PAM names none.
    pub fn host(&self) -> &str {
        text(&self.host)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({:?}, {:?})", self.service(), self.host())
    }
}

/// When and where a code was typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Occasion {
    /// When it was judged.
    pub at: UnixTime,
    /// Where it was typed.
    pub from: Origin,
}

fn printable<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [0; N];
    for (byte, from) in bytes.iter_mut().zip(text.bytes()) {
        *byte = if from.is_ascii_graphic() { from } else { b'?' };
    }
    bytes
}

fn is_printable(bytes: &[u8]) -> bool {
    let length = bytes.iter().take_while(|byte| byte.is_ascii_graphic()).count();
    bytes.get(length..).is_none_or(is_zero)
}

/// Whether all bytes are zero. It looks at all of them, which is faster than to stop at the first.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().fold(0, |all, byte| all | byte) == 0
}

fn text(bytes: &[u8]) -> &str {
    let length = bytes.iter().take_while(|byte| **byte != 0).count();
    bytes.get(..length).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_service_and_host_as_printable_text() {
        let origin = Origin::new("sshd", "fe80::1%eth0");
        assert_eq!((origin.service(), origin.host()), ("sshd", "fe80::1%eth0"));
        let origin = Origin::new("\x1b[2J ü", &"x".repeat(99));
        assert_eq!((origin.service(), origin.host()), ("?[2J???", "x".repeat(64).as_str()));
        assert_eq!((Origin::OWN_PROGRAM.service(), Origin::OWN_PROGRAM.host()), ("", ""));
    }

    #[test]
    fn takes_only_bytes_that_it_writes() {
        let origin = Origin::new("sshd", "192.0.2.7");
        let (service, host) = origin.bytes();
        assert_eq!(Origin::of_bytes(*service, *host), Some(origin));
        for odd in [b"sshd\0x", b"ss hd\0", b"\x1b[2J\0\0", b"\0sshd\0"] {
            let mut bytes = *service;
            bytes[..6].copy_from_slice(odd);
            assert_eq!(Origin::of_bytes(bytes, *host), None, "{odd:?}");
        }
    }
}
