//! Developer automation: `cargo xtask TASK`.
//!
//! Depends on no crate of the workspace, so that it runs while they do not compile.

#![allow(clippy::print_stdout, reason = "the tasks report to people on stdout")]

mod advisories;
mod bench;
mod ci;
mod disturb;
mod fuzz;
mod licences;
mod msrv;
mod parity;
mod phantom;
mod python;
mod tidy;
mod toml;

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

/// Something that a developer can ask for.
struct Task {
    name: &'static str,
    arguments: &'static str,
    summary: &'static str,
    /// Gets the root of the workspace and the arguments behind the name; says whether all is well.
    run: fn(&Path, &[String]) -> Result<bool>,
}

/// All tasks. One line each.
const TASKS: &[Task] = &[
    Task {
        name: "ci",
        arguments: "",
        summary: "everything a change must pass, stops at the first failure",
        run: ci::run,
    },
    Task {
        name: "tidy",
        arguments: "",
        summary: "the rules that the compiler and clippy do not check",
        run: tidy::run,
    },
    Task {
        name: "licences",
        arguments: "",
        summary: "licences and sources of all dependencies, by deny.toml",
        run: licences::run,
    },
    Task {
        name: "advisories",
        arguments: "",
        summary: "known faults of dependencies, where cargo-deny is installed",
        run: advisories::run,
    },
    Task {
        name: "msrv",
        arguments: "",
        summary: "compiles with the oldest Rust that Cargo.toml promises",
        run: msrv::run,
    },
    Task {
        name: "fuzz",
        arguments: fuzz::USAGE,
        summary: "feeds mutated inputs to every reader (docs/testing.md)",
        run: fuzz::run,
    },
    Task { name: "bench", arguments: bench::USAGE, summary: "times our work beside the peers'", run: bench::run },
    Task {
        name: "torture",
        arguments: disturb::TORTURE,
        summary: "random pipelines on random grids, there and back (docs/testing.md)",
        run: disturb::torture,
    },
    Task {
        name: "kill",
        arguments: disturb::KILL,
        summary: "runs that are killed and resumed (docs/testing.md)",
        run: disturb::kill,
    },
    Task { name: "parity", arguments: parity::USAGE, summary: "records the answers of the peers", run: parity::run },
    Task {
        name: "python",
        arguments: python::USAGE,
        summary: "builds and checks the Python package (docs/testing.md)",
        run: python::run,
    },
    Task {
        name: "phantom",
        arguments: phantom::USAGE,
        summary: "how far label maps are from the truth on their way back (docs/phantom.md)",
        run: phantom::run,
    },
];

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let Some(name) = arguments.next() else {
        print!("{}", usage());
        return ExitCode::SUCCESS;
    };
    let Some(task) = TASKS.iter().find(|task| task.name == name) else {
        eprint!("there is no task {name:?}\n{}", usage());
        return ExitCode::from(2);
    };
    let arguments: Vec<String> = arguments.collect();
    match root().and_then(|root| (task.run)(&root, &arguments)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cargo xtask {name}: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn usage() -> String {
    let mut text = String::from("cargo xtask TASK\n\n");
    for Task { name, arguments, summary, .. } in TASKS {
        text += &format!("  {:<38} {summary}\n", format!("{name} {arguments}"));
    }
    text
}

/// The cargo that runs this program, in a folder.
fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder);
    command
}

/// The root of the workspace: cargo says where this package is, which is one folder below.
fn root() -> Result<PathBuf> {
    let package = env::var_os("CARGO_MANIFEST_DIR").context("run it as `cargo xtask`")?;
    Path::new(&package).parent().map(Path::to_owned).context("the package has no folder above it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_is_listed_on_a_line_of_its_own() {
        let text = usage();
        for task in TASKS {
            assert_eq!(text.lines().filter(|line| line.trim_start().starts_with(task.name)).count(), 1);
        }
    }
}
