/// The parts of an input with several texts, which are separated by lines `--`. A missing part is `None`.
pub fn sections<const MOST: usize>(bytes: &[u8]) -> [Option<&[u8]>; MOST] {
    let mut rest = Some(bytes);
    [(); MOST].map(|()| {
        let (first, after) = divided(rest?);
        rest = after;
        Some(first)
    })
}

fn divided(bytes: &[u8]) -> (&[u8], Option<&[u8]>) {
    if let Some(after) = bytes.strip_prefix(b"--\n") {
        return (&[], Some(after));
    }
    match bytes.windows(4).position(|four| four == b"\n--\n") {
        Some(at) => (&bytes[..=at], Some(&bytes[at + 4..])),
        None => (bytes, None),
    }
}

/// The lines of a text, each split after its first word.
pub fn pairs(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| match line.iter().position(|&byte| byte == b' ') {
        Some(blank) => (&line[..blank], &line[blank + 1..]),
        None => (line, &[][..]),
    })
}

/// The number in these bytes, or zero if there is none.
pub fn number(text: &[u8]) -> i64 {
    std::str::from_utf8(text).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}
