//! The most likely class of each voxel, without ever holding the resampled channels.

use rayon::prelude::*;
use revoxel_core::{Dtype, Kind, Sampling, Volume, Voxel, Voxels, dispatch};

use crate::execute::prepare;
use crate::pass::Pass;
use crate::real::Real;
use crate::separable::Scratch;
use crate::{How, Interpolation, ResampleError, spline};

/// Executes a pass on a volume of probabilities or logits and keeps, for each target voxel, the channel with the
/// highest value (the lowest channel at a tie). A label map of the smallest unsigned type.
///
/// Planes are resampled channel by channel with a running maximum: the memory is the prediction, the label map and
/// a few planes per thread (for cubic interpolation also the coefficients of every channel).
///
/// # Errors
/// Where the volume does not lie on the sampling's source grid.
pub fn execute_argmax(volume: &Volume, sampling: &Sampling, how: &How) -> Result<Volume, ResampleError> {
    let (volume, sampling) = prepare(volume, sampling, how)?;
    let dtype = Dtype::smallest_for_labels((volume.channels() - 1) as f64);
    let labels = dispatch!(volume.voxels(), v => classes(v, volume.channels(), &sampling, how));
    let voxels = Voxels::from(labels).cast(dtype);
    Ok(Volume::new(voxels, *sampling.target(), Kind::Label, 1)?)
}

/// The channel with the highest value of each voxel, the lowest channel at a tie; a label map of the smallest
/// unsigned type on the same grid.
///
/// # Errors
/// None for a volume that exists; the signature follows from building a volume.
pub fn argmax(volume: &Volume) -> Result<Volume, ResampleError> {
    execute_argmax(volume, &Sampling::identity(*volume.grid()), &How::border(Interpolation::Nearest))
}

fn classes<T: Voxel>(source: &[T], channels: usize, sampling: &Sampling, how: &How) -> Vec<u16> {
    let pass = Pass::new(sampling, how);
    let size = source.len() / channels;
    let split = |c: usize| &source[c * size..][..size];
    if how.interpolation == Interpolation::Cubic && sampling.exact().is_none() {
        let shape = sampling.source().shape();
        let splines: Vec<Vec<f32>> = (0..channels).map(|c| spline::coefficients(split(c), shape)).collect();
        winners(&pass, &splines.iter().map(Vec::as_slice).collect::<Vec<_>>(), how)
    } else {
        winners(&pass, &(0..channels).map(split).collect::<Vec<_>>(), how)
    }
}

fn winners<T: Voxel>(pass: &Pass, channels: &[&[T]], how: &How) -> Vec<u16> {
    let plane = pass.shape[0] * pass.shape[1];
    let mut labels = vec![0u16; plane * pass.shape[2]];
    let buffers = || (Scratch::<f32>::default(), vec![0.0f32; plane], vec![0.0f32; plane]);
    labels.par_chunks_mut(plane).enumerate().for_each_init(buffers, |(scratch, best, values), (z, labels)| {
        for (channel, source) in channels.iter().enumerate() {
            let outside = (f32::weight(how.fill_of(channel)), f32::weight(how.padding_of(channel)));
            let target = if channel == 0 { &mut *best } else { &mut *values };
            pass.plane_real(source, z, outside, scratch, target);
            if channel > 0 {
                for ((label, best), value) in labels.iter_mut().zip(best.iter_mut()).zip(values.iter()) {
                    if *value > *best {
                        (*best, *label) = (*value, channel as u16);
                    }
                }
            }
        }
    });
    labels
}
