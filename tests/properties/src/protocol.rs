use twostep_core::helper::message::{FirstMessage, HelperReply, PromptReply};
use twostep_core::manage::status::Status;
use twostep_core::verdict::Denial;

/// A message between a program and the helper, decoded as each side does. An accepted message is the same when it is
/// encoded and decoded again.
pub fn protocol(bytes: &[u8]) {
    if let Ok(request) = FirstMessage::decode(bytes) {
        let written = request.encode();
        let again = FirstMessage::decode(&written).expect("what is written is read");
        assert_eq!((again.uid, again.encode()), (request.uid, written));
    }
    if let Some(reply) = PromptReply::decode(bytes) {
        let written = reply.encode();
        assert!(
            written.len() <= 2 + 513 && bytes.starts_with(&written),
            "an answer is passed on unchanged, or cut"
        );
    }
    if let Some(reply) = HelperReply::decode(bytes) {
        let written = reply.encode();
        let again = HelperReply::decode(&written).expect("what is written is read");
        assert_eq!(again.encode(), written);
        check_secrecy(&reply);
    }
    if let Some(status) = std::str::from_utf8(bytes).ok().and_then(|text| Status::parse(text).ok()) {
        assert_eq!(Status::parse(&status.to_toml()).as_ref(), Ok(&status));
    }
}

/// The helper never reports the offset of a phone's clock, which would reveal which code comes next.
fn check_secrecy(reply: &HelperReply) {
    if let HelperReply::Denied(Denial::WrongCode { clock_offset, .. }) = reply {
        assert_eq!(*clock_offset, None);
    }
}
