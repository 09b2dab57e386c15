//! `cargo xtask ci`: what a change must pass, in the order of how soon it fails.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::{advisories, licences, python, tidy};

/// A thing to be passed.
struct Step {
    name: &'static str,
    what: What,
}

enum What {
    /// `cargo` with arguments, and variables of its environment.
    Cargo(&'static [&'static str], &'static [(&'static str, &'static str)]),
    /// A task of this program.
    Task(fn(&Path, &[String]) -> Result<bool>),
}

const STEPS: &[Step] = &[
    Step { name: "fmt", what: What::Cargo(&["fmt", "--all", "--", "--check"], &[]) },
    Step {
        name: "clippy",
        what: What::Cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], &[]),
    },
    Step { name: "doc", what: What::Cargo(&["doc", "--workspace", "--no-deps"], &[("RUSTDOCFLAGS", "-D warnings")]) },
    Step { name: "tidy", what: What::Task(tidy::run) },
    Step { name: "licences", what: What::Task(licences::run) },
    Step { name: "advisories", what: What::Task(advisories::run) },
    Step { name: "test", what: What::Cargo(&["test", "--workspace"], &[]) },
    Step { name: "python", what: What::Task(python::run) },
];

/// Runs all steps up to the first that fails.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<bool> {
    ensure!(arguments.is_empty(), "takes no arguments");
    let mut durations: Vec<(&str, Duration)> = Vec::new();
    let mut failed = None;
    for step in STEPS {
        println!("== {}", announcement(step));
        let start = Instant::now();
        let passed = match step.what {
            What::Cargo(arguments, environment) => cargo(root, arguments, environment)?,
            What::Task(task) => task(root, &[])?,
        };
        durations.push((step.name, start.elapsed()));
        if !passed {
            failed = Some(step.name);
            break;
        }
    }
    println!("== {}", summary(&durations, failed));
    Ok(failed.is_none())
}

fn cargo(root: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Result<bool> {
    let environment = environment.iter().copied();
    Ok(crate::cargo(root).args(arguments).envs(environment).status().context("cargo does not start")?.success())
}

/// What can be typed to run the step alone.
fn announcement(step: &Step) -> String {
    match step.what {
        What::Cargo(arguments, environment) => {
            let variables = environment.iter().map(|(name, value)| format!("{name}=\"{value}\" ")).collect::<String>();
            format!("{}: {variables}cargo {}", step.name, arguments.join(" "))
        }
        What::Task(_) => format!("{name}: cargo xtask {name}", name = step.name),
    }
}

fn summary(durations: &[(&str, Duration)], failed: Option<&str>) -> String {
    let times: Vec<String> = durations.iter().map(|(name, t)| format!("{name} {:.1} s", t.as_secs_f64())).collect();
    let end = failed.map_or("all passed".to_owned(), |name| format!("{name} failed"));
    format!("{}: {end}", times.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_announced_as_they_can_be_typed() {
        let lines: Vec<String> = STEPS.iter().map(announcement).collect();
        assert_eq!(lines[0], "fmt: cargo fmt --all -- --check");
        assert_eq!(lines[2], "doc: RUSTDOCFLAGS=\"-D warnings\" cargo doc --workspace --no-deps");
        assert_eq!(lines[3], "tidy: cargo xtask tidy");
        assert_eq!(lines[4], "licences: cargo xtask licences");
        assert_eq!(lines[6], "test: cargo test --workspace");
        assert_eq!(lines[7], "python: cargo xtask python");
    }

    #[test]
    fn the_summary_names_what_failed() {
        let durations = [("fmt", Duration::from_millis(740)), ("clippy", Duration::from_secs(12))];
        assert_eq!(summary(&durations, Some("clippy")), "fmt 0.7 s, clippy 12.0 s: clippy failed");
        assert_eq!(summary(&durations[..1], None), "fmt 0.7 s: all passed");
    }
}
