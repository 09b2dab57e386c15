//! The most likely class of each voxel, without holding the resampled channels in memory.

use std::borrow::Cow;

use revoxel_core::{Dtype, Kind, Sampling, Volume, Voxel, Voxels, parallel};

use crate::execute::{Prepared, prepare};
use crate::pass::{Pass, Path, along};
use crate::real::Real;
use crate::separable::{Scratch, Separable, Stack};
use crate::simd::vectorised;
use crate::taps::{Along, Line, RUN};
use crate::{How, Interpolation, ResampleError, buffer, spline};

/// Executes a pass on a volume of probabilities or logits and keeps, for each target voxel, the channel with the
/// highest value (the lowest channel at a tie). Returns a label map of the smallest unsigned type.
///
/// Channels are resampled row by row with a running maximum: the memory is the prediction, the label map and a few
/// planes per thread (for cubic interpolation also the coefficients of every channel).
///
/// # Errors
/// If the volume does not lie on the sampling's source grid.
pub fn execute_argmax(volume: &Volume, sampling: &Sampling, how: &How) -> Result<Volume, ResampleError> {
    let prepared = prepare(volume, sampling, how)?;
    let volume = &prepared.volume;
    let channels = volume.channels();
    let dtype = Dtype::smallest_for_labels((channels - 1) as f64);
    let single = match volume.voxels() {
        voxels if <f32 as Real>::SOURCES.contains(&voxels.dtype()) => Cow::Borrowed(voxels),
        voxels => Cow::Owned(voxels.clone().cast(Dtype::F32)),
    };
    let voxels = match &*single {
        Voxels::U8(v) => labels(v, channels, dtype, &prepared),
        Voxels::I8(v) => labels(v, channels, dtype, &prepared),
        Voxels::U16(v) => labels(v, channels, dtype, &prepared),
        Voxels::I16(v) => labels(v, channels, dtype, &prepared),
        Voxels::F32(v) => labels(v, channels, dtype, &prepared),
        // Nothing else is left, see `Real::SOURCES`.
        _ => Voxels::from(Vec::<u8>::new()),
    };
    Ok(Volume::new(voxels, *sampling.target(), Kind::Label, 1)?)
}

/// The channel with the highest value of each voxel, the lowest channel at a tie; a label map of the smallest
/// unsigned type on the same grid.
///
/// # Errors
/// Never for an existing volume; building the result requires the signature.
pub fn argmax(volume: &Volume) -> Result<Volume, ResampleError> {
    execute_argmax(volume, &Sampling::identity(*volume.grid()), &How::border(Interpolation::Nearest))
}

/// A type of class numbers.
trait Class: Voxel {
    fn of(channel: usize) -> Self;
}

macro_rules! class {
    ($($type:ty)*) => {$(
        impl Class for $type {
            #[inline(always)]
            fn of(channel: usize) -> Self {
                channel as Self
            }
        }
    )*};
}

class! { u8 u32 }

fn labels<T: Voxel>(source: &[T], channels: usize, dtype: Dtype, prepared: &Prepared<'_>) -> Voxels {
    match dtype {
        Dtype::U8 => classes::<_, u8>(source, channels, prepared).into(),
        _ => Voxels::from(classes::<_, u32>(source, channels, prepared)).cast(dtype),
    }
}

fn classes<T: Voxel, L: Class>(source: &[T], channels: usize, prepared: &Prepared<'_>) -> Vec<L> {
    let Prepared { sampling, how, beyond, .. } = prepared;
    let pass = Pass::new(sampling, how, *beyond);
    let size = source.len() / channels;
    let split: Vec<&[T]> = (0..channels).map(|c| &source[c * size..][..size]).collect();
    if how.splines() && sampling.exact().is_none() {
        let shape = sampling.source().shape();
        let splined = along(sampling, how).map(|a| a == Along::Cubic);
        let splines: Vec<Vec<f32>> = split.iter().map(|c| spline::coefficients(c, shape, splined)).collect();
        return winners(&pass, &splines.iter().map(Vec::as_slice).collect::<Vec<_>>(), how);
    }
    winners(&pass, &split, how)
}

fn winners<T: Voxel, L: Class>(pass: &Pass, channels: &[&[T]], how: &How) -> Vec<L> {
    let plane = pass.shape[0] * pass.shape[1];
    let mut labels = buffer::zeroed::<L>(plane * pass.shape[2]);
    if let Path::Separable(tables) = &pass.path {
        let block = pass.block();
        let first = |value: &dyn Fn(usize) -> f64| {
            let best = (1..channels.len()).fold(0, |best, c| if value(c) > value(best) { c } else { best });
            L::of(best)
        };
        let outside = (first(&|c| how.fill_of(c)), first(&|c| how.padding_of(c)));
        let blocks = labels.chunks_mut(plane * block).enumerate();
        parallel::each_with(blocks, Rows::default, |rows, (position, labels)| {
            let z = position * block;
            if let Some(zs) = pass.prepare(z, outside.0, outside.1, labels) {
                rows.block(pass, tables, channels, (z, zs), labels);
            }
        });
        return labels;
    }
    let buffers = || (Scratch::<T, f32>::default(), vec![0.0f32; plane], vec![0.0f32; plane]);
    parallel::each_with(labels.chunks_mut(plane).enumerate(), buffers, |(scratch, best, values), (z, labels)| {
        for (channel, source) in channels.iter().enumerate() {
            let outside = (f32::weight(how.fill_of(channel)), f32::weight(how.padding_of(channel)));
            let target = if channel == 0 { &mut *best } else { &mut *values };
            pass.planes_real(source, z, outside, scratch, target);
            if channel > 0 {
                keep_higher(best, values, labels, L::of(channel));
            }
        }
    });
    labels
}

vectorised! {
    fn keep_higher[L: Class](best: &mut [f32], values: &[f32], labels: &mut [L], channel: L) {
        for ((label, best), value) in labels.iter_mut().zip(best.iter_mut()).zip(values.iter()) {
            let higher = *value > *best;
            *best = if higher { *value } else { *best };
            *label = if higher { channel } else { *label };
        }
    }
}

/// Buffers of a thread: for each channel, source voxels in target order, a blended plane and a blended row.
struct Rows<T> {
    turned: Vec<Vec<T>>,
    plane: Vec<f32>,
    row: Vec<f32>,
    nodes: Nodes,
}

/// Facts about the voxels of a blended row and the gaps between them.
#[derive(Default)]
struct Nodes {
    best: Vec<f32>,
    /// The highest channel at each voxel.
    winner: Vec<u32>,
    /// Where the lines of the two winners meet within a gap, and at which value.
    meeting: Vec<(f32, f32)>,
    /// Channels that may be highest somewhere in a gap.
    candidates: Vec<u64>,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self { turned: Vec::new(), plane: Vec::new(), row: Vec::new(), nodes: Nodes::default() }
    }
}

impl<T: Voxel> Rows<T> {
    fn block<L: Class>(
        &mut self,
        pass: &Pass,
        tables: &Separable,
        channels: &[&[T]],
        (z, zs): (usize, std::ops::Range<i64>),
        labels: &mut [L],
    ) {
        let (width, size) = (pass.shape[0], pass.shape[0] * pass.shape[1]);
        self.turned.resize(channels.len(), Vec::new());
        let turned = self.turned.iter_mut();
        let stacks: Vec<Stack<'_, T>> =
            channels.iter().zip(turned).map(|(source, turned)| tables.stack(source, zs.clone(), turned)).collect();
        let (read, length) = (tables.line.span.len() * tables.lines.len(), tables.line.length);
        self.plane.resize(read * channels.len(), 0.0);
        self.row.clear();
        self.row.resize(length * channels.len(), 0.0);
        let first = pass.inside.start[1] as usize * width + pass.inside.start[0] as usize;
        for at in zs {
            for (stack, plane) in stacks.iter().zip(self.plane.chunks_exact_mut(read)) {
                tables.blend_plane(*stack, at, plane);
            }
            for y in 0..pass.inside.shape[1] {
                blend_rows(tables, &self.plane, y, &mut self.row);
                let start = (at as usize - z) * size + first + y * width;
                let labels = &mut labels[start..start + pass.inside.shape[0]];
                if tables.line.width == 2 {
                    linear_classes(&tables.line, &self.row, &mut self.nodes, labels);
                } else {
                    cubic_classes(&tables.line, &self.row, labels);
                }
            }
        }
    }
}

vectorised! {
    fn blend_rows[](tables: &Separable, planes: &[f32], y: usize, rows: &mut [f32]) {
        let read = tables.line.span.len() * tables.lines.len();
        for (plane, row) in planes.chunks_exact(read).zip(rows.chunks_exact_mut(tables.line.length)) {
            tables.blend_row(plane, y, row);
        }
    }

    /// The classes of a target row from rows of linearly interpolated channels.
    ///
    /// Between two voxels every channel is a straight line. A channel that is highest at both ends is highest between
    /// them. If the ends have different winners, a third channel can only win if it lies above the point where their
    /// lines meet.
    fn linear_classes[L: Class](line: &Line, rows: &[f32], nodes: &mut Nodes, labels: &mut [L]) {
        let length = line.length;
        let Nodes { best, winner, meeting, candidates } = nodes;
        best.clear();
        best.extend_from_slice(&rows[..length]);
        winner.clear();
        winner.resize(length, 0);
        for (channel, row) in rows.chunks_exact(length).enumerate().skip(1) {
            for ((best, winner), value) in best.iter_mut().zip(winner.iter_mut()).zip(row) {
                let higher = *value > *best;
                *best = if higher { *value } else { *best };
                *winner = if higher { channel as u32 } else { *winner };
            }
        }
        let channels = rows.len() / length;
        let few = channels < 64;
        candidates.clear();
        candidates.resize(length, u64::MAX);
        if few {
            meeting.resize(length - 1, (0.0, 0.0));
            for (i, meeting) in meeting.iter_mut().enumerate() {
                let (l, r) = (winner[i] as usize * length + i, winner[i + 1] as usize * length + i);
                let (left, right) = (rows[l] - rows[r], rows[r + 1] - rows[l + 1]);
                let t = if left + right > 0.0 { left / (left + right) } else { 0.5 };
                let height = rows[l] + t * (rows[l + 1] - rows[l]);
                // Rounding must not hide a channel.
                *meeting = (t, height - 1e-5 * (rows[l].abs() + rows[l + 1].abs()));
            }
            candidates[..length - 1].fill(0);
            for (channel, row) in rows.chunks_exact(length).enumerate() {
                let gaps = row.iter().zip(&row[1..]).zip(meeting.iter());
                for (candidates, ((a, b), (t, height))) in candidates.iter_mut().zip(gaps) {
                    let lower = a + t * (b - a) < *height;
                    *candidates |= u64::from(!lower) << channel;
                }
            }
        }
        for (start, first, count) in &line.runs {
            let (i, first, count) = (*start as usize, *first as usize, *count as usize);
            let out = &mut labels[first..first + count];
            if winner[i] == winner[i + 1] {
                out.fill(L::of(winner[i] as usize));
                continue;
            }
            let mut best = Best::new();
            let [w, x, ..] = &line.by_tap;
            let weights: [&[f32; RUN]; 2] = [run_of(w, first), run_of(x, first)];
            let ends = 1u64 << (winner[i] & 63) | 1u64 << (winner[i + 1] & 63);
            let mut left = candidates[i] | ends;
            let mut channel = 0;
            loop {
                if few {
                    channel = left.trailing_zeros() as usize;
                    left &= left.wrapping_sub(1);
                }
                if channel >= channels {
                    break;
                }
                let (a, b) = (rows[channel * length + i], rows[channel * length + i + 1]);
                best.consider(channel, |k| a * weights[0][k] + b * weights[1][k]);
                channel += 1;
            }
            out.iter_mut().zip(best.label).for_each(|(o, label)| *o = L::of(label as usize));
        }
    }

    /// The classes of a target row from rows of spline coefficients.
    fn cubic_classes[L: Class](line: &Line, rows: &[f32], labels: &mut [L]) {
        let length = line.length;
        for (start, first, count) in &line.runs {
            let (i, first, count) = (*start as usize, *first as usize, *count as usize);
            let mut best = Best::new();
            let [w, x, y, z] = [0, 1, 2, 3].map(|k| run_of(&line.by_tap[k], first));
            for (channel, row) in rows.chunks_exact(length).enumerate() {
                let [a, b, c, d] = [row[i], row[i + 1], row[i + 2], row[i + 3]];
                best.consider(channel, |k| (a * w[k] + b * x[k]) + (c * y[k] + d * z[k]));
            }
            let out = &mut labels[first..first + count];
            out.iter_mut().zip(best.label).for_each(|(o, label)| *o = L::of(label as usize));
        }
    }
}

/// The weights of a run.
#[inline(always)]
fn run_of(weights: &[f32], first: usize) -> &[f32; RUN] {
    const NONE: [f32; RUN] = [0.0; RUN];
    weights[first..].first_chunk().unwrap_or(&NONE)
}

/// The highest channel so far of a run of positions.
struct Best {
    value: [f32; RUN],
    label: [u32; RUN],
    first: bool,
}

impl Best {
    #[inline(always)]
    const fn new() -> Self {
        Self { value: [0.0; RUN], label: [0; RUN], first: true }
    }

    #[inline(always)]
    fn consider(&mut self, channel: usize, value: impl Fn(usize) -> f32) {
        for k in 0..RUN {
            let value = value(k);
            let higher = value > self.value[k] || self.first;
            self.value[k] = if higher { value } else { self.value[k] };
            self.label[k] = if higher { channel as u32 } else { self.label[k] };
        }
        self.first = false;
    }
}
