use std::net::{IpAddr, Ipv6Addr};

use twostep_core::login::application::PamItems;
use twostep_core::policy::{Address, Network};

/// An application's data about a login. The first line is PAM_RHOST and also a network in the policy; only a literal
/// address is an address. The rest is `SSH_AUTH_INFO_0`; each method is the beginning of one line.
pub fn request(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (rhost, methods) = text.split_once('\n').unwrap_or((&text, ""));
    check_address(rhost);
    check_methods(methods);
}

fn check_address(rhost: &str) {
    let literal = rhost.parse::<IpAddr>().ok();
    let zoned =
        rhost.split_once('%').and_then(|(address, _)| address.parse::<Ipv6Addr>().ok()).map(IpAddr::V6);
    let expected = match literal.or(zoned) {
        Some(address) => Address::Literal(address.to_canonical()),
        None if rhost.is_empty() => Address::None,
        None => Address::Unknown,
    };
    assert_eq!(Address::of(rhost), expected, "{rhost:?}");
    if let Ok(network) = Network::parse(rhost) {
        let (address, _) = rhost.split_once('/').unwrap_or((rhost, ""));
        assert!(
            network.holds(address.parse().expect("a literal address")) && network.holds_network(&network)
        );
    }
}

fn check_methods(text: &str) {
    let items = PamItems { ssh_methods: Some(text.to_owned()), ..PamItems::default() };
    let methods: Vec<&str> = items.methods_of_sshd().collect();
    let mut lines = text.lines();
    for method in &methods {
        assert!(!method.is_empty() && !method.contains([' ', '/', '\n']), "{method:?} in {text:?}");
        let begins = |line: &str| {
            line.strip_prefix(method).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '/']))
        };
        assert!(lines.any(begins), "{method:?} begins no line of {text:?}");
    }
    assert_eq!(items.methods(), methods, "no password, no method of that name");
}
