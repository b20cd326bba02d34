//! Why something in another program's file is not imported. No text has an argument: a file may have a secret in any place.

twostep_core::words! {
    /// Of a hash.
    HASH = "the hash must be SHA1, SHA256 or SHA512";
    /// Of a period.
    PERIOD = "its codes must change every 15 to 120 s: enroll again";
    /// Of a code.
    DIGITS = "a code must have 6, 7 or 8 digits";
    /// Of the last line of a file. What is missing may change what the line says.
    CUT_OFF = "the last line has no end, so the file may be cut off here: add a line break if it is whole";
    /// Of a HOTP token.
    COUNTED = "its codes are counted (HOTP), not timed: enroll again, with a TOTP app";
    /// Of a line.
    LINE_NOT_TEXT = "the line is not text";

    /// Of a file of google-authenticator.
    NUL = "the file has a NUL byte";
    /// The same.
    NOT_TEXT = "the file is not text";
    /// The same.
    NO_KEY = "this is not a key (base32)";
    /// The same. Quoted is a line of the file.
    NO_TOTP_AUTH = "the file has no line '\" TOTP_AUTH', so it lets no user in";
    /// Of an option there.
    NEGATIVE = "this number cannot be negative";
    /// The same.
    NO_NUMBER = "the value of this option must be a number";
    /// The same.
    DISALLOW_REUSE = "DISALLOW_REUSE is not a list of numbers";
    /// The same.
    FAR_AHEAD = "a code of more than a day ahead was used: the file is damaged";

    /// Of a line of pam_oath.
    OATH_NO_ACCOUNT = "the second column must be the name of an account of this machine";
    /// The same.
    OATH_LINE = "a line must be TYPE USER PASSWORD KEY, where TYPE is HOTP/T30/6 or the like";
    /// The same.
    OATH_NO_KEY = "the line ends before the key";
    /// The same.
    OATH_PASSWORD =
        "a password in clear is beside the key, and pam_oath asks for it: write - there, and see that the stack asks for \
         a password itself";
    /// The same.
    OATH_KEY = "the key is not hexadecimal, two digits a byte";
    /// The same.
    OATH_TYPE = "the type must be HOTP/T30 or HOTP/T60, alone or with /6, /7 or /8 behind it";
    /// The same.
    OATH_LAST_CODE = "the sixth column must be a code";

    /// Of a line with a user and a URI.
    URI_NO_ACCOUNT = "what is before the URI must be the name of an account of this machine";
    /// Of a line with a URI alone.
    LABEL_NO_ACCOUNT =
        "the label of the URI is not the name of an account of this machine: write the user and a blank before the URI";
    /// Of a line.
    GOOGLE_EXPORT =
        "twostep does not read this export of Google's app: make an otpauth URI of each of its entries, and write the \
         user before it";
    /// Of a line.
    URI_LINE = "a line must be USER otpauth://totp/LABEL?secret=KEY, as 'twostep export' writes it";
    /// Of a URI.
    URI_KIND = "the URI must begin with otpauth://totp/";
    /// The same.
    URI_NO_SECRET = "the URI has no secret";
    /// The same.
    URI_SECRET = "the secret is not base32";
    /// The same.
    URI_PERIOD = "the period is not a number of seconds";
    /// The same.
    URI_TWICE = "the URI has two values of one parameter";
    /// The same.
    URI_NOT_TEXT = "the values of the URI must be text";

    /// Of a file.
    EXPORT_2FAS_ENCRYPTED =
        "twostep does not read this encrypted export of 2FAS: export otpauth URIs as plain text, and write the user \
         before each";
    /// Of a file.
    EXPORT_2FAS =
        "twostep does not read this export of 2FAS: export otpauth URIs as plain text, and write the user before each";
    /// Of a file.
    EXPORT_AEGIS_ENCRYPTED =
        "twostep does not read this encrypted export of Aegis: export otpauth URIs as plain text, and write the user \
         before each";
    /// Of a file.
    EXPORT_AEGIS =
        "twostep does not read this export of Aegis: export otpauth URIs as plain text, and write the user before each";
    /// Of a file.
    EXPORT_BITWARDEN_ENCRYPTED =
        "twostep does not read this encrypted export of Bitwarden: export otpauth URIs as plain text, and write the user \
         before each";
    /// Of a file.
    EXPORT_BITWARDEN =
        "twostep does not read this export of Bitwarden: export otpauth URIs as plain text, and write the user before each";
    /// Of a file.
    EXPORT_FREEOTP =
        "twostep does not read this export of FreeOTP+: export otpauth URIs as plain text, and write the user before each";
    /// Of a file.
    EXPORT_ANDOTP =
        "twostep does not read this export of andOTP: export otpauth URIs as plain text, and write the user before each";
    /// Of a file.
    JSON = "twostep does not read this JSON: a line must be USER otpauth://totp/LABEL?secret=KEY";
}
