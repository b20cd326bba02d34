#![allow(clippy::unwrap_used)]

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

#[test]
fn shows_what_it_added_and_what_it_took_out() {
    let old = "@include common-auth\naccount required pam_nologin.so\n@include common-account\n";
    let new = "@include common-auth\nauth required pam_twostep.so\naccount requisite pam_nologin.so\n@include common-account\n";
    let marked = "@include common-auth\n\
        # twostep begin: 'twostep disable' takes these lines out again\n\
        #| account required pam_nologin.so |\n\
        auth required pam_twostep.so\n\
        account requisite pam_nologin.so\n\
        # twostep end\n\
        @include common-account\n";
    assert_eq!(mark(old, new), marked);
    assert_eq!(unmark(marked).unwrap().as_deref(), Some(old));
    assert_eq!(strip(marked).unwrap(), new);
}

#[test]
fn keeps_what_was_changed_beside_a_block() {
    let marked = mark("a\nb\nc\n", "a\nx\nc\n");
    let edited = marked.replace("a\n", "A\nnew\n").replace("c\n", "");
    assert_eq!(unmark(&edited).unwrap().as_deref(), Some("A\nnew\nb\n"));
}

#[test]
fn has_no_block_where_nothing_differs() {
    assert_eq!(mark("a\nb", "a\nb"), "a\nb");
    assert_eq!(unmark("a\nb").unwrap(), None);
    assert!(!is_marked("a\n #  twostep begin"));
}

#[test]
fn puts_back_last_line_without_line_break() {
    let marked = mark("a\nb", "a\nb\nc\n");
    assert!(marked.ends_with(END));
    assert_eq!(unmark(&marked).unwrap().as_deref(), Some("a\nb"));
    assert_eq!(unmark(&format!("{marked}d\n")).unwrap().as_deref(), Some("a\nb\nd\n"));
}

#[test]
fn never_stands_between_a_line_and_its_continuation() {
    for (old, new) in [
        ("a \\\n b\nc\n", "a \\\n x\nc\n"),
        ("a \\\n b\nc\n", "x \\\n b\nc\n"),
        ("a\nb\nc\n", "a \\\nb\nc\n"),
        ("a \\\n b \\\n c\nd\n", "a \\\n b \\\n x\nd\n"),
        ("a\n\\\nb\n\\\nc\n", "x\n\\\nb\n\\\ny\n"),
    ] {
        let marked = mark(old, new);
        let ends = marked.lines().zip(marked.lines().skip(1));
        let comments = ends.filter(|(one, next)| one.ends_with('\\') && next.starts_with('#'));
        assert_eq!(comments.count(), 0, "{marked}");
        assert!(!marked.lines().any(|line| line.starts_with('#') && line.ends_with('\\')), "{marked}");
        assert_eq!(unmark(&marked).unwrap().as_deref(), Some(old), "{marked}");
        assert_eq!(strip(&marked).unwrap(), new);
    }
}

#[test]
fn names_line_of_damaged_block() {
    for (text, line) in [
        ("# twostep begin\na\n", 1),
        ("a\n# twostep end\n", 2),
        ("# twostep begin\n# twostep begin\n# twostep end\n", 2),
        ("# twostep begin\n# twostep end\n# twostep begin: x\n", 3),
    ] {
        assert_eq!(unmark(text), Err(DamagedBlock { line }), "{text}");
        assert_eq!(strip(text), Err(DamagedBlock { line }), "{text}");
    }
}

fn text() -> impl Strategy<Value = String> {
    let line =
        prop_oneof!["[a-c]{0,2}", Just("x \\".to_owned()), Just("# y \\".to_owned()), Just("z ".to_owned())];
    (vec(line, 0..8), any::<bool>()).prop_map(|(lines, breaks)| {
        let text = lines.join("\n");
        if breaks && !text.is_empty() { format!("{text}\n") } else { text }
    })
}

proptest! {
    #[test]
    fn takes_every_change_back(old in text(), new in text()) {
        let marked = mark(&old, &new);
        let back = unmark(&marked).unwrap();
        prop_assert_eq!(back.as_deref().unwrap_or(&marked), &old);
        // The last line of a block has a line break, even if the new text ends there without one.
        let read = strip(&marked).unwrap();
        prop_assert_eq!(read.strip_suffix('\n').unwrap_or(&read), new.strip_suffix('\n').unwrap_or(&new));
    }
}

#[test]
fn tells_users_only_while_change_waits() {
    let old = "@include common-auth\nauth required pam_twostep.so\n";
    let new = "auth [cred_unavail=1 default=ignore] pam_twostep.so sshd_accepted=publickey\nauth required pam_unix.so\n\
        auth       required     pam_twostep.so\naccount required pam_twostep.so\nauth required pam_twostep.so\n";
    let marked = mark(old, new);
    let waiting = awaiting_keep(&marked);
    let told: Vec<&str> = waiting.lines().filter(|line| line.contains("awaiting_keep")).collect();
    assert_eq!(told, ["auth       required     pam_twostep.so awaiting_keep"]);
    assert_eq!(kept(&waiting), marked);
    assert_eq!(unmark(&waiting).unwrap().as_deref(), Some(old));
    assert_eq!(awaiting_keep(&block("UsePAM yes\n")), block("UsePAM yes\n"));
}
