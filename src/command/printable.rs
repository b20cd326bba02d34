//! What may be written to a terminal.

/// `text` with a question mark in place of each control character, except ends of lines and tabs. Text of files and of the name
/// service may have some.
pub fn printable(text: &str) -> String {
    let is_control = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let is_kept = |c: char| matches!(c, '\n' | '\t') || !is_control(c);
    text.chars().map(|c| if is_kept(c) { c } else { '?' }).collect()
}

/// The same for a text that must stay on one line.
pub fn printable_line(text: &str) -> String {
    printable(text).replace(['\n', '\t'], "?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_control_characters_of_terminal() {
        assert_eq!(printable("a\u{1b}]0;x\u{7}\u{9b}b\u{202e}c\n\tÄ 1"), "a?]0;x??b?c\n\tÄ 1");
    }

    #[test]
    fn keeps_text_of_one_line_on_it() {
        assert_eq!(printable_line("sshd\n\u{1b}[1Asu\tasks"), "sshd??[1Asu?asks");
    }
}
