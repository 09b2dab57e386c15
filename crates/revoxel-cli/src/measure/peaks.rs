//! `revoxel measure --peaks`

use std::path::PathBuf;

use revoxel_core::{Frame, Kind};
use revoxel_runner::files::{make_folder_of, write_text};
use revoxel_runner::measure::peaks::{Peak, PeakError, PeakSearch};
use revoxel_runner::points::new::{NewPoint, text};
use serde_json::{Value, json};

use super::super::failure::{Failure, Outcome};
use super::super::reading::read_each;
use super::super::show;
use super::super::table::table;

/// Options of `--peaks`.
#[derive(Debug, clap::Args)]
pub(super) struct PeakArgs {
    /// Find the peaks of a map of probabilities, channel by channel: the highest voxel, then the highest outside of
    /// a box around it, and so on. MONAI's ProbNMS.
    #[arg(long)]
    pub(super) peaks: bool,
    /// With --peaks: smooth before with a Gaussian of so many voxels, one number or one by axis.
    #[arg(long, requires = "peaks", value_delimiter = ',', value_name = "S[,S,S]", default_value = "0")]
    #[arg(allow_negative_numbers = true)]
    sigma: Vec<f64>,
    /// With --peaks: a peak is above this.
    #[arg(long, requires = "peaks", value_name = "P", default_value_t = 0.5, allow_negative_numbers = true)]
    prob_threshold: f64,
    /// With --peaks: the voxels of the box around a peak in which there is no other, one number or one by axis.
    #[arg(long, requires = "peaks", value_delimiter = ',', value_name = "N[,N,N]", default_value = "48")]
    #[arg(conflicts_with = "box_size_mm")]
    box_size: Vec<usize>,
    /// With --peaks: the same in mm, rounded to voxels.
    #[arg(long, requires = "peaks", value_delimiter = ',', value_name = "MM[,MM,MM]", allow_negative_numbers = true)]
    box_size_mm: Vec<f64>,
    /// With --peaks: also write them as points: .csv, .tsv, .json, .mrk.json or .fcsv.
    #[arg(long, requires = "peaks", value_name = "FILE")]
    points: Option<PathBuf>,
    /// Replace the file of points where it is there already.
    #[arg(long, requires = "points")]
    overwrite: bool,
}

/// One number for all axes, or one by axis.
fn by_axis<T: Copy>(field: &str, numbers: &[T]) -> Result<[T; 3], Failure> {
    match numbers {
        [one] => Ok([*one; 3]),
        [x, y, z] => Ok([*x, *y, *z]),
        _ => Err(Failure::usage(format!("--{field}: {} numbers, give one, or three, one by axis", numbers.len()))),
    }
}

pub(super) fn run(args: &super::Args) -> Outcome {
    let options = &args.peaks;
    if let Some(path) = &options.points {
        text(path, &[]).map_err(Failure::usage)?;
        if path.exists() && !options.overwrite {
            let problem = format!("{} exists already: pass --overwrite to replace it", path.display());
            return Err(Failure::usage(problem));
        }
    }
    let sigma = by_axis("sigma", &options.sigma)?;
    let mm = match &options.box_size_mm[..] {
        [] => None,
        numbers => Some(by_axis("box-size-mm", numbers)?),
    };
    if let Some(wrong) = mm.iter().flatten().find(|v| !(v.is_finite() && **v > 0.0)) {
        return Err(Failure::usage(format!("--box-size-mm: {wrong} is no size, give more than 0")));
    }
    let size = by_axis("box-size", &options.box_size)?;
    let named = |error: PeakError| Failure::usage(format!("--{error}"));
    let search = |size| PeakSearch::new(sigma, options.prob_threshold, size).map_err(named);
    search(size)?;
    let labels = args.segments.options_for(Kind::Probability)?;
    let [loaded] = read_each([&args.labels], Some(Kind::Probability), &args.reading, &labels)?;
    let volume = loaded.volume;
    let grid = volume.grid();
    // At least the voxel itself.
    let voxels = mm.map(|mm| [0, 1, 2].map(|a| ((mm[a] / grid.spacing()[a]).round() as usize).max(1)));
    let size = voxels.unwrap_or(size);
    let peaks = search(size)?.find(&volume);
    let peaks = peaks.map_err(|e| Failure::usage(format!("{}: {e}", args.labels.display())))?;
    if let Some(path) = &options.points {
        let text = text(path, &peaks.iter().enumerate().map(point).collect::<Vec<_>>()).map_err(Failure::usage)?;
        make_folder_of(path).map_err(Failure::work)?;
        write_text(path, &text).map_err(Failure::work)?;
    }
    if args.json {
        return show::json(&json!({
            "path": args.labels,
            "grid": show::grid(grid),
            "channels": volume.channels(),
            "sigma": sigma,
            "prob_threshold": options.prob_threshold,
            "box_size": size,
            "points": options.points,
            "peaks": peaks.iter().map(document).collect::<Vec<_>>(),
        }));
    }
    if args.csv {
        return show::text(&csv(&peaks));
    }
    let row = |peak: &Peak| {
        let [i, j, k] = peak.index;
        let value = format!("{:.6}", peak.value);
        vec![peak.channel.to_string(), value, format!("({i}, {j}, {k})"), show::point(peak.ras)]
    };
    show::text(&table(&["channel", "value", "index", "RAS mm"], &peaks.iter().map(row).collect::<Vec<_>>()))
}

fn point((number, peak): (usize, &Peak)) -> NewPoint {
    let fields = vec![("channel", json!(peak.channel)), ("value", json!(peak.value))];
    NewPoint { ras: peak.ras, name: format!("peak-{}", number + 1), fields }
}

fn document(peak: &Peak) -> Value {
    json!({
        "channel": peak.channel,
        "value": peak.value,
        "index": peak.index,
        "ras": peak.ras,
        "lps": Frame::Lps.point_from_ras(peak.ras),
    })
}

fn csv(peaks: &[Peak]) -> String {
    let mut text = "channel,value,i,j,k,r,a,s\n".to_owned();
    for Peak { channel, value, index: [i, j, k], ras: [r, a, s] } in peaks {
        text.push_str(&format!("{channel},{value},{i},{j},{k},{r},{a},{s}\n"));
    }
    text
}
