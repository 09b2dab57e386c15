//! What is to be done for a case, checked as far as traces and headers tell.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use revoxel_invert::{Decision, MemberHead, Trace, TraceError, Values, VolumeTrace};
use revoxel_runner::points::form_of;
use revoxel_runner::prediction::{PredictionHead, Reading, look};
use revoxel_runner::restore::Restoration;
use revoxel_runner::slice_places::{SlicePlaces, beside};

use super::super::failure::{Failure, Outcome};
use super::super::show;
use super::super::trace_file::load;
use super::Args;
use super::allowed::{bounded, check_outputs};

/// One of the predictions of a case: its trace, the key of its volume there, its file, its weight or those of its
/// channels.
pub(super) type Prediction = (Arc<Trace>, String, PathBuf, Vec<f64>);

/// What is to be done for a case.
pub(super) struct Prepared {
    /// The first trace.
    pub(super) trace: Arc<Trace>,
    /// What is done to the predictions.
    pub(super) restoration: Restoration,
    /// The volume whose grid they go back to.
    pub(super) key: String,
    /// The file to write.
    pub(super) output: PathBuf,
    /// The slices of the source, if they lie unevenly.
    pub(super) uneven: Option<SlicePlaces>,
    /// The predictions.
    pub(super) members: Vec<Prediction>,
}

/// Reads the traces of a case, and checks what they and the options say. Nothing is written.
pub(super) fn prepare(args: &Args) -> Result<Prepared, Failure> {
    let trace = load(&args.trace, args.onto)?;
    let named = |e: TraceError| Failure::about(&args.trace, e);
    let mut restoration = restoration(args, &trace)?;
    let undone = restoration.recipe.values != Values::Keep;
    let key = match &restoration.volume {
        Some(key) => key.clone(),
        None if undone => trace.main_values().map_err(named)?.to_owned(),
        None => trace.main_volume().map_err(named)?.to_owned(),
    };
    let record = trace.volume(&key).map_err(named)?;
    bounded(args, record, undone)?;
    let output = output(args, &restoration)?;
    check_outputs(args, &trace, &output)?;
    let uneven = SlicePlaces::of(record).map_err(Failure::usage)?;
    // What an earlier result had there does not belong to this one.
    show::free(&beside(&output), args.overwrite)?;
    let members = members(args, &trace, &key)?;
    members.iter().try_for_each(|(.., path, _)| no_points(path))?;
    if restoration.recipe.decision() != Decision::Channels && !args.said.decides() && are_label_maps(args, &members)? {
        restoration = restoration_of(args, &trace)?.for_label_maps()?;
        overridden(args, &mut restoration)?;
    }
    restoration.check_labels(restoration.dtype)?;
    Ok(Prepared { trace, restoration, key, output, uneven, members })
}

/// What the trace says is to be done, as far as the options do not say otherwise.
pub(super) fn restoration(args: &Args, trace: &Trace) -> Result<Restoration, Failure> {
    let mut restoration = restoration_of(args, trace)?;
    overridden(args, &mut restoration)?;
    Ok(restoration)
}

fn restoration_of(args: &Args, trace: &Trace) -> Result<Restoration, Failure> {
    Restoration::of(trace, args.restore.as_deref(), &revoxel::registry()).map_err(|e| Failure::about(&args.trace, e))
}

fn overridden(args: &Args, restoration: &mut Restoration) -> Result<(), Failure> {
    args.said.apply(restoration)?;
    restoration.recipe.coverage = args.coverage.is_some();
    Ok(())
}

/// Whether the predictions are label maps, though the pipeline decides labels from scores.
fn are_label_maps(args: &Args, members: &[Prediction]) -> Result<bool, Failure> {
    let mut heads = Vec::new();
    for member in members {
        heads.push((&member.2, head_of(args, member)?));
    }
    let labels = heads.iter().find(|(_, head)| head.is_label_map());
    let scores = heads.iter().find(|(_, head)| !head.is_label_map());
    match (labels, scores) {
        (Some((labels, _)), Some((scores, _))) => Err(Failure::usage(format!(
            "{} is a label map, and {} is not: pass predictions of one sort",
            labels.display(),
            scores.display()
        ))),
        (labels, _) => Ok(labels.is_some()),
    }
}

/// Refuses a file of points.
fn no_points(path: &Path) -> Outcome {
    match form_of(path) {
        Some(_) => Err(Failure::usage(format!("{}: a file of points: use `revoxel points`", path.display()))),
        None => Ok(()),
    }
}

/// What the header of a prediction says.
pub(super) fn head_of(args: &Args, (trace, key, path, _): &Prediction) -> Result<PredictionHead, Failure> {
    let record = trace.volume(key).map_err(|e| Failure::about(&args.trace, e))?;
    let model = record.result.grid.grid().map_err(|e| Failure::about(&args.trace, e))?;
    look(path, &model, args.said.axes).map_err(Failure::usage)
}

/// How a prediction is read that goes back to this volume.
pub(super) fn reading(args: &Args, restoration: &Restoration, record: &VolumeTrace) -> Reading {
    let argmax = restoration.recipe.decision() == Decision::Argmax;
    // Whole numbers that cannot be labels, as those of a scan, are seen where nobody says what they are.
    let kind = restoration.kind.filter(|_| !restoration.labels_already);
    Reading { kind, axes: args.said.axes, argmax, beside: Some(record.kind) }
}

/// Whether a header contradicts what is to be done: the grid, the kind, and the channels of all predictions.
pub(super) fn check_heads(args: &Args, prepared: &Prepared) -> Result<(), Failure> {
    let Prepared { restoration, members, .. } = prepared;
    let mut first: Option<(&PathBuf, usize)> = None;
    let mut heads = Vec::new();
    for member in members {
        let (trace, key, path, weights) = member;
        let head = head_of(args, member)?;
        let record = trace.volume(key).map_err(|e| Failure::about(&args.trace, e))?;
        let here = |e| Failure::about(path, e);
        record.check_grid(&head.grid, restoration.recipe.assume_grid).map_err(here)?;
        restoration.recipe.decision().check_channels(head.channels).map_err(here)?;
        let (other, channels) = *first.get_or_insert((path, head.channels));
        if channels != head.channels {
            return Err(Failure::usage(format!(
                "{} has {} and {} has {}: predictions of one case have as many channels each",
                other.display(),
                show::counted(channels, "channel"),
                path.display(),
                show::counted(head.channels, "channel")
            )));
        }
        let kind = head.kind(path, &reading(args, restoration, record)).map_err(Failure::usage)?;
        heads.push((path.display().to_string(), record, kind, channels, weights));
    }
    let heads: Vec<MemberHead<'_>> = heads
        .iter()
        .map(|(name, trace, kind, channels, weights)| {
            let (trace, kind, channels) = (*trace, *kind, *channels);
            MemberHead { name, trace, kind, channels, weights }
        })
        .collect();
    restoration.check_heads(&heads)?;
    Ok(())
}

fn members(args: &Args, trace: &Arc<Trace>, key: &str) -> Result<Vec<Prediction>, Failure> {
    let mut members: Vec<_> =
        args.predictions.iter().map(|p| (trace.clone(), key.to_owned(), p.clone(), vec![1.0])).collect();
    for pair in args.with.chunks_exact(2) {
        let other = load(&pair[0], args.onto)?;
        let named = |e: TraceError| Failure::about(&pair[0], e);
        let key = match other.volumes.contains_key(key) {
            true => key.to_owned(),
            false => other.main_volume().map_err(named)?.to_owned(),
        };
        members.push((other, key, pair[1].clone(), vec![1.0]));
    }
    let weights = args.weights.of_members(members.len()).map_err(Failure::usage)?;
    for (member, weights) in members.iter_mut().zip(weights) {
        member.3 = weights;
    }
    Ok(members)
}

/// Where the result goes.
fn output(args: &Args, restoration: &Restoration) -> Result<PathBuf, Failure> {
    match (&args.output, &args.out, &restoration.path) {
        (Some(output), ..) if output.is_dir() => {
            let folder = output.display();
            Err(Failure::usage(format!("-o {folder} is a folder: name the file, or pass --out {folder}")))
        }
        (Some(output), ..) => Ok(output.clone()),
        (None, Some(folder), Some(path)) => Ok(folder.join(path)),
        (None, Some(_), None) => {
            Err(Failure::usage("--out: the trace has no output path for predictions: pass -o FILE"))
        }
        (None, None, Some(path)) => {
            Err(Failure::usage(format!("missing output: pass -o FILE, or --out DIR to write DIR/{path}")))
        }
        (None, None, None) => Err(Failure::usage("missing output: pass -o FILE")),
    }
}
