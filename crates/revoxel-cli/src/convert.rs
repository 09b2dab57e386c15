//! `revoxel convert`

mod landmarks;
mod vectors;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use revoxel_core::{Dtype, Grid, GridOp, Kind, Orientation, Sampling, StoredDtype, Volume};
use revoxel_invert::points::Space;
use revoxel_invert::{PipelineRecord, ResultRecord, SCHEMA, Trace, TraceStep, VERSION, VolumeTrace};
use revoxel_io::facts::Move;
use revoxel_io::{Complete, Facts, FileInfo, Head, ReadOptions, SliceStack, Warning};
use revoxel_resample::{How, Interpolation, NonFinite, Ties, execute};
use serde_json::json;

use super::failure::{Failure, Outcome};
use super::flags;
use super::reading;
use super::segments::SegmentArgs;
use super::show;
use revoxel_runner::RESULTS;
use revoxel_runner::TOOL;
use revoxel_runner::case::source_record;
use revoxel_runner::files::{make_folder_of, remove, text_for};
use revoxel_runner::identity::{Identity, digests};
use revoxel_runner::kept::{Kept, Written};
use revoxel_runner::kind_values::{SaidBy, checked};
use revoxel_runner::memory;
use revoxel_runner::places::{Places, place};
use revoxel_runner::points::form_of;
use revoxel_runner::stop;
use revoxel_runner::uneven::even_out;

/// What follows the options in the help.
const AFTER_HELP: &str = "\
Examples:
  revoxel convert dicom-folder scan.nii.gz --series \"modality=CT,largest\"
  revoxel convert scan.nrrd scan.nii.gz --orientation RAS --trace scan.json
  revoxel convert points.csv landmarks.nii.gz --like scan.nii.gz";

/// Convert any readable volume into any writable format. The affine keeps all digits that the format holds, and
/// voxels keep their values. With --like: make a label map from a file of points.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// A volume file, DICOM folder or archive; with --like a file of points (.csv, .tsv, .json, .mrk.json or .fcsv).
    input: PathBuf,
    /// The file to write; its name gives the format.
    #[arg(required_unless_present = "to")]
    output: Option<PathBuf>,
    /// The same as OUTPUT.
    #[arg(short = 'o', long = "output", help_heading = OUTPUT, value_name = "OUTPUT", conflicts_with = "output")]
    to: Option<PathBuf>,
    /// Make a label map from a file of points on the grid of this volume: point 1 becomes label 1, and so on, each in
    /// the voxel that contains it.
    #[arg(long, help_heading = POINTS, value_name = "SCAN")]
    #[arg(conflicts_with_all = ["orientation", "deshear", "trace", "dtype"])]
    like: Option<PathBuf>,
    /// With --like: coordinates of the points if the file does not state them: index (voxels), ras or lps (mm).
    #[arg(long, help_heading = POINTS, requires = "like")]
    space: Option<Space>,
    /// Reorient the axes, such as to RAS or LPS; reorders voxels, without interpolation.
    #[arg(long, help_heading = CONVERSION, value_name = "AXCODES")]
    orientation: Option<Orientation>,
    /// Resample a tilted gantry onto orthogonal axes that enclose all slices [default: keep the shear in the affine].
    #[arg(long, help_heading = CONVERSION)]
    deshear: bool,
    /// Also write a trace, so that `invert` can bring a prediction on the result back onto the source's grid.
    #[arg(long, help_heading = OUTPUT, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Voxel type to write; integers round half to even and saturate [default: the type of the input].
    #[arg(long, help_heading = CONVERSION)]
    dtype: Option<Dtype>,
    #[command(flatten)]
    reading: reading::Args,
    /// Kind of values. label reads a DICOM segmentation (SEG) or structure set (RTSTRUCT) onto the slices of the series
    /// it refers to. Labels are never averaged.
    #[arg(long, help_heading = CONVERSION, default_value = "image", value_name = "KIND")]
    kind: Kind,
    #[command(flatten)]
    segments: SegmentArgs,
    /// Replace existing files.
    #[arg(long, help_heading = OUTPUT)]
    overwrite: bool,
    /// Print one JSON document on standard output.
    #[arg(long, help_heading = OUTPUT)]
    json: bool,
}

/// Headings of the options in the help.
const CONVERSION: &str = "Conversion";
const OUTPUT: &str = "Output";
const POINTS: &str = "Points";

/// Axes that are this near to right angles are taken to be at right angles.
const SHEAR: f64 = 1e-6;

/// The step that evens out slices, in traces.
const EVENED_OUT: &str = "regularize";

/// The slices of an even grid, with their places.
fn in_line(grid: &Grid) -> SliceStack {
    SliceStack { positions: (0..grid.shape()[2]).map(|k| grid.index_to_world([0.0, 0.0, k as f64])).collect() }
}

pub(super) fn run(args: &Args) -> Outcome {
    let Some(output) = args.output.as_ref().or(args.to.as_ref()) else {
        return Err(Failure::usage("missing output: pass it after the input, or as -o FILE"));
    };
    revoxel_io::format_for_writing(output).map_err(Failure::usage)?;
    for path in [Some(output), args.trace.as_ref()].into_iter().flatten() {
        show::free(path, args.overwrite)?;
    }
    let labels = args.segments.options_for(args.kind)?;
    let options = ReadOptions { kind: Some(args.kind), labels, ..args.reading.options() };
    let is_folder = args.input.is_dir();
    if args.reading.chooses_images(is_folder)
        && revoxel_io::format_of(&args.input).is_ok_and(|format| format != "dicom")
    {
        return Err(Failure::usage(format!("{}: {}", args.input.display(), reading::NO_DICOM)));
    }
    let points = form_of(&args.input).is_some() && !args.input.is_dir();
    match (&args.like, points) {
        (Some(scan), true) => {
            let parts = revoxel_io::parts(scan, &options).map_err(Failure::usage)?;
            let parts = parts.iter().map(|part| (part.as_path(), "a file of the scan"));
            let read = parts.chain([(scan.as_path(), "the scan"), (args.input.as_path(), "the input")]);
            show::apart(output, &read.collect::<Vec<_>>())?;
            return landmarks::run(args, output, scan, &options);
        }
        (None, true) => {
            let problem = "a file of points: pass --like SCAN to make a label map on the grid of SCAN";
            return Err(Failure::usage(format!("{}: {problem}", args.input.display())));
        }
        (Some(_), false) => {
            let problem = "not a file of points (.csv, .tsv, .json, .mrk.json, .fcsv), as --like needs: resample a \
                           volume onto the grid of another with the step `resample_to` of a pipeline";
            return Err(Failure::usage(format!("{}: {problem}", args.input.display())));
        }
        (None, false) => {}
    }
    apart(args, output, &options)?;
    let loaded = revoxel_io::read_with(&args.input, args.kind, &options).map_err(Failure::usage)?;
    let (mut volume, info) = (loaded.volume, loaded.info);
    memory::room(volume.voxels().bytes().len() as u64).map_err(Failure::usage)?;
    for warning in &info.warnings {
        tracing::warn!("{}: {}", args.input.display(), flags::warning(warning));
    }
    if args.kind == Kind::Label {
        volume = checked(&args.input, volume, Some(info.stored), SaidBy::Command).map_err(Failure::usage)?;
    }
    // A label is that of the nearest voxel.
    let interpolation = if args.kind == Kind::Label { Interpolation::Nearest } else { Interpolation::Linear };
    let GridChange { sampling, steps, moves } = way(args, &info, interpolation)?;
    let resampled = steps.first().is_some_and(|step| step.transform == EVENED_OUT);
    if !sampling.is_identity() {
        let lowest = volume.voxels().min_max().map_or(0.0, |(low, _)| low);
        let fill = if args.kind == Kind::Image { lowest } else { 0.0 };
        volume = execute(&volume, &sampling, &How::filled(interpolation, vec![fill])).map_err(Failure::work)?;
    }
    if let Some(dtype) = args.dtype {
        if args.kind == Kind::Label {
            let lost =
                |e| Failure::usage(format!("{}: {e}; pass a --dtype that holds all labels", args.input.display()));
            StoredDtype::Plain(dtype).check_label_map(volume.voxels()).map_err(lost)?;
        }
        volume = cast(volume, dtype).map_err(|e| Failure::work(format!("{}: {e}", args.input.display())))?;
    }
    let head = Head::of(&volume);
    let written = Written { path: output, key: args.kind.name(), kind: volume.kind(), head: &head };
    let holds_labels = args.kind == Kind::Label || args.dtype.is_none() && !resampled;
    let mut kept = Kept::after_moves(&written, &info, &moves, holds_labels);
    if args.trace.is_none() {
        volume = vectors::along_lps(volume, output, &mut kept);
    }
    kept.tell();
    let warnings = write(args, &options, output, &info, (&volume, &kept.facts), steps)?;
    for warning in &warnings {
        tracing::warn!("{}: {warning}", output.display());
    }
    if args.json {
        return show::json(&json!({
            "input": args.input,
            "output": output,
            "trace": args.trace,
            "dtype": volume.dtype().name(),
            "channels": volume.channels(),
            "grid": show::grid(volume.grid()),
            "source_grid": show::grid(&info.grid),
            "resampled": resampled,
            "dropped": kept.losses,
            "warnings": info.warnings.iter().chain(&warnings).map(flags::warning).collect::<Vec<_>>(),
        }));
    }
    say!("{}: {}, {}", output.display(), volume.dtype(), volume.grid());
    Ok(())
}

/// What is done to the grid of the input.
struct GridChange {
    sampling: Sampling,
    steps: Vec<TraceStep>,
    moves: Vec<Move>,
}

/// Evens out the slices, takes shear away and turns the axes, as far as that is needed or asked for.
fn way(args: &Args, info: &FileInfo, interpolation: Interpolation) -> Result<GridChange, Failure> {
    let mut steps = Vec::new();
    let mut moves = Vec::new();
    let mut sampling = Sampling::identity(info.grid);
    let straight;
    let stack = match &info.slices {
        None if args.deshear && info.grid.affine().shear() > SHEAR => {
            straight = in_line(&info.grid);
            Some(&straight)
        }
        given => given.as_ref(),
    };
    if let Some(stack) = stack {
        let op = even_out(&info.grid, stack).map_err(Failure::usage)?;
        let (mut step, _) =
            TraceStep::spatial(EVENED_OUT, json!({}), &info.grid, std::slice::from_ref(&op)).map_err(Failure::work)?;
        step.interpolation = Some(interpolation);
        steps.push(step);
        moves.extend(Move::of(&op, &info.grid));
        sampling.push(&op).map_err(Failure::work)?;
    }
    if args.deshear && sampling.target().affine().shear() > SHEAR {
        let problem =
            "the in-plane axes are not orthogonal: use a pipeline with `spacing: { pixdim: 0, deshear: true }`";
        return Err(Failure::usage(format!("{}: {problem}", args.input.display())));
    }
    if let Some(orientation) = args.orientation {
        let turn = GridOp::Reorient(sampling.target().turn_to(&orientation));
        turn.after(sampling.target())
            .map_err(|e| Failure::usage(format!("{}: --orientation {orientation}: {e}", args.input.display())))?;
        let params = json!({ "axcodes": orientation.to_string() });
        let (step, _) = TraceStep::spatial("orientation", params, sampling.target(), std::slice::from_ref(&turn))
            .map_err(Failure::work)?;
        steps.push(step);
        moves.extend(Move::of(&turn, sampling.target()));
        sampling.push(&turn).map_err(Failure::work)?;
    }
    Ok(GridChange { sampling, steps, moves })
}

/// Refuses outputs that would replace the input, or lie in its folder and be read with it next time.
fn apart(args: &Args, output: &Path, options: &ReadOptions) -> Result<(), Failure> {
    let mut places = Places::default();
    let parts = revoxel_io::parts(&args.input, options).map_err(Failure::usage)?;
    places.read(&args.input, &parts, "the input");
    places.add(output, "the output").map_err(Failure::usage)?;
    if let Some(trace) = &args.trace {
        places.add(trace, "the trace").map_err(Failure::usage)?;
        make_folder_of(trace).map_err(Failure::usage)?;
    }
    for file in [Some(output), args.trace.as_deref()].into_iter().flatten() {
        if args.input.is_dir() && file.exists() && place(file).starts_with(place(&args.input)) {
            let problem = format!("{} would replace a file in the input folder: write somewhere else", file.display());
            return Err(Failure::usage(problem));
        }
    }
    Ok(())
}

/// The volume in a voxel type that holds what it holds of NaN and infinite values.
fn cast(volume: Volume, dtype: Dtype) -> Result<Volume, String> {
    let found = NonFinite::of(&volume);
    if let Some(found) = found.as_ref().filter(|_| dtype.is_integer()) {
        return Err(format!("{found}; {dtype} cannot hold NaN or infinity: pass --dtype float32"));
    }
    let volume = volume.cast(dtype);
    match NonFinite::of(&volume) {
        Some(made) if found.is_none() => {
            Err(format!("values exceed the range of {dtype}: {made}; pass --dtype float64"))
        }
        _ => Ok(volume),
    }
}

/// Writes the volume, and the trace last.
fn write(
    args: &Args,
    options: &ReadOptions,
    output: &Path,
    info: &FileInfo,
    (volume, facts): (&Volume, &Facts),
    steps: Vec<TraceStep>,
) -> Result<Vec<Warning>, Failure> {
    make_folder_of(output).map_err(Failure::work)?;
    let complete = revoxel_io::complete(output, volume, facts).map_err(Failure::work)?;
    let trace = match &args.trace {
        Some(path) => {
            let record = trace(args, options, output, &complete, info, volume, steps)?;
            complete.sync().map_err(Failure::work)?;
            Some((path, text_for(path, &record.to_json()).map_err(Failure::work)?))
        }
        None => None,
    };
    stop::uninterrupted(|| -> Result<_, Failure> {
        // No trace ever stands beside an output that it does not belong to.
        trace.as_ref().map_or(Ok(()), |(path, _)| remove(path)).map_err(Failure::work)?;
        let warnings = complete.persist().map_err(Failure::work)?;
        trace.map_or(Ok(()), |(_, partial)| partial.persist()).map_err(Failure::work)?;
        Ok(warnings)
    })
}

/// What was done, as `run` records it.
fn trace(
    args: &Args,
    options: &ReadOptions,
    output: &Path,
    complete: &Complete,
    info: &FileInfo,
    volume: &Volume,
    steps: Vec<TraceStep>,
) -> Result<Trace, Failure> {
    let identity = Identity::of(&args.input, options).map_err(Failure::usage)?;
    let (hash, parts) = digests(complete).map_err(Failure::work)?;
    let done: Vec<_> = steps.iter().map(|s| (&s.transform, &s.params)).collect();
    let what = blake3::hash(json!(done).to_string().as_bytes()).to_hex();
    let record = VolumeTrace {
        kind: volume.kind(),
        source: source_record(info, &args.input, Path::new(""), identity),
        snapped: None,
        ties: Ties::Alternate,
        steps,
        result: ResultRecord {
            path: Some(output.display().to_string()),
            hash: Some(hash),
            parts,
            grid: volume.grid().into(),
            dtype: StoredDtype::Plain(volume.dtype()),
        },
    };
    let name = args.input.file_name().unwrap_or(args.input.as_os_str());
    Ok(Trace {
        schema: SCHEMA.to_owned(),
        version: VERSION,
        tool: TOOL.to_owned(),
        results: Some(RESULTS),
        case: name.to_string_lossy().into_owned(),
        copy: None,
        fields: BTreeMap::new(),
        pipeline: PipelineRecord {
            name: "convert".to_owned(),
            hash: format!("blake3:{what}"),
            seed: None,
            snap: false,
            document: None,
        },
        volumes: BTreeMap::from([(args.kind.name().to_owned(), record)]),
        restore: BTreeMap::new(),
    })
}
