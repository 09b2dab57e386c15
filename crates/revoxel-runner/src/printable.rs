//! Text from files as it may be printed: without characters that a terminal obeys.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a terminal shows a character, and does not obey it. Lines and tabs are the program's own; what turns the
/// direction of writing can make a name look like another one.
fn is_shown(c: char) -> bool {
    matches!(c, '\n' | '\t') || !(c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
}

/// A text with control characters spelled out: `\x1b` for the one that terminals take for the beginning of a command.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_shown) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match u32::from(c) {
            _ if is_shown(c) => shown.push(c),
            code @ 0..=0xff => _ = write!(shown, "\\x{code:02x}"),
            code => _ = write!(shown, "\\u{{{code:x}}}"),
        }
    }
    Cow::Owned(shown)
}

/// A text of the same length in bytes, with `?` in the place of control characters: places in it stay where they are.
pub fn printable_in_place(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut shown, c| {
        if is_shown(c) {
            shown.push(c);
        } else {
            shown.extend(std::iter::repeat_n('?', c.len_utf8()));
        }
        shown
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_terminals_obey_is_spelled_out() {
        assert!(matches!(printable("Größe 1 µm\n\tπ"), Cow::Borrowed(_)));
        assert_eq!(printable("a\x1b[2Jb\rc\x07\u{9b}d\u{202e}e\x7f"), "a\\x1b[2Jb\\x0dc\\x07\\x9bd\\u{202e}e\\x7f");
        assert_eq!(printable_in_place("a\x1bb\u{9b}c\u{202e}"), "a?b??c???");
    }
}
