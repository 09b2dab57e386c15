//! `cargo xtask advisories`: known faults of dependencies, where cargo-deny is installed; it downloads the list of them.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::cargo;

/// Says whether there is no known fault; also where nobody can tell, which is printed.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<bool> {
    ensure!(arguments.is_empty(), "takes no arguments");
    let installed = cargo(root).args(["deny", "--version"]).output().context("cargo does not start")?.status.success();
    if !installed {
        println!("advisories: SKIPPED, cargo-deny is not installed (cargo install --locked cargo-deny)");
        return Ok(true);
    }
    Ok(cargo(root).args(["deny", "check", "advisories"]).status()?.success())
}
