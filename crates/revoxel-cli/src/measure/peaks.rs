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
    /// Find the peaks of a probability map, channel by channel: the highest voxel, then the highest voxel outside a box
    /// around it, and so on. MONAI's ProbNMS.
    #[arg(long, help_heading = PEAKS)]
    pub(super) peaks: bool,
    /// Smooth first with a Gaussian of this sigma in voxels; one number, or one per axis.
    #[arg(long, help_heading = PEAKS, requires = "peaks", value_delimiter = ',', value_name = "S[,S,S]")]
    #[arg(default_value = "0", allow_negative_numbers = true)]
    sigma: Vec<f64>,
    /// Find only peaks above this value.
    #[arg(long, help_heading = PEAKS, requires = "peaks", value_name = "P", default_value_t = 0.5)]
    #[arg(allow_negative_numbers = true)]
    prob_threshold: f64,
    /// Size in voxels of the box around a peak that holds no other peak; one number, or one per axis.
    #[arg(long, help_heading = PEAKS, requires = "peaks", value_delimiter = ',', value_name = "N[,N,N]")]
    #[arg(default_value = "48", conflicts_with = "box_size_mm")]
    box_size: Vec<usize>,
    /// Size of the box in mm, rounded to voxels.
    #[arg(long, help_heading = PEAKS, requires = "peaks", value_delimiter = ',', value_name = "MM[,MM,MM]")]
    #[arg(allow_negative_numbers = true)]
    box_size_mm: Vec<f64>,
    /// Also write the peaks as points: .csv, .tsv, .json, .mrk.json or .fcsv.
    #[arg(long, help_heading = PEAKS, requires = "peaks", value_name = "FILE")]
    points: Option<PathBuf>,
    /// Replace an existing file of points.
    #[arg(long, help_heading = PEAKS, requires = "points")]
    overwrite: bool,
}

/// The heading of these options.
const PEAKS: &str = "Peaks";

/// One number for all axes, or one by axis.
fn by_axis<T: Copy>(field: &str, numbers: &[T]) -> Result<[T; 3], Failure> {
    match numbers {
        [one] => Ok([*one; 3]),
        [x, y, z] => Ok([*x, *y, *z]),
        _ => {
            let problem = format!("--{field}: expected one number or three, one per axis, not {}", numbers.len());
            Err(Failure::usage(problem))
        }
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
        return Err(Failure::usage(format!("--box-size-mm: {wrong}: expected a number above 0")));
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
