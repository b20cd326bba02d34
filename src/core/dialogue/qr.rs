//! The otpauth URI, and its QR code in half-block characters.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use qrcode::render::svg::Color as Svg;
use qrcode::{Color, EcLevel, QrCode, Version};

use crate::os::window::Window;
use crate::proof::totp::{Algorithm, Authenticator, encode_secret};
use crate::zeroizing::Zeroizing;

/// The largest version whose picture fits a terminal of 80 by 24 with a prompt below it: 45 columns by 23 rows.
const LARGEST: i16 = 6;
/// Light modules around the code. The standard asks for 4; every reader that was tried accepts 2, and 2 fit the screen.
const QUIET: usize = 2;

/// The characters that a label in a URI keeps: RFC 3986's unreserved characters, and `@`, which a path may contain.
const LABEL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'@');

/// The colours of the picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Colour {
    /// No escapes: the parts that are not drawn have the terminal's own background.
    None,
    /// Both colours are set, whatever the terminal's own colours are.
    Explicit,
}

/// Which modules of the picture are drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Picture {
    /// Light modules, which is right on a dark terminal.
    Light,
    /// Dark modules, which is right on a light terminal.
    Dark,
}

/// What an app shows, and reads by camera or by hand.
pub struct Invitation<'a> {
    /// The account's canonical name, which is the label of the URI after the issuer.
    pub account: &'a str,
    /// The name that the app shows beside it: the machine's name or the policy's issuer.
    pub issuer: &'a str,
    /// The authenticator to be enrolled.
    pub authenticator: &'a Authenticator,
}

/// The QR code of a URI as an SVG picture, with the quiet zone of 4 that the standard asks for. None if the URI is too
/// long for any QR code.
pub fn svg(uri: &str) -> Option<Zeroizing<String>> {
    let code = QrCode::with_error_correction_level(uri, EcLevel::M).ok()?;
    Some(Zeroizing::new(code.render::<Svg<'_>>().min_dimensions(240, 240).build()))
}

impl Invitation<'_> {
    /// The URI in the Key Uri Format, without default values. It is shortened until its code fits the screen: first the
    /// domain of the issuer is left out, then the issuer.
    pub fn uri(&self) -> Zeroizing<String> {
        let short = self.issuer.split('.').next().unwrap_or(self.issuer);
        let candidates = [self.uri_from(self.issuer), self.uri_from(short)];
        candidates.into_iter().find(|uri| code(uri).is_some()).unwrap_or_else(|| self.uri_from(""))
    }

    fn uri_from(&self, issuer: &str) -> Zeroizing<String> {
        let escape = |text| utf8_percent_encode(text, LABEL).to_string();
        let (account, issuer) = (escape(self.account), escape(issuer));
        let secret = encode_secret(self.authenticator.expose_secret());
        let mut uri = Zeroizing::new(String::with_capacity(512));
        uri.push_str("otpauth://totp/");
        if !issuer.is_empty() {
            uri.extend([&issuer, ":"]);
        }
        uri.extend([&account, "?secret=", secret.as_str()]);
        if !issuer.is_empty() {
            uri.extend(["&issuer=", &issuer]);
        }
        self.push_parameters(&mut uri);
        uri
    }

    /// Adds only the parameters that differ from the default that every app assumes: each parameter makes the picture
    /// larger.
    fn push_parameters(&self, uri: &mut String) {
        if self.authenticator.algorithm() != Algorithm::SHA1 {
            uri.extend(["&algorithm=", self.authenticator.algorithm().as_str()]);
        }
        if self.authenticator.digits() != 6 {
            uri.push_str(&format!("&digits={}", self.authenticator.digits()));
        }
        if self.authenticator.period.seconds() != 30 {
            uri.push_str(&format!("&period={}", self.authenticator.period.seconds()));
        }
    }

    /// The QR code of the URI; none if even the shortest URI does not fit the screen.
    pub fn draw(&self, picture: Picture) -> Option<Drawing> {
        let rows = rows(&code(&self.uri())?, picture);
        Some(Drawing { picture, rows })
    }
}

/// A QR code in half-block characters, with two modules in a character. Wiped when dropped.
pub struct Drawing {
    picture: Picture,
    /// Rows of one width.
    rows: Vec<Zeroizing<String>>,
}

impl Drawing {
    /// The columns and rows that it takes.
    pub fn size(&self) -> Window {
        let columns = self.rows.first().map_or(0, |row| row.chars().count());
        let count = |number| u16::try_from(number).unwrap_or(u16::MAX);
        Window { columns: count(columns), rows: count(self.rows.len()) }
    }

    /// Adds it to `text`, each row with a line break.
    pub fn append_to(&self, text: &mut String, colour: Colour) {
        let (begin, end) = match (colour, self.picture) {
            (Colour::Explicit, Picture::Light) => ("\x1b[97;40m", "\x1b[0m"),
            (Colour::Explicit, Picture::Dark) => ("\x1b[30;107m", "\x1b[0m"),
            (Colour::None, _) => ("", ""),
        };
        for row in &self.rows {
            text.extend([begin, row, end, "\n"]);
        }
    }
}

/// The QR code of `text`; none if it does not fit the screen.
fn code(text: &str) -> Option<QrCode> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    matches!(code.version(), Version::Normal(1..=LARGEST)).then_some(code)
}

/// The rows of `code`, with its quiet zone.
fn rows(code: &QrCode, picture: Picture) -> Vec<Zeroizing<String>> {
    let size = code.width();
    let side = size.saturating_add(QUIET.saturating_mul(2));
    let colours = code.to_colors();
    // Every module outside of the code is light.
    let is_light = |row: usize, column: usize| {
        let inside = |at: usize| at.checked_sub(QUIET).filter(|&at| at < size);
        let index = inside(row)
            .zip(inside(column))
            .map(|(row, column)| row.saturating_mul(size).saturating_add(column));
        index.and_then(|index| colours.get(index)).is_none_or(|&colour| colour == Color::Light)
    };
    let is_drawn =
        |row: usize, column: usize| row < side && is_light(row, column) == (picture == Picture::Light);
    let block =
        |row: usize, column: usize| match (is_drawn(row, column), is_drawn(row.saturating_add(1), column)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        };
    (0..side)
        .step_by(2)
        .map(|row| Zeroizing::new((0..side).map(|column| block(row, column)).collect()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Period;

    fn phone(algorithm: Algorithm, digits: u8, period: u64) -> Authenticator {
        let period = Period::new(period).unwrap();
        Authenticator::new("phone".into(), &[0xA5; 20], algorithm, digits, period, None).unwrap()
    }

    fn uri(account: &str, issuer: &str) -> String {
        let authenticator = &phone(Algorithm::SHA1, 6, 30);
        Invitation { account, issuer, authenticator }.uri().to_string()
    }

    #[test]
    fn leaves_defaults_out_of_uri() {
        assert_eq!(
            uri("ada", "web1"),
            "otpauth://totp/web1:ada?secret=UWS2LJNFUWS2LJNFUWS2LJNFUWS2LJNF&issuer=web1"
        );
        let unusual = phone(Algorithm::SHA256, 8, 60);
        let invitation = Invitation { account: "ada", issuer: "", authenticator: &unusual };
        assert!(invitation.uri().ends_with("LJNF&algorithm=SHA256&digits=8&period=60"));
    }

    #[test]
    fn lets_hostile_name_add_no_parameter() {
        let uri = uri("a?secret=b&c:d/ä\n\u{1b}", "web1");
        assert!(
            uri.starts_with("otpauth://totp/web1:a%3Fsecret%3Db%26c%3Ad%2F%C3%A4%0A%1B?secret="),
            "{uri}"
        );
    }

    #[test]
    fn shortens_long_host_to_label_then_leaves_it_out() {
        let domain = ".a-department.of-some-institution.example.org";
        assert!(uri("ada", &format!("web1{domain}")).contains("web1:ada?"));
        assert!(uri("ada", &"h".repeat(63)).starts_with("otpauth://totp/ada?"));
    }

    #[test]
    fn fits_picture_and_prompt_in_80_by_24() {
        let authenticator = &phone(Algorithm::SHA1, 6, 30);
        let size = |account, issuer| {
            Invitation { account, issuer, authenticator }.draw(Picture::Light).map(|drawing| drawing.size())
        };
        assert_eq!(size("ada", "web1"), Some(Window { columns: 37, rows: 19 }));
        assert_eq!(size("ada", "web1.example.org"), Some(Window { columns: 41, rows: 21 }));
        let long = "a-machine-with-a-long-name.example.org";
        assert_eq!(size("ada", long), Some(Window { columns: 45, rows: 23 }));
        assert_eq!(size(&"a".repeat(127), ""), None);
    }

    #[test]
    fn sets_both_colours_or_none() {
        let authenticator = &phone(Algorithm::SHA1, 6, 30);
        let invitation = Invitation { account: "ada", issuer: "web1", authenticator };
        for (picture, colours) in [(Picture::Light, "\x1b[97;40m"), (Picture::Dark, "\x1b[30;107m")] {
            let drawing = invitation.draw(picture).unwrap();
            let (mut plain, mut coloured) = (String::new(), String::new());
            drawing.append_to(&mut plain, Colour::None);
            drawing.append_to(&mut coloured, Colour::Explicit);
            assert!(!plain.contains('\x1b'));
            let expected = plain.lines().map(|row| format!("{colours}{row}\x1b[0m\n"));
            assert_eq!(coloured, expected.collect::<String>());
        }
    }

    #[test]
    fn draws_negative_as_inverted_picture() {
        let authenticator = &phone(Algorithm::SHA1, 6, 30);
        let invitation = Invitation { account: "ada", issuer: "web1", authenticator };
        let [light, dark] = [Picture::Light, Picture::Dark].map(|one| invitation.draw(one).unwrap().rows);
        assert_eq!(light.len(), dark.len());
        let negative = |c| match c {
            '█' => ' ',
            '▀' => '▄',
            '▄' => '▀',
            _ => '█',
        };
        for (light, dark) in light.iter().zip(&dark).take(light.len() - 1) {
            assert_eq!(light.chars().map(negative).collect::<String>(), dark.as_str());
        }
    }
}
