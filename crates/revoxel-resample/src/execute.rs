//! The only entry point: executes a sampling on a volume.

use std::borrow::Cow;

use revoxel_core::{
    Dtype, GridOp, IndexBox, Orientation, Relation, Sampling, Volume, Voxel, Voxels, dispatch, dispatch_dtype,
};

use crate::buffer::room;
use crate::error::ResampleError;
use crate::finite::{Holes, mark, may_have_holes};
use crate::pass::along;
use crate::taps::Along;
use crate::work::{Work, copied, covered};
use crate::{Boundary, How, Interpolation, Outside, PadMode, buffer, pad};

/// Executes a pass: reads `volume` and returns a volume on the sampling's target grid.
///
/// Copies (exact passes, nearest, label) keep the voxel type. Means (linear, cubic) give float32, or float64 for
/// float64 voxels. Every channel is treated in the same way.
///
/// # Errors
/// If the volume does not lie on the sampling's source grid.
pub fn execute(volume: &Volume, sampling: &Sampling, how: &How) -> Result<Volume, ResampleError> {
    execute_as(volume, sampling, how, None)
}

/// The same, with means in a chosen voxel type: integers round half to even and saturate. Copies keep the voxel type.
///
/// # Errors
/// If the volume does not lie on the sampling's source grid.
pub fn execute_as(
    volume: &Volume,
    sampling: &Sampling,
    how: &How,
    dtype: Option<Dtype>,
) -> Result<Volume, ResampleError> {
    let splined = Splined::of(volume, sampling, how)?;
    let volume = splined.as_ref().map_or(volume, |s| &s.filled);
    let Prepared { volume, sampling, how, beyond } = prepare(volume, sampling, how)?;
    let dtype = result_dtype(&volume, &sampling, &how, dtype);
    let count = sampling.target().voxel_count().saturating_mul(volume.channels());
    room(filter_bytes(&volume, &sampling, &how).saturating_add((count as u64).saturating_mul(dtype.size() as u64)))?;
    let mut work = Work::new(&volume, &sampling, &how, beyond);
    let mut marks = splined.as_ref().map(|s| s.marks());
    let length = work.plane() * work.count();
    let voxels: Voxels = if work.averages {
        dispatch_dtype!(dtype, O => {
            let mut out = buffer::zeroed::<O>(length);
            work.means(0, &mut out);
            marks.iter_mut().for_each(|marks| marks.mark(0, &mut out));
            out.into()
        })
    } else {
        dispatch!(volume.voxels(), v => {
            let mut out = buffer::zeroed(length);
            work.copies(v, 0, &mut out);
            out.into()
        })
    };
    Ok(Volume::new(voxels, *sampling.target(), volume.kind(), volume.channels())?)
}

/// Executes a pass a slab at a time: calls `sink` with the planes from the first to the last, channel by channel, each
/// once and in order, in the voxel type of [`execute_as`]. It needs memory for the volume and one slab.
///
/// # Errors
/// If the volume does not lie on the sampling's source grid, or `sink` fails.
pub fn stream<E: From<ResampleError>>(
    volume: &Volume,
    sampling: &Sampling,
    how: &How,
    dtype: Option<Dtype>,
    mut sink: impl FnMut(&Voxels) -> Result<(), E>,
) -> Result<(), E> {
    let splined = Splined::of(volume, sampling, how)?;
    let volume = splined.as_ref().map_or(volume, |s| &s.filled);
    let Prepared { volume, sampling, how, beyond } = prepare(volume, sampling, how)?;
    let dtype = result_dtype(&volume, &sampling, &how, dtype);
    room(filter_bytes(&volume, &sampling, &how))?;
    let mut work = Work::new(&volume, &sampling, &how, beyond);
    let mut marks = splined.as_ref().map(|s| s.marks());
    let (size, count) = (work.plane(), work.count());
    let slab = work.slab(dtype.size()).min(count);
    // One slab for all: fresh memory costs as much as computing what goes into it.
    let mut voxels: Voxels = dispatch_dtype!(dtype, O => vec![O::default(); slab * size].into());
    let mut first = 0;
    while first < count {
        voxels.truncate(slab.min(count - first) * size);
        if work.averages {
            dispatch!(&mut voxels, out => {
                work.means(first, out);
                marks.iter_mut().for_each(|marks| marks.mark(first, out));
            });
        } else {
            dispatch!(volume.voxels(), v => work.copies(v, first, bytemuck::cast_slice_mut(voxels.bytes_mut())));
        }
        sink(&voxels)?;
        first += slab;
    }
    Ok(())
}

/// Bytes of the coefficients of a spline; 0 for a pass without one.
fn filter_bytes(volume: &Volume, sampling: &Sampling, how: &How) -> u64 {
    let cubic = how.splines() && sampling.exact().is_none();
    let size = if volume.dtype() == Dtype::F64 { 8 } else { 4 };
    if cubic { volume.voxels().len() as u64 * size } else { 0 }
}

/// The voxel type of the result of [`execute_as`] and [`stream`].
pub fn result_dtype(volume: &Volume, sampling: &Sampling, how: &How, wanted: Option<Dtype>) -> Dtype {
    let averages = how.averages() && sampling.exact().is_none();
    match (averages, wanted, volume.dtype()) {
        (false, _, own) => own,
        (true, Some(dtype), _) => dtype,
        (true, None, Dtype::F64) => Dtype::F64,
        (true, None, _) => Dtype::F32,
    }
}

/// The volume with its axes turned to an orientation: voxels are reordered, and no value changes. The inverse is the
/// same call with the original orientation.
///
/// # Errors
/// If an intermediate grid is not valid.
pub fn reorient(volume: &Volume, orientation: &Orientation) -> Result<Volume, ResampleError> {
    let mut turn = Sampling::identity(*volume.grid());
    turn.push(&GridOp::Reorient(volume.grid().turn_to(orientation)))?;
    copied(volume, &turn, &How::border(Interpolation::Nearest))
}

/// The target voxels for which a pass on the way back has data: a uint8 label map with 1 for data and 0 for fill.
///
/// # Errors
/// If an intermediate grid is not valid.
pub fn coverage(sampling: &Sampling) -> Result<Volume, ResampleError> {
    covered(sampling)
}

/// How many voxels [`coverage`] counts as 0.
///
/// # Errors
/// As [`coverage`].
pub fn unseen_count(sampling: &Sampling) -> Result<usize, ResampleError> {
    let (target, written) = (sampling.target(), sampling.written());
    if !sampling.limits().is_empty() || sampling.exact().is_some() || sampling.readable().is_empty() {
        let seen = coverage(sampling)?;
        return Ok(dispatch!(seen.voxels(), v => v.iter().filter(|v| v.to_f64() == 0.0).count()));
    }
    let written = written.intersect(&target.index_box());
    let seen = if written.is_empty() { 0 } else { written.shape.iter().product() };
    Ok(target.voxel_count() - seen)
}

/// Checks the source, and changes it if the spline requires it: crops it (the filter must not see voxels that may not
/// be read) or continues it.
pub(crate) fn prepare<'a>(volume: &'a Volume, sampling: &Sampling, how: &How) -> Result<Prepared<'a>, ResampleError> {
    if volume.grid() != sampling.source() {
        let relation = Relation::between(volume.grid(), sampling.source());
        let (volume, source_grid) = (Box::new(*volume.grid()), Box::new(*sampling.source()));
        return Err(ResampleError::OtherSource { volume, source_grid, relation });
    }
    let (mut volume, mut sampling, mut beyond) = (Cow::Borrowed(volume), sampling.clone(), [0; 3]);
    let readable: IndexBox = *sampling.readable();
    let cubic = how.splines() && sampling.exact().is_none();
    if !cubic || readable.is_empty() {
        return Ok(Prepared { volume, sampling, how: how.clone(), beyond });
    }
    if readable != sampling.source().index_box() {
        let op = GridOp::Window { start: readable.start, shape: readable.shape };
        let mut copy = Sampling::identity(*sampling.source());
        copy.push(&op)?;
        let moved = copied(&volume, &copy, &How::border(Interpolation::Nearest))?;
        (volume, sampling) = (Cow::Owned(moved), sampling.reading_through(&op)?);
    }
    let continued = match how.boundary {
        Boundary::Mirror => None,
        Boundary::Edge => Some(PadMode::Edge),
        Boundary::Reflect => Some(PadMode::Symmetric),
        Boundary::Itk => Some(PadMode::Reflect),
    };
    if let Some(mode) = continued {
        let (along, shape) = (along(&sampling, how), sampling.source().shape());
        // A single voxel goes on as it is, and a 2-D image has no others beside it.
        let extra = [0, 1, 2].map(|a| if along[a] == Along::Cubic && shape[a] > 1 { BEYOND } else { 0 });
        let shape = [0, 1, 2].map(|a| shape[a] + 2 * extra[a]);
        let start = extra.map(|e| -(e as i64));
        let continued = pad(&volume, start, shape, mode, &[])?;
        sampling = sampling.reading_through(&GridOp::Window { start, shape })?.reading_everything();
        volume = Cow::Owned(continued);
        // Where the edge goes on for ever there is no face.
        if !(how.boundary == Boundary::Edge && how.outside == Outside::Border) {
            beyond = extra.map(|e| e as i64);
        }
    }
    Ok(Prepared { volume, sampling, how: how.clone(), beyond })
}

/// What a pass works on.
pub(crate) struct Prepared<'a> {
    pub(crate) volume: Cow<'a, Volume>,
    pub(crate) sampling: Sampling,
    pub(crate) how: How,
    /// Voxels by axis that continue the volume on each side.
    pub(crate) beyond: [i64; 3],
}

/// How far a volume is continued for a spline whose boundary is not mirrored: voxels beyond contribute less than a
/// ten-millionth.
const BEYOND: usize = 12;

/// A volume for a spline, whose filter would spread a value that is not finite along whole lines: the volume without
/// such values, and the voxels that become NaN instead. These are the voxels whose linear interpolation would read
/// such a value.
struct Splined {
    filled: Volume,
    mask: Volume,
    sampling: Sampling,
    how: How,
}

impl Splined {
    /// `None` if the pass has no spline or all values are finite.
    fn of(volume: &Volume, sampling: &Sampling, how: &How) -> Result<Option<Self>, ResampleError> {
        let cubic = how.splines() && sampling.exact().is_none();
        if !cubic || !may_have_holes(volume.dtype()) || volume.grid() != sampling.source() {
            return Ok(None);
        }
        let Some(holes) = Holes::of(volume) else { return Ok(None) };
        let mask = Volume::new(holes.mask().into(), *volume.grid(), volume.kind(), volume.channels())?;
        let how = How { outside: how.outside, ..How::filled(Interpolation::Linear, vec![0.0]) };
        Ok(Some(Self { filled: holes.filled(volume.clone())?, mask, sampling: sampling.clone(), how }))
    }

    fn marks(&self) -> Marks<'_> {
        Marks { work: Work::new(&self.mask, &self.sampling, &self.how, [0; 3]) }
    }
}

/// The mask of a [`Splined`] while slabs are computed.
struct Marks<'a> {
    work: Work<'a>,
}

impl Marks<'_> {
    /// Puts NaN into planes from `first` on.
    fn mark<O: Voxel>(&mut self, first: usize, out: &mut [O]) {
        let mut reached = vec![0.0f32; out.len()];
        self.work.means(first, &mut reached);
        mark(&reached, out);
    }
}
