//! Patches: boxes whose size and place are drawn as fractions, without a grid, and what a grid makes of them.

use std::fmt::Debug;
use std::ops::Range;

use revoxel_core::{Grid, GridOp, IndexBox, Volume, Voxel, dispatch, parallel};
use serde_json::{Value, json};

use super::boxes::seen;
use super::centre_crop;
use super::planar::by_axis;
use crate::random::Draws;
use revoxel_transforms::params::IntVector;
use revoxel_transforms::transform::PlanError;
use revoxel_transforms::transform::{Evidence, Observed, Outline, Sources, SpatialTransform};

/// The whole number from `low` to `high`, both included, that a fraction stands for.
pub(crate) fn between(low: i64, high: i64, fraction: f64) -> i64 {
    let steps = (fraction * (high as f64 - low as f64 + 1.0)) as i64;
    low.saturating_add(steps.max(0)).clamp(low, high.max(low))
}

/// Sizes by axis, where one below 1 is the whole axis.
pub(crate) fn whole_axes(size: [i64; 3], shape: [usize; 3]) -> [i64; 3] {
    [0, 1, 2].map(|a| if size[a] < 1 { shape[a] as i64 } else { size[a] })
}

/// The size of a crop in a volume: a number below 1 keeps an axis, and so does one beyond the volume, where that is
/// allowed.
pub(crate) fn fitting(
    field: &'static str,
    size: &IntVector,
    grid: &Grid,
    allow_smaller: bool,
) -> Result<[i64; 3], PlanError> {
    let shape = grid.shape();
    let size = whole_axes(by_axis(field, size, grid, 0, |_| true)?, shape);
    let n = shape.map(|n| n as i64);
    if !allow_smaller && (0..3).any(|a| size[a] > n[a]) {
        return Err(PlanError::TooLarge { field, size, shape });
    }
    Ok([0, 1, 2].map(|a| size[a].min(n[a])))
}

/// The box of `size` voxels, at most the volume's, that has size//2 of them before a voxel, moved to where all of it
/// is in the volume.
pub(crate) fn around(centre: [usize; 3], size: [i64; 3], shape: [usize; 3]) -> IndexBox {
    let start = [0, 1, 2].map(|a| {
        let last = (shape[a] as i64 - size[a]).max(0);
        (centre[a] as i64 - size[a] / 2).clamp(0, last)
    });
    IndexBox { start, shape: size.map(|s| s as usize) }
}

/// The fractions of a box in a volume.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fractions {
    /// Of the range of sizes, where the size is drawn.
    size: Option<[f64; 3]>,
    /// Of the range of first indices, where the place is drawn.
    start: Option<[f64; 3]>,
}

impl Fractions {
    pub(crate) fn draw(draws: &mut Draws, random_size: bool, random_center: bool) -> Self {
        let mut three = |wanted: bool| wanted.then(|| [(); 3].map(|()| draws.fraction()));
        Self { size: three(random_size), start: three(random_center) }
    }

    /// For the trace.
    pub(crate) fn values(&self) -> Value {
        let mut values = serde_json::Map::new();
        values.extend(self.size.map(|size| ("size".to_owned(), json!(size))));
        values.extend(self.start.map(|start| ("start".to_owned(), json!(start))));
        values.into()
    }

    /// The box in a volume of `shape`: `least` voxels, or `least` to `most` of them, cut to the volume; anywhere, or
    /// in the middle.
    pub(crate) fn in_volume(&self, shape: [usize; 3], least: [i64; 3], most: [i64; 3]) -> Result<IndexBox, PlanError> {
        let (n, mut size) = (shape.map(|n| n as i64), least);
        if let Some(fractions) = self.size {
            if (0..3).any(|a| least[a] > most[a]) {
                return Err(PlanError::NoSize { least, most, shape });
            }
            size = [0, 1, 2].map(|a| between(least[a], most[a], fractions[a]));
        }
        let size = [0, 1, 2].map(|a| size[a].min(n[a]));
        let Some(fractions) = self.start else {
            let (start, end) = centre_crop(shape, size);
            return Ok(IndexBox::from_bounds(start, end));
        };
        let start = [0, 1, 2].map(|a| between(0, n[a] - size[a], fractions[a]));
        Ok(IndexBox { start, shape: size.map(|s| s as usize) })
    }
}

/// A box that was drawn without a place: it lies around a voxel of another input.
pub(crate) trait PatchChoice: Debug + Send + Sync {
    /// The input whose voxels are looked at.
    fn source(&self) -> &str;

    /// A further one on the same grid.
    fn beside(&self) -> Option<&str> {
        None
    }

    /// Whether there is room for the box in a volume on a grid.
    ///
    /// # Errors
    /// Where it is larger and may not be.
    fn fits(&self, _source: &Grid) -> Result<(), PlanError> {
        Ok(())
    }

    /// Where the box lies.
    fn look(&self, source: &Volume, beside: Option<&Volume>) -> Result<Observed, PlanError>;
}

/// The crop to such a box.
#[derive(Debug)]
pub(crate) struct CropTo<T>(pub(crate) T);

impl<T: PatchChoice> SpatialTransform for CropTo<T> {
    fn plan(&self, grid: &Grid, evidence: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        seen(self.0.source(), grid, evidence)
    }

    fn outline(&self, before: Outline) -> Option<Outline> {
        Some(before.window(None))
    }

    fn fits(&self, source: &Grid) -> Result<(), PlanError> {
        self.0.fits(source)
    }

    fn sources(&self) -> Sources<'_> {
        Sources::Voxels { of: self.0.source(), beside: self.0.beside(), also: &[] }
    }

    fn observe(&self, source: &Volume, beside: Option<&Volume>) -> Result<Observed, PlanError> {
        self.0.look(source, beside)
    }
}

/// Which voxels of a plane satisfy a rule in any of some channels; axis 0 fastest.
pub(crate) fn marked(
    volume: &Volume,
    channels: Range<usize>,
    z: usize,
    selects: impl Fn(f64) -> bool + Copy,
) -> Vec<bool> {
    let [nx, ny, _] = volume.grid().shape();
    let (plane, count) = (nx * ny, volume.grid().voxel_count());
    let mut marks = vec![false; plane];
    for channel in channels {
        let first = channel * count + z * plane;
        dispatch!(volume.voxels(), v => {
            marks.iter_mut().zip(&v[first..first + plane]).for_each(|(m, x)| *m |= selects(x.to_f64()));
        });
    }
    marks
}

/// Takes back the marks of a plane where no channel of an image, if there is one, is above a number.
pub(crate) fn keep_above(marks: &mut [bool], image: Option<&Volume>, above: f64, z: usize) {
    if let Some(image) = image {
        let there = marked(image, 0..image.channels(), z, |v| v > above);
        marks.iter_mut().zip(there).for_each(|(m, there)| *m &= there);
    }
}

/// The voxel, among those that `plane` marks plane by plane, that a fraction stands for: each is as likely, in the
/// order of memory. `None` where none is marked.
pub(crate) fn pick(shape: [usize; 3], fraction: f64, plane: impl Fn(usize) -> Vec<bool> + Sync) -> Option<[usize; 3]> {
    let count = |z| plane(z).into_iter().filter(|m| *m).count();
    let counts = parallel::map(0..shape[2], count);
    let total: usize = counts.iter().sum();
    let mut number = ((fraction * total as f64) as usize).min(total.checked_sub(1)?);
    for (z, count) in counts.into_iter().enumerate() {
        if number < count {
            let at = plane(z).into_iter().enumerate().filter(|(_, m)| *m).nth(number)?.0;
            return Some([at % shape[0], at / shape[0], z]);
        }
        number -= count;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::{Grid, Kind};
    use revoxel_transforms::params::Numbers;

    #[test]
    fn fractions_reach_both_ends_and_no_further() {
        let t = |low, high, fraction, expected| assert_eq!(between(low, high, fraction), expected);
        t(0, 4, 0.0, 0);
        t(0, 4, 0.2, 1);
        t(0, 4, 0.1999, 0);
        t(0, 4, 1.0 - f64::EPSILON / 2.0, 4);
        t(3, 3, 0.7, 3);
        t(0, i64::MAX, 0.5, 1 << 62);
    }

    #[test]
    fn boxes_are_moved_into_the_volume() {
        // Odd and even sizes at both faces, and a size that is the whole axis.
        let t = |centre, size, start| {
            assert_eq!(around(centre, size, [11, 10, 7]), IndexBox { start, shape: size.map(|s| s as usize) });
        };
        t([5, 5, 3], [3, 4, 7], [4, 3, 0]);
        t([0, 0, 0], [3, 4, 7], [0, 0, 0]);
        t([10, 9, 6], [3, 4, 7], [8, 6, 0]);
        t([1, 2, 0], [3, 4, 1], [0, 0, 0]);
        t([2, 3, 6], [3, 4, 1], [1, 1, 6]);
        t([9, 8, 1], [3, 4, 2], [8, 6, 0]);
        t([9, 8, 6], [3, 5, 2], [8, 5, 5]);
    }

    #[test]
    fn sizes_beyond_the_volume() {
        let grid = Grid::without_geometry([11, 10, 7]).unwrap();
        let t = |size: [i64; 3], allow| {
            fitting("spatial_size", &Numbers(size.to_vec()), &grid, allow).map_err(|e| e.to_string())
        };
        assert_eq!(t([4, 0, -1], false), Ok([4, 10, 7]));
        assert_eq!(t([12, 3, i64::MAX], true), Ok([11, 3, 7]));
        let error = t([12, 3, 7], false).unwrap_err();
        assert!(error.contains("spatial_size [12, 3, 7]") && error.contains("[11, 10, 7]"), "{error}");
    }

    #[test]
    fn every_marked_voxel_is_picked_and_no_other() {
        let grid = Grid::without_geometry([4, 3, 2]).unwrap();
        let mut values = vec![0i16; 48];
        // (1, 0, 0), (3, 2, 0) and, in the other channel, (0, 1, 1).
        (values[1], values[11], values[24 + 16]) = (5, -2, 7);
        let volume = Volume::new(values.into(), grid, Kind::Label, 2).unwrap();
        let t = |channels: Range<usize>, fraction| {
            pick([4, 3, 2], fraction, |z| marked(&volume, channels.clone(), z, |v| v != 0.0))
        };
        assert_eq!(t(0..2, 0.0), Some([1, 0, 0]));
        assert_eq!(t(0..2, 0.34), Some([3, 2, 0]));
        assert_eq!(t(0..2, 0.999_999), Some([0, 1, 1]));
        assert_eq!(t(1..2, 0.0), Some([0, 1, 1]));
        assert_eq!(pick([4, 3, 2], 0.5, |z| marked(&volume, 0..2, z, |v| v == 9.0)), None);
    }
}
