use twostep_core::helper::message::{Reply, Request, Saying};
use twostep_core::manage::status::Standing;
use twostep_core::verdict::Denial;

/// A message between a program and the helper, read as each of both sides reads one: what is understood means the same when
/// it is written and read again.
pub fn protocol(bytes: &[u8]) {
    if let Ok(request) = Request::decode(bytes) {
        let written = request.encode();
        let again = Request::decode(&written).expect("what is written is read");
        assert_eq!((again.uid, again.encode()), (request.uid, written));
    }
    if let Some(reply) = Reply::decode(bytes) {
        let written = reply.encode();
        assert!(
            written.len() <= 2 + 513 && bytes.starts_with(&written),
            "an answer is passed on as it is, or cut"
        );
    }
    if let Some(saying) = Saying::decode(bytes) {
        let written = saying.encode();
        let again = Saying::decode(&written).expect("what is written is read");
        assert_eq!(again.encode(), written);
        check_secrecy(&saying);
    }
    if let Some(standing) = std::str::from_utf8(bytes).ok().and_then(|text| Standing::parse(text).ok()) {
        assert_eq!(Standing::parse(&standing.to_toml()).as_ref(), Ok(&standing));
    }
}

/// By how much a phone's clock is off is never told: it would say which code comes next.
fn check_secrecy(saying: &Saying) {
    if let Saying::Denied(Denial::WrongCode { elsewhere, .. }) = saying {
        assert_eq!(*elsewhere, None);
    }
}
