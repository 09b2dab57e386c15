//! What several transforms plan alike.

pub mod axes;
pub mod boxes;
pub mod planar;
pub mod turn;

use revoxel_core::{Affine, Grid, GridError, GridOp};

use crate::error::Invalid;
use crate::error::PlanError;
use crate::params::{Interpolation, Named, PadMethod, PadMode, PerKey};

/// The windows that change a volume of `shape` to the box `start .. end`: none where nothing changes.
pub fn window(shape: [usize; 3], start: [i64; 3], end: [i64; 3]) -> Vec<GridOp> {
    let size = [0, 1, 2].map(|a| usize::try_from(end[a] - start[a]).unwrap_or(0));
    if start == [0; 3] && size == shape { Vec::new() } else { vec![GridOp::Window { start, shape: size }] }
}

/// The box of at most `size` voxels in the middle of `shape`; a size below 1 keeps the axis.
pub fn centre_crop(shape: [usize; 3], size: [i64; 3]) -> ([i64; 3], [i64; 3]) {
    let n = shape.map(|n| n as i64);
    let size = [0, 1, 2].map(|a| if size[a] < 1 { n[a] } else { size[a].min(n[a]) });
    let start = [0, 1, 2].map(|a| (n[a] / 2 - size[a] / 2).max(0));
    (start, [0, 1, 2].map(|a| start[a] + size[a]))
}

/// The box of at least `size` voxels around `shape`; a size below 1 keeps the axis.
pub fn pad_to(shape: [usize; 3], size: [i64; 3], method: PadMethod) -> ([i64; 3], [i64; 3]) {
    let n = shape.map(|n| n as i64);
    let width = [0, 1, 2].map(|a| (size[a] - n[a]).max(0));
    let low = match method {
        PadMethod::Symmetric => width.map(|w| w / 2),
        PadMethod::SymmetricLow => width.map(|w| (w + 1) / 2),
        PadMethod::End => [0; 3],
    };
    (low.map(|l| -l), [0, 1, 2].map(|a| n[a] + width[a] - low[a]))
}

/// The smallest multiple of `k` that holds `n`; `k` below 1 keeps it.
pub fn divisible(n: i64, k: i64) -> i64 {
    if k < 1 { n } else { n.div_euclid(k) * k + if n.rem_euclid(k) == 0 { 0 } else { k } }
}

/// The grid whose voxels are `ratio` times as large along each axis, whose first voxel centre lies at index `first`
/// of the old grid.
pub fn rescaled(grid: &Grid, ratio: [f64; 3], first: [f64; 3], shape: [usize; 3]) -> Result<Grid, GridError> {
    let affine = grid.affine().after(&Affine::scaling(ratio)).with_translation(grid.index_to_world(first));
    Grid::new(shape, affine)
}

/// The grid with `shape` voxels over the same extent (outer faces): half-pixel centres.
pub fn same_extent(grid: &Grid, shape: [usize; 3]) -> Result<Grid, GridError> {
    let ratio = [0, 1, 2].map(|a| grid.shape()[a] as f64 / shape[a] as f64);
    rescaled(grid, ratio, ratio.map(|r| 0.5 * r - 0.5), shape)
}

/// The grid with `shape` voxels whose outermost voxel centres are those of `grid`.
pub fn same_corners(grid: &Grid, shape: [usize; 3]) -> Result<Grid, PlanError> {
    let now = grid.shape();
    if let Some(axis) = (0..3).find(|a| now[*a] != shape[*a] && (now[*a] < 2 || shape[*a] < 2)) {
        return Err(PlanError::NoCorners { axis, from: now[axis], to: shape[axis] });
    }
    let ratio = |a: usize| if now[a] == shape[a] { 1.0 } else { (now[a] as f64 - 1.0) / (shape[a] as f64 - 1.0) };
    Ok(rescaled(grid, [0, 1, 2].map(ratio), [0.0; 3], shape)?)
}

/// The grid with `shape` voxels that a volume is resampled to, by its outer faces or by its outermost centres.
pub fn resized(grid: &Grid, shape: [usize; 3], align_corners: bool) -> Result<Grid, PlanError> {
    if align_corners { same_corners(grid, shape) } else { Ok(same_extent(grid, shape)?) }
}

/// Resampling onto a grid that a step makes of `from`; nothing where it is the same grid but for noise. A 2-D volume
/// stays 2-D.
///
/// # Errors
/// Where a 2-D volume would leave its plane.
pub fn resample(from: &Grid, to: Grid) -> Result<Vec<GridOp>, PlanError> {
    Ok(resample_onto(from, planar::in_plane(from, to)?))
}

/// Resampling onto a grid as it is given; nothing where it is the same grid but for noise.
pub fn resample_onto(from: &Grid, to: Grid) -> Vec<GridOp> {
    if revoxel_core::Relation::between(from, &to).agrees() { Vec::new() } else { vec![GridOp::Resample { grid: to }] }
}

/// Refuses a constant for padding that is made in another way.
pub fn constant_only(mode: PadMode, value: Option<&PerKey<f64>>) -> Result<(), Invalid> {
    match value {
        Some(_) if mode != PadMode::Constant => {
            Err(Invalid::new("value", "it takes effect with mode: constant only: leave one of them out"))
        }
        _ => Ok(()),
    }
}

/// Refuses means where nothing is left to them, or where boxes of voxels have no place.
pub fn area_alone(
    area: bool,
    interpolation: Option<&PerKey<Named<Interpolation>>>,
    align_corners: bool,
) -> Result<(), Invalid> {
    match interpolation.and_then(|i| i.for_all()) {
        _ if !area => Ok(()),
        Some(_) => {
            Err(Invalid::new("area", "an interpolation for all inputs overrides it: give the interpolation by key"))
        }
        None if align_corners => {
            Err(Invalid::new("area", "it averages over boxes between faces: leave align_corners out"))
        }
        None => Ok(()),
    }
}

/// Refuses numbers that are not finite.
pub fn finite(field: &'static str, numbers: &[f64]) -> Result<(), Invalid> {
    let wrong = numbers.iter().find(|n| !n.is_finite());
    wrong.map_or(Ok(()), |n| Err(Invalid::new(field, format!("{n} is not a finite number"))))
}
