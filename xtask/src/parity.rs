//! `cargo xtask parity`: records the answers of the peers into `tests/parity/`.
//!
//! The recording itself is `xtask/parity/record.py`. It is run only with the versions that `requirements.txt` pins,
//! since answers change between versions.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// The arguments, as listed.
pub(crate) const USAGE: &str = "--python PATH [--only PEER]";

const REQUIREMENTS: &str = "xtask/parity/requirements.txt";

/// The program as the tests know it.
const OURS: &str = "revoxel-under-test";

/// How to get an interpreter with the pinned versions.
const HELP: &str = "make an environment with the pinned versions (it takes a few GB) and name its interpreter:
  python3 -m venv target/parity
  target/parity/bin/python -m pip install -r xtask/parity/requirements.txt
  cargo xtask parity --python target/parity/bin/python";

/// Prints the version of every distribution named by the arguments; an empty line where it is not installed.
const VERSIONS: &str = "
import sys
from importlib.metadata import PackageNotFoundError, version
for name in sys.argv[1:]:
    try:
        print(version(name))
    except PackageNotFoundError:
        print()
";

/// Checks the versions, then records.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<bool> {
    let Arguments { python, only } = Arguments::of(arguments)?;
    let text = fs::read_to_string(root.join(REQUIREMENTS)).with_context(|| REQUIREMENTS.to_owned())?;
    let pinned = pins(&text)?;
    let wrong = differences(&pinned, &installed(root, &python, &pinned)?);
    ensure!(wrong.is_empty(), "{python} does not have the pinned versions:\n  {}\n{HELP}", wrong.join("\n  "));

    // Peers are given what our program draws.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(&cargo).args(["build", "-p", "revoxel-tests", "--bin", OURS]).current_dir(root).status();
    ensure!(built.context("cargo")?.success(), "the program that draws does not build");
    let folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder));

    let mut record = Command::new(&python);
    record.env("REVOXEL", folder.join("debug").join(OURS));
    record.args(["xtask/parity/record.py", "tests/parity"]);
    if let Some(peer) = only {
        record.args(["--only", &peer]);
    }
    // No caches of compiled files in the tree.
    let status = record.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(root).status().context(python)?;
    Ok(status.success())
}

#[derive(Debug, PartialEq)]
struct Arguments {
    python: String,
    only: Option<String>,
}

impl Arguments {
    fn of(arguments: &[String]) -> Result<Self> {
        let (mut python, mut only) = (None, None);
        let mut rest = arguments.iter();
        while let Some(name) = rest.next() {
            let value = || format!("{name} needs a value; usage: parity {USAGE}");
            match name.as_str() {
                "--python" => python = Some(rest.next().with_context(value)?.clone()),
                "--only" => only = Some(rest.next().with_context(value)?.clone()),
                _ => bail!("unknown argument {name:?}; usage: parity {USAGE}"),
            }
        }
        Ok(Self { python: python.with_context(|| format!("--python is missing\n{HELP}"))?, only })
    }
}

/// The versions that a requirements file pins, by distribution.
fn pins(text: &str) -> Result<BTreeMap<String, String>> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let pin = |line: &str| {
        let (name, version) = line
            .split_once("==")
            .with_context(|| format!("{REQUIREMENTS}: {line:?} pins no version (name==version)"))?;
        Ok((name.trim().to_owned(), version.trim().to_owned()))
    };
    lines.map(pin).collect()
}

/// What the interpreter has of the pinned distributions.
fn installed(root: &Path, python: &str, pinned: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
    let output = Command::new(python)
        .args(["-c", VERSIONS])
        .args(pinned.keys())
        .current_dir(root)
        .output()
        .with_context(|| format!("{python} does not start\n{HELP}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "{python}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(pinned.keys().cloned().zip(text.lines().map(|line| line.trim().to_owned())).collect())
}

/// One line for each distribution that is missing or of another version.
fn differences(pinned: &BTreeMap<String, String>, installed: &BTreeMap<String, String>) -> Vec<String> {
    let difference = |(name, wanted): (&String, &String)| {
        // A build for one kind of device says so behind a plus: 2.15.0+cpu.
        let have = installed.get(name).map_or("", |version| version.split('+').next().unwrap_or_default());
        match have {
            "" => Some(format!("{name}: {wanted} is pinned, none is installed")),
            _ if have == wanted => None,
            _ => Some(format!("{name}: {wanted} is pinned, {have} is installed")),
        }
    };
    pinned.iter().filter_map(difference).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(words: &str) -> Result<Arguments> {
        Arguments::of(&words.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn arguments_are_read() {
        let expected = Arguments { python: "p".to_owned(), only: Some("monai".to_owned()) };
        assert_eq!(arguments("--only monai --python p").unwrap(), expected);
        for (words, problem) in
            [("", "--python is missing"), ("--python", "needs a value"), ("-p x", "unknown argument")]
        {
            let error = arguments(words).unwrap_err().to_string();
            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn versions_are_compared_with_the_pins() {
        let pinned = pins("# peers\nmonai==1.6.1\n\ntorch==2.15.0\nscipy==1.17.1\n").unwrap();
        let have = [("monai", "1.5.0"), ("torch", "2.15.0+cpu"), ("scipy", "")];
        let have = have.map(|(name, version)| (name.to_owned(), version.to_owned())).into();
        let expected = ["monai: 1.6.1 is pinned, 1.5.0 is installed", "scipy: 1.17.1 is pinned, none is installed"];
        assert_eq!(differences(&pinned, &have), expected);
        assert!(pins("monai>=1").is_err());
    }
}
