//! The patterns of glob(7) in one part of a path: `*`, `?` and `[...]`.

/// Whether `part` means more than itself.
pub fn is_pattern(part: &str) -> bool {
    part.contains(['*', '?', '['])
}

/// Whether `pattern` means `name`. A dot at the beginning must stand in the pattern, too.
pub fn matches(pattern: &str, name: &str) -> bool {
    let hidden = name.starts_with('.') && !pattern.starts_with('.');
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    !hidden && fits(&pattern, &name)
}

fn fits(pattern: &[char], name: &[char]) -> bool {
    let Some((first, pattern_rest)) = pattern.split_first() else { return name.is_empty() };
    let after = name.split_first();
    match (first, after) {
        ('*', _) if fits(pattern_rest, name) => true,
        ('*', Some((_, name_rest))) => fits(pattern, name_rest),
        ('*', None) | (_, None) => false,
        ('?', Some((_, name_rest))) => fits(pattern_rest, name_rest),
        ('[', Some((letter, name_rest))) => match class(pattern_rest) {
            Some((class, rest)) => is_in(class, *letter) && fits(rest, name_rest),
            None => *letter == '[' && fits(pattern_rest, name_rest),
        },
        (first, Some((letter, name_rest))) => first == letter && fits(pattern_rest, name_rest),
    }
}

/// What stands between the brackets, and what follows them. A `]` in the first place is a letter.
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
    fn patterns_mean_what_glob_says() {
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
            ("[]a]", "]", true),
            ("a[", "a[", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
        ];
        for (pattern, name, expected) in table {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
