//! Slices that lie unevenly: where they go.

use std::path::Path;
use std::sync::Arc;

use revoxel_core::affine::norm;
use revoxel_core::{Affine, Grid, GridError, GridOp, Kind, Slices, SlicesError};
use revoxel_invert::{OpRecord, Trace};
use revoxel_io::{
    ComplexPolicy, FileInfo, FramesPolicy, IncompletePolicy, LabelOptions, MissingPolicy, OverlapPolicy, ReadError,
    ReadOptions, RescalePolicy, SeriesChoice, SlicePolicy, SliceStack, Threshold,
};
use revoxel_pipeline::{
    ComplexRule, FramesRule, IncompleteRule, Input, MissingRule, OverlapRule, Pipeline, RescaleRule, SeriesRule,
    SliceRule,
};

use crate::limits::{limits, options};

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
    /// The even grid is too large.
    #[error(
        "an even grid with slices {gap:.4} mm apart would have {} × {} × {} voxels ({bytes} bytes), above the limit of \
         {limit} bytes: raise the limit, or read the slices as evenly spaced with `nominal`",
        shape[0], shape[1], shape[2]
    )]
    Limit {
        /// Voxels of the grid.
        shape: [usize; 3],
        /// The distance of its slices, mm.
        gap: f64,
        /// What they take in float32.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
}

impl UnevenError {
    /// What a caller can set, of what the message speaks of.
    pub fn settings(&self) -> Option<revoxel_io::Setting> {
        matches!(self, Self::Limit { .. }).then_some(revoxel_io::Setting::MaxVolume)
    }
}

/// How an input of a case is to be read. `reference` is the input onto whose slices its labels go, with its file, where
/// it names one.
pub(crate) fn read_options(input: &Input, reference: Option<(&Input, &Path)>) -> ReadOptions {
    let said = |own: bool| reference.map(|(other, _)| other).filter(|_| !own).unwrap_or(input);
    let series = |rule: &SeriesRule| SeriesChoice {
        name: rule.name.clone(),
        uid: rule.uid.clone(),
        description: rule.description.clone(),
        modality: rule.modality.clone(),
        number: rule.number,
        min_slices: rule.min_slices,
        largest: rule.largest,
        files: None,
    };
    let labels = LabelOptions {
        reference: reference.map(|(_, path)| path.to_owned()),
        reference_series: reference.and_then(|(other, _)| other.series.as_ref()).map(series),
        reference_select: reference.and_then(|(other, _)| other.select.clone()),
        structures: input.segments.structures.clone(),
        threshold: input.segments.threshold.and_then(Threshold::new).unwrap_or_default(),
        overlap: match input.segments.overlap {
            OverlapRule::Error => OverlapPolicy::Error,
            OverlapRule::Channels => OverlapPolicy::Channels,
        },
    };
    let usual = options();
    ReadOptions {
        kind: Some(input.kind),
        labels,
        series: input.series.as_ref().map(series),
        select: input.select.clone(),
        frames: match input.frames {
            FramesRule::Separate => FramesPolicy::Separate,
            FramesRule::Stack => FramesPolicy::Stack,
        },
        rescale: match input.rescale {
            RescaleRule::Error => RescalePolicy::Error,
            RescaleRule::Assume => RescalePolicy::Assume,
        },
        incomplete: match input.incomplete {
            IncompleteRule::Error => IncompletePolicy::Error,
            IncompleteRule::Drop => IncompletePolicy::Drop,
        },
        slices: match said(input.slices != SliceRule::default()).slices {
            SliceRule::Error => SlicePolicy::Error,
            SliceRule::Regularize => SlicePolicy::Regularize,
            SliceRule::Nominal => SlicePolicy::Nominal,
        },
        missing: match said(input.missing != MissingRule::default()).missing {
            MissingRule::Error => MissingPolicy::Error,
            MissingRule::Interpolate => MissingPolicy::Interpolate,
        },
        complex: match input.complex {
            ComplexRule::Error => ComplexPolicy::Error,
            ComplexRule::Channels => ComplexPolicy::Channels,
        },
        spacing: input.spacing,
        allow_outside: input.allow_outside || usual.allow_outside,
        ..usual
    }
}

/// The header of a file that stands for the images of a pipeline, read as the pipeline says of these.
///
/// # Errors
/// Where the header cannot be read.
pub fn info_like(pipeline: &Pipeline, file: &Path) -> Result<FileInfo, ReadError> {
    let input = pipeline.inputs.iter().find(|i| i.kind == Kind::Image).or(pipeline.inputs.first());
    let rules = input.map_or_else(options, |input| read_options(input, None));
    match revoxel_io::info_with(file, &rules) {
        // It stands for labels, and need not be labels.
        Err(ReadError::LabelOptions { .. }) => {
            revoxel_io::info_with(file, &ReadOptions { labels: LabelOptions::default(), ..rules })
        }
        read => read,
    }
}

/// The grid that a volume starts on: the even one, where its slices lie unevenly.
///
/// # Errors
/// As [`even_out`].
pub fn start(info: &FileInfo) -> Result<Grid, UnevenError> {
    match &info.slices {
        Some(stack) => match even_out(&info.grid, stack)? {
            GridOp::Reslice { grid, .. } => Ok(grid),
            _ => Ok(info.grid),
        },
        None => Ok(info.grid),
    }
}

/// The trace as if the even grids, on which uneven slices were put, had been those of the sources; whether there are any.
pub fn onto_regular(trace: &mut Trace) -> bool {
    let mut any = false;
    for record in trace.volumes.values_mut() {
        let first = record.steps.first().and_then(|step| step.ops.first()).map(OpRecord::op);
        if let Some(Ok(GridOp::Reslice { from: Some(_), .. })) = first {
            record.source.grid = record.steps.remove(0).after;
            any = true;
        }
    }
    any
}

/// Slices that protrude by less do not make a grid larger: this part of a gap …
const NOISE: f64 = 1e-3;
/// … or this many mm, whichever is more.
const NOISE_MM: f64 = 0.01;

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
    // What places are rounded to is no reason for a slice or a row more.
    let noise = (gap * NOISE).max(NOISE_MM);
    let count = ((dot(normal, last) - dot(normal, first) - noise) / gap).ceil().max(1.0) as usize + 1;

    // Where slices lie within the plane, in voxels from the first slice.
    let (mut start, mut shape) = ([0.0; 2], nominal.shape());
    shape[2] = count;
    for (axis, direction) in [r, c].into_iter().enumerate() {
        let place = |p: &[f64; 3]| (dot(direction, *p) - dot(direction, first)) / spacing[axis];
        let places: Vec<f64> = stack.positions.iter().map(place).collect();
        let noise = noise / spacing[axis];
        start[axis] = (places.iter().copied().fold(0.0, f64::min) + noise).floor();
        let end = (places.iter().copied().fold(0.0, f64::max) - noise).ceil();
        shape[axis] += (end - start[axis]) as usize;
    }
    let bytes = shape.iter().fold(4u64, |bytes, n| bytes.saturating_mul(*n as u64));
    let limits = limits();
    let limit = limits.max_volume.min(limits.memory);
    if bytes > limit {
        return Err(UnevenError::Limit { shape, gap, bytes, limit });
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
    fn rounded_places_do_not_make_a_grid_larger() {
        // An oblique stack without its seventh slice, its places rounded to 1e-4 mm.
        let (row, column) = ([0.94, 0.28, 0.19], [-0.23, 0.94, -0.25]);
        let unit = |v: [f64; 3]| v.map(|x| x / norm(v));
        let row = unit(row);
        let along = (0..3).map(|i| row[i] * column[i]).sum::<f64>();
        let column = unit([0, 1, 2].map(|i| column[i] - along * row[i]));
        let normal = [
            row[1] * column[2] - row[2] * column[1],
            row[2] * column[0] - row[0] * column[2],
            row[0] * column[1] - row[1] * column[0],
        ];
        let first = [-3.1, 22.7, 5.3];
        let place = |k: usize| [0, 1, 2].map(|i| ((first[i] + 2.6 * k as f64 * normal[i]) * 1e4).round() / 1e4);
        let positions: Vec<[f64; 3]> = (0..14).filter(|k| *k != 6).map(place).collect();
        let direction = [0, 1, 2].map(|i| [row[i], column[i], normal[i]]);
        let affine = Affine::from_parts([0.9, 0.9, 2.6 * 13.0 / 12.0], direction, positions[0]);
        let nominal = Grid::new([11, 9, 13], affine).unwrap();
        let GridOp::Reslice { grid, .. } = even_out(&nominal, &SliceStack { positions }).unwrap() else { panic!() };
        assert_eq!(grid.shape(), [11, 9, 14]);
    }

    #[test]
    fn slices_out_of_order_are_refused() {
        let nominal = Grid::without_geometry([4, 4, 3]).unwrap();
        let positions = vec![[0.0; 3], [0.0, 0.0, 2.0], [0.0, 0.0, 1.0]];
        assert!(even_out(&nominal, &SliceStack { positions }).unwrap_err().to_string().contains("not in order"));
    }
}
