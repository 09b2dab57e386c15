//! What is published has complete metadata and contains all that it needs; what is internal cannot be published.

use super::Violation;
use super::links::resolved;
use super::tree::Tree;
use crate::toml;

const ROOT: &str = "Cargo.toml";

/// Keys that the manifest of a published package has.
const KEYS: &[&str] =
    &["description", "license", "repository", "rust-version", "readme", "keywords", "categories", "include"];

/// Files that a package contains as a copy, since it cannot contain files from outside of its folder: original, copy.
const COPIES: &[(&str, &str)] = &[("pipelines/ct-1mm.yaml", "crates/revoxel-runner/src/demo/ct-1mm.yaml")];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    [manifests(tree), versions(tree), included(tree), copies(tree)].concat()
}

fn manifests(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for package in tree.packages().iter().filter(|package| package.published) {
        let manifest = package.manifest();
        if !package.folder.starts_with("crates/") {
            let problem = format!("{} would be published", package.name);
            violations.push(Violation::of(&manifest, problem, "add `publish = false`, or move it to crates/"));
            continue;
        }
        let entries = tree.text(&manifest).map(|text| toml::entries(text, "package")).unwrap_or_default();
        let has = |key: &str| entries.iter().any(|(name, _)| name.strip_suffix(".workspace").unwrap_or(name) == key);
        for key in KEYS.iter().filter(|key| !has(key)) {
            let remedy = format!("add it, or `{key}.workspace = true`");
            violations.push(Violation::of(&manifest, format!("[package] has no {key}"), remedy));
        }
        if !tree.exists(&format!("{}/README.md", package.folder)) {
            let remedy = "add one: what the crate is, what it must not know, a link to the workspace";
            violations.push(Violation::of(&manifest, format!("{} has no README.md", package.name), remedy));
        }
    }
    violations
}

/// Crates of the workspace ask for each other by path and version.
fn versions(tree: &Tree) -> Vec<Violation> {
    let Some(text) = tree.text(ROOT) else { return Vec::new() };
    let Some(version) = toml::string(text, "workspace.package", "version") else { return Vec::new() };
    let wanted = format!("version = \"{version}\"");
    let by_path =
        toml::entries(text, "workspace.dependencies").into_iter().filter(|(_, value)| value.contains("path ="));
    let wrong = by_path.filter(|(_, value)| !value.contains(&wanted));
    wrong
        .map(|(name, _)| {
            Violation::of(ROOT, format!("{name} is not asked for by {wanted}"), "write it beside the path")
        })
        .collect()
}

/// What is compiled into a package lies in its folder.
fn included(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for package in tree.packages().iter().filter(|package| package.published) {
        let folder = format!("{}/", package.folder);
        for (path, text) in tree.rust().filter(|(path, _)| path.starts_with(&format!("{folder}src/"))) {
            for (number, line) in (1..).zip(text.lines()) {
                let files = ["include_str!(\"", "include_bytes!(\""].iter().flat_map(|start| line.split(start).skip(1));
                let leaves = |file: &&str| !resolved(path, file).is_some_and(|to| to.starts_with(&folder));
                for file in files.filter_map(|rest| rest.split('"').next()).filter(leaves) {
                    let problem = format!("includes {file}, which the published crate does not contain");
                    let remedy = "copy the file into the crate, and add both to COPIES in xtask/src/tidy/published.rs";
                    violations.push(Violation::at(path, number, problem, remedy));
                }
            }
        }
    }
    violations
}

fn copies(tree: &Tree) -> Vec<Violation> {
    let differ = COPIES.iter().filter(|(original, copy)| tree.text(original) != tree.text(copy));
    let violation = |(original, copy): &(&str, &str)| {
        Violation::of(copy, format!("is not a copy of {original}"), format!("copy {original} to {copy}"))
    };
    differ.map(violation).collect()
}

#[cfg(test)]
mod tests {
    use super::super::metadata::Package;
    use super::*;

    fn problems(files: &[(&str, &str)], packages: Vec<Package>) -> Vec<String> {
        let tree = Tree::of(files).with_packages(packages);
        check(&tree).into_iter().map(|violation| violation.problem).collect()
    }

    fn published(folder: &str) -> Package {
        Package { published: true, ..Package::of(folder, folder.rsplit('/').next().unwrap(), &[]) }
    }

    const MANIFEST: &str = "[package]
name = \"a\"
description = \"A\"
license.workspace = true
repository.workspace = true
rust-version.workspace = true
readme = \"README.md\"
keywords = [\"a\"]
categories = [\"science\"]
include.workspace = true
";

    #[test]
    fn published_packages_have_metadata_and_a_readme() {
        let t = |manifest: &str| problems(&[("crates/a/Cargo.toml", manifest)], vec![published("crates/a")]);
        assert_eq!(t(MANIFEST), ["a has no README.md"]);
        assert_eq!(t(&MANIFEST.replace("keywords", "words"))[0], "[package] has no keywords");
        // A key of another table does not count.
        let elsewhere = MANIFEST.replace("readme = \"README.md\"\n", "") + "[features]\nreadme = []\n";
        assert_eq!(t(&elsewhere)[0], "[package] has no readme");
    }

    #[test]
    fn what_is_internal_is_not_published() {
        assert_eq!(problems(&[], vec![published("tests")]), ["tests would be published"]);
        assert_eq!(problems(&[], vec![Package { published: false, ..published("tests") }]), [""; 0]);
        assert_eq!(problems(&[], vec![Package { published: false, ..published("crates/a") }]), [""; 0]);
    }

    #[test]
    fn crates_ask_for_the_version_of_the_workspace() {
        let t = |dependency: &str| {
            let text = format!("[workspace.package]\nversion = \"0.2.0\"\n[workspace.dependencies]\n{dependency}\n");
            problems(&[(ROOT, &text)], Vec::new())
        };
        assert_eq!(t("a = { path = \"crates/a\", version = \"0.2.0\" }"), [""; 0]);
        assert_eq!(t("serde = { version = \"1\" }"), [""; 0]);
        assert_eq!(t("a = { path = \"crates/a\" }"), ["a is not asked for by version = \"0.2.0\""]);
        assert_eq!(t("a = { path = \"crates/a\", version = \"0.1.0\" }").len(), 1);
    }

    #[test]
    fn included_files_lie_in_the_package() {
        let t = |line: &str| {
            let files = [("crates/a/src/b/c.rs", line), ("crates/a/Cargo.toml", MANIFEST), ("crates/a/README.md", "")];
            problems(&files, vec![published("crates/a")])
        };
        assert_eq!(t("const A: &str = include_str!(\"c.rs\");"), [""; 0]);
        assert_eq!(t("include_bytes!(\"../../README.md\")"), [""; 0]);
        assert_eq!(
            t("include_str!(\"../../../../pipelines/a.yaml\")"),
            ["includes ../../../../pipelines/a.yaml, which the published crate does not contain"]
        );
    }

    #[test]
    fn copies_are_the_same() {
        let (original, copy) = COPIES[0];
        assert_eq!(problems(&[(original, "a"), (copy, "a")], Vec::new()), [""; 0]);
        assert_eq!(problems(&[(original, "a"), (copy, "b")], Vec::new()), [format!("is not a copy of {original}")]);
        assert_eq!(problems(&[(original, "a")], Vec::new()).len(), 1);
    }
}
