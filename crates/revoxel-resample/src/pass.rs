//! A sampling prepared for execution: its path, regions and tables.

use revoxel_core::{ExactMap, IndexBox, Sampling, Voxel};

use crate::aligned::Aligned;
use crate::copy::{self, Strided};
use crate::gather::Gather;
use crate::general::General;
use crate::label;
use crate::real::Real;
use crate::separable::{Scratch, Separable};
use crate::taps::{Along, Range, TIE, Tie};
use crate::{How, Interpolation, Outside, Ties};

/// How one channel of a pass is computed, a block of planes at a time (a plane is all voxels with one index of
/// axis 2).
pub(crate) struct Pass {
    /// Shape of the target.
    pub(crate) shape: [usize; 3],
    /// Target voxels that are sampled or filled; the others are padding.
    written: IndexBox,
    /// Target voxels that may have data; the other written ones are filled.
    pub(crate) inside: IndexBox,
    pub(crate) path: Path,
}

pub(crate) enum Path {
    Copy(Box<(ExactMap, [usize; 3])>),
    Gather(Box<Gather>),
    Separable(Box<Separable>),
    Label(Box<Separable>),
    General(Box<General>),
}

impl Pass {
    /// `beyond`: voxels by axis that continue the source on each side.
    pub(crate) fn new(sampling: &Sampling, how: &How, beyond: [i64; 3]) -> Self {
        let shape = sampling.target().shape();
        let written = sampling.written().intersect(&IndexBox::of_shape(shape));
        let source = sampling.source().shape();
        let nothing = Path::Copy(Box::new((ExactMap::IDENTITY, source)));
        let mut pass = Self { shape, written, inside: written, path: nothing };
        if written.is_empty() || sampling.readable().is_empty() {
            pass.inside = IndexBox::from_bounds([0; 3], [0; 3]);
            return pass;
        }
        if let (Some(map), []) = (sampling.exact(), sampling.limits()) {
            let readable = sampling.readable().intersect(&sampling.source().index_box());
            pass.inside = map.inverse().apply_box(&readable).intersect(&written);
            pass.path = Path::Copy(Box::new((*map, source)));
            return pass;
        }
        let ranges = ranges(sampling, beyond);
        let along = along(sampling, how);
        let Some(axes) = aligned(sampling).filter(|_| sampling.limits().is_empty()) else {
            pass.path = Path::General(Box::new(General::new(sampling, how, along, ranges)));
            return pass;
        };
        pass.inside = inside(&axes, &ranges, how.outside, &written);
        if pass.inside.is_empty() {
            return pass;
        }
        let tables = || Box::new(Separable::new(&axes, &ranges, source, how, along, &pass.inside));
        pass.path = match how.interpolation {
            Interpolation::Nearest if !how.averages() => {
                let gather = Gather::new(&axes, &ranges, source, how, along, &pass.inside);
                Path::Gather(Box::new(gather))
            }
            Interpolation::Nearest | Interpolation::Linear | Interpolation::Cubic => Path::Separable(tables()),
            Interpolation::Label | Interpolation::LabelNearest => Path::Label(tables()),
        };
        pass
    }

    /// Whether voxels are moved regardless of their values.
    pub(crate) const fn copies_bits(&self) -> bool {
        matches!(self.path, Path::Copy(_) | Path::Gather(_))
    }

    /// How many planes are best computed together.
    pub(crate) fn block(&self) -> usize {
        let planes = self.shape[2];
        match &self.path {
            Path::Copy(copy) => Strided::of(&copy.0, copy.1, [0; 3]).block(planes),
            Path::Gather(gather) => gather.block(planes),
            Path::Separable(tables) | Path::Label(tables) => tables.block(planes),
            Path::General(_) => 1,
        }
    }

    /// Computes the planes of a channel from `z` on, with values averaged in `R` (or copied and converted).
    pub(crate) fn planes_real<T: Voxel, R: Real>(
        &self,
        source: &[T],
        z: usize,
        (fill, padding): (R, R),
        scratch: &mut Scratch<T, R>,
        planes: &mut [R],
    ) {
        let Some(zs) = self.prepare(z, fill, padding, planes) else { return };
        let size = self.shape[0] * self.shape[1];
        match &self.path {
            Path::Separable(tables) => {
                let stack = tables.stack(source, zs.clone(), &mut scratch.turned);
                for at in zs {
                    let out = &mut planes[(at as usize - z) * size..][..size];
                    let buffers = (&mut scratch.plane, &mut scratch.row);
                    tables.plane(stack, at, &self.inside, self.shape[0], buffers, out);
                }
            }
            Path::General(general) if general.averages() => {
                for at in zs {
                    let out = &mut planes[(at as usize - z) * size..][..size];
                    let level = general.level(source, at, &self.inside, &mut scratch.plane);
                    for_rows(out, self.shape[0], &self.inside, |y, x, row| {
                        general.row_real(source, level, [x, y, at], fill, row);
                    });
                }
            }
            _ => self.planes_copied(source, z, fill, |v| R::of(v), (zs, &mut scratch.turned), planes),
        }
    }

    /// Computes the planes of a channel from `z` on, with copied values.
    pub(crate) fn planes_copy<T: Voxel>(
        &self,
        source: &[T],
        z: usize,
        (fill, padding): (T, T),
        turned: &mut Vec<T>,
        planes: &mut [T],
    ) {
        if let Some(zs) = self.prepare(z, fill, padding, planes) {
            self.planes_copied(source, z, fill, |v| v, (zs, turned), planes);
        }
    }

    fn planes_copied<T: Voxel, O: Voxel>(
        &self,
        source: &[T],
        z: usize,
        fill: O,
        convert: impl Fn(T) -> O + Copy,
        (zs, turned): (std::ops::Range<i64>, &mut Vec<T>),
        planes: &mut [O],
    ) {
        let (width, z) = ([self.shape[0], self.shape[1]], z as i64);
        let mut region = self.inside;
        (region.start[2], region.shape[2]) = (zs.start, (zs.end - zs.start) as usize);
        match &self.path {
            Path::Copy(copy) => {
                let from = Strided::of(&copy.0, copy.1, region.start);
                region.start[2] -= z;
                copy::block(source, from, &region, width, convert, planes);
            }
            Path::Gather(gather) => gather.block_of(source, &region, width, convert, z, planes),
            Path::Label(tables) => {
                let stack = tables.stack(source, zs.clone(), turned);
                for at in zs {
                    let out = &mut planes[(at - z) as usize * width[0] * width[1]..][..width[0] * width[1]];
                    let position = (at - self.inside.start[2]) as usize;
                    label::plane(tables, stack, position, &self.inside, width[0], convert, out);
                }
            }
            Path::General(general) => {
                for at in zs {
                    let out = &mut planes[(at - z) as usize * width[0] * width[1]..][..width[0] * width[1]];
                    for_rows(out, width[0], &self.inside, |y, x, row| {
                        general.row_copy(source, [x, y, at], fill, convert, row);
                    });
                }
            }
            Path::Separable(_) => {}
        }
    }

    /// Writes padding and fill of the planes from `z` on; returns the indices of the planes that are inside.
    pub(crate) fn prepare<O: Copy>(
        &self,
        z: usize,
        fill: O,
        padding: O,
        planes: &mut [O],
    ) -> Option<std::ops::Range<i64>> {
        let size = self.shape[0] * self.shape[1];
        let in_z = |b: &IndexBox, z: i64| !b.is_empty() && (b.start[2]..b.end()[2]).contains(&z);
        let whole = |b: &IndexBox| b.shape[..2] == self.shape[..2];
        let mut zs: Option<std::ops::Range<i64>> = None;
        for (plane, z) in planes.chunks_mut(size).zip(z as i64..) {
            if !(in_z(&self.written, z) && whole(&self.written)) {
                plane.fill(padding);
            }
            if in_z(&self.written, z) && !(in_z(&self.inside, z) && self.inside.shape[..2] == self.written.shape[..2]) {
                for_rows(plane, self.shape[0], &self.written, |_, _, row| row.fill(fill));
            }
            if in_z(&self.inside, z) {
                zs = Some(zs.map_or(z, |zs| zs.start)..z + 1);
            }
        }
        zs
    }
}

/// How each source axis is read.
pub(crate) fn along(sampling: &Sampling, how: &How) -> [Along; 3] {
    let (ties, scales) = (sampling.ties(), scales(sampling));
    let along = |interpolation: Interpolation, a: usize, rule: Ties| match interpolation {
        Interpolation::Nearest => Along::Nearest(Tie::new(rule, ties[a], scales[a])),
        // Before ties had a rule, the lowest label was taken.
        Interpolation::Label if rule == Ties::Upper => Along::Label(None),
        Interpolation::Label => Along::Label(Some(Tie::new(rule, ties[a], scales[a]))),
        // nnU-Net's rule.
        Interpolation::LabelNearest => Along::Label(Some(Tie::new(Ties::Upper, ties[a], scales[a]))),
        Interpolation::Linear => {
            let leans = how.decides && rule == Ties::Alternate;
            Along::Linear(leans.then(|| Tie::new(rule, ties[a], scales[a])))
        }
        Interpolation::Cubic => Along::Cubic,
    };
    [0, 1, 2].map(|a| match how.through {
        // Slices that are treated apart follow nnU-Net's rule, and so does nearest within them.
        Some(through) if through.axis == a => along(through.interpolation, a, Ties::Upper),
        Some(_) if how.interpolation == Interpolation::Nearest => along(how.interpolation, a, Ties::Upper),
        _ => along(how.interpolation, a, how.ties),
    })
}

/// The distance of positions in voxels along each source axis, if the axis follows one axis of the target; else 1.
fn scales(sampling: &Sampling) -> [f64; 3] {
    let shape = sampling.target().shape();
    sampling.last_map().rows().map(|row| {
        let reach = |t: usize| row[t].abs() * shape[t] as f64;
        let along = (0..3).max_by(|a, b| row[*a].abs().total_cmp(&row[*b].abs())).unwrap_or(0);
        let others: f64 = (0..3).filter(|t| *t != along).map(reach).sum();
        if others > 1e-7 || sampling.is_uneven() { 1.0 } else { row[along] }
    })
}

/// Calls `f(y, first x, row)` for each row of a plane that lies in a box.
pub(crate) fn for_rows<O>(plane: &mut [O], width: usize, region: &IndexBox, mut f: impl FnMut(i64, i64, &mut [O])) {
    let x = region.start[0] as usize;
    for y in region.start[1]..region.end()[1] {
        let start = y as usize * width + x;
        f(y, region.start[0], &mut plane[start..start + region.shape[0]]);
    }
}

/// The readable range of each source axis, of which so many voxels on each side continue the volume.
fn ranges(sampling: &Sampling, beyond: [i64; 3]) -> [Range; 3] {
    let (start, end) = (sampling.readable().start, sampling.readable().end());
    [0, 1, 2].map(|a| Range { low: start[a], high: end[a] - 1, beyond: beyond[a] })
}

/// How source axes follow target axes, if each follows only one: the other axes add less than a ten-millionth of a
/// voxel over the whole target.
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

/// The written voxels whose positions lie between the faces of the volume, if that matters.
fn inside(axes: &Aligned, ranges: &[Range; 3], outside: Outside, written: &IndexBox) -> IndexBox {
    if outside != Outside::Fill {
        return *written;
    }
    let (mut start, mut end) = (written.start, written.end());
    for (&(target, scale, shift), range) in axes.iter().zip(ranges) {
        let edge = |e: f64| (e - shift) / scale;
        let (low, high) = range.faces();
        let (a, b) = (edge(low - TIE), edge(high + TIE));
        start[target] = start[target].max(a.min(b).ceil() as i64);
        end[target] = end[target].min(a.max(b).floor() as i64 + 1);
    }
    IndexBox::from_bounds(start, end)
}
