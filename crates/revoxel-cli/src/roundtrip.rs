//! `revoxel roundtrip`

use std::path::PathBuf;
use std::sync::Mutex;

use rayon::prelude::*;
use revoxel_core::Kind;
use revoxel_runner::files::write_text;
use revoxel_runner::memory::{self, Budget};
use revoxel_runner::preflight::{Checked, Strictness, check};
use revoxel_runner::roundtrip::{Loss, RoundTrip, round_trip};
use revoxel_runner::score::{Row, Scoring, Spread};
use serde_json::{Value, json};

use super::compare::{at_least_0, share};
use super::failure::{Failure, Outcome};
use super::pipeline_file::{load, with_seed};
use super::progress::progress;
use super::score::{by_label, csv_of, label_document, people, row_document};
use super::{chosen, flags, show};

/// What follows the options in the help.
const AFTER_HELP: &str = "\
Nothing is written. Exit code 1 if a case fails or a threshold is not met.

Examples:
  revoxel roundtrip pipeline.yaml --data data
  revoxel roundtrip pipeline.yaml --data data --min-dice 0.95 --max-unseen 0.01";

/// Measure what preprocessing costs before anyone trains: the labels of each case to the model's grid and back, against
/// the labels themselves.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The pipeline file.
    pipeline: PathBuf,
    /// Folder that input paths are relative to.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    chosen: chosen::Args,
    /// Set a value of the pipeline, such as steps.1.spacing.pixdim=2 for the second step; repeatable.
    #[arg(long = "set", help_heading = "Pipeline", value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Seed of random steps, instead of the pipeline's.
    #[arg(long, help_heading = "Pipeline", value_name = "N")]
    seed: Option<u64>,
    /// Put inputs of the same shape on one grid, and ignore differences of their headers.
    #[arg(long, help_heading = "Pipeline")]
    snap: bool,
    /// Tolerance of the surface Dice (NSD), in mm.
    #[arg(long, help_heading = LIMITS, value_name = "MM", default_value_t = 1.0)]
    tolerance_mm: f64,
    /// Fail if the Dice of a label of a case is below this.
    #[arg(long, help_heading = LIMITS, value_name = "DICE", value_parser = share)]
    min_dice: Option<f64>,
    /// Fail if the HD95 of a label of a case is above this, or the label is lost.
    #[arg(long, help_heading = LIMITS, value_name = "MM", value_parser = at_least_0)]
    max_hd95_mm: Option<f64>,
    /// Fail if the model never sees more than this share of a scan.
    #[arg(long, help_heading = LIMITS, value_name = "SHARE", value_parser = share)]
    max_unseen: Option<f64>,
    /// Also write a table of all cases and labels.
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Replace an existing table.
    #[arg(long)]
    overwrite: bool,
    /// Print one JSON document instead of text.
    #[arg(long)]
    json: bool,
}

/// Heading of the options in the help.
const LIMITS: &str = "Measures and thresholds";

pub(super) fn run(args: &Args) -> Outcome {
    let mut pipeline = load(&args.pipeline, &with_seed(&args.set, args.seed))?;
    if !pipeline.inputs.iter().any(|input| input.kind == Kind::Label) {
        return Err(Failure::usage("the pipeline has no label input: there is nothing to compare"));
    }
    if let Some(path) = &args.csv {
        show::apart(path, &[(&args.pipeline, "the pipeline")])?;
        show::free(path, args.overwrite)?;
    }
    let cases = args.chosen.discover(&mut pipeline, &args.data, None)?;
    let cases = args.chosen.select(cases, &args.data)?;
    let (mut checked, mut failed) = (Vec::new(), Vec::new());
    for case in check(&pipeline, cases, Strictness { snap: args.snap, memory: None }) {
        match case {
            Ok(case) => checked.push(case),
            Err(refused) => failed.push((refused.case.to_string(), flags::of_case(&refused.problem))),
        }
    }
    let budget = Budget::new(memory::default_budget().max(1));
    let bar = progress(checked.len(), "cases");
    let trips: Mutex<Vec<(usize, Result<RoundTrip, String>)>> = Mutex::new(Vec::new());
    checked.par_iter().enumerate().with_max_len(1).for_each(|(at, checked): (usize, &Checked)| {
        let drawn = budget.draw(checked.memory);
        let trip = round_trip(&pipeline, checked, Scoring { tolerance_mm: args.tolerance_mm });
        drop(drawn);
        bar.one();
        trips.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((at, trip));
    });
    bar.end();
    let mut all = trips.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    all.sort_by_key(|(at, _)| *at);
    let mut trips = Vec::new();
    for (at, trip) in all {
        match trip {
            Ok(trip) => trips.push(trip),
            Err(problem) => failed.push((checked[at].case.name.to_string(), problem)),
        }
    }
    tell(args, &trips, &failed)
}

/// Every label of every case, with the loss that it belongs to.
fn rows(trips: &[RoundTrip]) -> impl Iterator<Item = (&Loss, &Row)> {
    trips.iter().flat_map(|trip| &trip.losses).flat_map(|loss| loss.rows.iter().map(move |row| (loss, row)))
}

/// What does not meet a threshold.
fn beyond(args: &Args, trips: &[RoundTrip]) -> Vec<String> {
    let mut beyond = Vec::new();
    for (loss, row) in rows(trips) {
        let what = format!("case {}, label {} of the input {:?}", row.case, row.label.label, loss.key);
        let dice = row.label.overlap.dice();
        if let Some(least) = args.min_dice.filter(|least| dice < *least) {
            beyond.push(format!("{what}: Dice {dice:.4} is below --min-dice {least}"));
        }
        let hd95 = row.label.surface.map_or(f64::INFINITY, |surface| surface.hd95_mm);
        if let Some(most) = args.max_hd95_mm.filter(|most| hd95 > *most) {
            beyond.push(format!("{what}: HD95 {hd95:.3} mm is above --max-hd95-mm {most}"));
        }
    }
    for (trip, loss) in trips.iter().flat_map(|trip| trip.losses.iter().map(move |loss| (trip, loss))) {
        if let Some(most) = args.max_unseen.filter(|most| loss.unseen > *most) {
            beyond.push(format!(
                "case {}: the model never sees {:.2} % of the scan, above --max-unseen {most}",
                trip.case,
                100.0 * loss.unseen
            ));
        }
    }
    beyond
}

fn tell(args: &Args, trips: &[RoundTrip], failed: &[(String, String)]) -> Outcome {
    let all: Vec<&Row> = rows(trips).map(|(_, row)| row).collect();
    let beyond = beyond(args, trips);
    if let Some(path) = &args.csv {
        write_text(path, &csv_of(&all)?).map_err(Failure::work)?;
    }
    for (case, problem) in failed {
        crate::say_error(&format!("case {case}: {problem}"));
    }
    let losses: Vec<&Loss> = trips.iter().flat_map(|trip| &trip.losses).collect();
    let keys: std::collections::BTreeSet<&str> = losses.iter().map(|loss| loss.key.as_str()).collect();
    if args.json {
        let problems = failed.iter().map(|(case, problem)| json!({ "case": case, "problem": problem }));
        let labels = |key: &&str| -> (String, Value) {
            let of_key: Vec<&Row> = rows(trips).filter(|(loss, _)| loss.key == *key).map(|(_, row)| row).collect();
            let documents = by_label(&of_key).iter().map(|(at, rows)| label_document(*at, rows)).collect();
            ((*key).to_owned(), documents)
        };
        show::json(&json!({
            "tolerance_mm": args.tolerance_mm,
            "cases": trips.iter().map(case_document).chain(problems).collect::<Vec<_>>(),
            "labels": keys.iter().map(labels).collect::<serde_json::Map<_, _>>(),
            "beyond": beyond,
        }))?;
    } else {
        for key in &keys {
            let of_key: Vec<&Row> = rows(trips).filter(|(loss, _)| loss.key == *key).map(|(_, row)| row).collect();
            show::text(&format!("{key}\n{}", people(&by_label(&of_key), trips.len())))?;
        }
        let worst = losses.iter().map(|loss| loss.corner_mm).fold(0.0, f64::max);
        if let Some(unseen) = Spread::of(losses.iter().map(|loss| 100.0 * loss.unseen)) {
            show::text(&format!(
                "never seen by the model: {:.2} % of a scan on average, {:.2} % at most; worst corner {worst:.4} mm off\n",
                unseen.mean, unseen.max
            ))?;
        }
        beyond.iter().try_for_each(|text| show::text(&format!("{text}\n")))?;
    }
    if failed.is_empty() && beyond.is_empty() { Ok(()) } else { Err(Failure::told()) }
}

fn case_document(trip: &RoundTrip) -> Value {
    let loss = |loss: &Loss| {
        json!({
            "key": loss.key,
            "unseen_share": loss.unseen,
            "worst_corner_mm": loss.corner_mm,
            "labels": loss.rows.iter().map(row_document).collect::<Vec<_>>(),
        })
    };
    let mut said = json!({ "case": trip.case, "inputs": trip.losses.iter().map(loss).collect::<Vec<_>>() });
    if let Some(why) = &trip.skipped {
        said["skipped"] = why.as_str().into();
    }
    said
}
