//! No trailing whitespace, and a newline at the end.

use super::Violation;
use super::tree::Tree;

const EXTENSIONS: &[&str] = &["rs", "md", "yaml", "yml", "toml", "py"];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, text) in tree.with_extension(EXTENSIONS) {
        // Split by hand: `str::lines` would hide a carriage return.
        for (number, _) in (1..).zip(text.split('\n')).filter(|(_, line)| line.ends_with(char::is_whitespace)) {
            violations.push(Violation::at(path, number, "ends in whitespace", "remove it"));
        }
        if !text.is_empty() && !text.ends_with('\n') {
            violations.push(Violation::of(path, "does not end with a newline", "add one"));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whitespace_is_found_by_line() {
        let t = |path: &str, text: &str| check(&Tree::of(&[(path, text)])).iter().map(|v| v.line).collect::<Vec<_>>();
        assert_eq!(t("a.md", "a\n\nb\n"), []);
        assert_eq!(t("a.md", "a \n\t\nb"), [Some(1), Some(2), None]);
        assert_eq!(t("a.yaml", "a\r\n"), [Some(1)]);
        assert_eq!(t("a.snap", "a "), []);
    }
}
