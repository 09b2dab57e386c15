//! The slices onto which labels go, and the position of a frame on them.

use revoxel_core::affine::norm;

use super::super::plane::Plane;
use super::super::vector::{add, cross, dot, scaled, sub};

/// The largest offset of a frame from the pixels and the slices, as a part of their distance …
const TOLERANCE: f64 = 0.05;
/// … or in mm from a slice, whichever is more.
const TOLERANCE_MM: f64 = 0.01;

/// Slices in parallel planes, in the order of their normal.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// The steps to the next column and to the next row, LPS mm; perpendicular.
    in_plane: [[f64; 3]; 2],
    /// Columns and rows.
    size: [usize; 2],
    /// The centre of the first pixel of each slice, LPS mm.
    positions: Vec<[f64; 3]>,
    normal: [f64; 3],
    /// The position of each slice along the normal.
    along: Vec<f64>,
}

/// The position of a frame: its pixel at `column` and `row` is at `start + column · right + row · down` of the slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) slice: usize,
    start: [i64; 2],
    right: [i64; 2],
    down: [i64; 2],
}

impl Placed {
    /// The pixel of the slice for the first pixel of a row of the frame, and the step to the next one of that row.
    pub(super) fn row(&self, row: usize, columns: usize) -> (i64, i64) {
        let (row, columns) = (row as i64, columns as i64);
        let at = [0, 1].map(|a| self.start[a] + row * self.down[a]);
        (at[1] * columns + at[0], self.right[1] * columns + self.right[0])
    }
}

impl Target {
    pub(super) fn new(in_plane: [[f64; 3]; 2], size: [usize; 2], positions: Vec<[f64; 3]>) -> Self {
        let normal = cross(in_plane[0], in_plane[1]);
        let normal = scaled(normal, 1.0 / norm(normal));
        let along = positions.iter().map(|p| dot(*p, normal)).collect();
        Self { in_plane, size, positions, normal, along }
    }

    /// Columns and rows.
    pub(super) fn size(&self) -> [usize; 2] {
        self.size
    }

    /// The slice on which a point lies; else its distance from the nearest one, mm.
    pub(super) fn slice_of(&self, point: [f64; 3]) -> Result<usize, f64> {
        let at = dot(point, self.normal);
        let above = self.along.partition_point(|a| *a < at);
        let distance = |k: &usize| (self.along[*k] - at).abs();
        let near = (above.saturating_sub(1)..=above).filter(|k| *k < self.along.len());
        let nearest = near.min_by(|a, b| distance(a).total_cmp(&distance(b))).ok_or(f64::INFINITY)?;
        let off = distance(&nearest);
        if off <= self.tolerance(nearest) { Ok(nearest) } else { Err(off) }
    }

    /// The largest distance of a point from its slice, mm.
    fn tolerance(&self, slice: usize) -> f64 {
        let gap = |low: Option<usize>| Some(self.along.get(low? + 1)? - self.along.get(low?)?);
        let gaps = [gap(slice.checked_sub(1)), gap(Some(slice))];
        let least = gaps.into_iter().flatten().fold(f64::INFINITY, f64::min);
        if least.is_finite() { (least * TOLERANCE).max(TOLERANCE_MM) } else { TOLERANCE_MM }
    }

    /// Column and row of a point on a slice.
    pub(super) fn pixel(&self, slice: usize, point: [f64; 3]) -> [f64; 2] {
        let offset = sub(point, self.positions[slice]);
        self.in_plane.map(|axis| dot(offset, axis) / dot(axis, axis))
    }

    /// The position of a frame of so many columns and rows, pixel on pixel; else the reason why it does not match, for
    /// people.
    pub(super) fn place(&self, plane: &Plane, [columns, rows]: [usize; 2]) -> Result<Placed, String> {
        let point = |column: usize, row: usize| {
            let right = scaled(plane.row, plane.spacing[1] * column as f64);
            add(add(plane.position, right), scaled(plane.column, plane.spacing[0] * row as f64))
        };
        let at = |p: [f64; 3]| p.map(|v| format!("{v:.3}")).join(", ");
        let slice = self.slice_of(plane.position).map_err(|mm| {
            format!("the position ({}) mm LPS is {mm:.3} mm off the nearest slice", at(plane.position))
        })?;
        // Steps are exact within what a frame may be off at its far corner.
        let steps = [scaled(plane.row, plane.spacing[1]), scaled(plane.column, plane.spacing[0])];
        let steps = steps.map(|step| self.in_plane.map(|axis| (dot(step, axis) / dot(axis, axis)).round()));
        let single = |s: &[f64; 2]| s[0].abs() + s[1].abs() == 1.0;
        if !steps.iter().all(single) || steps[0][0].abs() == steps[1][0].abs() {
            return Err("its pixels differ in size or direction from those of the series".to_owned());
        }
        let start = self.pixel(slice, plane.position).map(f64::round);
        let [right, down] = steps;
        for (column, row) in [(0, 0), (columns - 1, 0), (0, rows - 1), (columns - 1, rows - 1)] {
            let corner = point(column, row);
            let off = (dot(corner, self.normal) - self.along[slice]).abs();
            if off > self.tolerance(slice) {
                return Err(format!(
                    "its corner ({}) mm LPS is {off:.3} mm off the slice, so it is tilted",
                    at(corner)
                ));
            }
            let found = self.pixel(slice, corner);
            let wanted = [0, 1].map(|a| start[a] + column as f64 * right[a] + row as f64 * down[a]);
            if (0..2).any(|a| (found[a] - wanted[a]).abs() > TOLERANCE) {
                let off = (0..2).map(|a| (found[a] - wanted[a]).abs()).fold(0.0, f64::max);
                return Err(format!(
                    "its corner ({}) mm LPS is {off:.3} pixels off the pixel centres of the slice",
                    at(corner)
                ));
            }
            if (0..2).any(|a| wanted[a] < 0.0 || wanted[a] >= self.size[a] as f64) {
                return Err(format!("its corner ({}) mm LPS is outside the slice", at(corner)));
            }
        }
        let whole = |v: [f64; 2]| v.map(|v| v as i64);
        Ok(Placed { slice, start: whole(start), right: whole(right), down: whole(down) })
    }
}
