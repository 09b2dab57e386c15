//! A shipped pipeline says in its first line what it is for.

use super::Violation;
use super::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let shipped = tree.with_extension(&["yaml"]).filter(|(path, _)| path.starts_with("pipelines/"));
    let silent = shipped.filter(|(_, text)| !says_something(text.lines().next().unwrap_or_default()));
    let remedy = "add a first line `# ...` that says what it is for";
    silent.map(|(path, _)| Violation::at(path, 1, "does not begin with a comment", remedy)).collect()
}

/// Whether a line is a comment for people, not an instruction to an editor.
fn says_something(line: &str) -> bool {
    line.strip_prefix('#').is_some_and(|text| text.split_whitespace().count() > 1 && !text.contains("$schema="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipelines_begin_with_a_comment() {
        let t = |path, text, expected| assert_eq!(check(&Tree::of(&[(path, text)])).len(), expected, "{text}");
        t("pipelines/a.yaml", "# For CT of the chest.\nversion: 1\n", 0);
        t("pipelines/a.yaml", "version: 1\n", 1);
        t("pipelines/a.yaml", "#\nversion: 1\n", 1);
        t("pipelines/a.yaml", "# yaml-language-server: $schema=a.json\nversion: 1\n", 1);
        t("tests/a.yaml", "version: 1\n", 0);
    }
}
