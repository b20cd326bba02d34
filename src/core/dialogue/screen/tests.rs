use super::*;
use crate::proof::totp::{Algorithm, Authenticator};
use crate::time::Period;

fn phone() -> Authenticator {
    Authenticator::new("phone".into(), &[0xA5; 20], Algorithm::SHA1, 6, Period::DEFAULT, None).unwrap()
}

fn on(window: Option<(u16, u16)>) -> Screen {
    Screen { window: window.map(|(columns, rows)| Window { columns, rows }), ..Screen::UNKNOWN }
}

/// The first page of a dialogue without login.
fn first(screen: Screen, account: &str, issuer: &str) -> String {
    let authenticator = &phone();
    let page = Page { invitation: Invitation { account, issuer, authenticator }, screen };
    page.first("", "", "First code: ").to_string()
}

/// With this issuer the picture has 41 columns and 21 rows.
const HOST: &str = "web1.example.org";
const KEY_LINE: &str = "Key: UWS2 LJNF UWS2 LJNF UWS2 LJNF UWS2 LJNF";

#[test]
fn shows_reason_account_and_key_above_picture() {
    let authenticator = &phone();
    let invitation = Invitation { account: "ada", issuer: HOST, authenticator };
    let page = Page { invitation, screen: Screen::UNKNOWN };
    let text = page.first("A second step is required here.", "This login ends in 59 s.", "First code: ");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..6],
        [
            "A second step is required here. Type t for text only.",
            "This login ends in 59 s.",
            "Scan this code with your authenticator app, or type the key:",
            "Account: ada (web1.example.org)",
            KEY_LINE,
            "Time based, 6 digits, 30 s",
        ]
    );
    assert!(
        lines[6..27].iter().all(|line| line.chars().count() == 41 && !line.contains(char::is_alphanumeric))
    );
    assert_eq!(lines[27..], ["Type i to invert it. First code: "]);
}

#[test]
fn shows_picture_where_it_fits_with_prompt() {
    for window in [None, Some((80, 24)), Some((80, 23)), Some((60, 22)), Some((41, 22))] {
        let text = first(on(window), "ada", HOST);
        assert!(text.starts_with("Type t for text only.\nScan this code"), "{window:?}: {text}");
        assert!(text.contains('▀'), "{window:?}");
    }
    let long = "a-machine-with-a-long-name.example.org";
    assert!(first(on(Some((80, 24))), "ada", long).contains('▀'));
}

#[test]
fn shows_text_and_both_sizes_in_smaller_window() {
    for (window, sizes) in [
        ((60, 20), "Your window is 60x20, and the picture needs 41x22."),
        ((80, 21), "Your window is 80x21, and the picture needs 41x22."),
        ((40, 60), "Your window is 40x60, and the picture needs 41x22."),
    ] {
        let text = first(on(Some(window)), "ada", HOST);
        assert!(text.is_ascii() && !text.contains('\x1b'));
        let then =
            "For the picture, enlarge the window and type i.\nType this key into your authenticator app:\n";
        assert!(text.starts_with(&format!("{sizes}\n{then}")), "{text}");
    }
}

#[test]
fn shows_text_alone_where_picture_is_not_wanted() {
    for window in [None, Some((80, 24)), Some((60, 20))] {
        let text = first(Screen { picture: false, ..on(window) }, "ada", HOST);
        let expected = format!(
            "Type i for a picture.\nType this key into your authenticator app:\nAccount: ada ({HOST})\n{KEY_LINE}\n\
             Time based, 6 digits, 30 s\nFirst code: "
        );
        assert_eq!(text, expected);
    }
}

#[test]
fn offers_no_picture_that_cannot_be_drawn() {
    let text = first(on(Some((80, 24))), &"a".repeat(127), HOST);
    assert!(text.starts_with("Type this key"), "{text}");
}

#[test]
fn draws_picture_that_user_asks_for_in_any_window() {
    let authenticator = &phone();
    let invitation = Invitation { account: "ada", issuer: HOST, authenticator };
    let page = Page { invitation, screen: Screen { picture: false, ..on(Some((60, 20))) } };
    assert!(page.again(Some(Picture::Light), "First code: ").contains('▀'));
    assert!(page.again(None, "First code: ").starts_with("Type i for a picture."));
}

#[test]
fn cuts_account_and_issuer_to_60_columns() {
    let line = |account: &str, issuer: &str| {
        let text = first(Screen::UNKNOWN, account, issuer);
        text.lines().find(|line| line.starts_with("Account:")).unwrap().to_owned()
    };
    assert_eq!(line("ada", ""), "Account: ada");
    assert_eq!(line("ada", &"h".repeat(64)), format!("Account: ada ({})", "h".repeat(45)));
    let long = line(&"a".repeat(127), &"h".repeat(64));
    assert_eq!(long, format!("Account: {} ({})", "a".repeat(32), "h".repeat(16)));
    assert_eq!(long.len(), 60);
    // Each has two columns.
    assert_eq!(line("ada", &"社".repeat(64)), format!("Account: ada ({})", "社".repeat(22)));
}
