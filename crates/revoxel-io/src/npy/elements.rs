//! The elements of an array.

use std::fs::File;
use std::io::{self, Read};

use half::f16;
use revoxel_core::{Voxel, Voxels, dispatch, dispatch_dtype};

use super::Tensor;
use super::descr::{Descr, Element};
use super::preamble::Preamble;
use super::problem::NpyError;
use crate::{buffer, map};

/// The known length of an array's bytes, including the header.
#[derive(Clone, Copy, Debug)]
pub(super) enum Length<'a> {
    /// They are in a file of this length.
    Known(&'a File, u64),
    /// They are compressed, and decode to at most this many.
    AtMost(u64),
}

/// Reads an array after its preamble.
pub(super) fn read(from: &mut impl Read, preamble: Preamble, length: Length<'_>) -> Result<Tensor, NpyError> {
    let needed = preamble.bytes()?;
    let Preamble { descr, fortran, shape, length: before } = preamble;
    let count = (needed / descr.element.size() as u64) as usize;
    let short = |found: u64| NpyError::Short { shape: shape.clone(), needed, found };
    let (possible, known) = match length {
        Length::AtMost(possible) => (possible, None),
        Length::Known(file, length) => (length, Some(file)),
    };
    if needed > possible.saturating_sub(before) {
        return Err(short(possible.saturating_sub(before)));
    }
    let mapped = match (known, descr) {
        (Some(file), Descr { element: Element::Plain(dtype), swapped: false }) if !fortran => {
            dispatch_dtype!(dtype, T => map::values::<T>(file, before, count).map(Voxels::from))
        }
        _ => None,
    };
    let read = mapped.map_or_else(|| read_voxels(from, descr, count, known.is_some()), Ok);
    let voxels = read.map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof => short(possible.saturating_sub(before)),
        io::ErrorKind::OutOfMemory => NpyError::Memory(needed),
        _ => NpyError::Io(e),
    })?;
    if fortran && shape.len() > 1 {
        let voxels = dispatch!(voxels, v => c_order(&v[..], &shape).ok_or(NpyError::Memory(needed))?.into());
        return Ok(Tensor { shape, voxels });
    }
    Ok(Tensor { shape, voxels })
}

fn read_voxels(from: &mut impl Read, descr: Descr, count: usize, known: bool) -> io::Result<Voxels> {
    Ok(match descr.element {
        Element::Plain(dtype) => dispatch_dtype!(dtype, T => values::<T>(from, descr, count, known)?.into()),
        Element::Half => {
            let bits: Vec<u16> = values(from, descr, count, known)?;
            let mut values: Vec<f32> = buffer::zeroed(count).ok_or(io::ErrorKind::OutOfMemory)?;
            values.iter_mut().zip(bits).for_each(|(to, bits)| *to = f16::from_bits(bits).to_f32());
            values.into()
        }
        Element::Bool => {
            let mut bytes: Vec<u8> = values(from, descr, count, known)?;
            bytes.iter_mut().for_each(|v| *v = u8::from(*v != 0));
            bytes.into()
        }
    })
}

fn values<T: Voxel>(from: &mut impl Read, descr: Descr, count: usize, known: bool) -> io::Result<Vec<T>> {
    let mut values = if known { buffer::read_all(from, count)? } else { buffer::read_growing(from, count)? };
    if descr.swapped {
        buffer::swap_bytes(&mut values);
    }
    Ok(values)
}

/// Rearranges elements with the first axis fastest so that the last axis is fastest.
fn c_order<T: Voxel>(values: &[T], shape: &[usize]) -> Option<Vec<T>> {
    let mut out: Vec<T> = buffer::zeroed(values.len())?;
    let last = shape.len() - 1;
    if values.is_empty() {
        return Some(out);
    }
    let strides: Vec<usize> = (0..shape.len()).map(|axis| shape[..axis].iter().product()).collect();
    let mut index = vec![0usize; last];
    for row in out.chunks_mut(shape[last]) {
        let start: usize = index.iter().zip(&strides).map(|(i, s)| i * s).sum();
        row.iter_mut().enumerate().for_each(|(i, to)| *to = values[start + i * strides[last]]);
        for axis in (0..last).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    Some(out)
}
