//! `cargo xtask msrv`: whether the oldest Rust that `Cargo.toml` promises still compiles the workspace.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::toml;

/// Says whether it compiles; not where that Rust is not installed.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<bool> {
    ensure!(arguments.is_empty(), "takes no arguments");
    let manifest = fs::read_to_string(root.join("Cargo.toml")).context("Cargo.toml")?;
    let oldest =
        toml::string(&manifest, "workspace.package", "rust-version").context("Cargo.toml has no rust-version")?;
    let listed = Command::new("rustup").args(["toolchain", "list"]).output();
    let listed = listed.context("rustup does not start; it is needed to choose the version of Rust")?;
    let Some(toolchain) = installed(&String::from_utf8_lossy(&listed.stdout), &oldest) else {
        println!("msrv: Rust {oldest} is not installed; rustup toolchain install {oldest} --profile minimal");
        return Ok(false);
    };
    // Not `cargo +version`: this program has the path of one cargo, not of the one that chooses.
    let check = ["run", &toolchain, "cargo", "check", "--workspace", "--locked"];
    println!("msrv: rustup {}", check.join(" "));
    let passed = Command::new("rustup").args(check).current_dir(root).status()?.success();
    println!("msrv: Rust {oldest} {} the workspace", if passed { "compiles" } else { "does not compile" });
    Ok(passed)
}

/// The toolchain of a version such as `1.89`, by its whole name, in what `rustup toolchain list` prints.
fn installed(list: &str, version: &str) -> Option<String> {
    let names = list.lines().filter_map(|line| line.split_whitespace().next());
    let is_wanted = |name: &&str| {
        let number = name.split('-').next().unwrap_or_default();
        number == version || number.strip_suffix(".0") == Some(version)
    };
    names.map(|name| name.trim_end_matches(',')).find(is_wanted).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toolchains_are_found_by_their_version() {
        let t = |list: &str, expected: Option<&str>| assert_eq!(installed(list, "1.89").as_deref(), expected, "{list}");
        t(
            "stable-x86_64-unknown-linux-gnu (active, default)\n1.89-x86_64-unknown-linux-gnu\n",
            Some("1.89-x86_64-unknown-linux-gnu"),
        );
        t("1.89.0-aarch64-apple-darwin (active)\n", Some("1.89.0-aarch64-apple-darwin"));
        t("1.89.1-aarch64-apple-darwin\n", None);
        t("stable-aarch64-apple-darwin\n1.8-aarch64-apple-darwin\n1.890-a\n", None);
        t("no installed toolchains\n", None);
    }
}
