//! Parts of volumes. The geometry moves with the voxels.

use pyo3::exceptions::{PyIndexError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyEllipsis, PySlice, PyTuple};
use revoxel::geometry::{Affine, GridOp, SignedPermutation, Voxel, Voxels, dispatch};

use crate::errors::{internal, plain, shape};
use crate::origin::Origin;
use crate::pool;
use crate::volume::Volume;

/// What is taken along an axis: `count` indices from `start`, `step` apart.
#[derive(Clone, Copy)]
struct Taken {
    start: isize,
    step: isize,
    count: usize,
}

impl Taken {
    const fn all(length: usize) -> Self {
        Self { start: 0, step: 1, count: length }
    }

    /// The lowest index.
    const fn lowest(&self) -> isize {
        if self.step < 0 { self.start + self.step * (self.count as isize - 1) } else { self.start }
    }
}

/// `volume[2:10, ::-1, ::2]`. A whole number takes one index and keeps the axis, with length 1: a volume has three axes,
/// and the thickness of a slice is part of where it lies.
pub(crate) fn sliced(volume: &Bound<'_, Volume>, key: &Bound<'_, PyAny>) -> PyResult<Volume> {
    let (py, this) = (volume.py(), volume.get());
    let lengths = this.array_shape();
    let keys: Vec<Bound<'_, PyAny>> = match key.cast::<PyTuple>() {
        Ok(keys) => keys.iter().collect(),
        Err(_) => vec![key.clone()],
    };
    let dots = keys.iter().filter(|key| key.is_instance_of::<PyEllipsis>()).count();
    if dots > 1 || keys.len() - dots > lengths.len() {
        return Err(PyIndexError::new_err(format!("too many indices: the volume has {} axes", lengths.len())));
    }
    let mut taken: Vec<Taken> = Vec::new();
    for key in &keys {
        if key.is_instance_of::<PyEllipsis>() {
            let left = lengths.len() - (keys.len() - 1);
            (0..left).for_each(|_| taken.push(Taken::all(lengths[taken.len()])));
        } else {
            let axis = taken.len();
            taken.push(along(key, axis, lengths[axis])?);
        }
    }
    (taken.len()..lengths.len()).for_each(|axis| taken.push(Taken::all(lengths[axis])));
    let channels = taken.get(3).copied().unwrap_or(Taken::all(1));
    part(py, this, [taken[0], taken[1], taken[2]], channels)
}

/// The volume with an axis reversed.
pub(crate) fn flipped(volume: &Bound<'_, Volume>, axis: isize) -> PyResult<Volume> {
    let (py, this) = (volume.py(), volume.get());
    let Some(axis) = usize::try_from(axis).ok().filter(|axis| *axis < 3) else {
        return Err(plain(py, &format!("axis {axis}: the spatial axes are 0, 1 and 2")));
    };
    let mut taken = this.volume.grid().shape().map(Taken::all);
    let count = taken[axis].count;
    taken[axis] = Taken { start: count as isize - 1, step: -1, count };
    part(py, this, taken, Taken::all(this.volume.channels()))
}

fn along(key: &Bound<'_, PyAny>, axis: usize, length: usize) -> PyResult<Taken> {
    if let Ok(slice) = key.cast::<PySlice>() {
        let found = slice.indices(length as isize)?;
        if found.slicelength == 0 {
            return Err(PyIndexError::new_err(format!(
                "axis {axis}: {} takes none of the {length} voxels, and a volume has at least one",
                slice.repr()?
            )));
        }
        return Ok(Taken { start: found.start, step: found.step, count: found.slicelength });
    }
    // Truth values, masks and lists are no index: they would take voxels that lie on no grid.
    let whole = (!key.is_instance_of::<pyo3::types::PyBool>()).then(|| key.call_method0("__index__").ok()).flatten();
    let Some(index) = whole.and_then(|index| index.extract::<isize>().ok()) else {
        return Err(PyTypeError::new_err(format!(
            "axis {axis}: a volume is cut with slices and whole numbers; for masks and lists use volume.xyz"
        )));
    };
    let at = if index < 0 { index + length as isize } else { index };
    if at < 0 || at >= length as isize {
        return Err(PyIndexError::new_err(format!("index {index} is out of range for axis {axis} of {length} voxels")));
    }
    Ok(Taken { start: at, step: 1, count: 1 })
}

fn part(py: Python<'_>, this: &Volume, taken: [Taken; 3], channels: Taken) -> PyResult<Volume> {
    let grid = moved(this.volume.grid(), taken).map_err(|e| plain(py, &e.to_string()))?;
    let kind = this.volume.kind();
    // The voxels are shared, not copied.
    let source = this.volume.clone();
    let voxels =
        pool::run(py, move || dispatch!(source.voxels(), v => gathered(v, source.grid().shape(), taken, channels)))?;
    let part = revoxel::Volume::new(voxels, grid, kind, channels.count).map_err(|e| shape(py, &e))?;
    // What a header says holds for the whole.
    let whole = part.grid() == this.volume.grid() && channels.count == this.volume.channels();
    let origin = if whole { this.origin.clone() } else { Origin::Memory };
    Volume::of(part, origin).map_err(|e| internal(py, &e.to_string()))
}

/// The grid of what is taken: a window around it, flips, and wider steps.
fn moved(grid: &revoxel::Grid, taken: [Taken; 3]) -> Result<revoxel::Grid, revoxel::geometry::GridError> {
    let reach = |t: Taken| t.step.unsigned_abs() * (t.count - 1) + 1;
    let window = GridOp::Window { start: taken.map(|t| t.lowest() as i64), shape: taken.map(reach) };
    let flips = GridOp::Reorient(SignedPermutation::flips(taken.map(|t| t.step < 0)));
    let grid = flips.after(&window.after(grid)?)?;
    if taken.iter().all(|t| t.step.unsigned_abs() == 1) {
        return Ok(grid);
    }
    let affine = grid.affine().after(&Affine::scaling(taken.map(|t| t.step.unsigned_abs() as f64)));
    Ok(revoxel::Grid::new(taken.map(|t| t.count), affine)?.planar_like(&grid))
}

fn gathered<T: Voxel>(values: &[T], shape: [usize; 3], [x, y, z]: [Taken; 3], c: Taken) -> Voxels
where
    Vec<T>: Into<Voxels>,
{
    let mut out = Vec::with_capacity(x.count * y.count * z.count * c.count);
    let indices = |t: Taken| (0..t.count as isize).map(move |i| (t.start + i * t.step) as usize);
    for channel in indices(c) {
        for k in indices(z) {
            for j in indices(y) {
                let row = shape[0] * (j + shape[1] * (k + shape[2] * channel));
                let row = &values[row..row + shape[0]];
                match x.step {
                    1 => out.extend_from_slice(&row[x.start as usize..x.start as usize + x.count]),
                    _ => out.extend(indices(x).map(|i| row[i])),
                }
            }
        }
    }
    out.into()
}
