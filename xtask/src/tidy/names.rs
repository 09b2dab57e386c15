//! One word per thing: names of public items keep to the vocabulary.
//!
//! `header` and `sform` are things of files, and so of revoxel-io; `zoom` is `spacing`; what others call an image is
//! a `Volume` of some kind.

use super::Violation;
use super::rust::{is_test_file, lines, words};
use super::tree::Tree;

/// Words that no public name contains, with what to say instead.
const BANNED: &[(&str, &str)] = &[
    ("header", "say what it holds (facts, info), or move it to revoxel-io"),
    ("sform", "say affine, or move it to revoxel-io"),
    ("zoom", "say spacing or resample"),
];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    let covered = |path: &str| path.starts_with("crates/") && !path.starts_with("crates/revoxel-io/");
    for (path, text) in tree.rust().filter(|(path, _)| covered(path) && !is_test_file(path)) {
        for line in lines(text).iter().filter(|line| !line.test) {
            let Some((item, name)) = public_item(&line.code) else { continue };
            let banned = |part: String| BANNED.iter().find(|(word, _)| part == *word || part == format!("{word}s"));
            let remedy = match parts(name).into_iter().find_map(banned) {
                Some((_, remedy)) => *remedy,
                None if name == "Image" && item != "fn" => "say Volume",
                None => continue,
            };
            violations.push(Violation::at(path, line.number, format!("the public {item} is named {name}"), remedy));
        }
    }
    violations
}

/// The public item that a line declares: which, and its name.
fn public_item(code: &str) -> Option<(&str, &str)> {
    let rest = code.trim_start().strip_prefix("pub ")?;
    let mut words = words(rest).skip_while(|w| ["const", "async", "unsafe", "extern"].contains(&w.text));
    let item = words.next()?.text;
    let name = words.next()?.text;
    ["struct", "enum", "fn", "trait", "type", "union"].contains(&item).then_some((item, name))
}

/// The words of a name, lower case: `SformCode` and `sform_code` are sform, code.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for c in name.chars() {
        if (c == '_' || c.is_uppercase()) && parts.last().is_some_and(|part| !part.is_empty()) {
            parts.push(String::new());
        }
        if let (true, Some(part)) = (c != '_', parts.last_mut()) {
            part.extend(c.to_lowercase());
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(code: &str, expected: &[&str]) {
        let tree = Tree::of(&[("crates/revoxel-core/src/a.rs", code), ("crates/revoxel-io/src/a.rs", code)]);
        let found: Vec<String> = check(&tree).into_iter().map(|v| v.problem).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn words_of_files_stay_in_io() {
        t("pub struct NiftiHeader;\n", &["the public struct is named NiftiHeader"]);
        t("    pub const fn sform(&self) {}\n", &["the public fn is named sform"]);
        t("pub enum Zooms {}\n", &["the public enum is named Zooms"]);
        t("pub struct Image;\n", &["the public struct is named Image"]);
    }

    #[test]
    fn other_names_are_free() {
        t("pub fn transform() {}\npub struct TransformDef;\n", &[]);
        t("struct Header;\npub(crate) fn zoom() {}\n// pub struct Image;\n", &[]);
        t("pub enum Kind {\n    Image,\n}\npub fn image_to_world() {}\n", &[]);
    }
}
