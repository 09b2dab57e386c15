//! `revoxel invert`

mod all;
mod allowed;
mod former;
mod overrides;
mod preflight;
mod prepared;

use std::path::{Path, PathBuf};

use former::Former;
use overrides::{OUTPUT, Overrides, PREDICTION, RESTORING};
use prepared::{Prediction, Prepared, prepare, reading};
use revoxel_core::{Dtype, Kind, StoredDtype, Volume, Voxels};
use revoxel_invert::{CombinedPrediction, Decision, InvertError, TraceError, Values, VolumeTrace};
use revoxel_io::{Facts, Head, SlabWriter, WriteError};
use revoxel_resample::{Gone, Interpolation, ResampleError, all_finite};
use serde_json::json;

use super::failure::{Failure, Outcome};
use super::show;
use super::slices::{self, Onto};
use super::weights::Weights;
use revoxel_runner::files::make_folder_of;
use revoxel_runner::kept::{Kept, Written};
use revoxel_runner::prediction::read;
use revoxel_runner::restore::{Member, Restoration, RestoreError, volume_as};

/// What follows the options in the help.
const AFTER_HELP: &str = "\
Several predictions are averaged; label maps vote. Options override the `restore` entry of the pipeline.

Examples:
  revoxel invert case.json labels.nii.gz -o labels-on-scan.nii.gz
  revoxel invert case.json logits.npy --kind logit --argmax -o labels-on-scan.nii.gz
  revoxel invert preprocessed predictions -o restored        all predictions of a run, by the names of their cases";

/// Map a prediction back onto the grid of its scan. Needs only the trace and the prediction.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The trace that `run` wrote for the case; or the output folder of `run`, for all predictions of a folder.
    trace: PathBuf,
    /// The prediction: a volume file, or an .npy or .npz array. Several are averaged (label maps vote). With the output
    /// folder of `run`: a folder of predictions, or a path with {case}.
    #[arg(required = true, value_name = "PREDICTION")]
    predictions: Vec<PathBuf>,
    /// The file to write. With the output folder of `run`: the folder to write all results to.
    #[arg(short, long, help_heading = OUTPUT, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The folder to write to, where the result gets the `output` path of the pipeline's `restore` entry. With the output
    /// folder of `run`: the same as -o.
    #[arg(long, help_heading = OUTPUT, value_name = "DIR", conflicts_with = "output")]
    out: Option<PathBuf>,
    /// Another prediction of the same case with its own trace, such as a mirrored copy; repeatable.
    #[arg(long, help_heading = PREDICTION, num_args = 2, value_names = ["TRACE", "PREDICTION"])]
    with: Vec<PathBuf>,
    /// Weights of the predictions in their order, then those of --with [default: equal]. Weights by channel: `,`
    /// between channels and `;` between predictions, such as "1,2,3;3,2,1".
    #[arg(long, help_heading = PREDICTION, value_name = "W,W,…", default_value = "", hide_default_value = true)]
    weights: Weights,
    /// The `restore` entry of the pipeline to follow, or none [default: the only entry].
    #[arg(long, help_heading = RESTORING, value_name = "NAME")]
    restore: Option<String>,
    #[command(flatten)]
    said: Overrides,
    /// Target grid for unevenly spaced slices.
    #[arg(long, help_heading = RESTORING, value_enum, default_value = "slices")]
    onto: Onto,
    /// Also write a mask of the voxels that the model saw.
    #[arg(long, help_heading = OUTPUT, value_name = "FILE")]
    coverage: Option<PathBuf>,
    #[command(flatten)]
    all: all::Options,
    #[command(flatten)]
    former: Former,
    /// Replace existing files.
    #[arg(long, help_heading = OUTPUT)]
    overwrite: bool,
    /// Print one JSON document on standard output.
    #[arg(long, help_heading = OUTPUT)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    if let Some(outcome) = args.former() {
        return outcome;
    }
    if args.trace.is_dir() {
        return all::run(args);
    }
    if let Some(option) = args.all.given() {
        return Err(Failure::usage(format!(
            "{option} is for all predictions of a run: pass the output folder of `run`"
        )));
    }
    let said = one(args)?;
    if args.json {
        return show::json(&said.document);
    }
    said.lines.iter().for_each(|line| say!("{line}"));
    Ok(())
}

/// What is said of a prediction that was brought back.
struct Said {
    document: serde_json::Value,
    lines: Vec<String>,
}

/// Brings the prediction of one case back.
fn one(args: &Args) -> Result<Said, Failure> {
    let Prepared { trace, restoration, key, output, uneven, members } = prepare(args)?;
    let record = trace.volume(&key).map_err(|e| Failure::about(&args.trace, e))?;
    let (wanted, count) = (restoration.dtype, members.len());
    let undone = restoration.recipe.values != Values::Keep;
    let names = restoration.names_with(&members.iter().map(|(.., path, _)| path.as_path()).collect::<Vec<_>>());
    let read = |prediction: Prediction| read_member(args, &restoration, prediction);
    let (taken, kind) = restoration.take(members.into_iter().map(read))?;
    let mut dropped = Vec::new();
    let mut facts_of = |kind: Kind, head: &Head| {
        let written = Written { path: &output, key: &key, kind, head };
        let kept = Kept::on_source(&written, record, undone, &names);
        kept.tell();
        dropped = kept.losses;
        kept.facts
    };
    let (relation, interpolation) = (taken.relation(), taken.interpolation());
    let mask = taken.coverage().map_err(RestoreError::from)?;
    let unseen = taken.unseen().map_err(RestoreError::from)?;
    let (head, gone) = write_result(&restoration, taken, wanted, &output, &mut facts_of)?;
    let places = slices::tell(uneven.as_ref(), &output)?;
    if !gone.is_empty() {
        let labels = revoxel_runner::vanished::sentence(&gone);
        tracing::warn!(
            "{}: labels lost on the way back: {labels}; logits or probabilities keep more of thin labels",
            output.display()
        );
    }
    if let (Some(path), Some(mask)) = (&args.coverage, &mask) {
        write_coverage(path, mask, record, &key)?;
    }
    let share = unseen as f64 / head.grid.voxel_count() as f64;
    let dtype = wanted.unwrap_or(StoredDtype::Plain(head.dtype));
    let document = json!({
            "case": trace.case,
            "volume": key,
            "output": output,
            "coverage": args.coverage,
            "slices": places,
            "restore": restoration.name,
            "predictions": count,
            "kind": kind.name(),
            "argmax": restoration.recipe.decision() == Decision::Argmax,
            "labels_already": restoration.labels_already,
            "values": restoration.recipe.values.name(),
            "interpolation": interpolation.map(Interpolation::name),
            "dtype": dtype.name(),
            "channels": head.channels,
            "dropped": dropped,
            "vanished": gone.iter().map(revoxel_runner::vanished::json).collect::<Vec<_>>(),
            "prediction_geometry": relation.agreement.name(),
            "unseen_voxels": unseen,
            "unseen_share": share,
            "grid": show::grid(&head.grid),
    });
    let how = interpolation.map_or("copied", Interpolation::name);
    let made = made(&restoration, kind, count);
    let mut lines = vec![
        format!("{}: {made} ({how}, {dtype}) on the grid of {}", output.display(), record.source.path),
        format!("  {}", head.grid),
    ];
    if unseen > 0 {
        let percent = if share < 1e-4 { "less than 0.01".to_owned() } else { format!("{:.2}", 100.0 * share) };
        lines.push(format!(
            "  {percent} % of the voxels ({unseen}) lie outside what the model saw and hold the fill value"
        ));
    }
    Ok(Said { document, lines })
}

/// Writes the result, slab by slab where that can be: what its file says of it, and the labels that it has lost.
fn write_result(
    restoration: &Restoration,
    taken: CombinedPrediction,
    wanted: Option<StoredDtype>,
    output: &Path,
    facts_of: &mut dyn FnMut(Kind, &Head) -> Facts,
) -> Result<(Head, Vec<Gone>), Failure> {
    let fill = restoration.recipe.fill;
    if restoration.can_stream(&taken) {
        let dtype = wanted.map_or_else(|| taken.dtype(), StoredDtype::in_memory);
        let head = Head { grid: *taken.grid(), dtype, channels: taken.channels() };
        let facts = facts_of(taken.kind(), &head);
        let mut gone = Vec::new();
        write(output, head, &facts, wanted, |writer| {
            let half = wanted.filter(|w| *w == StoredDtype::Half && taken.kind() == Kind::Label);
            let push = |slab: &Voxels| {
                within(slab, fill).map_err(SlabError::Beyond)?;
                half.map_or(Ok(()), |half| half.check_label_map(slab)).map_err(InvertError::from)?;
                writer.push(slab).map_err(SlabError::Write)
            };
            gone = taken.slabs(dtype, push).map_err(Failure::work)?;
            Ok(())
        })?;
        Ok((head, gone))
    } else {
        let inverted = restoration.bring_back(taken)?;
        let (volume, gone) = (inverted.volume, inverted.gone);
        let volume = volume_as(volume, wanted).map_err(Failure::work)?;
        within(volume.voxels(), fill).map_err(Failure::work)?;
        let head = Head::of(&volume);
        let facts = facts_of(volume.kind(), &head);
        write(output, head, &facts, wanted, |writer| writer.push(volume.voxels()).map_err(Failure::work))?;
        Ok((head, gone))
    }
}

/// Reads one of the predictions of a case.
fn read_member(args: &Args, restoration: &Restoration, prediction: Prediction) -> Result<Member, Failure> {
    let (trace, key, path, weights) = prediction;
    let named = |e: TraceError| Failure::about(&args.trace, e);
    let record = trace.volume(&key).map_err(named)?;
    let model = record.result.grid.grid();
    let model = model.map_err(|e| Failure::about(&args.trace, e))?;
    let reading = reading(args, restoration, record);
    let prediction = read(&path, &model, &reading).map_err(Failure::usage)?;
    let name = path.display().to_string();
    restoration.check_label_map(&name, &prediction)?;
    Ok(Member { name, trace, volume: key, prediction, weights })
}

/// Writes the mask of what the model saw.
fn write_coverage(path: &Path, mask: &Volume, record: &VolumeTrace, key: &str) -> Result<(), Failure> {
    let facts = serde_json::from_value(record.source.facts.clone()).unwrap_or_default();
    let written = Written { path, key, kind: Kind::Label, head: &Head::of(mask) };
    let kept = Kept::of_mask(&written, &facts, record.source.channels);
    write(path, Head::of(mask), &kept.facts, None, |writer| writer.push(mask.voxels()).map_err(Failure::work))
}

/// What is said of predictions that are label maps, where the pipeline would decide.
const ALREADY: &str = "labels already: argmax not needed";

/// What was made of the predictions, in words.
fn made(restoration: &Restoration, kind: Kind, count: usize) -> String {
    let mut what = match restoration.recipe.decision() {
        Decision::Argmax => format!("label, highest {kind}"),
        Decision::Regions(_) => format!("label, regions of {kind}"),
        Decision::Channels => kind.to_string(),
    };
    if count > 1 {
        let how = if kind == Kind::Label { "most votes" } else { "mean" };
        what.push_str(&format!(", {how} of {count}"));
    }
    if let Some(name) = &restoration.name {
        what.push_str(&format!(", restore.{name}"));
    }
    if restoration.labels_already {
        what.push_str(&format!(", {ALREADY}"));
    }
    what
}

/// Writes a result; it appears under its name when it is complete.
fn write(
    path: &Path,
    head: Head,
    facts: &Facts,
    stored: Option<StoredDtype>,
    fill: impl FnOnce(&mut SlabWriter) -> Outcome,
) -> Outcome {
    make_folder_of(path).map_err(Failure::work)?;
    let half = stored == Some(StoredDtype::Half);
    let mut writer = SlabWriter::create(path, head, facts, half).map_err(Failure::work)?;
    fill(&mut writer)?;
    for warning in writer.finish().map_err(Failure::work)? {
        tracing::warn!("{}: {warning}", path.display());
    }
    Ok(())
}

/// Why a result could not be written slab by slab.
#[derive(Debug, thiserror::Error)]
enum SlabError {
    #[error(transparent)]
    Resample(#[from] ResampleError),
    #[error(transparent)]
    Invert(#[from] InvertError),
    #[error(transparent)]
    Write(WriteError),
    #[error(transparent)]
    Beyond(Beyond),
}

/// A voxel type that does not hold values of the result.
#[derive(Debug, thiserror::Error)]
#[error("values of the result exceed the range of {0}: pass --dtype float64, or scale the prediction first")]
struct Beyond(Dtype);

/// Whether values are finite, as all are before they are written; but for a fill that is not.
fn within(slab: &Voxels, fill: Option<f64>) -> Result<(), Beyond> {
    let good = fill.is_some_and(|fill| !fill.is_finite()) || all_finite(slab);
    if good { Ok(()) } else { Err(Beyond(slab.dtype())) }
}

impl From<RestoreError> for Failure {
    fn from(error: RestoreError) -> Self {
        match error {
            RestoreError::Step { .. } => Self::work(error),
            _ => Self::usage(error),
        }
    }
}
