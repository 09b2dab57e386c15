//! `cargo xtask licences`: every dependency has an allowed licence and comes from an allowed registry.
//!
//! The rules are in `deny.toml`, where cargo-deny reads them, too. This task needs no other program, and no network once
//! the dependencies are downloaded.

mod expression;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use expression::is_satisfied;
use serde_json::Value;

use crate::{cargo, toml};

const RULES: &str = "deny.toml";

/// What is allowed.
struct Rules {
    licences: Vec<String>,
    /// Addresses of registries.
    registries: Vec<String>,
}

/// A package that is built, ours or somebody else's.
#[derive(Debug, PartialEq, Eq)]
struct Package {
    /// Name and version.
    name: String,
    /// The licence expression.
    licence: Option<String>,
    /// Such as `registry+https://..`; `None` for a folder.
    source: Option<String>,
    /// Whether it belongs to the workspace.
    ours: bool,
}

/// Prints each dependency that is not allowed. Returns whether all are allowed.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<bool> {
    ensure!(arguments.is_empty(), "takes no arguments");
    let rules = rules(&fs::read_to_string(root.join(RULES)).context(RULES)?)?;
    let packages = packages(&metadata(root)?).context("cargo metadata is not as expected")?;
    let problems: Vec<String> = packages.iter().flat_map(|package| problems(package, &rules)).collect();
    problems.iter().for_each(|problem| println!("  {problem}"));
    let others = packages.iter().filter(|package| !package.ours).count();
    match problems.len() {
        0 => println!("licences: {others} dependencies, all allowed"),
        count => println!("licences: {others} dependencies, {count} violation{}", if count == 1 { "" } else { "s" }),
    }
    Ok(problems.is_empty())
}

fn rules(text: &str) -> Result<Rules> {
    let list = |table, key| {
        let found = toml::strings(text, table, key).filter(|found| !found.is_empty());
        found.with_context(|| format!("{RULES}: [{table}] has no list `{key}`"))
    };
    Ok(Rules { licences: list("licenses", "allow")?, registries: list("sources", "allow-registry")? })
}

/// What cargo says of all dependencies, on all platforms and with all features.
fn metadata(root: &Path) -> Result<Value> {
    let arguments = ["metadata", "--format-version", "1", "--locked", "--all-features"];
    let mut output = cargo(root).args(arguments).arg("--offline").output().context("cargo does not start")?;
    if !output.status.success() {
        // Dependencies for other platforms may not be here yet: a build downloads only its own.
        output = cargo(root).args(arguments).output()?;
    }
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The packages in what cargo prints; `None` where a field is missing.
fn packages(metadata: &Value) -> Option<Vec<Package>> {
    let members = metadata["workspace_members"].as_array()?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let package = |value: &Value| {
        Some(Package {
            name: format!("{} {}", value["name"].as_str()?, value["version"].as_str()?),
            licence: text(&value["license"]),
            source: text(&value["source"]),
            ours: members.contains(&value["id"]),
        })
    };
    metadata["packages"].as_array()?.iter().map(package).collect()
}

/// What is wrong with a package, each with what to do.
fn problems(package: &Package, rules: &Rules) -> Vec<String> {
    let mut problems = Vec::new();
    let name = &package.name;
    match package.licence.as_deref().map(|licence| (licence, is_satisfied(licence, &rules.licences))) {
        Some((_, Some(true))) => {}
        Some((licence, Some(false))) => problems.push(format!(
            "{name}: licence {licence} is not allowed; use another crate, or add a permissive licence to `allow` in {RULES}"
        )),
        Some((licence, None)) => problems.push(format!("{name}: {licence:?} is no licence expression; use another crate")),
        None => problems.push(format!("{name}: has no licence expression; use another crate")),
    }
    let registry = package.source.as_deref().map(|source| source.strip_prefix("registry+").unwrap_or(source));
    let known = registry.is_some_and(|registry| rules.registries.iter().any(|allowed| allowed == registry));
    if !package.ours && !known {
        let from = registry.unwrap_or("a folder outside of the workspace");
        problems.push(format!("{name}: comes from {from}; depend on a release from a registry that {RULES} allows"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTRY: &str = "https://example.org/index";

    fn rules_of(licences: &[&str]) -> Rules {
        Rules { licences: licences.iter().map(|&l| l.to_owned()).collect(), registries: vec![REGISTRY.to_owned()] }
    }

    fn t(licence: Option<&str>, source: Option<&str>, ours: bool, expected: &[&str]) {
        let (licence, source) = (licence.map(str::to_owned), source.map(str::to_owned));
        let package = Package { name: "a 1.0.0".to_owned(), licence, source, ours };
        let found = problems(&package, &rules_of(&["MIT"]));
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(&format!("a 1.0.0: {expected}; ")), "{found}");
        }
    }

    #[test]
    fn licences_and_sources_are_checked() {
        let registry = format!("registry+{REGISTRY}");
        let registry = Some(registry.as_str());
        t(Some("MIT OR GPL-3.0-only"), registry, false, &[]);
        t(Some("GPL-3.0-only"), registry, false, &["licence GPL-3.0-only is not allowed"]);
        t(Some("MIT, GPL"), registry, false, &["\"MIT, GPL\" is no licence expression"]);
        t(None, registry, false, &["has no licence expression"]);
        t(Some("MIT"), Some("git+https://example.org/a#1"), false, &["comes from git+https://example.org/a#1"]);
        t(Some("MIT"), Some("registry+https://other.org"), false, &["comes from https://other.org"]);
        t(Some("MIT"), None, false, &["comes from a folder outside of the workspace"]);
        t(None, None, false, &["has no licence expression", "comes from a folder outside of the workspace"]);
        t(Some("MIT"), None, true, &[]);
        t(Some("GPL-3.0-only"), None, true, &["licence GPL-3.0-only is not allowed"]);
    }

    #[test]
    fn packages_are_read_from_metadata() {
        let metadata = serde_json::json!({
            "workspace_members": ["path+a"],
            "packages": [
                { "id": "path+a", "name": "a", "version": "0.1.0", "license": "MIT", "source": null },
                { "id": "registry+b", "name": "b", "version": "2.0.0", "license": null, "source": "registry+c" },
            ],
        });
        let a = Package { name: "a 0.1.0".to_owned(), licence: Some("MIT".to_owned()), source: None, ours: true };
        let b =
            Package { name: "b 2.0.0".to_owned(), licence: None, source: Some("registry+c".to_owned()), ours: false };
        assert_eq!(packages(&metadata), Some(vec![a, b]));
        assert_eq!(packages(&serde_json::json!({})), None);
    }

    #[test]
    fn rules_are_read_from_the_file_of_cargo_deny() {
        let text =
            "[licenses]\nallow = [\n  \"MIT\", # why\n]\n[sources]\nallow-registry = [\"https://example.org/index\"]\n";
        let found = rules(text).unwrap();
        assert_eq!((found.licences, found.registries), (vec!["MIT".to_owned()], vec![REGISTRY.to_owned()]));
        assert!(rules("[licenses]\nallow = []\n").is_err());
    }
}
