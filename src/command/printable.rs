//! What may be written to a terminal.

/// `text` without what a terminal would obey: what files and the name service say is not to be trusted that far.
pub fn printable(text: &str) -> String {
    let obeyed = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if c != '\n' && obeyed(c) { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_command_the_terminal() {
        assert_eq!(printable("a\u{1b}]0;x\u{7}\u{9b}b\u{202e}c\nÄ 1"), "a?]0;x??b?c\nÄ 1");
    }
}
