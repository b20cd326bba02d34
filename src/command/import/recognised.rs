//! Files with keys in them that are recognised and not read: exports of other apps, which are JSON, and what is no policy.

use super::found::Problem;

macro_rules! unread {
    ($kind:literal, $app:literal) => {
        concat!(
            "this is an ",
            $kind,
            " of ",
            $app,
            ", in a format that twostep does not read: \
             export otpauth URIs as plain text instead, and write the user before each"
        )
    };
}

/// The keys that tell an app's export, and what is said of it; encrypted ones stand before plain ones. Blanks do not count.
const APPS: [(&[&str], Problem); 9] = [
    (&["\"servicesEncrypted\":\""], unread!("encrypted export", "2FAS")),
    (&["\"schemaVersion\":", "\"services\":["], unread!("export", "2FAS")),
    (&["\"header\":{", "\"db\":\""], unread!("encrypted export", "Aegis")),
    (&["\"header\":{", "\"db\":{"], unread!("export", "Aegis")),
    (&["\"encrypted\":true"], unread!("encrypted export", "Bitwarden")),
    (&["\"encrypted\":false", "\"items\":["], unread!("export", "Bitwarden")),
    (&["\"tokenOrder\":[", "\"tokens\":["], unread!("export", "FreeOTP+")),
    (&["\"secret\":\"", "\"thumbnail\":"], unread!("export", "andOTP")),
    (&[], "this is JSON, which twostep does not read: a line must be USER otpauth://totp/LABEL?secret=KEY"),
];

/// What is wrong with a file that is an app's export, all of it.
pub(crate) fn as_export(bytes: &[u8]) -> Option<Problem> {
    let plain: String =
        String::from_utf8_lossy(bytes).trim_start_matches('\u{feff}').split_whitespace().collect();
    if !plain.starts_with('{') && !plain.starts_with("[{") {
        return None;
    }
    APPS.into_iter().find(|(keys, _)| keys.iter().all(|key| plain.contains(key))).map(|(_, problem)| problem)
}

/// Whether a file has keys in it: one of ours, of a module that people come from, of otpauth URIs, or an app's export.
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
                "of Aegis",
            ),
            (r#"{"version":1,"header":{"slots":[{}],"params":{}},"db":"AAAA"}"#, "encrypted export of Aegis"),
            (r#"{"services":[{"secret":"K"}],"updatedAt":1,"schemaVersion":4}"#, "of 2FAS"),
            (
                r#"{"services":[],"servicesEncrypted":"AA:BB:CC","schemaVersion":4}"#,
                "encrypted export of 2FAS",
            ),
            (r#"{"encrypted":false,"folders":[],"items":[{"login":{"totp":"K"}}]}"#, "of Bitwarden"),
            (r#"{"encrypted":true,"passwordProtected":true,"data":"2.A"}"#, "encrypted export of Bitwarden"),
            (r#"{"tokenOrder":["a:b"],"tokens":[{"secret":[1,-2],"type":"TOTP"}]}"#, "of FreeOTP+"),
            (r#"[{"secret":"K","issuer":"I","label":"l","thumbnail":"Default"}]"#, "of andOTP"),
            (r#"[{"secret":"K"}]"#, "this is JSON"),
        ];
        for (text, words) in table {
            for text in
                [text.to_owned(), text.replace(':', " : ").replace(',', ",\n  "), format!("\u{feff}\n{text}")]
            {
                assert!(as_export(text.as_bytes()).is_some_and(|problem| problem.contains(words)), "{text}");
            }
        }
    }

    #[test]
    fn tells_files_with_keys_from_policies() {
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
