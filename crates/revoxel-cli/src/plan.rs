//! `revoxel plan`

mod dataset;
mod overview;

use std::path::{Path, PathBuf};

use revoxel_core::GridOp;
use revoxel_invert::{Activation, Decision, RestorePlace, RestoreStepRecord};
use revoxel_pipeline::{CaseName, KeyPlan, Pipeline, Plan, PlannedVolume, Restore};
use revoxel_runner::labels::names_labels;
use revoxel_runner::preflight::{colliding, unwritable};
use revoxel_runner::uneven;
use serde_json::{Value, json};

use super::failure::{Failure, Outcome};
use super::limits::{HEADING as LIMITS, bytes};
use super::pipeline_file::{load, with_seed};
use super::{chosen, show};

/// What follows the options in the help.
const AFTER_HELP: &str = "\
Without --like and --data only the pipeline file is checked. If a step names labels of an input without `labels:`, \
--data reads label maps until all of them are found.

Time and sizes are estimates: filters take longer, and a file may become larger or smaller.

Examples:
  revoxel plan pipeline.yaml --like scan.nii.gz
  revoxel plan pipeline.yaml --data data
  revoxel plan pipeline.yaml --data data --case case_003
  revoxel plan pipeline.yaml --data data --verify --memory 16G";

/// Headings of the options in the help.
const CASES: &str = chosen::HEADING;
const PIPELINE: &str = "Pipeline";

/// Show what a run will do, from headers alone: the grids behind every step, or an overview of a dataset.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The pipeline file.
    pipeline: PathBuf,
    /// Plan for volumes with the header of this file.
    #[arg(long, help_heading = CASES, value_name = "FILE", conflicts_with = "data")]
    like: Option<PathBuf>,
    /// Plan for all cases in this data folder.
    #[arg(long, help_heading = CASES, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    chosen: chosen::Args,
    /// Set a value of the pipeline, such as steps.1.spacing.pixdim=2 for the second step; repeatable.
    #[arg(long = "set", help_heading = PIPELINE, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Seed of random steps, instead of the pipeline's.
    #[arg(long, help_heading = PIPELINE, value_name = "N")]
    seed: Option<u64>,
    /// Put inputs of the same shape on one grid, and ignore differences of their headers.
    #[arg(long, help_heading = PIPELINE, requires = "data")]
    snap: bool,
    /// Print the grids behind every step of every case, instead of one line for each case.
    #[arg(long, help_heading = CASES, requires = "data")]
    steps: bool,
    /// Read every voxel of the inputs once, so that damaged files are found before a run.
    #[arg(long, help_heading = CASES, requires = "data")]
    verify: bool,
    /// Refuse cases that need more memory than this, such as 8G, as `run --memory` does.
    #[arg(long, help_heading = LIMITS, value_name = "SIZE", value_parser = bytes, requires = "data")]
    memory: Option<u64>,
    /// Print one JSON document instead of text.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let mut pipeline = load(&args.pipeline, &with_seed(&args.set, args.seed))?;
    if let Some(problem) = unwritable(&pipeline).into_iter().chain(colliding(&pipeline)).next() {
        return Err(Failure::pipeline(&problem));
    }
    if !args.chosen.names().is_empty() && args.data.is_none() {
        return Err(Failure::usage("--case chooses among the cases of a dataset: pass --data DIR"));
    }
    match (&args.like, &args.data) {
        (Some(like), _) => of_volume(args, &pipeline, like),
        (None, Some(data)) => dataset::run(args, &mut pipeline, data),
        (None, None) => of_text(args, &pipeline),
    }
}

/// Of how many label maps the steps' labels were looked for in; `None` where there was none to look into.
fn looked(pipeline: &Pipeline) -> Option<usize> {
    (!names_labels(pipeline)).then_some(0)
}

/// What the text of the pipeline alone says.
fn of_text(args: &Args, pipeline: &Pipeline) -> Outcome {
    let looked = looked(pipeline);
    match args.json {
        true => whole_document(pipeline, Vec::new(), looked)?,
        false => show::text(&head(pipeline))?,
    }
    ended(looked, &[])
}

/// The plan for volumes with the header of a file.
fn of_volume(args: &Args, pipeline: &Pipeline, like: &Path) -> Outcome {
    let info = uneven::info_like(pipeline, like).map_err(Failure::usage)?;
    let start = uneven::start(&info).map_err(|e| Failure::about(like, e))?;
    let grids = pipeline.inputs.iter().map(|i| (i.key.clone(), start)).collect();
    let plan =
        pipeline.plan(&grids, None).map_err(|e| Failure::pipeline(&pipeline.step_error(e.step, e.to_string())))?;
    let (name, looked) = (like.to_string_lossy(), looked(pipeline));
    match args.json {
        true => whole_document(pipeline, vec![plan_document(pipeline, &name, &plan)], looked)?,
        false => show::text(&format!("{}\n{name}\n{}", head(pipeline), people(pipeline, &plan)))?,
    }
    ended(looked, &[])
}

/// One JSON document with these plans.
fn whole_document(pipeline: &Pipeline, plans: Vec<Value>, looked: Option<usize>) -> Outcome {
    let mut document = about(pipeline);
    document["plans"] = plans.into();
    document["label_maps_read"] = json!(looked);
    document["failures"] = json!([]);
    show::json(&document)
}

/// What is said at the end: of labels that were not looked for, and of cases that cannot run.
fn ended(looked: Option<usize>, failures: &[(String, String)]) -> Outcome {
    if looked.is_none() && failures.is_empty() {
        say!("labels named by steps were not checked: pass --data, or declare `labels:` on the input");
    }
    if failures.is_empty() {
        return Ok(());
    }
    let list: Vec<String> = failures.iter().map(|(case, problem)| format!("case {case}: {problem}")).collect();
    Err(Failure::usage(format!("{} cannot run:\n{}", show::counted(failures.len(), "case"), list.join("\n"))))
}

/// What is said of the pipeline.
fn about(pipeline: &Pipeline) -> Value {
    json!({
        "pipeline": pipeline.name,
        "hash": format!("blake3:{}", pipeline.hash()),
        "resolved": pipeline.canonical(),
    })
}

fn listed(failures: &[(String, String)]) -> Value {
    failures.iter().map(|(case, problem)| json!({ "case": case, "problem": problem })).collect()
}

/// What the pipeline is, whatever the volumes.
pub(super) fn head(pipeline: &Pipeline) -> String {
    let mut text = match pipeline.description.is_empty() {
        true => format!("{}\n", pipeline.name),
        false => format!("{}: {}\n", pipeline.name, pipeline.description),
    };
    for input in &pipeline.inputs {
        let optional = if input.optional { ", optional" } else { "" };
        let mut labels = input.labels.as_ref().map_or_else(String::new, |l| format!(", labels {l}"));
        if let Some(from) = &input.labels_from {
            labels.push_str(&format!(" ({})", from.display()));
        }
        let (key, kind, path) = (&input.key, input.kind.name(), input.path.text());
        text.push_str(&format!("  in   {key:<12} {kind:<12} {path}{optional}{labels}\n"));
    }
    for (number, step) in pipeline.steps.iter().enumerate() {
        text.push_str(&format!("  {:<4} {:<28} {}\n", number + 1, step.name, step.keys.join(", ")));
    }
    if let Some(copies) = pipeline.copies {
        let noun = if copies == 1 { "copy" } else { "copies" };
        text.push_str(&format!("  {copies} {noun} of each case, with separate random draws\n"));
    }
    for output in &pipeline.outputs {
        let dtype = output.dtype.map_or("as it is", |d| d.name());
        text.push_str(&format!("  out  {:<12} {:<12} {}\n", output.key, dtype, output.path.text()));
    }
    for restore in &pipeline.restore {
        text.push_str(&restored(restore));
    }
    text.push_str(&format!("  out  {:<12} {:<12} {}\n", "trace", "json", pipeline.trace.text()));
    text
}

/// What is to be done with a prediction.
fn restored(restore: &Restore) -> String {
    let record = restore.record(&CaseName::alone("{case}"));
    let mut way = vec![record.kind.to_string()];
    way.extend(record.recipe.activation.filter(|a| *a != Activation::None).map(|a| a.to_string()));
    let decision = match record.recipe.decision() {
        Decision::Argmax => Some("argmax".to_owned()),
        Decision::Regions(regions) => Some(format!("regions above {}", regions.threshold)),
        Decision::Channels => None,
    };
    let volume = record.volume.unwrap_or_else(|| "the image".to_owned());
    let interpolation = record.recipe.interpolation.map_or_else(String::new, |i| format!(" ({i})"));
    let model = |s: &&RestoreStepRecord| s.place == RestorePlace::Model;
    let names = |steps: Vec<&RestoreStepRecord>| steps.into_iter().map(|s| s.transform.clone()).collect::<Vec<_>>();
    if !record.recipe.values.is_keep() {
        way.push(format!("values: {}", record.recipe.values));
    }
    if record.recipe.decide_in_model {
        way.extend(decision.clone());
    }
    way.extend(names(record.steps.iter().filter(model).collect()));
    way.push(format!("back to {volume}{interpolation}"));
    if !record.recipe.decide_in_model {
        way.extend(decision);
    }
    way.extend(names(record.steps.iter().filter(|s| !model(s)).collect()));
    let path = record.path.map_or_else(String::new, |p| format!(" → {p}"));
    format!("  back {:<12} {}{path}\n", restore.name, way.join(" → "))
}

/// The steps of a plan, for people.
pub(super) fn people(pipeline: &Pipeline, plan: &Plan) -> String {
    let mut text = String::new();
    for input in &pipeline.inputs {
        let first = plan.steps.iter().flat_map(|s| &s.volumes).find(|(k, _)| *k == input.key);
        let start = first.and_then(|(_, p)| p.before).or(plan.result.get(&input.key).copied().flatten());
        let Some(start) = start else { continue };
        text.push_str(&format!("  {} ({})\n    {:<26} {start}\n", input.key, input.kind, "source"));
        for step in &plan.steps {
            if let Some((_, p)) = step.volumes.iter().find(|(k, _)| *k == input.key) {
                text.push_str(&format!("    {:<26} {}\n", step.name, what(p)));
            }
        }
    }
    if let Some(why) = &plan.skipped {
        text.push_str(&format!("  {why}\n"));
    }
    text
}

fn what(plan: &KeyPlan) -> String {
    let unknown = if plan.by_case { "grid is drawn from the case name" } else { "grid depends on voxels" };
    let known = plan.outline.map(|outline| overview::outline(&outline));
    let unknown = known.map_or_else(|| unknown.to_owned(), |known| format!("{known}, place depends on voxels"));
    let after = plan.after.map_or(unknown, |g| g.to_string());
    if plan.changes_values {
        return "values change, grid stays".to_owned();
    }
    let fidelity = plan.fidelity.map_or("", |f| f.name());
    let fused = if plan.fused { ", in one pass with the step before" } else { "" };
    match (plan.after, plan.ops.is_empty()) {
        (Some(_), true) => "nothing to do".to_owned(),
        (None, _) => after,
        (Some(_), false) => format!("{after}  [{fidelity}{fused}]"),
    }
}

fn plan_document(pipeline: &Pipeline, name: &str, plan: &Plan) -> Value {
    let mut document = json!({ "like": name, "steps": steps(pipeline, plan), "result": result(plan) });
    if !plan.outlines.is_empty() {
        let outlines = plan.outlines.iter().map(|(key, outline)| (key.clone(), overview::outline_document(outline)));
        document["outlines"] = outlines.collect();
    }
    if let Some(why) = &plan.skipped {
        document["skipped"] = why.to_string().into();
    }
    document
}

/// What is known of the volumes at the end; null where the grid depends on voxels.
fn result(plan: &Plan) -> Value {
    let one = |volume: &PlannedVolume| {
        json!({
            "grid": show::grid(&volume.grid),
            "kind": volume.kind.name(),
            "channels": volume.channels,
            "dtype": volume.dtype.map(|d| d.name()),
            "passes": volume.passes,
        })
    };
    plan.volumes.iter().map(|(key, volume)| (key.clone(), volume.as_ref().map_or(Value::Null, one))).collect()
}

fn steps(pipeline: &Pipeline, plan: &Plan) -> Vec<Value> {
    let one = |(number, step): (usize, &revoxel_pipeline::PlannedStep)| {
        let volumes: serde_json::Map<String, Value> = step
            .volumes
            .iter()
            .map(|(key, p)| {
                let mut value = json!({
                    "before": p.before.as_ref().map(show::grid),
                    "after": p.after.as_ref().map(show::grid),
                    "ops": p.ops.iter().map(GridOp::name).collect::<Vec<_>>(),
                    "fidelity": p.fidelity.map(|f| f.name()),
                    "changes_values": p.changes_values,
                    "interpolation": p.interpolation,
                    "fused_with_step_before": p.fused,
                    "drawn_by_case": p.by_case,
                });
                let outline = p.outline.as_ref().map(overview::outline_document);
                value
                    .as_object_mut()
                    .into_iter()
                    .for_each(|v| v.extend(outline.clone().map(|o| ("outline".to_owned(), o))));
                (key.clone(), value)
            })
            .collect();
        json!({ "transform": step.name, "params": pipeline.steps[number].params, "volumes": volumes })
    };
    plan.steps.iter().enumerate().map(one).collect()
}
