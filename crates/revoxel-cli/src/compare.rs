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

/// Show how two volumes differ: the relation of their grids (identical, noise, header differs, other grid,
/// disjoint) with the worst corner in mm, and, where the shapes agree, their values voxel by voxel and their labels
/// with overlap, volume and distances of surfaces.
///
/// Exit code: 0 places and values agree; 1 one of them differs; 2 that cannot be said (a file cannot be read, an option
/// does not fit).
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A volume file.
    a: PathBuf,
    /// Another: the reference.
    b: PathBuf,
    /// Values agree up to this absolute difference; 0 by default.
    #[arg(long, value_name = "D", value_parser = at_least_0, allow_negative_numbers = true)]
    atol: Option<f64>,
    /// Values agree up to this share of the value of B, added to --atol; 0 by default.
    #[arg(long, value_name = "R", value_parser = at_least_0, allow_negative_numbers = true)]
    rtol: Option<f64>,
    /// Places agree where the shapes are the same and corners lie at most so far apart; by default less than a
    /// thousandth of a voxel.
    #[arg(long, value_name = "MM", value_parser = at_least_0, allow_negative_numbers = true)]
    max_corner_mm: Option<f64>,
    /// Values agree where no label has a lower Dice coefficient than this, instead of where voxels are equal. Both files
    /// are label maps then.
    #[arg(long, value_name = "DICE", value_parser = share, allow_negative_numbers = true)]
    #[arg(conflicts_with_all = ["atol", "rtol"])]
    min_dice: Option<f64>,
    /// Distance of surfaces up to which the surface Dice of a label counts them as one; 1 by default. Also measures
    /// maps of more than 256 labels or 10 million surface voxels.
    #[arg(long, value_name = "MM", value_parser = at_least_0, allow_negative_numbers = true)]
    tolerance_mm: Option<f64>,
    /// What is compared of a DICOM folder or archive: image or label (a segmentation or structure set). Without it images,
    /// where there are some.
    #[arg(long, value_name = "KIND")]
    kind: Option<Kind>,
    #[command(flatten)]
    reading: reading::Args,
    #[command(flatten)]
    segments: SegmentArgs,
    /// One JSON document instead of text; the exit code is the same.
    #[arg(long)]
    json: bool,
}

fn at_least_0(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|v| v.is_finite() && *v >= 0.0);
    number.ok_or_else(|| "give a number of 0 or more".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    at_least_0(text).ok().filter(|v| *v <= 1.0).ok_or_else(|| "give a number from 0 to 1".to_owned())
}

pub(super) fn run(args: &Args) -> Outcome {
    // Whatever keeps the answer away is exit code 2: code 1 is an answer.
    let [a, b] = read_each([&args.a, &args.b], args.kind, &args.reading, &args.segments.options())?;
    for (path, loaded) in [(&args.a, &a), (&args.b, &b)] {
        if let Some(problem) = show::rounded_by_reading(loaded) {
            tracing::warn!("{}: {problem}: smaller differences are not seen", path.display());
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
            "{path}: {error}: --min-dice compares label maps; compare other values with --atol and --rtol"
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
