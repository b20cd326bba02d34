//! Files with secrets that are recognised and not read: exports of apps, which are JSON, and files that are no policy.

use crate::words::import_problems as problems;

use super::found::Problem;

/// The keys by which an app's export is recognised, and its problem. Encrypted exports come before plain ones. Blanks are ignored.
const APPS: [(&[&str], Problem); 9] = [
    (&["\"servicesEncrypted\":\""], problems::EXPORT_2FAS_ENCRYPTED),
    (&["\"schemaVersion\":", "\"services\":["], problems::EXPORT_2FAS),
    (&["\"header\":{", "\"db\":\""], problems::EXPORT_AEGIS_ENCRYPTED),
    (&["\"header\":{", "\"db\":{"], problems::EXPORT_AEGIS),
    (&["\"encrypted\":true"], problems::EXPORT_BITWARDEN_ENCRYPTED),
    (&["\"encrypted\":false", "\"items\":["], problems::EXPORT_BITWARDEN),
    (&["\"tokenOrder\":[", "\"tokens\":["], problems::EXPORT_FREEOTP),
    (&["\"secret\":\"", "\"thumbnail\":"], problems::EXPORT_ANDOTP),
    (&[], problems::JSON),
];

/// The problem of a file that is an app's export as a whole.
pub(crate) fn as_export(bytes: &[u8]) -> Option<Problem> {
    let plain: String =
        String::from_utf8_lossy(bytes).trim_start_matches('\u{feff}').split_whitespace().collect();
    if !plain.starts_with('{') && !plain.starts_with("[{") {
        return None;
    }
    APPS.into_iter().find(|(keys, _)| keys.iter().all(|key| plain.contains(key))).map(|(_, problem)| problem)
}

/// Whether a file has secrets in it: a secret file of twostep, a file of google-authenticator or pam_oath, otpauth URIs, or an
/// app's export.
pub(crate) fn has_keys(bytes: &[u8]) -> bool {
    let is_of_keys = |line: &str| {
        let line = line.trim_start();
        line.starts_with("HOTP")
            || line.starts_with("\" TOTP_AUTH")
            || line.contains("otpauth")
            || line.split_once('=').is_some_and(|(key, _)| key.trim_end() == "secret")
    };
    as_export(bytes).is_some() || String::from_utf8_lossy(bytes).lines().any(is_of_keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_app_of_export_and_whether_it_is_encrypted() {
        let table = [
            (
                r#"{"version":1,"header":{"slots":null,"params":null},"db":{"version":2,"entries":[]}}"#,
                problems::EXPORT_AEGIS,
            ),
            (
                r#"{"version":1,"header":{"slots":[{}],"params":{}},"db":"AAAA"}"#,
                problems::EXPORT_AEGIS_ENCRYPTED,
            ),
            (r#"{"services":[{"secret":"K"}],"updatedAt":1,"schemaVersion":4}"#, problems::EXPORT_2FAS),
            (
                r#"{"services":[],"servicesEncrypted":"AA:BB:CC","schemaVersion":4}"#,
                problems::EXPORT_2FAS_ENCRYPTED,
            ),
            (
                r#"{"encrypted":false,"folders":[],"items":[{"login":{"totp":"K"}}]}"#,
                problems::EXPORT_BITWARDEN,
            ),
            (
                r#"{"encrypted":true,"passwordProtected":true,"data":"2.A"}"#,
                problems::EXPORT_BITWARDEN_ENCRYPTED,
            ),
            (
                r#"{"tokenOrder":["a:b"],"tokens":[{"secret":[1,-2],"type":"TOTP"}]}"#,
                problems::EXPORT_FREEOTP,
            ),
            (r#"[{"secret":"K","issuer":"I","label":"l","thumbnail":"Default"}]"#, problems::EXPORT_ANDOTP),
            (r#"[{"secret":"K"}]"#, problems::JSON),
        ];
        for (text, expected) in table {
            for text in
                [text.to_owned(), text.replace(':', " : ").replace(',', ",\n  "), format!("\u{feff}\n{text}")]
            {
                assert_eq!(as_export(text.as_bytes()), Some(expected), "{text}");
            }
        }
    }

    #[test]
    fn tells_files_with_secrets_from_policies() {
        let keys = [
            "version = 1\nuid = 1\n[[authenticator]]\n secret = \"K\"\n",
            "# users\nHOTP/T30/6 alice - 00\n",
            "K\n\" TOTP_AUTH\n",
            "alice otpauth://totp/alice?secret=K\n",
            "{\"secret\":\"K\"}",
        ];
        for text in keys {
            assert!(has_keys(text.as_bytes()), "{text}");
        }
        let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/policy.toml");
        for text in [std::fs::read_to_string(policy).unwrap().as_str(), "", "[[rule]]\nmode = \"secret\"\n"] {
            assert!(!has_keys(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn takes_no_line_of_ours_or_the_modules_for_an_export() {
        for text in [
            "",
            "alice otpauth://totp/alice?secret=K\n",
            "HOTP/T30 alice - 00\n",
            "K\n\" TOTP_AUTH\n",
            "# {\n",
        ] {
            assert_eq!(as_export(text.as_bytes()), None, "{text}");
        }
    }
}
