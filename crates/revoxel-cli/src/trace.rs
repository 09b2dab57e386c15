//! `revoxel trace`

use std::path::{Path, PathBuf};

use revoxel_core::{Dtype, Voxels};
use revoxel_invert::AffineMap;
use revoxel_io::{Facts, Head, SlabWriter};
use revoxel_runner::files::{make_folder_of, write_text};
use revoxel_runner::limits::limits;
use serde_json::json;

use super::failure::{Failure, Outcome};
use super::show;
use super::slices::Onto;
use super::trace_file::load;

/// What follows the options in the help.
const AFTER_HELP: &str = "\
Example:
  revoxel trace export case.json --to itk -o case.tfm";

/// What follows the options of `trace export` in the help.
const AFTER_EXPORT: &str = "\
Examples:
  revoxel trace export case.json --to itk -o case.tfm
  revoxel trace export case.json --to affine -o case-affine.json";

/// Export what other programs can hold of a trace.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Export a trace to a form that other programs read; what the form cannot hold is refused, or listed.
    Export(Export),
}

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_EXPORT)]
struct Export {
    /// The trace that `run` wrote for the case.
    trace: PathBuf,
    /// The form.
    #[arg(long, value_enum)]
    to: Form,
    /// The file to write: .tfm for itk, with an empty volume on the grid of the source beside it (.nrrd); .json for
    /// affine.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// The input whose grid predictions have [default: the image].
    #[arg(long, value_name = "KEY")]
    volume: Option<String>,
    /// Replace existing files.
    #[arg(long)]
    overwrite: bool,
    /// Print one JSON document on standard output.
    #[arg(long)]
    json: bool,
}

/// A form of export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// A transform of ITK from the world of the scan to that of the prediction (.tfm), and a reference volume (.nrrd) of
    /// zeros on the grid of the scan.
    Itk,
    /// JSON: the 4×4 matrix from indices of the prediction to indices of the scan, and both grids.
    Affine,
}

impl Form {
    const fn extension(self) -> &'static str {
        match self {
            Self::Itk => "tfm",
            Self::Affine => "json",
        }
    }
}

pub(super) fn run(args: &Args) -> Outcome {
    let What::Export(args) = &args.what;
    export(args)
}

fn export(args: &Export) -> Outcome {
    let Export { output, to, .. } = args;
    let extension = to.extension();
    if !output.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension)) {
        return Err(Failure::usage(format!("{}: the name must end in .{extension}", output.display())));
    }
    let trace = load(&args.trace, Onto::Slices)?;
    let key = match &args.volume {
        Some(key) => key,
        None => trace.main_volume().map_err(|e| Failure::about(&args.trace, e))?,
    };
    let map = trace.affine_map(key).map_err(|e| Failure::about(&args.trace, e))?;
    let reference = (*to == Form::Itk).then(|| output.with_extension("nrrd"));
    for file in [output].into_iter().chain(&reference) {
        show::apart(file, &[(&args.trace, "the trace")])?;
        show::free(file, args.overwrite)?;
    }
    let text = match to {
        Form::Itk => map.to_itk().map_err(|e| Failure::about(&args.trace, e))?,
        Form::Affine => {
            let document = serde_json::to_string_pretty(&map.to_json(&trace.case, key)).map_err(Failure::work)?;
            document + "\n"
        }
    };
    let (count, most) = (map.source().voxel_count() as u64, limits().memory);
    if reference.is_some() && count > most {
        let problem = format!("source.grid has {count} voxels, more than the limit of {most} bytes for a volume");
        return Err(Failure::about(&args.trace, problem));
    }
    make_folder_of(output).map_err(Failure::work)?;
    if let Some(reference) = &reference {
        write_reference(reference, &map)?;
    }
    write_text(output, &text).map_err(Failure::work)?;
    if args.json {
        return show::json(&json!({
            "case": trace.case,
            "volume": key,
            "to": if *to == Form::Itk { "itk" } else { "affine" },
            "output": output,
            "reference": reference,
            "model": show::grid(map.model()),
            "source": show::grid(map.source()),
            "not_exported": map.dropped().iter().map(|d| json!({ "name": d.name, "what": d.what })).collect::<Vec<_>>(),
        }));
    }
    say!("{}: from the grid of predictions to {}", output.display(), trace.volumes[key].source.path);
    if let Some(reference) = &reference {
        say!("{}: zeros, {}", reference.display(), map.source());
    }
    for dropped in map.dropped() {
        say!("  not exported, {}: {}", dropped.name, dropped.what);
    }
    Ok(())
}

/// Writes zeros on the grid of the source.
fn write_reference(path: &Path, map: &AffineMap) -> Outcome {
    let grid = *map.source();
    let head = Head { grid, dtype: Dtype::U8, channels: 1 };
    let mut writer = SlabWriter::create(path, head, &Facts::default(), false).map_err(Failure::work)?;
    let [nx, ny, nz] = grid.shape();
    let slice = Voxels::from(vec![0u8; nx * ny]);
    (0..nz).try_for_each(|_| writer.push(&slice)).map_err(Failure::work)?;
    writer.finish().map(drop).map_err(Failure::work)
}
