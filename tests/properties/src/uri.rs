use rqrr::Grid;
use twostep_core::dialogue::qr::{Colour, Drawing, Invitation, Picture};
use twostep_core::proof::totp::{Algorithm, Authenticator, decode_secret};
use twostep_core::time::Period;

/// The otpauth URI for any account and issuer. The first byte selects the kind of authenticator; the account and the issuer
/// are lines of the rest. An app reads exactly this account, issuer and key from the text and from the QR code.
pub fn uri(bytes: &[u8]) {
    let Some((&choice, bytes)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines().filter(|line| !line.contains(char::is_control));
    // The name service and the policy allow no longer name or issuer.
    let account = lines.next().filter(|name| (1..=127).contains(&name.len())).unwrap_or("ada");
    let issuer = lines.next().filter(|issuer| issuer.chars().count() <= 64).unwrap_or_default();
    let authenticator = authenticator(choice);
    let invitation = Invitation { account, issuer, authenticator: &authenticator };
    let uri = invitation.uri();
    check(&uri, account, issuer, &authenticator);
    if let Some(drawing) = invitation.draw(Picture::Light) {
        assert!(drawing.size().rows < 24, "a prompt must fit below it");
        let mut seen = Vec::new();
        Grid::new(modules(&drawing)).decode_to(&mut seen).expect("a QR code");
        assert_eq!(seen, uri.as_bytes());
    }
}

fn authenticator(choice: u8) -> Authenticator {
    let algorithm = [Algorithm::SHA1, Algorithm::SHA256, Algorithm::SHA512][usize::from(choice % 3)];
    let period = Period::new([30, 60][usize::from(choice / 3 % 2)]).expect("a period");
    let secret: Vec<u8> = (0..16 + choice / 18).map(|byte| byte.wrapping_mul(37) ^ choice).collect();
    let made = Authenticator::new("phone".to_owned(), &secret, algorithm, 6 + choice / 6 % 3, period, None);
    made.expect("a valid authenticator")
}

fn check(uri: &str, account: &str, issuer: &str, authenticator: &Authenticator) {
    let rest = uri.strip_prefix("otpauth://totp/").expect("the scheme and the kind");
    let (path, query) = rest.split_once('?').expect("a query");
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~@%:".contains(c);
    assert!(path.chars().all(allowed), "{uri}");
    let (shown, name) = path.split_once(':').map_or(("", path), |(issuer, name)| (issuer, name));
    assert_eq!(unescaped(name), account, "{uri}");
    let shown = unescaped(shown);
    assert!([issuer, issuer.split('.').next().unwrap_or_default(), ""].contains(&shown.as_str()), "{uri}");

    let pairs: Vec<_> = query.split('&').map(|pair| pair.split_once('=').expect("a pair")).collect();
    let mut expected = vec![("issuer", shown)];
    expected.push(("algorithm", authenticator.algorithm().as_str().to_owned()));
    expected.push(("digits", authenticator.digits().to_string()));
    expected.push(("period", authenticator.period.seconds().to_string()));
    expected.retain(|(_, value)| !["", "SHA1", "6", "30"].contains(&value.as_str()));
    let (first, others) = pairs.split_first().expect("a secret");
    let key = decode_secret(first.1).expect("a key");
    assert_eq!((first.0, key.as_slice()), ("secret", authenticator.expose_secret()), "{uri}");
    let others: Vec<_> = others.iter().map(|(name, value)| (*name, unescaped(value))).collect();
    assert_eq!(others, expected, "{uri}");
}

/// RFC 3986 section 2.1.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first == b'%' {
            let (hex, after) = after.split_at(2);
            bytes.push(u8::from_str_radix(std::str::from_utf8(hex).expect("hex"), 16).expect("hex"));
            rest = after;
        } else {
            bytes.push(first);
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}

/// The modules of a QR code without its quiet zone. Each character has two, one above the other.
fn modules(drawing: &Drawing) -> rqrr::SimpleGrid {
    let mut text = String::new();
    drawing.append_to(&mut text, Colour::None);
    let rows: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
    let width = usize::from(drawing.size().columns);
    let is_light = move |x: usize, y: usize| match rows[y / 2].get(x) {
        Some('█') => true,
        Some(half @ ('▀' | '▄')) => (*half == '▀') == y.is_multiple_of(2),
        _ => false,
    };
    rqrr::SimpleGrid::from_func(width - 4, |x, y| !is_light(x + 2, y + 2))
}
