//! The packages of the workspace, from `cargo metadata`.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::cargo;

/// A package of the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Package {
    /// Its name.
    pub(super) name: String,
    /// Its folder, relative to the root.
    pub(super) folder: String,
    /// Names of the packages that it depends on, also for its build script, but not for its tests.
    pub(super) dependencies: Vec<String>,
    /// Whether it may be published.
    pub(super) published: bool,
}

impl Package {
    /// The path of its manifest, relative to the root.
    pub(super) fn manifest(&self) -> String {
        format!("{}/Cargo.toml", self.folder)
    }
}

/// Asks cargo; nothing is downloaded.
pub(super) fn read(root: &Path) -> Result<Vec<Package>> {
    let arguments = ["metadata", "--format-version", "1", "--no-deps", "--offline"];
    let output = cargo(root).args(arguments).output().context("cargo does not start")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim());
    packages(&serde_json::from_slice(&output.stdout)?).context("cargo metadata is not as expected")
}

/// The packages in what cargo prints; `None` where a field is missing.
fn packages(metadata: &Value) -> Option<Vec<Package>> {
    let root = metadata["workspace_root"].as_str()?.replace('\\', "/");
    let package = |value: &Value| {
        let manifest = value["manifest_path"].as_str()?.replace('\\', "/");
        let folder = manifest.strip_prefix(&root)?.strip_suffix("/Cargo.toml")?.trim_start_matches('/').to_owned();
        let normal = |dependency: &&Value| dependency["kind"] != "dev";
        let dependencies = value["dependencies"].as_array()?.iter().filter(normal);
        let dependencies = dependencies.map(|d| d["name"].as_str().map(str::to_owned)).collect::<Option<_>>()?;
        // Where nothing is said it may be published anywhere; `publish = false` is an empty list of registries.
        let published = value["publish"].as_array().is_none_or(|registries| !registries.is_empty());
        Some(Package { name: value["name"].as_str()?.to_owned(), folder, dependencies, published })
    };
    metadata["packages"].as_array()?.iter().map(package).collect()
}

#[cfg(test)]
impl Package {
    /// A package with dependencies that is not published.
    pub(super) fn of(folder: &str, name: &str, dependencies: &[&str]) -> Self {
        let dependencies = dependencies.iter().map(|name| (*name).to_owned()).collect();
        Self { name: name.to_owned(), folder: folder.to_owned(), dependencies, published: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_for_tests_are_left_out() {
        let mut metadata = serde_json::json!({
            "workspace_root": "/r",
            "packages": [{
                "name": "a",
                "manifest_path": "/r/crates/a/Cargo.toml",
                "dependencies": [
                    { "name": "b", "kind": null },
                    { "name": "c", "kind": "dev" },
                    { "name": "d", "kind": "build" },
                ],
            }],
        });
        let a = Package { published: true, ..Package::of("crates/a", "a", &["b", "d"]) };
        assert_eq!(packages(&metadata), Some(vec![a.clone()]));
        metadata["packages"][0]["publish"] = serde_json::json!([]);
        assert_eq!(packages(&metadata), Some(vec![Package { published: false, ..a }]));
        assert_eq!(packages(&serde_json::json!({})), None);
    }
}
