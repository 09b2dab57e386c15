//! Every transform's file is declared in its folder's module, has one line in the registry, and names itself.

use super::Violation;
use super::rust::{is_test_file, lines, words};
use super::tree::Tree;

/// The crates of transforms.
const CRATES: &[&str] =
    &["crates/revoxel-transforms/src/", "crates/revoxel-augment/src/", "crates/revoxel-extras/src/"];

/// The folders of transforms, each named by a `Class`.
const FOLDERS: &[&str] = &["spatial", "intensity", "label"];

/// The file of a transform.
pub(super) struct TransformFile<'a> {
    pub(super) path: &'a str,
    pub(super) text: &'a str,
    /// The sources of its crate.
    sources: &'static str,
    folder: &'a str,
    /// The file's name without extension, also the transform's.
    stem: &'a str,
    /// The parameter type.
    pub(super) kind: String,
}

/// The files in the transforms' folders that define one; the others are helpers.
pub(super) fn transform_files(tree: &Tree) -> impl Iterator<Item = TransformFile<'_>> {
    tree.rust().filter_map(|(path, text)| {
        let sources = *CRATES.iter().find(|sources| path.starts_with(**sources))?;
        let (folder, stem) = path.strip_prefix(sources)?.strip_suffix(".rs")?.split_once('/')?;
        if !FOLDERS.contains(&folder) || stem.contains('/') || is_test_file(path) {
            return None;
        }
        let kind = lines(text).iter().filter(|line| !line.test).find_map(|line| {
            let rest = line.code.trim_start().strip_prefix("impl Define for ")?;
            words(rest).next().map(|word| word.text.to_owned())
        })?;
        Some(TransformFile { path, text, sources, folder, stem, kind })
    })
}

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for TransformFile { path, text, sources, folder, stem, kind } in transform_files(tree) {
        let parent = format!("{sources}{folder}.rs");
        let declaration = format!("pub mod {stem};");
        if count(tree, &parent, &declaration) != 1 {
            let problem = format!("{path} is not declared");
            violations.push(Violation::of(&parent, problem, format!("add the line `{declaration}`")));
        }

        let registry = format!("{sources}registry.rs");
        let entry = format!("define::<{folder}::{stem}::{kind}>(),");
        match count(tree, &registry, &entry) {
            0 => {
                let remedy = format!("add the line `    {entry}` to TRANSFORMS");
                violations.push(Violation::of(&registry, format!("{path} is not registered"), remedy));
            }
            1 => {}
            n => {
                let problem = format!("{path} is registered {n} times");
                violations.push(Violation::of(&registry, problem, format!("leave one line `    {entry}`")));
            }
        }

        let mut class = folder.to_owned();
        class[..1].make_ascii_uppercase();
        for line in [format!("const NAME: &'static str = \"{stem}\";"), format!("const CLASS: Class = Class::{class};")]
        {
            if !text.lines().any(|l| l.trim() == line) {
                let problem = format!("{kind} does not say the same as its file's place");
                violations.push(Violation::of(path, problem, format!("`impl Define` needs the line `    {line}`")));
            }
        }
    }
    violations
}

/// How many lines of a file are, but for their surroundings, the given one.
fn count(tree: &Tree, path: &str, line: &str) -> usize {
    tree.text(path).unwrap_or_default().lines().filter(|l| l.trim() == line).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLIP: &str = "impl Define for Flip {\n    const NAME: &'static str = \"flip\";\n    \
        const CLASS: Class = Class::Spatial;\n}\n";

    fn t(flip: &str, parent: &str, registry: &str) -> Vec<(String, String)> {
        let tree = Tree::of(&[
            ("crates/revoxel-transforms/src/spatial/flip.rs", flip),
            ("crates/revoxel-transforms/src/spatial.rs", parent),
            ("crates/revoxel-transforms/src/registry.rs", registry),
        ]);
        check(&tree).into_iter().map(|v| (v.file, v.remedy)).collect()
    }

    #[test]
    fn a_registered_transform_is_well() {
        assert_eq!(t(FLIP, "pub mod flip;\n", "    define::<spatial::flip::Flip>(),\n"), []);
        assert_eq!(t("pub(crate) fn helper() {}\n", "mod flip;\n", ""), []);
    }

    #[test]
    fn the_lines_to_add_are_printed() {
        let expected = [
            ("crates/revoxel-transforms/src/spatial.rs", "add the line `pub mod flip;`"),
            (
                "crates/revoxel-transforms/src/registry.rs",
                "add the line `    define::<spatial::flip::Flip>(),` to TRANSFORMS",
            ),
        ];
        assert_eq!(t(FLIP, "mod flip;\n", ""), expected.map(|(file, remedy)| (file.to_owned(), remedy.to_owned())));
        let twice = "define::<spatial::flip::Flip>(),\n".repeat(2);
        assert_eq!(t(FLIP, "pub mod flip;\n", &twice)[0].1, "leave one line `    define::<spatial::flip::Flip>(),`");
    }

    #[test]
    fn a_copied_name_is_found() {
        let copied = FLIP.replace("\"flip\"", "\"rotate90\"");
        let found = t(&copied, "pub mod flip;\n", "define::<spatial::flip::Flip>(),\n");
        assert_eq!(found[0].1, "`impl Define` needs the line `    const NAME: &'static str = \"flip\";`");
        assert_eq!(found.len(), 1);
    }
}
