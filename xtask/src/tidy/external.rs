//! External dependencies that keep a crate from knowing what it must not know.

use super::Violation;
use super::tree::Tree;

/// A dependency, where it may be or may not be, and why.
struct Rule {
    dependency: &'static str,
    place: Place,
    reason: &'static str,
}

enum Place {
    /// No other package of the workspace may have it.
    OnlyIn(&'static [&'static str]),
    /// These packages may not have it.
    NotIn(&'static [&'static str]),
}
use Place::{NotIn, OnlyIn};

const BELOW_PIPELINE: &[&str] = &[
    "revoxel-core",
    "revoxel-resample",
    "revoxel-io",
    "revoxel-transforms",
    "revoxel-augment",
    "revoxel-extras",
    "revoxel-invert",
];
const WITHOUT_FILES: &[&str] = &[
    "revoxel-core",
    "revoxel-resample",
    "revoxel-transforms",
    "revoxel-augment",
    "revoxel-extras",
    "revoxel-invert",
    "revoxel-pipeline",
];

const RULES: &[Rule] = &[
    Rule { dependency: "clap", place: OnlyIn(&["revoxel-cli"]), reason: "only the program has a command line" },
    Rule { dependency: "miette", place: OnlyIn(&["revoxel-cli"]), reason: "only the program shows errors to people" },
    Rule { dependency: "indicatif", place: OnlyIn(&["revoxel-cli"]), reason: "only the program shows progress" },
    Rule { dependency: "tracing-subscriber", place: OnlyIn(&["revoxel-cli"]), reason: "only the program writes logs" },
    Rule { dependency: "serde-saphyr", place: NotIn(BELOW_PIPELINE), reason: "only pipeline files are YAML" },
    Rule { dependency: "flate2", place: NotIn(WITHOUT_FILES), reason: "only io knows how files are compressed" },
    Rule { dependency: "serde", place: NotIn(&["revoxel-core"]), reason: "records are shaped in revoxel-invert" },
];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for package in tree.packages() {
        let name = package.name.as_str();
        for Rule { dependency, place, reason } in RULES {
            let forbidden = match place {
                OnlyIn(packages) => !packages.contains(&name),
                NotIn(packages) => packages.contains(&name),
            };
            if forbidden && package.dependencies.iter().any(|d| d == dependency) {
                let remedy = format!("remove `{dependency}.workspace = true` from [dependencies]: {reason}");
                violations.push(Violation::of(&package.manifest(), format!("{name} depends on {dependency}"), remedy));
            }
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::super::metadata::Package;
    use super::*;

    #[test]
    fn dependencies_are_where_they_belong() {
        let t = |name: &str, dependency: &str, allowed: bool| {
            let package = Package::of(&format!("crates/{name}"), name, &[dependency]);
            let found = check(&Tree::default().with_packages(vec![package]));
            assert_eq!(found.is_empty(), allowed, "{name} {dependency}: {found:?}");
        };
        t("revoxel-cli", "clap", true);
        t("revoxel-runner", "clap", false);
        t("revoxel-cli", "miette", true);
        t("revoxel-pipeline", "miette", false);
        t("xtask", "clap", false);
        t("revoxel-pipeline", "serde-saphyr", true);
        t("revoxel-transforms", "serde-saphyr", false);
        t("revoxel-io", "flate2", true);
        t("revoxel-pipeline", "flate2", false);
        t("revoxel-core", "serde", false);
        t("revoxel-transforms", "serde", true);
    }
}
