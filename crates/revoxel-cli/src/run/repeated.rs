//! `revoxel run --from-trace`: cases as their traces say they were run.

use std::path::Path;

use revoxel_pipeline::Pipeline;
use revoxel_runner::executor;
use revoxel_runner::preflight::{Checked, check_names};
use revoxel_runner::repeat::{Repeat, differences, repeat};
use serde_json::Value;

use super::super::failure::Failure;
use super::super::{flags, show};
use super::{About, Args, Asked, Case, Owners, Trace, listed};

/// The cases of the traces.
pub(super) fn asked(args: &Args) -> Result<Asked, Failure> {
    let found = repeat(&args.from_trace, &args.data, args.chosen.allows_outside(), &revoxel::registry());
    let Repeat { pipeline, cases, snap } = found.map_err(|e| Failure::usage(flags::with(&e, &e.settings())))?;
    let (cases, before): (Vec<Case>, Vec<Trace>) = cases.into_iter().unzip();
    let problems = check_names(&pipeline, cases.iter(), &args.out);
    if !problems.is_empty() {
        return Err(Failure::usage(listed("nothing was written", &problems)));
    }
    // The labels that steps name were looked for when the traces were made.
    let name = |case: &Case| case.name.case.clone();
    let copies: Vec<(String, u32)> = cases.iter().filter_map(|case| Some((name(case), case.name.copy?))).collect();
    let names = cases.iter().filter(|case| case.name.copy.is_none()).map(name).collect();
    let about = About { snap, names, copies, basis: None };
    let owners = Owners::new(cases.clone());
    Ok(Asked { pipeline, cases, owners, maps: None, about, before })
}

/// Compares what was made with what the traces say, and adds the answer to the summary. Whether all is the same.
pub(super) fn compare(
    pipeline: &Pipeline,
    before: &[Trace],
    out: &Path,
    (checked, outcomes): (&[Checked], &[executor::Outcome]),
    summary: &mut Value,
) -> bool {
    let (mut same, mut equal) = (true, 0);
    let done = checked.iter().zip(outcomes).filter(|(_, outcome)| matches!(outcome, executor::Outcome::Done(_)));
    for (Checked { case, .. }, _) in done {
        let name = &case.name;
        let Some(trace) = before.iter().find(|t| t.case == name.case && t.copy == name.copy) else { continue };
        let found = differences(trace, &out.join(pipeline.trace.path(name)));
        let differ = found.unwrap_or_else(|problem| vec![flags::of_case(&problem)]);
        match differ.is_empty() {
            true => equal += 1,
            false => say!("case {name}: not the same as before: {}", differ.join(", ")),
        }
        same &= differ.is_empty();
        let entries = summary["cases"].as_array_mut().into_iter().flatten();
        let copy = name.copy.map_or(Value::Null, Value::from);
        for entry in entries.filter(|entry| entry["case"] == name.case && entry["copy"] == copy) {
            (entry["same"], entry["differs"]) = (differ.is_empty().into(), differ.clone().into());
        }
    }
    if equal > 0 {
        say!("{}: the same as before, bit for bit", show::counted(equal, "case"));
    }
    same
}
