//! Slices that lie unevenly: where they go.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use revoxel_core::affine::norm;
use revoxel_core::{Affine, Grid, GridError, GridOp, Slices, SlicesError};
use revoxel_io::{LabelOptions, MissingPolicy, OverlapPolicy, ReadOptions, SlicePolicy, SliceStack, Threshold};
use revoxel_pipeline::{Input, MissingRule, OverlapRule, Pipeline, SliceRule};

use crate::limits::options;

/// Why a stack cannot be evened out.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnevenError {
    /// The slices are no stack.
    #[error(transparent)]
    Slices(#[from] SlicesError),
    /// There is no even grid around them.
    #[error(transparent)]
    Grid(#[from] GridError),
}

/// How an input of a case is to be read. `reference` is the input onto whose slices its labels go, with its file, where
/// it names one.
pub fn read_options(input: &Input, reference: Option<(&Input, &Path)>) -> ReadOptions {
    let said = |own: bool| reference.map(|(other, _)| other).filter(|_| !own).unwrap_or(input);
    let labels = LabelOptions {
        reference: reference.map(|(_, path)| path.to_owned()),
        structures: input.segments.structures.clone(),
        threshold: input.segments.threshold.and_then(Threshold::new).unwrap_or_default(),
        overlap: match input.segments.overlap {
            OverlapRule::Error => OverlapPolicy::Error,
            OverlapRule::Channels => OverlapPolicy::Channels,
        },
    };
    ReadOptions {
        series: input.series.clone(),
        kind: Some(input.kind),
        labels,
        slices: match said(input.slices != SliceRule::default()).slices {
            SliceRule::Error => SlicePolicy::Error,
            SliceRule::Regularize => SlicePolicy::Regularize,
            SliceRule::Nominal => SlicePolicy::Nominal,
        },
        missing: match said(input.missing != MissingRule::default()).missing {
            MissingRule::Error => MissingPolicy::Error,
            MissingRule::Interpolate => MissingPolicy::Interpolate,
        },
        ..options()
    }
}

/// How an input of a pipeline is to be read in a case with these files.
pub fn options_of(pipeline: &Pipeline, input: &Input, files: &BTreeMap<String, PathBuf>) -> ReadOptions {
    let named = input.segments.reference.as_deref();
    let reference = named.and_then(|key| Some((pipeline.input(key)?, files.get(key)?.as_path())));
    read_options(input, reference)
}

/// The op that samples a stack onto an even grid around it.
///
/// The grid has orthogonal axes: those of the slices' plane with their voxel size, and the normal with the median
/// gap. Within the plane its voxels coincide with those of the first slice, and it holds every slice whole.
///
/// # Errors
/// Where the slices are not in order, or there is no grid around them.
pub fn even_out(nominal: &Grid, stack: &SliceStack) -> Result<GridOp, UnevenError> {
    let to_index = nominal.world_to_index();
    let offset = |(k, position): (usize, &[f64; 3])| {
        let index = to_index.apply(*position);
        [index[0], index[1], index[2] - k as f64]
    };
    let slices = Slices::new(stack.positions.iter().enumerate().map(offset).collect())?;

    let (columns, spacing) = ([0, 1].map(|a| nominal.affine().column(a)), nominal.spacing());
    let [r, c] = [0, 1].map(|a| columns[a].map(|v| v / spacing[a]));
    let cross = [r[1] * c[2] - r[2] * c[1], r[2] * c[0] - r[0] * c[2], r[0] * c[1] - r[1] * c[0]];
    let dot = |a: [f64; 3], b: [f64; 3]| a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    // The normal, to the side where the slices are.
    let length = norm(cross).copysign(dot(cross, nominal.affine().column(2)));
    let normal = cross.map(|v| v / length);
    let (first, last) = (stack.positions[0], stack.positions[stack.positions.len() - 1]);
    let mut gaps: Vec<f64> = stack.positions.windows(2).map(|w| dot(normal, w[1]) - dot(normal, w[0])).collect();
    gaps.sort_by(f64::total_cmp);
    let gap = gaps[gaps.len() / 2];
    let count = ((dot(normal, last) - dot(normal, first)) / gap - 1e-6).ceil().max(1.0) as usize + 1;

    // Where slices lie within the plane, in voxels from the first slice.
    let (mut start, mut shape) = ([0.0; 2], nominal.shape());
    shape[2] = count;
    for (axis, direction) in [r, c].into_iter().enumerate() {
        let place = |p: &[f64; 3]| (dot(direction, *p) - dot(direction, first)) / spacing[axis];
        let places: Vec<f64> = stack.positions.iter().map(place).collect();
        start[axis] = (places.iter().copied().fold(0.0, f64::min) + 1e-6).floor();
        let end = (places.iter().copied().fold(0.0, f64::max) - 1e-6).ceil();
        shape[axis] += (end - start[axis]) as usize;
    }
    let origin = [0, 1, 2].map(|i| first[i] + start[0] * columns[0][i] + start[1] * columns[1][i]);
    let direction = [0, 1, 2].map(|i| [r[i], c[i], normal[i]]);
    let grid = Grid::new(shape, Affine::from_parts([spacing[0], spacing[1], gap], direction, origin))?;
    Ok(GridOp::Reslice { from: Some(Arc::new(slices)), to: None, grid })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_even_grid_holds_every_slice() {
        // Tilted by 20°, with gaps of 4, 4, 1 and 7 mm.
        let affine = Affine::from_rows([[0.5, 0., 0., -60.], [0., 0.5, 1.4, -40.], [0., 0., 4., 10.]]);
        let nominal = Grid::new([200, 180, 5], affine).unwrap();
        let positions = [0.0, 4.0, 8.0, 9.0, 16.0].map(|d| [-60.0, -40.0 + d * 0.36, 10.0 + d]);
        let op = even_out(&nominal, &SliceStack { positions: positions.to_vec() }).unwrap();
        let GridOp::Reslice { from: Some(slices), grid, .. } = op else { panic!() };
        assert_eq!(grid.shape(), [200, 192, 5]);
        assert_eq!(grid.spacing(), [0.5, 0.5, 4.0]);
        assert!(grid.affine().shear() < 1e-12);
        for (k, position) in positions.iter().enumerate() {
            let back = nominal.index_to_world(slices.to_even([0.0, 0.0, k as f64]));
            assert!((0..3).all(|a| (back[a] - position[a]).abs() < 1e-9));
            for corner in [[0.0, 0.0], [199.0, 179.0]] {
                let world = nominal.index_to_world(slices.to_even([corner[0], corner[1], k as f64]));
                assert!(grid.index_box().covers(grid.world_to_index().apply(world)));
            }
        }
    }

    #[test]
    fn slices_out_of_order_are_refused() {
        let nominal = Grid::without_geometry([4, 4, 3]).unwrap();
        let positions = vec![[0.0; 3], [0.0, 0.0, 2.0], [0.0, 0.0, 1.0]];
        assert!(even_out(&nominal, &SliceStack { positions }).unwrap_err().to_string().contains("not in order"));
    }
}
