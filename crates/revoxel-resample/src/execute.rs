//! The one entry point: a sampling, executed on a volume.

use std::borrow::Cow;

use rayon::prelude::*;
use revoxel_core::{
    Dtype, Grid, GridError, GridOp, IndexBox, Kind, Orientation, Relation, Sampling, SignedPermutation, Volume,
    VolumeError, Voxel, Voxels, dispatch,
};

use crate::pass::{Pass, needs_transposition};
use crate::real::Real;
use crate::separable::Scratch;
use crate::{How, Interpolation, spline};

/// Why a pass could not be executed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ResampleError {
    /// The volume is not the one that the pass was made for.
    #[error("the volume lies on ({volume}), but the pass reads from ({source_grid}): {relation}")]
    OtherSource {
        /// The volume's grid.
        volume: Box<Grid>,
        /// The grid that the pass reads.
        source_grid: Box<Grid>,
        /// How they differ.
        relation: Relation,
    },
    /// A grid on the way cannot be made.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// The buffers do not fit their grids.
    #[error(transparent)]
    Volume(#[from] VolumeError),
}

/// Executes a pass: reads `volume`, gives a volume on the sampling's target grid.
///
/// Copies (exact passes, nearest, label) keep the voxel type. Means (linear, cubic) give float32, and float64 for
/// float64 voxels. Every channel is treated alike.
///
/// # Errors
/// Where the volume does not lie on the sampling's source grid.
pub fn execute(volume: &Volume, sampling: &Sampling, how: &How) -> Result<Volume, ResampleError> {
    let (volume, sampling) = prepare(volume, sampling, how)?;
    let (target, kind, channels) = (*sampling.target(), volume.kind(), volume.channels());
    let averages = how.interpolation.averages() && sampling.exact().is_none();
    let voxels: Voxels = match volume.dtype() {
        _ if !averages => dispatch!(volume.voxels(), v => copied(v, channels, &sampling, how).into()),
        Dtype::F64 => dispatch!(volume.voxels(), v => averaged::<_, f64>(v, channels, &sampling, how).into()),
        Dtype::U32 | Dtype::I32 | Dtype::U64 | Dtype::I64 => {
            let wide = dispatch!(volume.voxels(), v => averaged::<_, f64>(v, channels, &sampling, how));
            Voxels::from(wide).cast(Dtype::F32)
        }
        _ => dispatch!(volume.voxels(), v => averaged::<_, f32>(v, channels, &sampling, how).into()),
    };
    Ok(Volume::new(voxels, target, kind, channels)?)
}

/// The volume with its axes turned to an orientation: voxels are reordered, none is changed. The inverse is the same
/// with the orientation that the volume had.
///
/// # Errors
/// Where a grid on the way cannot be made.
pub fn reorient(volume: &Volume, orientation: &Orientation) -> Result<Volume, ResampleError> {
    let mut turn = Sampling::identity(*volume.grid());
    turn.push(&GridOp::Reorient(volume.grid().orientation().to(orientation)))?;
    execute(volume, &turn, &How::border(Interpolation::Nearest))
}

/// Which target voxels a pass has data for: 1 where it has, 0 where fill or padding stands; a uint8 label map.
///
/// # Errors
/// Where a grid on the way cannot be made.
pub fn coverage(sampling: &Sampling) -> Result<Volume, ResampleError> {
    let source = *sampling.source();
    let ones = Volume::new(vec![1u8; source.voxel_count()].into(), source, Kind::Label, 1)?;
    execute(&ones, sampling, &How::filled(Interpolation::Nearest, vec![0.0]))
}

/// Checks the source, and copies it where the path wants it cropped (cubic: the filter must not see what may not
/// be read) or transposed (separable).
pub(crate) fn prepare<'a>(
    volume: &'a Volume,
    sampling: &Sampling,
    how: &How,
) -> Result<(Cow<'a, Volume>, Sampling), ResampleError> {
    if volume.grid() != sampling.source() {
        let relation = Relation::between(volume.grid(), sampling.source());
        let (volume, source_grid) = (Box::new(*volume.grid()), Box::new(*sampling.source()));
        return Err(ResampleError::OtherSource { volume, source_grid, relation });
    }
    let (mut volume, mut sampling) = (Cow::Borrowed(volume), sampling.clone());
    let readable: IndexBox = *sampling.readable();
    let cubic = how.interpolation == Interpolation::Cubic && sampling.exact().is_none();
    if cubic && !readable.is_empty() && readable != sampling.source().index_box() {
        let op = GridOp::Window { start: readable.start, shape: readable.shape };
        (volume, sampling) = read_through(&volume, &sampling, &op)?;
    }
    if let Some(order) = needs_transposition(&sampling, how)
        && let Some(permutation) = SignedPermutation::new(order, [false; 3])
    {
        (volume, sampling) = read_through(&volume, &sampling, &GridOp::Reorient(permutation))?;
    }
    Ok((volume, sampling))
}

fn read_through<'a>(
    volume: &Volume,
    sampling: &Sampling,
    op: &GridOp,
) -> Result<(Cow<'a, Volume>, Sampling), ResampleError> {
    let mut copy = Sampling::identity(*sampling.source());
    copy.push(op)?;
    let moved = execute(volume, &copy, &How::border(Interpolation::Nearest))?;
    Ok((Cow::Owned(moved), sampling.reading_through(op)?))
}

fn copied<T: Voxel>(source: &[T], channels: usize, sampling: &Sampling, how: &How) -> Vec<T> {
    let pass = Pass::new(sampling, how);
    let plane = pass.shape[0] * pass.shape[1];
    let mut out = vec![T::default(); plane * pass.shape[2] * channels];
    let size = source.len() / channels;
    out.par_chunks_mut(plane).enumerate().for_each(|(position, out)| {
        let (channel, z) = (position / pass.shape[2], position % pass.shape[2]);
        let values = (T::from_f64(how.fill_of(channel)), T::from_f64(how.padding_of(channel)));
        pass.plane_copy(&source[channel * size..][..size], z, values, out);
    });
    out
}

fn averaged<T: Voxel, R: Real>(source: &[T], channels: usize, sampling: &Sampling, how: &How) -> Vec<R> {
    let pass = Pass::new(sampling, how);
    let plane = pass.shape[0] * pass.shape[1];
    let mut out = vec![R::default(); plane * pass.shape[2] * channels];
    let size = source.len() / channels;
    for (channel, out) in out.chunks_mut(plane * pass.shape[2]).enumerate() {
        let source = &source[channel * size..][..size];
        let values = (R::weight(how.fill_of(channel)), R::weight(how.padding_of(channel)));
        if how.interpolation == Interpolation::Cubic {
            let spline: Vec<R> = spline::coefficients(source, sampling.source().shape());
            planes(&pass, &spline, values, out);
        } else {
            planes(&pass, source, values, out);
        }
    }
    out
}

fn planes<T: Voxel, R: Real>(pass: &Pass, source: &[T], values: (R, R), out: &mut [R]) {
    let planes = out.par_chunks_mut(pass.shape[0] * pass.shape[1]).enumerate();
    planes.for_each_init(Scratch::default, |scratch, (z, plane)| pass.plane_real(source, z, values, scratch, plane));
}
