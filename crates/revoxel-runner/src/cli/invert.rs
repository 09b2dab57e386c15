//! `revoxel invert`

use std::path::PathBuf;

use revoxel_core::{Dtype, Kind, Volume};
use revoxel_invert::{InvertOptions, Trace, invert};
use revoxel_io::Facts;
use revoxel_resample::Interpolation;
use serde_json::json;

use super::failure::{Failure, Outcome};
use super::show;
use crate::files::{facts_of_prediction, read_text};
use crate::prediction::{ArrayAxes, Reading, read};

/// Bring a prediction back onto the grid that its case came from. Needs the trace and the prediction, nothing else.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The trace that `run` wrote for the case.
    trace: PathBuf,
    /// The prediction: a volume file, or an .npy or .npz array.
    prediction: PathBuf,
    /// Where to write it.
    #[arg(short, long)]
    output: PathBuf,
    /// The input whose grid it goes back to; the case's image by default.
    #[arg(long, value_name = "KEY")]
    volume: Option<String>,
    /// What its values are: label, probability, logit or image. Seen from the values where that is safe.
    #[arg(long)]
    kind: Option<Kind>,
    /// nearest, linear, cubic or label; by default nearest for labels and linear for the rest.
    #[arg(long)]
    interpolation: Option<Interpolation>,
    /// Write the label map of the highest channel, the lowest at a tie.
    #[arg(long)]
    argmax: bool,
    /// Order of an array's axes: xyz, zyx, cxyz or czyx. Seen from the shape where only one fits.
    #[arg(long)]
    axes: Option<ArrayAxes>,
    /// Take the prediction to lie where the pipeline ended, whatever its header says.
    #[arg(long)]
    assume_grid: bool,
    /// What voxels hold that the model never saw; by default background of the prediction's kind.
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true)]
    fill: Option<f64>,
    /// Voxel type to write; for labels the smallest that holds them by default.
    #[arg(long)]
    dtype: Option<Dtype>,
    /// Also write the mask of voxels that the model saw.
    #[arg(long, value_name = "FILE")]
    coverage: Option<PathBuf>,
    /// Replace files that are there already.
    #[arg(long)]
    overwrite: bool,
    /// One JSON document on standard output.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    check_outputs(args)?;
    let text = read_text(&args.trace).map_err(Failure::usage)?;
    let named = |e: revoxel_invert::TraceError| Failure::usage(format!("{}: {e}", args.trace.display()));
    let trace = Trace::from_json(&text).map_err(named)?;
    let key = match &args.volume {
        Some(key) => key.as_str(),
        None => trace.main_volume().map_err(named)?,
    };
    let record = trace.volume(key).map_err(named)?;
    let model = record.result.grid.grid().map_err(|e| Failure::usage(format!("{}: {e}", args.trace.display())))?;
    let reading = Reading { kind: args.kind, axes: args.axes, argmax: args.argmax };
    let prediction = read(&args.prediction, &model, &reading).map_err(Failure::usage)?;
    let options = InvertOptions {
        interpolation: args.interpolation,
        argmax: args.argmax,
        fill: args.fill,
        assume_grid: args.assume_grid,
        coverage: args.coverage.is_some(),
    };
    let kind = prediction.kind();
    let inverted = invert(record, &prediction, &options)
        .map_err(|e| Failure::usage(format!("{}: {e}", args.prediction.display())))?;
    drop(prediction);
    // Facts of a format that this program does not know yet are left out, not guessed.
    let source: Facts = serde_json::from_value(record.source.facts.clone()).unwrap_or_default();
    let facts = facts_of_prediction(&source);
    let dtype = args.dtype.unwrap_or_else(|| own_dtype(&inverted.volume));
    let volume = inverted.volume.cast(dtype);
    let write = |path: &PathBuf, volume: &Volume| -> Outcome {
        for warning in revoxel_io::write(path, volume, &facts).map_err(Failure::work)? {
            tracing::warn!("{}: {warning}", path.display());
        }
        Ok(())
    };
    write(&args.output, &volume)?;
    if let (Some(path), Some(mask)) = (&args.coverage, &inverted.coverage) {
        write(path, mask)?;
    }
    if args.json {
        return show::json(&json!({
            "case": trace.case,
            "volume": key,
            "output": args.output,
            "coverage": args.coverage,
            "kind": kind.name(),
            "argmax": args.argmax,
            "interpolation": inverted.interpolation.map(Interpolation::name),
            "dtype": dtype.name(),
            "channels": volume.channels(),
            "prediction_geometry": inverted.relation.agreement.name(),
            "grid": show::grid(volume.grid()),
        }));
    }
    let how = inverted.interpolation.map_or("copied", Interpolation::name);
    let what = if args.argmax { format!("label, highest {kind}") } else { kind.to_string() };
    eprintln!("{}: {what} ({how}, {dtype}) on the grid of {}", args.output.display(), record.source.path);
    eprintln!("  {}", volume.grid());
    Ok(())
}

fn check_outputs(args: &Args) -> Outcome {
    for path in [Some(&args.output), args.coverage.as_ref()].into_iter().flatten() {
        revoxel_io::format_for_writing(path).map_err(Failure::usage)?;
        if path.exists() && !args.overwrite {
            let problem = format!("{} is there already: use --overwrite to replace it", path.display());
            return Err(Failure::usage(problem));
        }
    }
    if args.coverage.as_ref() == Some(&args.output) {
        return Err(Failure::usage("--coverage and --output name the same file"));
    }
    Ok(())
}

/// For label maps the smallest unsigned type that holds the labels; otherwise the type as it is.
fn own_dtype(volume: &Volume) -> Dtype {
    if volume.kind() == Kind::Label {
        Dtype::smallest_for_labels(volume.voxels().min_max().map_or(0.0, |(_, high)| high))
    } else {
        volume.dtype()
    }
}
