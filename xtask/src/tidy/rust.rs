//! Rust sources as far as the checks need them: without comments and strings, with tests marked.

/// A line of a source.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Its number, from 1.
    pub(super) number: usize,
    /// Its code: comments are spaces, and every character of a string or character literal is a double quote.
    pub(super) code: String,
    /// Whether it belongs to a `#[cfg(test)]` item of the file (as rustfmt lays it out: up to a line `}` or `...;`).
    pub(super) test: bool,
}

/// The lines of a source.
pub(super) fn lines(text: &str) -> Vec<Line> {
    let mut test = false;
    let mut lines = Vec::new();
    for (number, code) in (1..).zip(blanked(text).lines()) {
        test |= code.trim_end() == "#[cfg(test)]";
        lines.push(Line { number, code: code.to_owned(), test });
        let item_ends =
            code == "}" || (code.starts_with(|c: char| c.is_alphabetic()) && code.trim_end().ends_with(';'));
        test &= !item_ends;
    }
    lines
}

/// The identifiers of a line of code, each with what follows it and what comes before it.
pub(super) fn words(code: &str) -> impl Iterator<Item = Word<'_>> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut rest = 0;
    std::iter::from_fn(move || {
        let start = rest + code[rest..].find(is_part)?;
        let end = code[start..].find(|c| !is_part(c)).map_or(code.len(), |length| start + length);
        rest = end;
        Some(Word { before: &code[..start], text: &code[start..end], after: &code[end..] })
    })
}

/// An identifier (or keyword, or number) in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word<'a> {
    pub(super) before: &'a str,
    pub(super) text: &'a str,
    pub(super) after: &'a str,
}

/// Whether the file holds tests only: a `tests.rs`, or anything in a folder `tests`.
pub(super) fn is_test_file(path: &str) -> bool {
    path.split('/').any(|part| part == "tests" || part == "tests.rs")
}

/// The text with comments as spaces and strings as double quotes; line ends stay.
fn blanked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (length, fill) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), ' ')
        } else if rest.starts_with("/*") {
            (block_comment(rest), ' ')
        } else if let Some(length) = raw_string(rest, out.chars().next_back()) {
            (length, '"')
        } else if first == '"' {
            (quoted(rest, '"'), '"')
        } else if first == '\'' && is_character(rest) {
            (quoted(rest, '\''), '"')
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        out.extend(rest[..length].chars().map(|c| if c == '\n' { c } else { fill }));
        rest = &rest[length..];
    }
    out
}

/// The length of the block comment at the start; such comments nest.
fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of the raw string at the start, if there is one.
fn raw_string(text: &str, before: Option<char>) -> Option<usize> {
    if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let prefix = ["r", "br", "cr"]
        .into_iter()
        .find(|p| text.strip_prefix(p).is_some_and(|rest| rest.trim_start_matches('#').starts_with('"')))?;
    let hashes = text[prefix.len()..].chars().take_while(|c| *c == '#').count();
    let open = prefix.len() + hashes + 1;
    let close = format!("\"{}", "#".repeat(hashes));
    Some(text[open..].find(&close).map_or(text.len(), |length| open + length + close.len()))
}

/// The length of the literal at the start, up to and with the closing quote.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Whether the single quote at the start opens a character, and not a lifetime.
fn is_character(text: &str) -> bool {
    let mut chars = text.chars().skip(1);
    chars.next() == Some('\\') || chars.next() == Some('\'')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_blanked() {
        let t = |text: &str, expected: &str| assert_eq!(blanked(text), expected);
        t("a // b\nc", "a     \nc");
        t("a /* b /* c */ d */ e", "a                   e");
        t(r#"f("x\"y", 'q', '\'', b'"')"#, r#"f("""""", """, """", b""")"#);
        t("r#\"a\"b\"# c", &format!("{} c", "\"".repeat(8)));
        t("&'a str", "&'a str");
        t("\"two\nlines\" x", "\"\"\"\"\n\"\"\"\"\"\" x");
        t("é /* é */ é", "é         é");
    }

    #[test]
    fn test_items_are_marked() {
        let source = "a\n#[cfg(test)]\nmod x;\nb\n#[cfg(test)]\nmod tests {\n    fn f() {}\n}\nc\n";
        let marked: Vec<bool> = lines(source).iter().map(|line| line.test).collect();
        assert_eq!(marked, [false, true, true, false, true, true, true, true, false]);
    }

    #[test]
    fn words_have_their_surroundings() {
        let found: Vec<&str> = words("pub(crate) fn f_1()").map(|w| w.text).collect();
        assert_eq!(found, ["pub", "crate", "fn", "f_1"]);
        let last = words("std::fs::read").nth(1);
        assert_eq!(last, Some(Word { before: "std::", text: "fs", after: "::read" }));
    }

    #[test]
    fn test_files_are_known_by_name() {
        assert!(is_test_file("crates/a/src/tests.rs") && is_test_file("tests/main.rs"));
        assert!(is_test_file("a/src/b/tests/c.rs") && !is_test_file("a/src/testing.rs"));
    }
}
