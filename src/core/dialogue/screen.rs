//! The screen of an enrollment: what the terminal can show, and what is on it. The key comes before the picture, because a
//! screen reader begins at the top, and because the rows at the top may scroll off.

use crate::dialogue::qr::{Colour, Drawing, Invitation, Picture};
use crate::os::window::Window;
use crate::proof::totp::encode_secret;
use crate::words::enrollment as words;
use crate::zeroizing::Zeroizing;

/// The value of TERM that stands for a terminal without a screen (terminfo(5)).
pub const DUMB: &str = "dumb";
/// The longest line of text.
const COLUMNS: usize = 60;
/// How much of a long account is shown, so that there is room for the issuer.
const ACCOUNT: usize = 32;

/// What the user's terminal can show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Screen {
    /// Whether a picture is shown that the user did not ask for.
    pub picture: bool,
    /// The colours of the picture.
    pub colour: Colour,
    /// The size of the terminal, if it is known.
    pub window: Option<Window>,
}

impl Screen {
    /// A terminal of which nothing is known.
    pub const UNKNOWN: Self = Self { picture: true, colour: Colour::None, window: None };
}

/// What is shown of a new authenticator.
pub(crate) struct Page<'a> {
    pub invitation: Invitation<'a>,
    pub screen: Screen,
}

impl Page<'_> {
    /// The picture to begin with: none if it cannot be shown.
    pub(crate) fn first_picture(&self, prompt: &str) -> Option<Picture> {
        let can_show = self.screen.picture && self.small_window(prompt).is_none();
        can_show.then_some(Picture::Light)
    }

    /// The page that a dialogue begins with, and the prompt in its last line. `reason` and `limit` are empty outside of a
    /// login.
    pub(crate) fn first(&self, reason: &str, limit: &str, prompt: &str) -> Zeroizing<String> {
        let too_small = self.small_window(prompt).filter(|_| self.screen.picture);
        let picture = self.first_picture(prompt);
        let choice = if too_small.is_some() { "" } else { self.choice(picture) };
        let reason = [reason, choice].join(" ");
        self.text(&[reason.trim(), limit, &too_small.unwrap_or_default()], picture, prompt)
    }

    /// The page with another picture.
    pub(crate) fn again(&self, picture: Option<Picture>, prompt: &str) -> Zeroizing<String> {
        self.text(&[self.choice(picture)], picture, prompt)
    }

    /// What else the user can have than `picture`. Empty if there is no other.
    fn choice(&self, picture: Option<Picture>) -> &'static str {
        match picture {
            _ if self.drawing(Picture::Light).is_none() => "",
            Some(_) => words::TYPE_T,
            None => words::TYPE_I,
        }
    }

    fn text(&self, head: &[&str], picture: Option<Picture>, prompt: &str) -> Zeroizing<String> {
        let drawing = picture.and_then(|picture| self.drawing(picture));
        // Room for all of it: a growing text would leave unwiped copies.
        let mut text = Zeroizing::new(String::with_capacity(16 * 1024));
        let heading = if drawing.is_some() { words::SCAN } else { words::TYPE_KEY };
        let (account, key, kind) = (self.account(), self.key(), self.kind());
        let lines = head.iter().copied().chain([heading, &account, &key, &kind]);
        for line in lines.filter(|line| !line.is_empty()) {
            text.extend([line, "\n"]);
        }
        if let Some(drawing) = drawing {
            drawing.append_to(&mut text, self.screen.colour);
            text.extend([words::TYPE_I_TO_INVERT, " "]);
        }
        text.push_str(prompt);
        text
    }

    fn drawing(&self, picture: Picture) -> Option<Drawing> {
        self.invitation.draw(picture)
    }

    /// That the window has no room for picture and prompt, if it is so.
    fn small_window(&self, prompt: &str) -> Option<String> {
        let (window, drawing) = (self.screen.window?, self.drawing(Picture::Light)?);
        let below = words::TYPE_I_TO_INVERT.len().saturating_add(1).saturating_add(prompt.len());
        let below = below.saturating_add(self.invitation.authenticator.digits().into());
        let size = drawing.size();
        let columns = size.columns.max(u16::try_from(below).unwrap_or(u16::MAX));
        let needed = Window { columns, rows: size.rows.saturating_add(1) };
        (!window.has_room_for(needed)).then(|| words::small_window(window, needed))
    }

    /// The account and the issuer, as far as they fit.
    fn account(&self) -> String {
        let Invitation { account, issuer, .. } = self.invitation;
        let account = beginning(account, ACCOUNT);
        let bare = words::account(&account);
        let room = COLUMNS.saturating_sub(words::account_at(&account, "").chars().map(columns).sum());
        let issuer = beginning(issuer, room);
        if issuer.is_empty() { bare } else { words::account_at(account, issuer) }
    }

    /// The key in groups of four, on one line, so that no window breaks it.
    fn key(&self) -> Zeroizing<String> {
        let secret = encode_secret(self.invitation.authenticator.expose_secret());
        let mut key = Zeroizing::new(String::with_capacity(secret.len().saturating_mul(2)));
        key.push_str(words::KEY);
        for group in secret.as_bytes().chunks(4) {
            key.push(' ');
            key.extend(group.iter().copied().map(char::from));
        }
        key
    }

    fn kind(&self) -> String {
        let authenticator = self.invitation.authenticator;
        words::kind(authenticator.digits(), authenticator.period.seconds())
    }
}

/// The beginning of `text` that fits into `room` columns.
fn beginning(text: &str, room: usize) -> String {
    let mut left = room;
    let fits = |sign: &char| match left.checked_sub(columns(*sign)) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    text.chars().take_while(fits).collect()
}

/// How many columns a character may take: the wide ones begin at U+1100 (Unicode Standard Annex 11).
fn columns(sign: char) -> usize {
    if sign < '\u{1100}' { 1 } else { 2 }
}

#[cfg(test)]
mod tests;
