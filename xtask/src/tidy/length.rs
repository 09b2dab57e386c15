//! A file that cannot be read at one sitting is split.

use super::Violation;
use super::rust::{is_test_file, lines};
use super::tree::Tree;

/// The most lines of code, without blank lines, comments and tests.
const MOST: usize = 400;

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, text) in tree.rust().filter(|(path, _)| !is_test_file(path)) {
        let count = lines(text).iter().filter(|line| !line.test && !line.code.trim().is_empty()).count();
        if count > MOST {
            let remedy = format!("move a part of it into a file of its own; {MOST} is the most");
            violations.push(Violation::of(path, format!("has {count} lines of code"), remedy));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_comments_and_tests_do_not_count() {
        let t = |path: &str, text: &str| check(&Tree::of(&[(path, text)])).len();
        let code = "a();\n\n// comment\n".repeat(400);
        assert_eq!(t("a.rs", &code), 0);
        assert_eq!(t("a.rs", &(code.clone() + "b();\n")), 1);
        assert_eq!(t("a.rs", &(code.clone() + "#[cfg(test)]\nmod tests {\n    b();\n}\n")), 0);
        assert_eq!(t("a/tests.rs", &(code + "b();\n")), 0);
    }
}
