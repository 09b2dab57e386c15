//! Every test that the page of rules names is there: `path::to::test` is a `#[test]` in the file of that module.

use std::collections::BTreeSet;

use super::Violation;
use super::rust::{lines, words};
use super::tree::Tree;

/// The page. Names are those of `revoxel-io`; names of system tests start with `tests::`.
const PAGE: &str = "docs/format-rules.md";

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let Some(page) = tree.text(PAGE) else { return Vec::new() };
    let tests = tests(tree);
    let mut violations = Vec::new();
    for (number, line) in (1..).zip(page.lines()) {
        for name in names(line).filter(|name| !tests.contains(&place(name))) {
            let problem = format!("the test {name} does not exist");
            violations.push(Violation::at(PAGE, number, problem, "name the test that holds the rule"));
        }
    }
    violations
}

/// What looks like the path of a test, in backticks.
fn names(line: &str) -> impl Iterator<Item = &str> {
    let is_path = |text: &&str| {
        let part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_:".contains(c);
        text.contains("::") && !text.ends_with(':') && text.chars().all(part)
    };
    line.split('`').skip(1).step_by(2).filter(is_path)
}

/// The path of the module that a name means, and the function.
fn place(name: &str) -> (String, String) {
    let (modules, function) = name.rsplit_once("::").unwrap_or(("", name));
    let folder = if modules.starts_with("tests::") { "" } else { "crates/revoxel-io/src/" };
    (format!("{folder}{}", modules.replace("::", "/")), function.to_owned())
}

/// Every test: the path of its module (a module `tests` within a file counts as a file), and its name.
fn tests(tree: &Tree) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for (path, text) in tree.rust() {
        let module = path.trim_end_matches(".rs");
        let (mut attribute, mut inner) = (false, "");
        for line in lines(text) {
            let code = line.code.trim();
            if line.code.trim_end() == "mod tests {" {
                inner = "/tests";
            }
            let mut words = words(code).map(|word| word.text).skip_while(|word| *word != "fn");
            match (words.next(), words.next()) {
                (Some(_), Some(function)) => {
                    if attribute {
                        found.insert((format!("{module}{inner}"), function.to_owned()));
                    }
                    attribute = false;
                }
                _ => attribute |= code == "#[test]",
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(page: &str, expected: usize) {
        let tree = Tree::of(&[
            (PAGE, page),
            ("crates/revoxel-io/src/a.rs", "fn f() {}\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn g() {}\n}\n"),
            ("crates/revoxel-io/src/a/tests/odd.rs", "#[test]\n#[cfg(unix)]\nfn h() {}\nfn helper() {}\n"),
            ("tests/a.rs", "#[test]\nfn i() {}\n"),
        ]);
        assert_eq!(check(&tree).len(), expected, "{page}");
    }

    #[test]
    fn tests_that_are_named_exist() {
        t("| rule | `a::tests::g`, `a::tests::odd::h` |\n| rule | `tests::a::i` |\n", 0);
        t("`a::g` `b::tests::g` `a::tests::h`\n", 3);
        t("`tests::a::j` `a::tests::odd::helper`\n", 2);
    }

    #[test]
    fn other_code_is_no_test() {
        t("`key:=value`, `space`, `tests::`, `Affine::from`, a::tests::x\n", 0);
    }
}
