//! `cargo xtask torture` and `cargo xtask kill`: tests of `tests/` with larger numbers.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

pub(crate) const TORTURE: &str = "[--pipelines N] [--seed S]";
pub(crate) const KILL: &str = "[--times N] [--seed S]";

/// Random pipelines on random grids.
pub(crate) fn torture(root: &Path, arguments: &[String]) -> Result<bool> {
    let names = [("--pipelines", "REVOXEL_TORTURE_PIPELINES"), ("--seed", "REVOXEL_TORTURE_SEED")];
    test(root, &["torture::random_pipelines_keep_their_promises"], &variables(&names, arguments, TORTURE)?)
}

/// Runs that are killed and resumed.
pub(crate) fn kill(root: &Path, arguments: &[String]) -> Result<bool> {
    let names = [("--times", "REVOXEL_KILL_TIMES"), ("--seed", "REVOXEL_KILL_SEED")];
    let tests = [
        "disturbed::kill::killed_runs_resume_to_the_same_bytes",
        "disturbed::shards::a_part_that_is_killed_while_others_work_leaves_no_trace_of_it",
    ];
    test(root, &tests, &variables(&names, arguments, KILL)?)
}

/// The variables of the environment that options set.
fn variables(names: &[(&str, &str)], arguments: &[String], usage: &str) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    let mut rest = arguments.iter();
    while let Some(option) = rest.next() {
        let Some((_, variable)) = names.iter().find(|(name, _)| name == option) else {
            bail!("there is no option {option}: use {usage}");
        };
        let value = rest.next().with_context(|| format!("{option} needs a value"))?;
        let _: u64 = value.parse().with_context(|| format!("{option} takes a whole number, not {value}"))?;
        found.push(((*variable).to_owned(), value.clone()));
    }
    Ok(found)
}

fn test(root: &Path, names: &[&str], variables: &[(String, String)]) -> Result<bool> {
    let arguments = ["test", "--workspace", "--test", "system", "--", "--exact", "--nocapture"];
    let status = Command::new("cargo")
        .args(arguments)
        .args(names)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .current_dir(root)
        .status()
        .context("cargo does not start")?;
    Ok(status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_become_variables() {
        let names = [("--times", "T"), ("--seed", "S")];
        let t = |text: &str| {
            let arguments: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            variables(&names, &arguments, KILL).map_err(|e| e.to_string())
        };
        assert_eq!(t("--seed 3 --times 9"), Ok(vec![("S".into(), "3".into()), ("T".into(), "9".into())]));
        assert_eq!(t(""), Ok(vec![]));
        assert!(t("--seed").unwrap_err().contains("needs a value"));
        assert!(t("--seed x").unwrap_err().contains("whole number"));
        assert!(t("--often 3").unwrap_err().contains("[--times N]"));
    }
}
