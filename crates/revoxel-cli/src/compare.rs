//! `revoxel compare`

mod report;

use std::path::PathBuf;

use revoxel_core::Kind;

use super::failure::{Failure, Outcome};
use super::reading::{self, read_each};
use super::segments::SegmentArgs;
use super::show;
use revoxel_runner::compare::{Criteria, NoLabels, Verdict, Within, compare};
use revoxel_runner::memory;

/// What follows the options in the help.
const AFTER_HELP: &str = "\
Exit codes:
  0  geometry and values agree
  1  geometry or values differ
  2  not compared: a file cannot be read, or an option does not fit

Examples:
  revoxel compare result.nii.gz reference.nii.gz --atol 0.001
  revoxel compare labels.nii.gz reference.nii.gz --min-dice 0.95 --json";

/// Compare two volumes: the relation of their grids (identical, noise, header differs, other grid, disjoint) with the
/// worst corner in mm, and, if the shapes agree, their values voxel by voxel and their labels with overlap, volume and
/// surface distances.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The volume to check.
    a: PathBuf,
    /// The reference volume.
    b: PathBuf,
    /// Absolute tolerance of values [default: 0].
    #[arg(long, value_name = "D", value_parser = at_least_0, allow_negative_numbers = true)]
    atol: Option<f64>,
    /// Relative tolerance of values, as a fraction of the value in B; added to --atol [default: 0].
    #[arg(long, value_name = "R", value_parser = at_least_0, allow_negative_numbers = true)]
    rtol: Option<f64>,
    /// Accept grids of the same shape whose corners lie at most this far apart [default: a thousandth of a voxel].
    #[arg(long, value_name = "MM", value_parser = at_least_0, allow_negative_numbers = true)]
    max_corner_mm: Option<f64>,
    /// Compare label maps by Dice: values agree if every label reaches this Dice coefficient.
    #[arg(long, value_name = "DICE", value_parser = share, allow_negative_numbers = true)]
    #[arg(conflicts_with_all = ["atol", "rtol"])]
    min_dice: Option<f64>,
    /// Tolerance of the surface Dice [default: 1]. Also measures maps with more than 256 labels or 10 million surface
    /// voxels.
    #[arg(long, value_name = "MM", value_parser = at_least_0, allow_negative_numbers = true)]
    tolerance_mm: Option<f64>,
    /// What to read from a DICOM folder or archive: image, or label for a segmentation or structure set [default:
    /// image if there is one].
    #[arg(long, value_name = "KIND")]
    kind: Option<Kind>,
    #[command(flatten)]
    reading: reading::Args,
    #[command(flatten)]
    segments: SegmentArgs,
    /// Print one JSON document instead of text; the exit code is the same.
    #[arg(long)]
    json: bool,
}

pub(super) fn at_least_0(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|v| v.is_finite() && *v >= 0.0);
    number.ok_or_else(|| "expected a number of at least 0".to_owned())
}

pub(super) fn share(text: &str) -> Result<f64, String> {
    at_least_0(text).ok().filter(|v| *v <= 1.0).ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

pub(super) fn run(args: &Args) -> Outcome {
    // Whatever keeps the answer away is exit code 2: code 1 is an answer.
    let [a, b] = read_each([&args.a, &args.b], args.kind, &args.reading, &args.segments.options())?;
    for (path, loaded) in [(&args.a, &a), (&args.b, &b)] {
        if let Some(problem) = show::rounded_by_reading(loaded) {
            tracing::warn!("{}: {problem}; smaller differences are not detected", path.display());
        }
    }
    let bytes = (a.volume.voxels().bytes().len() + b.volume.voxels().bytes().len()) as u64;
    memory::room(bytes).map_err(Failure::usage)?;
    let criteria = Criteria {
        within: Within { absolute: args.atol.unwrap_or(0.0), relative: args.rtol.unwrap_or(0.0) },
        max_corner_mm: args.max_corner_mm,
        min_dice: args.min_dice,
        tolerance_mm: args.tolerance_mm,
    };
    let found = compare(&a.volume, &b.volume, &criteria);
    let verdict = found.verdict();
    if let (Verdict::Unknown, Some(Err(NoLabels::NotWhole(side, error)))) = (verdict, &found.labels) {
        let path = [&args.a, &args.b][*side].display();
        return Err(Failure::usage(format!(
            "{path}: {error}; --min-dice needs label maps: compare other values with --atol and --rtol"
        )));
    }
    let said = report::Report { files: [(&args.a, &a), (&args.b, &b)], criteria: &criteria, found: &found };
    let shown = if args.json { show::json(&said.document()) } else { show::text(&said.text()) };
    shown.map_err(|failure| failure.with_code(2))?;
    match verdict {
        Verdict::Agree => Ok(()),
        Verdict::Differ => Err(Failure::told()),
        Verdict::Unknown => Err(Failure::told().with_code(2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_numbers_in_range() {
        assert_eq!(
            ["0", "2.5", "-1", "nan", "inf", "x"].map(|t| at_least_0(t).ok()),
            [Some(0.0), Some(2.5), None, None, None, None]
        );
        assert_eq!(["0", "1", "1.01", "-0.5"].map(|t| share(t).ok()), [Some(0.0), Some(1.0), None, None]);
    }
}
