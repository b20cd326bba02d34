use super::*;

#[test]
fn position_counts_lines_and_characters_from_1() {
    let text = "a\nüb\n".as_bytes();
    let at = |offset| {
        let Position { line, column } = Position::of(offset, text);
        (line, column)
    };
    assert_eq!([0, 1, 2, 4, 5, 6, 99].map(at), [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (3, 1), (3, 1)]);
}

#[test]
fn names_choice_of_words() {
    assert_eq!(one_of(&[]), "");
    assert_eq!(one_of(&["a"]), "'a'");
    assert_eq!(one_of(&["a", "b", "c"]), "'a', 'b' or 'c'");
}

/// `read` on the value of the key `x`.
fn read<T>(
    value: &str,
    read: impl FnOnce(Value<'_>) -> Result<T, At<DocumentError>>,
) -> Result<T, DocumentError> {
    let text = format!("x = {value}\n");
    let document = Document::parse(&text).map_err(|error: At<DocumentError>| error.what)?;
    document.table().need("x", read).map_err(|error| error.what)
}

#[test]
fn reads_integers_in_every_notation() {
    for (text, value) in
        [("0", 0), ("-0", 0), ("+7", 7), ("1_0", 10), ("0x1F", 31), ("0o17", 15), ("0b11", 3)]
    {
        assert_eq!(read(text, |value| integer(value, 0..=31)), Ok(value), "{text}");
    }
    let wrong = |text| read(text, |value| integer::<u8, _>(value, 1..=10)).unwrap_err().to_string();
    assert_eq!(wrong("11"), "11 is out of range: 1 to 10");
    assert_eq!(wrong("99999999999999999999"), "99999999999999999999 is out of range: 1 to 10");
    assert_eq!(wrong("1.0"), "expected an integer, found a fraction");
    assert_eq!(read("256", any_integer::<u8, _>).unwrap_err().to_string(), "256 is out of range: 0 or more");
}

#[test]
fn tells_types_apart() {
    let found = [
        ("\"a\"", "a string"),
        ("1", "an integer"),
        ("inf", "a fraction"),
        ("true", "true or false"),
        ("2027-01-01", "a date"),
        ("2027-01-01T00:00:00Z", "a time of day"),
        ("00:00:00", "a time of day"),
        ("[]", "a list"),
    ];
    for (text, name) in found {
        let error = read(text, |value| Table::of(value).map(|_| ())).unwrap_err();
        assert_eq!(error.to_string(), format!("expected a table, found {name}"));
    }
    assert_eq!(read("{}", string).unwrap_err().to_string(), "expected a string, found a table");
    assert_eq!(read("2027-01-02", day), Ok(Day::new(2027, 1, 2)));
    assert!(["2027-01-02T00:00:00", "\"2027-01-02\""].iter().all(|text| read(text, day).is_err()));
}

#[test]
fn reports_key_that_was_not_asked_for() {
    let document = Document::parse::<DocumentError>("a = 1\nb = 2\n").unwrap();
    let mut table = document.table();
    assert_eq!(table.read("c", any_integer::<u8, DocumentError>), Ok(None));
    assert_eq!(table.read("a", any_integer::<u8, DocumentError>), Ok(Some(1)));
    let unknown: Vec<At<DocumentError>> = table.unknown_keys().collect();
    let expected = DocumentError::UnknownKey { key: "b".to_owned(), known: vec!["c", "a"] };
    assert_eq!(unknown, [At { offset: 6, what: expected }]);
}
