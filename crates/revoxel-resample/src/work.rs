//! A pass on a volume, computed plane by plane.

use std::ops::Range;

use revoxel_core::{Kind, Sampling, Volume, Voxel, Voxels, dispatch, parallel};

use crate::buffer::room;
use crate::error::ResampleError;
use crate::pass::{Pass, along};
use crate::real::Real;
use crate::separable::Scratch;
use crate::simd::vectorised;
use crate::taps::Along;
use crate::{How, Interpolation, buffer, spline};

/// A pass on the channels of a volume, ready to compute any of its planes. Plane numbers run over all channels.
pub(crate) struct Work<'a> {
    volume: &'a Volume,
    how: &'a How,
    pass: Pass,
    pub(crate) averages: bool,
    shape: [usize; 3],
    splined: [bool; 3],
    /// The spline coefficients of a channel.
    spline: Option<(usize, Voxels)>,
}

impl<'a> Work<'a> {
    pub(crate) fn new(volume: &'a Volume, sampling: &Sampling, how: &'a How, beyond: [i64; 3]) -> Self {
        let averages = how.averages() && sampling.exact().is_none();
        let splined = along(sampling, how).map(|a| a == Along::Cubic);
        let shape = sampling.source().shape();
        Self { volume, how, pass: Pass::new(sampling, how, beyond), averages, shape, splined, spline: None }
    }

    pub(crate) fn plane(&self) -> usize {
        self.pass.shape[0] * self.pass.shape[1]
    }

    pub(crate) fn count(&self) -> usize {
        self.pass.shape[2] * self.volume.channels()
    }

    /// Planes of a slab: about 16 MiB, but enough for every thread to have some.
    pub(crate) fn slab(&self, bytes: usize) -> usize {
        let few = self.pass.block() * parallel::threads() * 2;
        ((16 << 20) / (self.plane() * bytes).max(1)).max(few).min(self.pass.shape[2]).max(1)
    }

    pub(crate) fn copies<T: Voxel>(&self, voxels: &[T], first: usize, out: &mut [T]) {
        if self.how.interpolation.weighs_labels() && !self.pass.copies_bits() {
            return self.copies_as(voxels, T::from_f64, first, out);
        }
        // What is only moved is moved as bits: one kernel for each size.
        match std::mem::size_of::<T>() {
            1 => self.bits::<T, u8>(voxels, first, out),
            2 => self.bits::<T, u16>(voxels, first, out),
            4 => self.bits::<T, u32>(voxels, first, out),
            _ => self.bits::<T, u64>(voxels, first, out),
        }
    }

    fn bits<T: Voxel, B: Voxel>(&self, voxels: &[T], first: usize, out: &mut [T]) {
        let value = |v: f64| bytemuck::cast::<T, B>(T::from_f64(v));
        self.copies_as::<B>(bytemuck::cast_slice(voxels), value, first, bytemuck::cast_slice_mut(out));
    }

    fn copies_as<T: Voxel>(&self, voxels: &[T], value: impl Fn(f64) -> T, first: usize, out: &mut [T]) {
        let length = voxels.len() / self.volume.channels();
        let (block, planes) = (self.pass.block(), self.pass.shape[2]);
        let (mut rest, mut at) = (out, first);
        while !rest.is_empty() {
            let (channel, z) = (at / planes, at % planes);
            let count = (planes - z).min(rest.len() / self.plane());
            let (now, after) = rest.split_at_mut(count * self.plane());
            let source = &voxels[channel * length..][..length];
            let outside = (value(self.how.fill_of(channel)), value(self.how.padding_of(channel)));
            let blocks = now.chunks_mut(block * self.plane()).enumerate();
            parallel::each_with(blocks, Vec::new, |turned, (position, out)| {
                self.pass.planes_copy(source, z + position * block, outside, turned, out);
            });
            (rest, at) = (after, at + count);
        }
    }

    pub(crate) fn means<O: Voxel>(&mut self, first: usize, out: &mut [O]) {
        let single = <f32 as Real>::SOURCES.contains(&self.volume.dtype());
        if single { self.means_in::<f32, O>(first, out) } else { self.means_in::<f64, O>(first, out) }
    }

    /// Means in `R`, written directly to the output if it has that type, else slab by slab.
    fn means_in<R: Averaged, O: Voxel>(&mut self, first: usize, out: &mut [O]) {
        if O::DTYPE == R::DTYPE {
            return self.real::<R>(first, bytemuck::cast_slice_mut(out));
        }
        let (size, slab) = (self.plane(), self.slab(R::DTYPE.size()));
        let mut means = vec![R::default(); size * slab.min(out.len() / size)];
        for (position, out) in out.chunks_mut(size * slab).enumerate() {
            let means = &mut means[..out.len()];
            self.real(first + position * slab, means);
            let pairs = out.chunks_mut(1 << 16).zip(means.chunks(1 << 16));
            parallel::each(pairs, |(out, means)| convert(means, out));
        }
    }

    fn real<R: Averaged>(&mut self, first: usize, out: &mut [R]) {
        let (planes, size) = (self.pass.shape[2], self.plane());
        let (mut rest, mut at) = (out, first);
        while !rest.is_empty() {
            let (channel, z) = (at / planes, at % planes);
            let count = (planes - z).min(rest.len() / size);
            let (now, after) = rest.split_at_mut(count * size);
            self.channel(channel, z, now);
            (rest, at) = (after, at + count);
        }
    }

    fn channel<R: Averaged>(&mut self, channel: usize, z: usize, out: &mut [R]) {
        let length = self.volume.voxels().len() / self.volume.channels();
        let cubic = self.how.splines();
        if cubic && self.spline.as_ref().is_none_or(|(of, _)| *of != channel) {
            self.spline = None;
            self.spline = Some((channel, R::coefficients(self, channel * length..(channel + 1) * length)));
        }
        let outside = (R::weight(self.how.fill_of(channel)), R::weight(self.how.padding_of(channel)));
        match &self.spline {
            Some((_, spline)) if cubic => R::blocks(self, spline, 0..length, z, outside, out),
            _ => R::blocks(self, self.volume.voxels(), channel * length..(channel + 1) * length, z, outside, out),
        }
    }

    fn blocks<S: Voxel, R: Real>(&self, source: &[S], z: usize, outside: (R, R), out: &mut [R]) {
        let block = self.pass.block();
        let blocks = out.chunks_mut(block * self.plane()).enumerate();
        parallel::each_with(blocks, Scratch::<S, R>::default, |scratch, (position, out)| {
            self.pass.planes_real(source, z + position * block, outside, scratch, out);
        });
    }
}

/// Executes a pass that copies voxels.
pub(crate) fn copied(volume: &Volume, sampling: &Sampling, how: &How) -> Result<Volume, ResampleError> {
    let length = sampling.target().voxel_count().saturating_mul(volume.channels());
    room((length as u64).saturating_mul(volume.dtype().size() as u64))?;
    let work = Work::new(volume, sampling, how, [0; 3]);
    let voxels: Voxels = dispatch!(volume.voxels(), v => {
        let mut out = buffer::zeroed(length);
        work.copies(v, 0, &mut out);
        out.into()
    });
    Ok(Volume::new(voxels, *sampling.target(), volume.kind(), volume.channels())?)
}

/// The target voxels for which a window has data: 1 if it has, else 0.
pub(crate) fn covered(sampling: &Sampling) -> Result<Volume, ResampleError> {
    let source = *sampling.source();
    room(source.voxel_count() as u64)?;
    let ones = Volume::new(vec![1u8; source.voxel_count()].into(), source, Kind::Label, 1)?;
    copied(&ones, sampling, &How::extended(Interpolation::Nearest, vec![0.0]))
}

/// Kernels by the type in which they average; each type is compiled only for its own source types.
trait Averaged: Real {
    /// Computes planes from `z` on from the voxels `channel`.
    fn blocks(
        work: &Work<'_>,
        voxels: &Voxels,
        channel: Range<usize>,
        z: usize,
        outside: (Self, Self),
        out: &mut [Self],
    );

    /// The spline coefficients of the voxels `channel`.
    fn coefficients(work: &Work<'_>, channel: Range<usize>) -> Voxels;
}

macro_rules! averaged {
    ($($real:ty: $($variant:ident)*;)*) => {$(
        impl Averaged for $real {
            fn blocks(
                work: &Work<'_>,
                voxels: &Voxels,
                channel: Range<usize>,
                z: usize,
                outside: (Self, Self),
                out: &mut [Self],
            ) {
                match voxels {
                    $(Voxels::$variant(v) => work.blocks::<_, $real>(&v[channel], z, outside, out),)*
                    // Voxels of another type are never averaged in this one, see `Real::SOURCES`.
                    _ => {}
                }
            }

            fn coefficients(work: &Work<'_>, channel: Range<usize>) -> Voxels {
                let spline: Vec<$real> = match work.volume.voxels() {
                    $(Voxels::$variant(v) => spline::coefficients(&v[channel], work.shape, work.splined),)*
                    _ => Vec::new(),
                };
                spline.into()
            }
        }
    )*};
}

averaged! {
    f32: U8 I8 U16 I16 F32;
    f64: U32 I32 U64 I64 F64;
}

vectorised! {
    fn convert[R: Real, O: Voxel](means: &[R], out: &mut [O]) {
        out.iter_mut().zip(means).for_each(|(o, v)| *o = v.output());
    }
}
