//! The patterns of glob(7) in one part of a path: `*`, `?` and `[...]`.
//!
//! The crate `glob` reads some patterns in another way than the C library: `[^a]` means `^` or `a` to it, and it refuses `a**b` and
//! a `[` without `]`.

/// Whether `part` may match a name other than itself.
pub(crate) fn is_pattern(part: &str) -> bool {
    part.contains(['*', '?', '['])
}

/// Whether `pattern` matches `name`. A leading dot must be in the pattern, too.
pub fn matches(pattern: &str, name: &str) -> bool {
    let hidden = name.starts_with('.') && !pattern.starts_with('.');
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    !hidden && fits(&pattern, &name)
}

/// Only the last `*` is ever tried again, so the time is at most the product of both lengths.
fn fits<'a>(mut pattern: &'a [char], mut name: &'a [char]) -> bool {
    // What follows the last `*`, and the part of the name that is left for it.
    let mut last: Option<(&'a [char], &'a [char])> = None;
    loop {
        if let ['*', rest @ ..] = pattern {
            (pattern, last) = (rest, Some((rest, name)));
        } else if let Some(rests) = one(pattern, name) {
            (pattern, name) = rests;
        } else if pattern.is_empty() && name.is_empty() {
            return true;
        } else {
            let Some((rest, [_, left @ ..])) = last else { return false };
            (pattern, name, last) = (rest, left, Some((rest, left)));
        }
    }
}

/// What follows on both sides, if the first part of the pattern matches the first letter of the name.
fn one<'a>(pattern: &'a [char], name: &'a [char]) -> Option<(&'a [char], &'a [char])> {
    let (first, pattern_rest) = pattern.split_first()?;
    let (letter, name_rest) = name.split_first()?;
    let (fits, rest) = match (first, class(pattern_rest)) {
        ('?', _) => (true, pattern_rest),
        ('[', Some((class, rest))) => (is_in(class, *letter), rest),
        _ => (first == letter, pattern_rest),
    };
    fits.then_some((rest, name_rest))
}

/// The text between the brackets, and what follows them. A `]` in the first place is a letter.
fn class(pattern: &[char]) -> Option<(&[char], &[char])> {
    let negated = usize::from(pattern.first().is_some_and(|first| ['!', '^'].contains(first)));
    let from = negated.saturating_add(1);
    let end = pattern.iter().skip(from).position(|letter| *letter == ']')?.saturating_add(from);
    Some((pattern.get(..end)?, pattern.get(end.saturating_add(1)..)?))
}

fn is_in(class: &[char], letter: char) -> bool {
    let (negated, mut class) = match class {
        ['!' | '^', rest @ ..] => (true, rest),
        class => (false, class),
    };
    let mut found = false;
    while let Some((first, rest)) = class.split_first() {
        class = rest;
        if let ['-', last, rest @ ..] = class {
            found |= (*first..=*last).contains(&letter);
            class = rest;
        } else {
            found |= *first == letter;
        }
    }
    found != negated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_glob_of_c_library() {
        let table = [
            ("*.conf", "50-a.conf", true),
            ("*.conf", ".conf", false),
            ("*", ".hidden", false),
            (".*", ".hidden", true),
            ("?0-*", "50-a", true),
            ("?", "", false),
            ("[0-9]*", "5a", true),
            ("[!0-9]*", "5a", false),
            ("[!0-9]*", "a5", true),
            ("[^0-9]*", "a5", true),
            ("[^0-9]*", "5a", false),
            ("a**b", "axb", true),
            ("[]a]", "]", true),
            ("a[", "a[", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
            ("*a", "aba", true),
            ("**", "", true),
            (&"*a".repeat(30), &"a".repeat(200), true),
            (&format!("{}b", "*a".repeat(30)), &"a".repeat(200), false),
        ];
        for (pattern, name, expected) in table {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
