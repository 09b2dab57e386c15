//! Which crate may depend on which; normal dependencies, not those of tests.
//!
//! The same table stands in `docs/architecture.md`, in lines such as `revoxel-io -> revoxel-core` or
//! `revoxel-invert -> revoxel-core, revoxel-resample`.

use std::collections::BTreeSet;

use super::Violation;
use super::tree::Tree;

const DOCUMENT: &str = "docs/architecture.md";
const HERE: &str = "xtask/src/tidy/arrows.rs";

/// Every package of the workspace with those that it may depend on.
const ARROWS: &[(&str, &[&str])] = &[
    ("revoxel-core", &[]),
    ("revoxel-resample", &["revoxel-core"]),
    ("revoxel-io", &["revoxel-core"]),
    ("revoxel-transforms", &["revoxel-core", "revoxel-resample"]),
    ("revoxel-augment", TRANSFORMS),
    ("revoxel-extras", TRANSFORMS),
    ("revoxel-invert", &["revoxel-core", "revoxel-resample"]),
    ("revoxel-pipeline", &["revoxel-core", "revoxel-transforms", "revoxel-invert"]),
    ("revoxel-runner", BELOW_RUNNER),
    ("revoxel-import", &["revoxel-core", "revoxel-io", "revoxel-transforms", "revoxel-pipeline", "revoxel-runner"]),
    ("revoxel", LIBRARIES),
    ("revoxel-cli", PROGRAM),
    (
        "revoxel-tests",
        &[
            "revoxel-core",
            "revoxel-resample",
            "revoxel-io",
            "revoxel-transforms",
            "revoxel-invert",
            "revoxel-pipeline",
            "revoxel-runner",
            "revoxel",
            "revoxel-cli",
        ],
    ),
    ("xtask", &[]),
];

const TRANSFORMS: &[&str] = &["revoxel-core", "revoxel-resample", "revoxel-transforms"];
const BELOW_RUNNER: &[&str] =
    &["revoxel-core", "revoxel-resample", "revoxel-io", "revoxel-transforms", "revoxel-invert", "revoxel-pipeline"];
const PROGRAM: &[&str] = &[
    "revoxel-core",
    "revoxel-resample",
    "revoxel-io",
    "revoxel-transforms",
    "revoxel-invert",
    "revoxel-pipeline",
    "revoxel-runner",
    "revoxel-import",
    "revoxel",
];
const LIBRARIES: &[&str] = &[
    "revoxel-core",
    "revoxel-resample",
    "revoxel-io",
    "revoxel-transforms",
    "revoxel-augment",
    "revoxel-extras",
    "revoxel-invert",
    "revoxel-pipeline",
    "revoxel-runner",
    "revoxel-import",
];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    let members: BTreeSet<&str> = tree.packages().iter().map(|package| package.name.as_str()).collect();
    for package in tree.packages() {
        let (name, manifest) = (&package.name, package.manifest());
        if package.folder.strip_prefix("crates/").is_some_and(|folder| folder != name) {
            let remedy = format!("rename the folder to crates/{name}");
            violations.push(Violation::of(&manifest, format!("package {name} lies in {}", package.folder), remedy));
        }
        let Some(allowed) = allowed(name) else {
            let remedy = format!("add `(\"{name}\", &[..]),` to ARROWS in {HERE} and a line to {DOCUMENT}");
            violations.push(Violation::of(&manifest, format!("{name} has no place among the crates"), remedy));
            continue;
        };
        for other in package.dependencies.iter().filter(|other| members.contains(other.as_str())) {
            if !allowed.contains(&other.as_str()) {
                let remedy = format!("{name} may depend on {}; move what is shared there", listed(allowed));
                violations.push(Violation::of(&manifest, format!("{name} depends on {other}"), remedy));
            }
        }
    }
    violations.extend(tree.text(DOCUMENT).map(documented).unwrap_or_default());
    violations
}

fn allowed(name: &str) -> Option<&'static [&'static str]> {
    ARROWS.iter().find(|(from, _)| *from == name).map(|(_, to)| *to)
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() { "no crate of the workspace".to_owned() } else { names.join(", ") }
}

/// Compares the document with the table. It may leave out the packages that are not published.
fn documented(text: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut written = BTreeSet::new();
    for (number, line) in (1..).zip(text.lines()) {
        for (from, to) in arrows(line) {
            if !allowed(from).is_some_and(|allowed| allowed.contains(&to)) {
                let problem = format!("{from} -> {to} is not in ARROWS of {HERE}");
                violations.push(Violation::at(DOCUMENT, number, problem, "make the two agree"));
            }
            written.insert((from, to));
        }
    }
    for (from, allowed) in ARROWS.iter().filter(|(from, _)| !["revoxel-tests", "xtask"].contains(from)) {
        if allowed.iter().any(|to| !written.contains(&(*from, *to))) {
            let remedy = format!("add the line `{from} -> {}`", allowed.join(", "));
            violations.push(Violation::of(DOCUMENT, format!("arrows of {from} are missing"), remedy));
        }
    }
    violations
}

/// The arrows of a line: `a -> b, c`, perhaps as an item of a list or in backticks.
fn arrows(line: &str) -> Vec<(&str, &str)> {
    let is_name = |text: &&str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let bare = |text| str::trim_matches(text, [' ', '`', '-', '*', '|']);
    let Some((from, to)) = line.split_once("->").map(|(from, to)| (bare(from), to)) else { return Vec::new() };
    if allowed(from).is_none() {
        return Vec::new();
    }
    to.split(',').map(bare).filter(is_name).map(|to| (from, to)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::metadata::Package;
    use super::*;

    fn problems(packages: Vec<Package>) -> Vec<String> {
        check(&Tree::default().with_packages(packages)).into_iter().map(|v| v.problem).collect()
    }

    #[test]
    fn arrows_outside_the_table_are_found() {
        let core = || Package::of("crates/revoxel-core", "revoxel-core", &["nalgebra"]);
        let io = |names| Package::of("crates/revoxel-io", "revoxel-io", names);
        let invert = Package::of("crates/revoxel-invert", "revoxel-invert", &["revoxel-core", "revoxel-io"]);
        assert_eq!(problems(vec![core(), io(&["revoxel-core"])]), [""; 0]);
        assert_eq!(problems(vec![core(), io(&[]), invert]), ["revoxel-invert depends on revoxel-io"]);
        let xtask = Package::of("xtask", "xtask", &["revoxel-core"]);
        assert_eq!(problems(vec![core(), xtask]), ["xtask depends on revoxel-core"]);
    }

    #[test]
    fn packages_have_a_place_and_their_own_folder() {
        let found = problems(vec![Package::of("crates/core", "revoxel-core", &[]), Package::of("new", "new", &[])]);
        assert_eq!(found, ["package revoxel-core lies in crates/core", "new has no place among the crates"]);
    }

    #[test]
    fn the_document_has_the_same_table() {
        let table = |skip: &str| {
            let lines = ARROWS.iter().filter(|(from, to)| *from != skip && !to.is_empty());
            lines.map(|(from, to)| format!("- `{from} -> {}`\n", to.join(", "))).collect::<String>()
        };
        let t = |text: &str| check(&Tree::of(&[(DOCUMENT, text)]));
        assert_eq!(t(&table("revoxel-tests")), []);
        assert_eq!(t(&table("revoxel-io"))[0].remedy, "add the line `revoxel-io -> revoxel-core`");
        let more = table("") + "revoxel-core -> revoxel-io\n";
        assert_eq!(t(&more)[0].problem, format!("revoxel-core -> revoxel-io is not in ARROWS of {HERE}"));
    }
}
