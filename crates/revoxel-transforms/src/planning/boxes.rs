//! Boxes of one grid on another, and boxes around what is seen in voxels.

use revoxel_core::relation::NOISE_VOXELS;
use revoxel_core::{Frame, Grid, GridOp, IndexBox, Voxel, parallel};

use super::window;
use crate::error::PlanError;
use crate::sources::Evidence;

/// A box of one grid as the box of another grid's voxels that covers the same region of the world. On a 2-D grid a box
/// that meets the slice has that slice.
pub fn carried(region: &IndexBox, from: &Grid, to: &Grid) -> IndexBox {
    if from == to {
        return *region;
    }
    let (map, end) = (from.index_map_to(to), region.end());
    let corners: [[f64; 3]; 8] = std::array::from_fn(|bits| {
        map.apply([0, 1, 2].map(|a| (if bits >> a & 1 == 0 { region.start[a] } else { end[a] }) as f64 - 0.5))
    });
    in_slice(covering(&corners), to)
}

/// A box that holds the slice of a 2-D grid, without what is beside it.
fn in_slice(mut region: IndexBox, grid: &Grid) -> IndexBox {
    if grid.is_planar() && region.start[2] <= 0 && region.end()[2] > 0 {
        (region.start[2], region.shape[2]) = (0, 1);
    }
    region
}

/// The box of a grid's voxels that covers the box between two opposite corners (mm, `frame`), whose faces are
/// parallel to the world's axes.
pub fn of_world(corners: [[f64; 3]; 2], frame: Frame, grid: &Grid) -> IndexBox {
    let ends = corners.map(|p| frame.point_to_ras(p));
    let to_index = grid.world_to_index();
    let corners: [[f64; 3]; 8] = std::array::from_fn(|bits| to_index.apply([0, 1, 2].map(|a| ends[bits >> a & 1][a])));
    in_slice(covering(&corners), grid)
}

/// The smallest box of voxels, each half a voxel around its centre, that holds continuous indices. What reaches into a
/// voxel by no more than headers may differ by does not count: a face that lies between two voxels stays there where one
/// of the headers is in single precision.
fn covering(corners: &[[f64; 3]]) -> IndexBox {
    let (low, high) = revoxel_core::grid::bounds_of(corners);
    let (low, high) = (low.map(|l| l + 0.5 + NOISE_VOXELS), high.map(|h| h + 0.5 - NOISE_VOXELS));
    IndexBox::from_bounds(low.map(|l| l.floor() as i64), high.map(|h| h.ceil() as i64))
}

/// The grid in whose voxels a box is meant: that of the input called `source`, where one is named.
pub fn source_grid<'a>(source: Option<&str>, own: &'a Grid, evidence: &Evidence<'a>) -> Result<&'a Grid, PlanError> {
    match source {
        None => Ok(own),
        Some(key) => evidence.reference.ok_or_else(|| PlanError::MissingInput(key.to_owned())),
    }
}

/// What a box and a grid have in common.
pub fn clipped(region: &IndexBox, grid: &Grid) -> Result<IndexBox, PlanError> {
    let kept = region.intersect(&grid.index_box());
    if kept.is_empty() {
        return Err(PlanError::NothingLeft { start: region.start, end: region.end(), shape: grid.shape() });
    }
    Ok(kept)
}

/// The crop to the region that was seen in the voxels of `source`, cut at the faces of the grid; none where the volume
/// is to be kept.
pub fn seen(source: &str, grid: &Grid, evidence: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
    let observed = evidence.observed.ok_or_else(|| PlanError::DependsOnVoxels(source.to_owned()))?;
    let Some(region) = observed.region else { return Ok(Vec::new()) };
    let region = clipped(&carried(&region, &observed.grid, grid), grid)?;
    Ok(window(grid.shape(), region.start, region.end()))
}

/// The box around the selected voxels of any channel. What is not finite is never selected.
pub fn foreground<T: Voxel>(voxels: &[T], grid: &Grid, selects: impl Fn(T) -> bool + Sync) -> Option<IndexBox> {
    let [nx, ny, nz] = grid.shape();
    let selects = |v: T| selects(v) && (T::DTYPE.is_integer() || v.to_f64().is_finite());
    let planes = parallel::map(voxels.chunks(nx * ny).enumerate(), |(position, plane)| {
        let z = (position % nz) as i64;
        let mut found: Option<([i64; 3], [i64; 3])> = None;
        for (y, row) in plane.chunks(nx).enumerate() {
            let Some(first) = row.iter().position(|v| selects(*v)) else { continue };
            let last = row.iter().rposition(|v| selects(*v)).unwrap_or(first);
            let here = ([first as i64, y as i64, z], [last as i64 + 1, y as i64 + 1, z + 1]);
            found = Some(found.map_or(here, |f| union(f, here)));
        }
        found
    });
    planes.into_iter().flatten().reduce(union).map(|(start, end)| IndexBox::from_bounds(start, end))
}

fn union(a: ([i64; 3], [i64; 3]), b: ([i64; 3], [i64; 3])) -> ([i64; 3], [i64; 3]) {
    ([0, 1, 2].map(|i| a.0[i].min(b.0[i])), [0, 1, 2].map(|i| a.1[i].max(b.1[i])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::Affine;
    use revoxel_core::testing::Draw;

    #[test]
    fn a_box_is_carried_to_another_grid_through_the_world() {
        let fine = Grid::new([20, 20, 20], Affine::scaling([1.0; 3])).unwrap();
        // Twice the voxel size, mirrored along the first axis, same outer faces.
        let affine = Affine::from_rows([[-2., 0., 0., 18.5], [0., 2., 0., 0.5], [0., 0., 2., 0.5]]);
        let coarse = Grid::new([10, 10, 10], affine).unwrap();
        let region = IndexBox { start: [4, 6, 1], shape: [6, 2, 3] };
        assert_eq!(carried(&region, &fine, &coarse), IndexBox { start: [5, 3, 0], shape: [3, 1, 2] });
        assert_eq!(carried(&region, &fine, &fine), region);
    }

    #[test]
    fn headers_in_single_precision_add_no_voxel() {
        let affine = Draw::new(8).affine();
        let image = Grid::new([40, 30, 20], affine).unwrap();
        // The same place in voxels half as large, as a header of single precision has it.
        let half = Affine::translation_by([-0.25; 3]).after(&Affine::scaling([0.5; 3]));
        let rows = affine.after(&half).rows().map(|row| row.map(|v| f64::from(v as f32)));
        let label = Grid::new([80, 60, 40], Affine::from_rows(rows)).unwrap();
        for start in [[0, 0, 0], [3, 7, 11], [33, 22, 12]] {
            let region = IndexBox { start, shape: [7, 8, 8] };
            let expected = IndexBox { start: start.map(|s| 2 * s), shape: [14, 16, 16] };
            assert_eq!(carried(&region, &image, &label), expected);
            assert_eq!(carried(&expected, &label, &image), region);
        }
    }

    #[test]
    fn a_box_of_the_world_is_covered() {
        let affine = Affine::from_rows([[-2., 0., 0., 18.5], [0., 2., 0., 0.5], [0., 0., 2., 0.5]]);
        let grid = Grid::new([10, 10, 10], affine).unwrap();
        // x from 3.5 to 9.5 mm to the right; the grid's faces are at 19.5, 17.5, ..
        let t = |corners, frame| of_world(corners, frame, &grid);
        let expected = IndexBox { start: [5, 0, 1], shape: [3, 2, 2] };
        assert_eq!(t([[3.5, -0.5, 1.5], [9.5, 3.5, 5.0]], Frame::Ras), expected);
        assert_eq!(t([[-3.5, 0.5, 5.0], [-9.5, -3.5, 1.5]], Frame::Lps), expected);
    }
}
