//! A cubic pass whose values stay within the range of the values that it reads.

use revoxel_core::{Affine, Grid, GridOp, Sampling, Volume, Voxels};

use crate::{How, Interpolation, ResampleError, Through, execute};

/// Executes a pass and clips values to the range of each channel; also returns how many voxels were clipped. If an
/// axis is interpolated in another way, every slice across it is first resampled and clipped to its own range; the
/// axis comes second.
pub(crate) fn execute_clipped(volume: &Volume, pass: &Sampling, how: &How) -> Result<(Volume, usize), ResampleError> {
    let Some(through) = how.through else {
        let ranges = slices(volume, None);
        let result = execute(volume, pass, how)?;
        return cut(result, None, &ranges);
    };
    let axis = through.axis;
    let (source, target) = (pass.source(), pass.target());
    // The axis of the target that runs along it.
    let row = target.index_map_to(source).rows()[axis];
    let along = (0..3).max_by(|a, b| row[*a].abs().total_cmp(&row[*b].abs())).unwrap_or(axis);
    if source.shape()[axis] == target.shape()[along] && (row[along] - 1.0).abs() < 1e-9 && row[3].abs() < 1e-6 {
        // The slices lie where they lay.
        let result = execute(volume, pass, &How { through: None, ..how.clone() }.beside(axis))?;
        return cut(result, Some(along), &slices(volume, Some(axis)));
    }
    let between = between(source, target, axis, along)?;
    let mut first = Sampling::identity(*source);
    first.push(&GridOp::Resample { grid: between })?;
    let mut second = Sampling::identity(between);
    second.push(&GridOp::Resample { grid: *target })?;
    let flat = execute(volume, &first, &how.clone().beside(axis))?;
    let (flat, count) = cut(flat, Some(along), &slices(volume, Some(axis)))?;
    let apart = Some(Through { axis: along, ..through });
    let rest = How { interpolation: through.interpolation, through: apart, ..how.clone() };
    Ok((execute(&flat, &second, &rest)?, count))
}

trait Beside {
    fn beside(self, axis: usize) -> Self;
}

impl Beside for How {
    /// The same without a spline along one axis, whose slices stay where they are.
    fn beside(self, axis: usize) -> Self {
        let through = Through { axis, interpolation: Interpolation::Nearest };
        Self { through: Some(through), ..self }
    }
}

/// The grid of the target across an axis of the source, and of the source along it; `along` is the target's axis there.
fn between(source: &Grid, target: &Grid, axis: usize, along: usize) -> Result<Grid, revoxel_core::GridError> {
    let mut rows = target.index_map_to(source).rows();
    rows.iter_mut().for_each(|row| row[along] = 0.0);
    rows[axis] = [0.0; 4];
    rows[axis][along] = 1.0;
    let mut shape = target.shape();
    shape[along] = source.shape()[axis];
    Grid::new(shape, source.affine().after(&Affine::from_rows(rows)))
}

/// Index of the slice of each voxel in a channel; always 0 without an axis.
fn slice_of(shape: [usize; 3], axis: Option<usize>) -> impl Fn(usize) -> usize {
    move |index| match axis {
        None => 0,
        Some(0) => index % shape[0],
        Some(1) => index / shape[0] % shape[1],
        Some(_) => index / (shape[0] * shape[1]),
    }
}

/// The ranges of the finite values of all slices of all channels.
fn slices(volume: &Volume, axis: Option<usize>) -> Vec<[f64; 2]> {
    let (shape, size) = (volume.grid().shape(), volume.grid().voxel_count());
    let count = axis.map_or(1, |a| shape[a]);
    let of = slice_of(shape, axis);
    let mut ranges = vec![[f64::INFINITY, f64::NEG_INFINITY]; count * volume.channels()];
    revoxel_core::dispatch!(volume.voxels(), v => {
        for (position, value) in v.iter().enumerate() {
            let range = &mut ranges[position / size * count + of(position % size)];
            let value = revoxel_core::Voxel::to_f64(*value);
            if value.is_finite() {
                *range = [range[0].min(value), range[1].max(value)];
            }
        }
    });
    ranges
}

/// Clips values to the range of their slice; also returns how many were outside.
fn cut(volume: Volume, axis: Option<usize>, ranges: &[[f64; 2]]) -> Result<(Volume, usize), ResampleError> {
    let (shape, size) = (volume.grid().shape(), volume.grid().voxel_count());
    let count = axis.map_or(1, |a| shape[a]);
    let of = slice_of(shape, axis);
    let mut changed = 0;
    let mut held = |position: usize, value: f64| {
        let [low, high] = ranges[position / size * count + of(position % size)];
        if low > high || value.is_nan() {
            return value;
        }
        // What rounding added is no overshoot.
        let slack = (high - low) * 1e-6;
        changed += usize::from(value < low - slack || value > high + slack);
        value.clamp(low, high)
    };
    let voxels: Voxels = match volume.voxels() {
        Voxels::F32(v) => v.iter().enumerate().map(|(i, x)| held(i, f64::from(*x)) as f32).collect::<Vec<f32>>().into(),
        Voxels::F64(v) => v.iter().enumerate().map(|(i, x)| held(i, *x)).collect::<Vec<f64>>().into(),
        _ => return Ok((volume, 0)),
    };
    Ok((volume.with_voxels(voxels)?, changed))
}
