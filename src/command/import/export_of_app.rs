//! The exports of other apps that are JSON: recognised, not read.

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
pub(crate) fn recognise(bytes: &[u8]) -> Option<Problem> {
    let plain: String =
        String::from_utf8_lossy(bytes).trim_start_matches('\u{feff}').split_whitespace().collect();
    if !plain.starts_with(['{', '[']) {
        return None;
    }
    APPS.into_iter().find(|(keys, _)| keys.iter().all(|key| plain.contains(key))).map(|(_, problem)| problem)
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
                assert!(recognise(text.as_bytes()).is_some_and(|problem| problem.contains(words)), "{text}");
            }
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
            assert_eq!(recognise(text.as_bytes()), None, "{text}");
        }
    }
}
