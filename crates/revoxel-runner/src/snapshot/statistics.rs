//! What a snapshot says of a volume: a hash of its voxels, and a few numbers that people can read.
//!
//! The hash is over all voxels to the last bit. The numbers are rounded, to [`DIGITS`] digits and to a thousandth of a
//! millimetre.

use std::collections::BTreeMap;

use revoxel_core::{Grid, Kind, Volume, Voxel, dispatch};
use serde_json::{Map, Value, json};

/// Significant digits of the statistics.
pub const DIGITS: usize = 6;

/// Labels and channels that are listed; the hash stands for the others.
const LISTED: usize = 24;

/// BLAKE3 of the voxels, little-endian, axis 0 fastest and channels slowest.
pub(super) fn hash(volume: &Volume) -> String {
    let (bytes, size) = (volume.voxels().bytes(), volume.dtype().size());
    let hash = if cfg!(target_endian = "big") {
        let turned: Vec<u8> = bytes.chunks(size).flat_map(|value| value.iter().rev().copied()).collect();
        blake3::hash(&turned)
    } else {
        blake3::hash(bytes)
    };
    format!("blake3:{}", hash.to_hex())
}

/// A grid as data: shape, and the rows of the affine from voxel index to RAS+ mm.
pub(super) fn grid(grid: &Grid) -> Value {
    // Zeros have no sign in the text.
    let rows = grid.affine().rows().map(|row| row.map(|v| v + 0.0));
    let mut said = json!({ "shape": grid.shape(), "affine": rows });
    if grid.is_planar() {
        said["planar"] = true.into();
    }
    said
}

/// All that is said of a volume.
pub(super) fn volume(volume: &Volume) -> Map<String, Value> {
    let mut said = Map::new();
    said.insert("grid".to_owned(), grid(volume.grid()));
    said.insert("kind".to_owned(), volume.kind().name().into());
    said.insert("dtype".to_owned(), volume.dtype().name().into());
    said.insert("channels".to_owned(), volume.channels().into());
    said.insert("voxels".to_owned(), hash(volume).into());
    if volume.kind() == Kind::Label {
        labels(volume, &mut said);
    } else {
        values(volume, &mut said);
    }
    said
}

/// A number with [`DIGITS`] significant digits.
fn rounded(value: f64) -> Value {
    if !value.is_finite() {
        return value.to_string().into();
    }
    let text = format!("{:.*e}", DIGITS - 1, value);
    json!(text.parse::<f64>().unwrap_or(value) + 0.0)
}

/// A place in mm, to a thousandth.
fn place(point: [f64; 3]) -> Value {
    json!(point.map(|v| format!("{v:.3}").parse::<f64>().unwrap_or(v) + 0.0))
}

fn values(volume: &Volume, said: &mut Map<String, Value>) {
    let grid = volume.grid();
    let channels = volume.channels();
    for channel in 0..channels.min(LISTED) {
        let range = channel * grid.voxel_count()..(channel + 1) * grid.voxel_count();
        let found = dispatch!(volume.voxels(), v => summary(&v[range], grid));
        if channels == 1 {
            said.extend(found);
        } else {
            said.insert(format!("channel {channel}"), found.into());
        }
    }
    left_out(channels, "channels", said);
}

fn summary<T: Voxel>(values: &[T], grid: &Grid) -> Map<String, Value> {
    let finite = || values.iter().map(|v| v.to_f64()).enumerate().filter(|(_, v)| v.is_finite());
    let (mut low, mut high, mut sum, mut count) = (f64::INFINITY, f64::NEG_INFINITY, 0.0, 0usize);
    for (_, value) in finite() {
        (low, high, sum, count) = (low.min(value), high.max(value), sum + value, count + 1);
    }
    let mut said = Map::new();
    if count < values.len() {
        said.insert("not finite".to_owned(), (values.len() - count).into());
    }
    if count == 0 {
        return said;
    }
    said.insert("min".to_owned(), rounded(low));
    said.insert("max".to_owned(), rounded(high));
    said.insert("mean".to_owned(), rounded(sum / count as f64));
    if high > low {
        // Where the high values are: the mean place, weighted by what a value is above the lowest one.
        let (mut weight, mut at) = (0.0, [0.0; 3]);
        for (position, value) in finite() {
            let index = index_of(position, grid);
            weight += value - low;
            at = [0, 1, 2].map(|axis| at[axis] + (value - low) * index[axis]);
        }
        said.insert("centroid".to_owned(), place(grid.index_to_world(at.map(|sum| sum / weight))));
    }
    said
}

fn index_of(position: usize, grid: &Grid) -> [f64; 3] {
    let [nx, ny, _] = grid.shape();
    [position % nx, position / nx % ny, position / nx / ny].map(|i| i as f64)
}

fn labels(volume: &Volume, said: &mut Map<String, Value>) {
    let found = dispatch!(volume.voxels(), v => count(v, volume.grid()));
    let all = found.len();
    let one = |(label, Sum { voxels, at }): (i128, Sum)| {
        let centroid = place(volume.grid().index_to_world(at.map(|sum| sum as f64 / voxels as f64)));
        (format!("label {label}"), json!({ "voxels": voxels, "centroid": centroid }))
    };
    said.extend(found.into_iter().take(LISTED).map(one));
    left_out(all, "labels", said);
}

fn left_out(all: usize, what: &str, said: &mut Map<String, Value>) {
    if all > LISTED {
        said.insert(format!("more {what}"), (all - LISTED).into());
    }
}

/// The voxels of a label, with the sums of their indices.
#[derive(Clone, Copy, Default)]
struct Sum {
    voxels: u64,
    at: [u64; 3],
}

/// The voxels of every label but 0, of all channels.
fn count<T: Voxel>(values: &[T], grid: &Grid) -> BTreeMap<i128, Sum> {
    let mut found: BTreeMap<i128, Sum> = BTreeMap::new();
    let [nx, ny, nz] = grid.shape();
    for (line, row) in values.chunks(nx).enumerate() {
        let (y, z) = (line % ny, line / ny % nz);
        let mut x = 0;
        // Labels come in runs.
        for run in row.chunk_by(|a, b| a == b) {
            if let Some(label) = run[0].whole().filter(|label| *label != 0) {
                let (n, sum) = (run.len() as u64, found.entry(label).or_default());
                let along: u64 = (x as u64..x as u64 + n).sum();
                sum.voxels += n;
                sum.at = [sum.at[0] + along, sum.at[1] + n * y as u64, sum.at[2] + n * z as u64];
            }
            x += run.len();
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::{Affine, Voxels};

    fn of(voxels: Voxels, kind: Kind, channels: usize) -> Value {
        let affine = Affine::scaling([2.0, -1.0, 3.0]).with_translation([10.0, 0.0, -5.0]);
        let grid = Grid::new([3, 2, 1], affine).unwrap();
        volume(&Volume::new(voxels, grid, kind, channels).unwrap()).into()
    }

    #[test]
    fn labels_have_counts_and_places() {
        let said = of(vec![7u8, 7, 0, 0, 7, 2].into(), Kind::Label, 1);
        assert_eq!(said["label 7"], json!({ "voxels": 3, "centroid": [11.333, -0.333, -5.0] }));
        assert_eq!(said["label 2"], json!({ "voxels": 1, "centroid": [14.0, -1.0, -5.0] }));
        assert_eq!(said["grid"]["affine"][1], json!([0.0, -1.0, 0.0, 0.0]));
        assert!(said.get("label 0").is_none() && said.get("mean").is_none());
    }

    #[test]
    fn values_have_their_range_and_place() {
        let said = of(vec![1f32, 1.0, 1.0, 1.0, 1.0, 2.0].into(), Kind::Image, 1);
        let of = |field: &str| said[field].clone();
        assert_eq!([of("min"), of("max"), of("mean")], [json!(1.0), json!(2.0), json!(1.16667)]);
        assert_eq!(of("centroid"), json!([14.0, -1.0, -5.0]));
    }

    #[test]
    fn channels_are_told_apart_and_what_is_not_finite_is_counted() {
        let values = vec![0.25f32, 0.0, 0.0, 0.0, 0.0, f32::NAN, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5];
        let said = of(values.into(), Kind::Probability, 2);
        assert_eq!((&said["channel 0"]["not finite"], &said["channel 0"]["mean"]), (&json!(1), &json!(0.05)));
        assert_eq!(said["channel 1"], json!({ "min": 0.5, "max": 0.5, "mean": 0.5 }));
    }

    #[test]
    fn one_voxel_changes_the_hash() {
        let t = |last: u8| of(vec![1u8, 2, 3, 4, 5, last].into(), Kind::Label, 1)["voxels"].clone();
        assert_ne!(t(6), t(7));
        assert_eq!(t(6), format!("blake3:{}", blake3::hash(&[1, 2, 3, 4, 5, 6]).to_hex()));
    }
}
