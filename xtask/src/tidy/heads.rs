//! Every Rust file opens by saying what it is, and is found by its own name.

use super::Violation;
use super::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, text) in tree.rust() {
        if !text.starts_with("//!") && !text.starts_with("#!") {
            let remedy = "add a first line `//! ...` that says what the file is for";
            violations.push(Violation::at(path, 1, "does not begin with `//!`", remedy));
        }
        if let Some(folder) = path.strip_suffix("/mod.rs") {
            violations.push(Violation::of(path, "is named mod.rs", format!("rename it to {folder}.rs")));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_begin_with_a_doc_comment_and_have_names() {
        let t = |path, text| check(&Tree::of(&[(path, text)])).into_iter().map(|v| v.remedy).collect::<Vec<_>>();
        assert_eq!(t("a/b.rs", "//! B.\n"), [""; 0]);
        assert_eq!(t("a/b.rs", "#![no_std]\n"), [""; 0]);
        assert_eq!(t("a/b.rs", "// B.\n").len(), 1);
        assert_eq!(t("a/b.rs", "").len(), 1);
        assert_eq!(t("a/b/mod.rs", "//! B.\n"), ["rename it to a/b.rs"]);
    }
}
