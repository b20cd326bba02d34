//! The messages, as bytes. The first message comes from the client and begins with the version; every other one begins
//! with a letter.

use std::fmt;

use crate::dialogue::qr::Colour;
use crate::dialogue::screen::Screen;
use crate::manage::failure::Failure;
use crate::manage::request::ManageRequest;
use crate::os::window::Window;
use crate::proof::code::{Answer, LONGEST_ANSWER};
use crate::verdict::{Accepted, Denial, Proof};
use crate::zeroizing::Zeroizing;

use super::denial;

/// The beginning of the client's first message.
const GREETING: &[u8] = b"twostep 1";
/// The longest message from a client, in bytes.
pub const LONGEST_FROM_CLIENT: usize = 1024;
/// The longest message from the helper, in bytes. A picture in colour is the longest.
pub(crate) const LONGEST_FROM_HELPER: usize = 32 * 1024;
/// Separates two fields. Only the last field may contain it.
const SEPARATOR: u8 = 0;

/// The client's first message: one request.
pub struct FirstMessage {
    /// The uid of the user in question. Only a program of the account `twostep` may name another user than its own.
    pub uid: u32,
    /// What the helper is to do.
    pub request: HelperRequest,
}

/// A request to the helper.
pub enum HelperRequest {
    /// Report the status.
    Status,
    /// Judge an answer, and use it up if it is right.
    Verify(Answer),
    /// Carry out an act, which may ask the user questions.
    Manage(ManageRequest),
}

impl FirstMessage {
    /// The message as bytes, with a zero byte between two fields.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let uid = self.uid.to_string();
        let window;
        let fields: &[&[u8]] = match &self.request {
            HelperRequest::Status => &[b"standing"],
            HelperRequest::Verify(answer) => &[b"verify", answer.as_slice()],
            HelperRequest::Manage(ManageRequest::Try) => &[b"try"],
            HelperRequest::Manage(ManageRequest::Enroll(label, screen)) => {
                window = encode_window(*screen);
                &[b"enroll", picture(*screen), colour(*screen), window.as_bytes(), label.as_bytes()]
            }
            HelperRequest::Manage(ManageRequest::Replace(label, screen)) => {
                window = encode_window(*screen);
                let rest: &[&[u8]] = match label {
                    Some(label) => &[label.as_bytes()],
                    None => &[],
                };
                &[&[b"replace", picture(*screen), colour(*screen), window.as_bytes()], rest].concat()
            }
            HelperRequest::Manage(ManageRequest::Recovery) => &[b"recovery"],
            HelperRequest::Manage(ManageRequest::Remove(None)) => &[b"remove"],
            HelperRequest::Manage(ManageRequest::Remove(Some(label))) => &[b"remove", label.as_bytes()],
        };
        join(&[&[GREETING, uid.as_bytes()], fields].concat())
    }

    /// Parses a message.
    pub fn decode(message: &[u8]) -> Result<Self, MessageError> {
        let mut fields = message.split(|&byte| byte == SEPARATOR);
        if fields.next() != Some(GREETING) {
            return Err(MessageError::Version);
        }
        let uid = fields.next().and_then(text).and_then(|uid| uid.parse().ok()).ok_or(MessageError::Uid)?;
        let fields: Vec<&[u8]> = fields.collect();
        let request = HelperRequest::decode(&fields).ok_or(MessageError::Request)?;
        Ok(Self { uid, request })
    }
}

/// What is wrong with the first message of a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MessageError {
    /// It does not begin with the greeting of this version.
    Version,
    /// It has no uid.
    Uid,
    /// It asks for something that the helper does not do.
    Request,
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "the client speaks another version of the protocol: update both programs",
            Self::Uid => "the request has no uid",
            Self::Request => "unknown request",
        })
    }
}

impl std::error::Error for MessageError {}

impl HelperRequest {
    fn decode(fields: &[&[u8]]) -> Option<Self> {
        match fields {
            [b"standing"] => Some(Self::Status),
            [b"verify", answer] => Some(Self::Verify(Answer::new(answer.to_vec()))),
            _ => decode_manage_request(fields).map(Self::Manage),
        }
    }
}

fn decode_manage_request(fields: &[&[u8]]) -> Option<ManageRequest> {
    let label = |field: &[u8]| text(field).map(str::to_owned);
    Some(match fields {
        [b"try"] => ManageRequest::Try,
        [b"enroll", picture, colour, window, name] => {
            ManageRequest::Enroll(label(name)?, decode_screen(picture, colour, window)?)
        }
        [b"replace", picture, colour, window, name @ ..] => {
            let name = match name {
                [] => None,
                [name] => Some(label(name)?),
                _ => return None,
            };
            ManageRequest::Replace(name, decode_screen(picture, colour, window)?)
        }
        [b"recovery"] => ManageRequest::Recovery,
        [b"remove"] => ManageRequest::Remove(None),
        [b"remove", name] => ManageRequest::Remove(Some(label(name)?)),
        _ => return None,
    })
}

fn picture(screen: Screen) -> &'static [u8] {
    if screen.picture { b"picture" } else { b"text" }
}

fn colour(screen: Screen) -> &'static [u8] {
    if screen.colour == Colour::Explicit { b"colour" } else { b"plain" }
}

fn encode_window(screen: Screen) -> String {
    screen.window.map(|window| window.to_string()).unwrap_or_default()
}

fn decode_screen(picture: &[u8], colour: &[u8], window: &[u8]) -> Option<Screen> {
    Some(Screen {
        picture: match picture {
            b"picture" => true,
            b"text" => false,
            _ => return None,
        },
        colour: match colour {
            b"colour" => Colour::Explicit,
            b"plain" => Colour::None,
            _ => return None,
        },
        window: match text(window)?.split_once('x') {
            Some((columns, rows)) => {
                Some(Window { columns: columns.parse().ok()?, rows: rows.parse().ok()? })
            }
            None if window.is_empty() => None,
            None => return None,
        },
    })
}

/// The client's reply to a question.
pub enum PromptReply {
    /// The user's answer.
    Answer(Answer),
    /// The user does not answer: the terminal is gone, or its input has ended.
    Gone,
}

impl PromptReply {
    /// The message as bytes, with a zero byte between two fields.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Answer(answer) => {
                join(&[b"=", answer.get(..LONGEST_ANSWER.saturating_add(1)).unwrap_or(answer)])
            }
            Self::Gone => join(&[b"!"]),
        }
    }

    /// Parses a message; none if it is not a reply.
    pub fn decode(message: &[u8]) -> Option<Self> {
        match message {
            b"!" => Some(Self::Gone),
            [b'=', SEPARATOR, answer @ ..] => Some(Self::Answer(Answer::new(answer.to_vec()))),
            _ => None,
        }
    }
}

/// A message from the helper.
pub enum HelperReply {
    /// Asks the user this question.
    Ask(Zeroizing<String>),
    /// Shows the user this text.
    Tell(Zeroizing<String>),
    /// The request is done, with its result. No further message follows.
    Done(Done),
    /// The answer is refused. No further message follows.
    Denied(Denial),
    /// The request was not done. No further message follows.
    Failed(Failure),
}

/// The result of a request.
pub enum Done {
    /// The answer is accepted.
    Accepted(Accepted),
    /// The status, or a text for the user.
    Text(String),
}

impl HelperReply {
    /// The message as bytes, with a zero byte between two fields.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Ask(prompt) => join(&[b"?", prompt.as_bytes()]),
            Self::Tell(text) => join(&[b".", text.as_bytes()]),
            Self::Done(Done::Text(text)) => join(&[b"+", text.as_bytes()]),
            Self::Done(Done::Accepted(accepted)) => encode_accepted(accepted),
            Self::Denied(denial) => {
                let fields = denial::encode(denial);
                let fields = fields.iter().map(|field| field.as_bytes());
                join(&[&b"-"[..]].into_iter().chain(fields).collect::<Vec<_>>())
            }
            Self::Failed(failure) => {
                let status = failure.status().to_string();
                join(&[b"x", status.as_bytes(), failure.what().as_bytes(), failure.then().as_bytes()])
            }
        }
    }

    /// Parses a message; none if it is not a message of the helper.
    pub fn decode(message: &[u8]) -> Option<Self> {
        let whole = |text: &str| Zeroizing::new(text.to_owned());
        let fields: Vec<&str> = text(message)?.split('\0').collect();
        Some(match fields.as_slice() {
            ["?", prompt] => Self::Ask(whole(prompt)),
            [".", text] => Self::Tell(whole(text)),
            ["+", text] => Self::Done(Done::Text((*text).to_owned())),
            ["*", fields @ ..] => Self::Done(Done::Accepted(decode_accepted(fields)?)),
            ["-", fields @ ..] => Self::Denied(denial::decode(fields)?),
            ["x", status, what, then] => Self::Failed(Failure::of(status.parse().ok()?, *what, *then)),
            _ => return None,
        })
    }
}

fn encode_accepted(accepted: &Accepted) -> Zeroizing<Vec<u8>> {
    let left = accepted.recovery_left.map_or_else(String::new, |left| left.to_string());
    match &accepted.proof {
        Proof::RecoveryCode => join(&[b"*", left.as_bytes(), b"recovery-code"]),
        Proof::Code { authenticator, offset } => {
            let offset = offset.to_string();
            join(&[b"*", left.as_bytes(), b"code", offset.as_bytes(), authenticator.as_bytes()])
        }
    }
}

fn decode_accepted(fields: &[&str]) -> Option<Accepted> {
    let (left, rest) = fields.split_first()?;
    let recovery_left = if left.is_empty() { None } else { Some(left.parse().ok()?) };
    let proof = match rest {
        ["recovery-code"] => Proof::RecoveryCode,
        ["code", offset, label] => {
            Proof::Code { authenticator: (*label).to_owned(), offset: offset.parse().ok()? }
        }
        _ => return None,
    };
    Some(Accepted { proof, recovery_left, clock: None, earlier: None })
}

fn text(field: &[u8]) -> Option<&str> {
    std::str::from_utf8(field).ok()
}

/// Allocates room for all fields: a growing vector would leave unwiped copies.
fn join(fields: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let length: usize = fields.iter().map(|field| field.len().saturating_add(1)).sum();
    let mut message = Zeroizing::new(Vec::with_capacity(length));
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            message.push(SEPARATOR);
        }
        message.extend_from_slice(field);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(request: HelperRequest) -> Zeroizing<Vec<u8>> {
        let message = FirstMessage { uid: 1001, request }.encode();
        let request = FirstMessage::decode(&message).unwrap();
        assert_eq!((request.uid, request.encode()), (1001, message.clone()));
        message
    }

    #[test]
    fn reads_each_request_as_written() {
        let typed = |text: &str| Answer::new(text.into());
        let label = || "my tablet".to_owned();
        let window = Some(Window { columns: 80, rows: 24 });
        let seen = Screen { picture: false, colour: Colour::Explicit, window };
        let table = [
            (HelperRequest::Status, "twostep 1\x001001\0standing"),
            (HelperRequest::Verify(typed("123456")), "twostep 1\x001001\0verify\x00123456"),
            (HelperRequest::Manage(ManageRequest::Try), "twostep 1\x001001\0try"),
            (
                HelperRequest::Manage(ManageRequest::Enroll(label(), seen)),
                "twostep 1\x001001\0enroll\0text\0colour\080x24\0my tablet",
            ),
            (
                HelperRequest::Manage(ManageRequest::Enroll(label(), Screen::UNKNOWN)),
                "twostep 1\x001001\0enroll\0picture\0plain\0\0my tablet",
            ),
            (
                HelperRequest::Manage(ManageRequest::Replace(None, seen)),
                "twostep 1\x001001\0replace\0text\0colour\080x24",
            ),
            (
                HelperRequest::Manage(ManageRequest::Replace(Some(label()), Screen::UNKNOWN)),
                "twostep 1\x001001\0replace\0picture\0plain\0\0my tablet",
            ),
            (HelperRequest::Manage(ManageRequest::Recovery), "twostep 1\x001001\0recovery"),
            (HelperRequest::Manage(ManageRequest::Remove(None)), "twostep 1\x001001\0remove"),
            (
                HelperRequest::Manage(ManageRequest::Remove(Some(label()))),
                "twostep 1\x001001\0remove\0my tablet",
            ),
        ];
        for (request, expected) in table {
            assert_eq!(String::from_utf8_lossy(&again(request)), expected);
        }
    }

    #[test]
    fn refuses_message_that_is_no_request() {
        for message in [
            "",
            "twostep 2\x001001\0try",
            "twostep 1",
            "twostep 1\0\0try",
            "twostep 1\0-1\0try",
            "twostep 1\x004294967296\0try",
            "twostep 1\x001001",
            "twostep 1\x001001\0",
            "twostep 1\x001001\0try\0",
            "twostep 1\x001001\0try\0more",
            "twostep 1\x001001\0verify",
            "twostep 1\x001001\0enroll\0picture\0colour\0",
            "twostep 1\x001001\0enroll\0picture\0red\0\0phone",
            "twostep 1\x001001\0enroll\0sound\0plain\0\0phone",
            "twostep 1\x001001\0enroll\0text\0plain\080\0phone",
            "twostep 1\x001001\0enroll\0text\0plain\080x65536\0phone",
            "twostep 1\x001001\0replace",
            "twostep 1\x001001\0replace\0phone",
            "twostep 1\x001001\0replace\0text\0plain\0\0a\0b",
            "twostep 1\x001001\0remove\0a\0b",
        ] {
            assert!(FirstMessage::decode(message.as_bytes()).is_err(), "{message:?}");
        }
        assert!(FirstMessage::decode(b"twostep 1\x001001\0remove\0\xff").is_err());
    }

    #[test]
    fn carries_any_byte_in_an_answer() {
        let answer = PromptReply::Answer(Answer::new(b"a\0b\xff".to_vec())).encode();
        let Some(PromptReply::Answer(read)) = PromptReply::decode(&answer) else { panic!("no answer") };
        assert_eq!(read.as_slice(), b"a\0b\xff");
        assert!(matches!(PromptReply::decode(&PromptReply::Gone.encode()), Some(PromptReply::Gone)));
        assert!(
            PromptReply::decode(b"=").is_none()
                && PromptReply::decode(b"").is_none()
                && PromptReply::decode(b"!!").is_none()
        );
        let long = PromptReply::Answer(Answer::new(vec![b'1'; 9000])).encode();
        assert!(long.len() < LONGEST_FROM_CLIENT);
    }

    #[test]
    fn reads_each_reply_as_written() {
        let accepted = |proof, recovery_left| {
            HelperReply::Done(Done::Accepted(Accepted { proof, recovery_left, clock: None, earlier: None }))
        };
        let phone = Proof::Code { authenticator: "phone".to_owned(), offset: -30 };
        let replies = [
            HelperReply::Ask(Zeroizing::new("First code: ".to_owned())),
            HelperReply::Tell(Zeroizing::new("Ä".to_owned())),
            HelperReply::Done(Done::Text(String::new())),
            accepted(phone, None),
            accepted(Proof::RecoveryCode, Some(7)),
            HelperReply::Denied(Denial::WrongCode { failures: 3, clock_offset: None }),
            HelperReply::Failed(Failure::refused("no.", "")),
        ];
        for reply in replies {
            let message = reply.encode();
            assert_eq!(HelperReply::decode(&message).unwrap().encode(), message);
        }
        for message in ["", "?", "+", "*\x007", "*\0x\0recovery-code", "x\x001\0a", "-\0unheard-of", "#\0a"] {
            assert!(HelperReply::decode(message.as_bytes()).is_none(), "{message:?}");
        }
    }
}
