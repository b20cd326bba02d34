//! Addresses in rules. Only literal addresses are accepted: the owner of a name decides what DNS answers for it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network in CIDR notation (RFC 4632 section 3.1, RFC 4291 section 2.3); a single address is a network of one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    first: IpAddr,
    prefix: u8,
}

/// Why a text is not a network. The strings are the text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NetworkError {
    /// It is not a literal address. The owner of a name decides what DNS answers for it.
    NotLiteral(String),
    /// It is an IPv4 address in the form of IPv6 (RFC 4291 section 2.5.5.2).
    Mapped(String),
    /// Its prefix is not a number of bits that fits.
    Prefix {
        /// The network, as written.
        network: String,
        /// The number of bits in an address of its kind.
        widest: u8,
    },
    /// It has bits set after its prefix.
    BitsBehindPrefix {
        /// The network, as written.
        network: String,
        /// Its first address.
        first: IpAddr,
        /// Its prefix, in bits.
        prefix: u8,
    },
}

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLiteral(text) => {
                write!(f, "'{text}' is not an address or network, such as 192.0.2.0/24")
            }
            Self::Mapped(text) => write!(f, "'{text}' is an IPv4 network: write it in IPv4 form"),
            Self::Prefix { network, widest } => {
                write!(f, "the prefix of '{network}' must be a number from 0 to {widest}")
            }
            Self::BitsBehindPrefix { network, first, prefix } => {
                write!(f, "'{network}' has bits set after its prefix: did you mean '{first}/{prefix}'?")
            }
        }
    }
}

/// The address that `text` spells, without its zone (RFC 4007 section 11). An IPv4-mapped address (RFC 4291 section
/// 2.5.5.2) becomes the IPv4 one. None for a name.
pub(crate) fn literal(text: &str) -> Option<IpAddr> {
    let address = match text.split_once('%') {
        Some((address, _zone)) => IpAddr::V6(address.parse().ok()?),
        None => text.parse().ok()?,
    };
    Some(address.to_canonical())
}

impl Network {
    /// Parses `address` or `address/prefix`.
    pub fn parse(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let network = || text.to_owned();
        let first: IpAddr = address.parse().map_err(|_| NetworkError::NotLiteral(network()))?;
        // It would be compared as the IPv4 network that it means.
        if let IpAddr::V6(v6) = first
            && v6.to_ipv4_mapped().is_some()
        {
            return Err(NetworkError::Mapped(network()));
        }
        let widest = if first.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => widest,
            Some(digits) => parse_prefix(digits)
                .filter(|&bits| bits <= widest)
                .ok_or_else(|| NetworkError::Prefix { network: network(), widest })?,
        };
        let parsed = Self { first: masked(first, prefix), prefix };
        if parsed.first != first {
            return Err(NetworkError::BitsBehindPrefix { network: network(), first: parsed.first, prefix });
        }
        Ok(parsed)
    }

    /// Whether `address` is in this network.
    pub fn holds(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4() && masked(address, self.prefix) == self.first
    }

    /// Whether all addresses of `other` are in this network.
    pub fn holds_network(&self, other: &Self) -> bool {
        self.prefix <= other.prefix && self.holds(other.first)
    }
}

/// As the policy file writes it.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widest = if self.first.is_ipv4() { 32 } else { 128 };
        if self.prefix == widest {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}/{}", self.first, self.prefix)
        }
    }
}

fn parse_prefix(digits: &str) -> Option<u8> {
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit()); // Rust would accept a sign
    if is_plain { digits.parse().ok() } else { None }
}

/// `address` with all bits after the first `prefix` cleared.
fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let host = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
            Ipv4Addr::from_bits(v4.to_bits() & !host).into()
        }
        IpAddr::V6(v6) => {
            let host = u128::MAX.checked_shr(prefix.into()).unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & !host).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_addresses_of_network_and_no_others() {
        let table = [
            ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("192.0.2.0/24", "::ffff:192.0.2.9", true),
            ("0.0.0.0/0", "198.51.100.1", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "198.51.100.1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::1", "::1", true),
        ];
        for (network, address, inside) in table {
            let network = Network::parse(network).unwrap();
            assert_eq!(network.holds(address.parse().unwrap()), inside, "{network:?} {address}");
        }
    }

    #[test]
    fn writes_network_as_policy_file_does() {
        for text in ["192.0.2.0/24", "192.0.2.7", "0.0.0.0/0", "2001:db8::/32", "::1", "::/0"] {
            assert_eq!(Network::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Network::parse("192.0.2.7/32").unwrap().to_string(), "192.0.2.7");
    }

    #[test]
    fn refuses_text_that_is_no_literal_network() {
        for text in [
            "",
            "tty1",
            "office.example.org",
            "192.0.2",
            "192.0.2.0/33",
            "192.0.2.0/",
            "10.0.0.0/+8",
            "010.0.0.1",
            "192.0.2.7/24",
            "2001:db8::1/32",
            "::/129",
            "fe80::1%eth0",
            "::ffff:192.0.2.0/120",
            " 192.0.2.1",
        ] {
            assert!(Network::parse(text).is_err(), "{text}");
        }
        let error = Network::parse("192.0.2.7/24").unwrap_err().to_string();
        assert!(error.contains("did you mean '192.0.2.0/24'?"), "{error}");
    }

    #[test]
    fn reads_only_literal_remote_hosts_as_addresses() {
        for text in ["", "localhost", "010.0.0.1", "192.0.2.1%eth0", "%eth0", "1.2.3.4.5", "192.0.2.1 "] {
            assert_eq!(literal(text), None, "{text}");
        }
        assert_eq!(literal("::ffff:192.0.2.1"), literal("192.0.2.1"));
        assert_eq!(literal("fe80::1%eth0"), literal("fe80::1"));
    }
}
