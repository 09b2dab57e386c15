//! `cargo xtask python`: builds the Python package as users install it, and runs its checks.
//!
//! Python is needed here and nowhere else: where there is none that will do, the task says so and passes.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// What the task takes.
pub(crate) const USAGE: &str = "[--all] [PYTEST ARGUMENT…]";

/// What `--all` installs besides the extra `test`: the libraries whose tests are skipped where they are missing.
const ALL: &[&str] = &[
    "torch",
    "monai",
    "torchio",
    "itk",
    "nnunetv2",
    "onnx",
    "onnxruntime",
    "distributed",
    "ray",
    "s3fs",
    "moto[server]",
    "spatial-image",
    "ngff-zarr",
    "pynrrd",
    "tqdm",
];

/// Whether Python is 3.11 or later and has environments.
const WILL_DO: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";

/// Installs the package into an environment under the target folder, and checks it there.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<bool> {
    let (all, pytest) = match arguments.split_first() {
        Some((first, rest)) if first == "--all" => (true, rest),
        _ => (false, arguments),
    };
    if !passes(Command::new("python3").args(["-c", WILL_DO])) {
        println!("python: there is no python3 of version 3.11 or later with venv: SKIPPED");
        return Ok(true);
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
    let environment = target.join("python-env");
    let python = environment.join("bin/python");
    let folder = root.join("python");
    // What was built stays, so that the next time only what has changed is built.
    let build = target.join("python");
    if !python.exists() {
        did(Command::new("python3").args(["-m", "venv"]).arg(&environment), "the environment")?;
    }
    let pip = |arguments: &[&str]| {
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "--disable-pip-version-check", "install", "--quiet"]);
        pip.args(arguments).current_dir(&folder).env("CARGO_TARGET_DIR", &build);
        pip
    };
    did(&mut pip(&[".[test]"]), "pip install ./python[test]")?;
    if all {
        did(&mut pip(ALL), "the libraries of --all")?;
    }
    // The bindings are a workspace of their own, which `cargo clippy --workspace` does not see.
    if passes(Command::new("cargo").args(["clippy", "--version"])) {
        println!("python: clippy and fmt");
        let manifest = folder.join("Cargo.toml");
        let mut clippy = Command::new("cargo");
        clippy.args(["clippy", "--quiet", "--locked", "--manifest-path"]).arg(&manifest);
        clippy.args(["--", "-D", "warnings"]).env("CARGO_TARGET_DIR", &build).env("PYO3_PYTHON", &python);
        did(&mut clippy, "clippy of python/src")?;
        did(Command::new("cargo").args(["fmt", "--check", "--manifest-path"]).arg(&manifest), "fmt of python/src")?;
    }
    let checks: [(&str, &[&str]); 4] =
        [("ruff", &["check", "."]), ("ruff", &["format", "--check", "."]), ("mypy", &[]), ("pytest", &["--quiet"])];
    // The reader of traces is a project of its own, which needs NumPy alone. It is written closely, to be read in one go.
    for (folder, is_formatted) in [(folder.join("trace"), false), (folder, true)] {
        for (module, arguments) in checks {
            if arguments.first() == Some(&"format") && !is_formatted {
                continue;
            }
            let mut check = Command::new(&python);
            // The folder's own files do not come before what was installed.
            check.args(["-P", "-m", module]).args(arguments).current_dir(&folder);
            if module == "pytest" {
                check.args(pytest);
            }
            println!("{}: {module}", folder.strip_prefix(root).unwrap_or(&folder).display());
            if !check.status().with_context(|| format!("{module} does not start"))?.success() {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn passes(command: &mut Command) -> bool {
    command.output().is_ok_and(|done| done.status.success())
}

fn did(command: &mut Command, what: &str) -> Result<()> {
    let status = command.status().with_context(|| format!("{what}: does not start"))?;
    ensure!(status.success(), "{what}: failed");
    Ok(())
}
