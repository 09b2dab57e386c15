//! A sampling made ready for execution: which path, which regions, which tables.

use revoxel_core::{Affine, ExactMap, IndexBox, Sampling, Voxel};

use crate::gather::Gather;
use crate::general::General;
use crate::real::Real;
use crate::separable::{Scratch, Separable};
use crate::taps::{Range, TIE};
use crate::{How, Interpolation, Outside, copy};

/// How one channel of a pass is computed, plane by plane (a plane is all voxels with one index of axis 2).
pub(crate) struct Pass {
    /// Shape of the target.
    pub(crate) shape: [usize; 3],
    /// Target voxels that are sampled or filled; the others are padding.
    written: IndexBox,
    /// Target voxels that may have data; the other written ones are filled.
    inside: IndexBox,
    path: Path,
}

enum Path {
    Copy(ExactMap, [usize; 3]),
    Gather(Gather),
    Separable(Separable),
    General(General),
}

/// Each source axis follows one target axis: (target axis, scale, shift) by source axis.
pub(crate) type Aligned = [(usize, f64, f64); 3];

impl Pass {
    /// The pass of a sampling. Separable passes need the source's axis 0 along the target's axis 0, see
    /// [`needs_transposition`].
    pub(crate) fn new(sampling: &Sampling, how: &How) -> Self {
        let shape = sampling.target().shape();
        let written = sampling.written().intersect(&IndexBox::of_shape(shape));
        let source = sampling.source().shape();
        let mut pass = Self { shape, written, inside: written, path: Path::Copy(ExactMap::IDENTITY, source) };
        if written.is_empty() || sampling.readable().is_empty() {
            pass.inside = IndexBox::from_bounds([0; 3], [0; 3]);
            return pass;
        }
        if let (Some(map), []) = (sampling.exact(), sampling.limits()) {
            let readable = sampling.readable().intersect(&sampling.source().index_box());
            pass.inside = map.inverse().apply_box(&readable).intersect(&written);
            pass.path = Path::Copy(*map, source);
            return pass;
        }
        let ranges = ranges(sampling);
        let aligned = aligned(sampling).filter(|_| sampling.limits().is_empty());
        match (aligned, how.interpolation) {
            (Some(axes), Interpolation::Nearest) => {
                pass.inside = inside(&axes, &ranges, how.outside, &written);
                let gather = Gather::new(&axes, &ranges, source, how.outside, sampling.ties_down(), &pass.inside);
                pass.path = Path::Gather(gather);
            }
            (Some(axes), Interpolation::Linear | Interpolation::Cubic) => {
                pass.inside = inside(&axes, &ranges, how.outside, &written);
                pass.path = Path::Separable(Separable::new(&axes, &ranges, source, how, &pass.inside));
            }
            _ => pass.path = Path::General(General::new(sampling, how, ranges)),
        }
        pass
    }

    /// Computes plane `z` of a channel whose values are averaged (or copied, converted).
    pub(crate) fn plane_real<T: Voxel, R: Real>(
        &self,
        source: &[T],
        z: usize,
        (fill, padding): (R, R),
        scratch: &mut Scratch<R>,
        plane: &mut [R],
    ) {
        let Some(z) = self.prepare(z, fill, padding, plane) else { return };
        match &self.path {
            Path::Separable(tables) => tables.plane(source, z, &self.inside, self.shape[0], scratch, plane),
            Path::General(general) if general.averages() => {
                self.rows(plane, |y, x, row| general.row_real(source, [x, y, z], fill, row));
            }
            _ => self.plane_copied(source, z, fill, R::of, plane),
        }
    }

    /// Computes plane `z` of a channel whose values are copied.
    pub(crate) fn plane_copy<T: Voxel>(&self, source: &[T], z: usize, (fill, padding): (T, T), plane: &mut [T]) {
        if let Some(z) = self.prepare(z, fill, padding, plane) {
            self.plane_copied(source, z, fill, |v| v, plane);
        }
    }

    fn plane_copied<T: Voxel, O: Voxel>(
        &self,
        source: &[T],
        z: i64,
        fill: O,
        convert: impl Fn(T) -> O + Copy,
        plane: &mut [O],
    ) {
        match &self.path {
            Path::Copy(map, shape) => {
                self.rows(plane, |y, x, row| copy::row(source, *shape, map, [x, y, z], convert, row));
            }
            Path::Gather(gather) => self.rows(plane, |y, x, row| gather.row(source, [x, y, z], convert, row)),
            Path::General(general) => {
                self.rows(plane, |y, x, row| general.row_copy(source, [x, y, z], fill, convert, row));
            }
            Path::Separable(_) => {}
        }
    }

    /// Writes padding and fill of a plane; the plane's index if some of it is inside.
    fn prepare<O: Copy>(&self, z: usize, fill: O, padding: O, plane: &mut [O]) -> Option<i64> {
        let z = z as i64;
        let in_z = |b: &IndexBox| !b.is_empty() && (b.start[2]..b.end()[2]).contains(&z);
        let whole = |b: &IndexBox| b.shape[..2] == self.shape[..2];
        if !(in_z(&self.written) && whole(&self.written)) {
            plane.fill(padding);
        }
        if in_z(&self.written) && !(in_z(&self.inside) && self.inside.shape[..2] == self.written.shape[..2]) {
            for_rows(plane, self.shape[0], &self.written, |_, _, row| row.fill(fill));
        }
        in_z(&self.inside).then_some(z)
    }

    fn rows<O>(&self, plane: &mut [O], row: impl FnMut(i64, i64, &mut [O])) {
        for_rows(plane, self.shape[0], &self.inside, row);
    }
}

/// Calls `f(y, first x, row)` for each row of a plane that lies in a box.
pub(crate) fn for_rows<O>(plane: &mut [O], width: usize, region: &IndexBox, mut f: impl FnMut(i64, i64, &mut [O])) {
    let x = region.start[0] as usize;
    for y in region.start[1]..region.end()[1] {
        let start = y as usize * width + x;
        f(y, region.start[0], &mut plane[start..start + region.shape[0]]);
    }
}

/// The readable range of each source axis.
fn ranges(sampling: &Sampling) -> [Range; 3] {
    let (start, end) = (sampling.readable().start, sampling.readable().end());
    [0, 1, 2].map(|a| Range { low: start[a], high: end[a] - 1 })
}

/// How source axes follow target axes, where each follows one only: what the other axes add over the whole target
/// stays below a ten-millionth of a voxel.
pub(crate) fn aligned(sampling: &Sampling) -> Option<Aligned> {
    if sampling.is_uneven() {
        return None;
    }
    let shape = sampling.target().shape();
    let mut axes = [(0, 0.0, 0.0); 3];
    for (source, row) in sampling.map().rows().into_iter().enumerate() {
        let reach = |t: usize| row[t].abs() * shape[t] as f64;
        let target = (0..3).max_by(|a, b| row[*a].abs().total_cmp(&row[*b].abs()))?;
        if (0..3).filter(|t| *t != target).map(reach).sum::<f64>() > 1e-7 {
            return None;
        }
        axes[source] = (target, row[target], row[3]);
    }
    let mut seen = [false; 3];
    axes.iter().for_each(|(target, ..)| seen[*target] = true);
    (seen == [true; 3]).then_some(axes)
}

/// The written voxels whose positions lie within half a voxel of the readable ones, where that matters.
fn inside(axes: &Aligned, ranges: &[Range; 3], outside: Outside, written: &IndexBox) -> IndexBox {
    if outside != Outside::Fill {
        return *written;
    }
    let (mut start, mut end) = (written.start, written.end());
    for (&(target, scale, shift), range) in axes.iter().zip(ranges) {
        let edge = |e: f64| (e - shift) / scale;
        let (a, b) = (edge(range.low as f64 - 0.5 - TIE), edge(range.high as f64 + 0.5 + TIE));
        start[target] = start[target].max(a.min(b).ceil() as i64);
        end[target] = end[target].min(a.max(b).floor() as i64 + 1);
    }
    IndexBox::from_bounds(start, end)
}

/// Whether the source should be transposed first, and how: the separable path wants source axes in target order.
pub(crate) fn needs_transposition(sampling: &Sampling, how: &How) -> Option<[usize; 3]> {
    if !how.interpolation.averages() || sampling.exact().is_some() || !sampling.limits().is_empty() {
        return None;
    }
    let axes: Aligned = aligned(sampling)?;
    let mut order = [0; 3];
    for (source, (target, ..)) in axes.iter().enumerate() {
        order[*target] = source;
    }
    (order != [0, 1, 2]).then_some(order)
}

/// The linear part and shift of the map, for the general path.
pub(crate) fn rows_of(map: &Affine) -> [[f64; 4]; 3] {
    map.rows()
}
