//! `revoxel convert`

use std::path::PathBuf;

use revoxel_core::{Dtype, Grid, GridOp, Kind, Orientation, Sampling};
use revoxel_io::{MissingPolicy, ReadOptions, SlicePolicy, SliceStack};
use revoxel_resample::{How, Interpolation, execute};
use serde_json::json;

use super::failure::{Failure, Outcome};
use super::show;
use crate::files::facts_after_steps;
use crate::uneven::even_out;

/// Convert any readable volume into any writable format. Places stay to the last digit that the format holds;
/// voxels stay as they are.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A volume: a file, a DICOM folder or an archive.
    input: PathBuf,
    /// Where to write it; the name says the format.
    output: PathBuf,
    /// Turn the axes to an orientation, such as RAS or LPS: voxels are reordered, none is interpolated.
    #[arg(long, value_name = "AXCODES")]
    orientation: Option<Orientation>,
    /// Resample the shear of a tilted gantry away: slices are moved within their plane onto axes at right angles,
    /// around all of them. Without this the shear is kept in the affine.
    #[arg(long)]
    deshear: bool,
    /// Voxel type to write; whole numbers round half to even and saturate. As it is by default.
    #[arg(long)]
    dtype: Option<Dtype>,
    /// Which series of a DICOM folder or archive: its UID, or its number in the list that `info` prints.
    #[arg(long)]
    series: Option<String>,
    /// What to do with DICOM slices that lie unevenly: error, regularize or nominal.
    #[arg(long, value_parser = slice_policy, default_value = "error")]
    slices: SlicePolicy,
    /// What to do with missing DICOM slices: error or interpolate.
    #[arg(long, value_parser = missing_policy, default_value = "error")]
    missing: MissingPolicy,
    /// Replace a file that is there already.
    #[arg(long)]
    overwrite: bool,
    /// One JSON document on standard output.
    #[arg(long)]
    json: bool,
}

/// Axes that are this near to right angles are taken to be at right angles.
const SHEAR: f64 = 1e-6;

/// The slices of an even grid, with their places.
fn in_line(grid: &Grid) -> SliceStack {
    SliceStack { positions: (0..grid.shape()[2]).map(|k| grid.index_to_world([0.0, 0.0, k as f64])).collect() }
}

fn slice_policy(name: &str) -> Result<SlicePolicy, String> {
    match name {
        "error" => Ok(SlicePolicy::Error),
        "regularize" => Ok(SlicePolicy::Regularize),
        "nominal" => Ok(SlicePolicy::Nominal),
        _ => Err("use error, regularize or nominal".to_owned()),
    }
}

fn missing_policy(name: &str) -> Result<MissingPolicy, String> {
    match name {
        "error" => Ok(MissingPolicy::Error),
        "interpolate" => Ok(MissingPolicy::Interpolate),
        _ => Err("use error or interpolate".to_owned()),
    }
}

pub(super) fn run(args: &Args) -> Outcome {
    revoxel_io::format_for_writing(&args.output).map_err(Failure::usage)?;
    if args.output.exists() && !args.overwrite {
        let problem = format!("{} is there already: use --overwrite to replace it", args.output.display());
        return Err(Failure::usage(problem));
    }
    let (slices, missing) = (args.slices, args.missing);
    let options = ReadOptions { series: args.series.clone(), slices, missing, ..ReadOptions::default() };
    let loaded = revoxel_io::read_with(&args.input, Kind::Image, &options).map_err(Failure::work)?;
    let (mut volume, info) = (loaded.volume, loaded.info);
    for warning in &info.warnings {
        tracing::warn!("{}: {warning}", args.input.display());
    }
    let mut facts = info.facts;
    let mut sampling = Sampling::identity(*volume.grid());
    let straight;
    let stack = match &info.slices {
        None if args.deshear && info.grid.affine().shear() > SHEAR => {
            straight = in_line(&info.grid);
            Some(&straight)
        }
        given => given.as_ref(),
    };
    if let Some(stack) = stack {
        sampling.push(&even_out(&info.grid, stack).map_err(Failure::work)?).map_err(Failure::work)?;
    }
    if args.deshear && sampling.target().affine().shear() > SHEAR {
        let problem = "the axes within the slices are not at right angles: use a pipeline with `spacing: { pixdim: 0, \
                       deshear: true }`";
        return Err(Failure::work(format!("{}: {problem}", args.input.display())));
    }
    if let Some(orientation) = args.orientation {
        let turn = sampling.target().orientation().to(&orientation);
        sampling.push(&GridOp::Reorient(turn)).map_err(Failure::work)?;
    }
    if !sampling.is_identity() {
        let lowest = volume.voxels().min_max().map_or(0.0, |(low, _)| low);
        volume =
            execute(&volume, &sampling, &How::filled(Interpolation::Linear, vec![lowest])).map_err(Failure::work)?;
        facts = facts_after_steps(&facts);
    }
    if let Some(dtype) = args.dtype {
        volume = volume.cast(dtype);
    }
    let warnings = revoxel_io::write(&args.output, &volume, &facts).map_err(Failure::work)?;
    for warning in &warnings {
        tracing::warn!("{}: {warning}", args.output.display());
    }
    if args.json {
        return show::json(&json!({
            "input": args.input,
            "output": args.output,
            "dtype": volume.dtype().name(),
            "channels": volume.channels(),
            "grid": show::grid(volume.grid()),
            "source_grid": show::grid(&info.grid),
            "resampled": stack.is_some(),
            "warnings": info.warnings.iter().chain(&warnings).map(ToString::to_string).collect::<Vec<_>>(),
        }));
    }
    eprintln!("{}: {}, {}", args.output.display(), volume.dtype(), volume.grid());
    Ok(())
}
