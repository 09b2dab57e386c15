//! Points as labels: each marks the voxel that it lies in.

use std::collections::HashMap;
use std::path::Path;

use revoxel_core::{Dtype, Grid, Kind, Volume, Voxels};
use revoxel_invert::points::Space;

use super::{Document, PointsError, Shape};

/// A label map in which the k-th point of a file is label k, of the smallest unsigned type that holds them, and the
/// voxels of the points in their order. `space` is what the file's numbers are where it does not say; indices are those
/// of `grid`.
///
/// # Errors
/// Where the file has no points, or a box; where a point has no place, lies outside of the grid, or in the voxel of
/// another one.
pub fn label_map(
    path: &Path,
    document: &Document,
    space: Option<Space>,
    grid: &Grid,
) -> Result<(Volume, Vec<[usize; 3]>), PointsError> {
    let error = |place: &str, problem: String| Err(PointsError::Content { place: place.to_owned(), problem });
    if let Some(name) = document.unplaced().first() {
        let problem = "the point has no position, and later points would get other labels without it: place it, or \
                       delete it from the file";
        return error(name, problem.to_owned());
    }
    let items = document.items();
    if items.is_empty() {
        return error(&path.display().to_string(), "the file holds no points".to_owned());
    }
    let [nx, ny, _] = grid.shape();
    let mut labels = vec![0u32; grid.voxel_count()];
    let (mut voxels, mut taken) = (Vec::with_capacity(items.len()), HashMap::new());
    for (number, item) in items.iter().enumerate() {
        let space = item.space_or(space)?;
        let Shape::Point(point) = item.shape else {
            return error(&item.name, "expected a point, found a box".to_owned());
        };
        let index = match space {
            Space::Index => point,
            Space::World(frame) => grid.world_to_index().apply(frame.point_to_ras(point)),
        };
        if !grid.index_box().covers(index) {
            let problem = format!(
                "the point {} ({}) lies at index {}, outside the grid ({grid})",
                shown(point),
                space.name(),
                shown(index)
            );
            return error(&item.name, problem);
        }
        let voxel = [0, 1, 2].map(|a| ((index[a] + 0.5).floor().max(0.0) as usize).min(grid.shape()[a] - 1));
        if let Some(other) = taken.insert(voxel, &item.name) {
            let problem = format!("lies in the same voxel {voxel:?} as {other}: a voxel holds only one label");
            return error(&item.name, problem);
        }
        labels[voxel[0] + nx * (voxel[1] + ny * voxel[2])] = u32::try_from(number + 1).unwrap_or(u32::MAX);
        voxels.push(voxel);
    }
    let labels = Voxels::from(labels).cast(Dtype::smallest_for_labels(items.len() as f64));
    match Volume::new(labels, *grid, Kind::Label, 1) {
        Ok(volume) => Ok((volume, voxels)),
        Err(problem) => error(&path.display().to_string(), problem.to_string()),
    }
}

fn shown(p: [f64; 3]) -> String {
    let [x, y, z] = p;
    format!("({x:.3}, {y:.3}, {z:.3})")
}
