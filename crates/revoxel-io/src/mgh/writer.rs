//! Writing: header, voxels, footer, compressed if the name says so.

use std::fs::File;
use std::io;
use std::path::Path;

use revoxel_core::{Affine, Volume};

use super::header::{Header, kind_of};
use super::{footer, parsed};
use crate::codecs::deflate::Effort;
use crate::codecs::gzip;
use crate::format::Wrote;
use crate::open::{empty, has_extension};
use crate::sink::{Head, Sink, Slabs};
use crate::{Facts, WriteError};

/// Writes a volume into the file `to`, which gets the name `path` later.
pub(super) fn write(path: &Path, to: &Path, volume: &Volume, facts: &Facts) -> Result<Wrote, WriteError> {
    let failed = |reason| WriteError::Io { path: path.to_owned(), reason };
    let file = empty(to).map_err(failed)?;
    let mut slabs = slabs(path, file, &Head::of(volume), facts)?;
    slabs.to.push(volume.voxels().bytes()).map_err(failed)?;
    slabs.to.finish().map_err(failed)?;
    Ok(slabs.warnings.into())
}

/// Begins a file whose voxels come in slabs.
pub(super) fn slabs(path: &Path, mut file: File, head: &Head, facts: &Facts) -> Result<Slabs, WriteError> {
    let kind = kind_of(head.dtype).ok_or_else(|| WriteError::Dtype {
        path: path.to_owned(),
        format: "MGH",
        known: "uint8, int16, int32 and float32",
        dtype: head.dtype.name(),
    })?;
    let front = header(path, head, facts, kind)?.encode();
    let failed = |reason| WriteError::Io { path: path.to_owned(), reason };
    let to: Box<dyn Sink> = match has_extension(path, "mgz") || has_extension(path, "gz") {
        true => Box::new(gzip::Stream::new(file, &front, Effort::for_voxels(head.dtype)).map_err(failed)?),
        false => {
            file.push(&front).map_err(failed)?;
            Box::new(file)
        }
    };
    let to = Box::new(BigEndian { to, size: head.dtype.size(), footer: footer::written(facts) });
    Ok(Slabs { to, warnings: Vec::new() })
}

/// The header of a volume, with the numbers of the source if they give its affine.
fn header(path: &Path, head: &Head, facts: &Facts, kind: i32) -> Result<Header, WriteError> {
    let shape = head.grid.shape();
    let mut dims = [0; 4];
    for (to, size) in dims.iter_mut().zip(shape.into_iter().chain([head.channels])) {
        let too_long = || WriteError::TooLong { path: path.to_owned(), format: "MGH", size };
        *to = i32::try_from(size).map_err(|_| too_long())?;
    }
    let own = facts.mgh.as_deref().cloned().unwrap_or_default();
    let affine = head.grid.affine();
    let with = |numbers: [f32; 15]| {
        let three = |at: usize| [numbers[at], numbers[at + 1], numbers[at + 2]];
        let directions = [three(3), three(6), three(9)];
        Header { dims, kind, dof: own.dof, good: true, delta: three(0), directions, centre: three(12) }
    };
    if let Some(same) = own.geometry.map(with)
        && parsed::affine(&same, shape).is_ok_and(|read| read == *affine)
    {
        return Ok(same);
    }
    let computed = with(numbers(affine, shape));
    match parsed::affine(&computed, shape).ok().filter(|read| read.is_regular()) {
        Some(_) => Ok(computed),
        None => {
            let largest =
                affine.rows().into_iter().flatten().fold(0.0, |m: f64, v| if v.abs() > m.abs() { v } else { m });
            Err(WriteError::NotStorable { path: path.to_owned(), field: "delta and c_ras", value: largest })
        }
    }
}

/// Voxel sizes, directions and centre of an affine.
fn numbers(affine: &Affine, shape: [usize; 3]) -> [f32; 15] {
    let direction = affine.direction();
    let centre = affine.apply(shape.map(|n| n as f64 / 2.0));
    let columns = [0, 1, 2].map(|axis| [0, 1, 2].map(|row| direction[row][axis]));
    let mut numbers = [0.0; 15];
    let all = affine.spacing().into_iter().chain(columns.into_iter().flatten()).chain(centre);
    numbers.iter_mut().zip(all).for_each(|(to, from)| *to = (from + 0.0) as f32);
    numbers
}

/// Swaps the bytes of every value, and ends with the footer.
struct BigEndian {
    to: Box<dyn Sink>,
    size: usize,
    footer: Vec<u8>,
}

/// Bytes swapped at a time.
const CHUNK: usize = 4 << 20;

impl Sink for BigEndian {
    fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.size == 1 || cfg!(target_endian = "big") {
            return self.to.push(bytes);
        }
        for chunk in bytes.chunks(CHUNK) {
            let mut swapped = chunk.to_vec();
            swapped.chunks_exact_mut(self.size).for_each(<[u8]>::reverse);
            self.to.push(&swapped)?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.to.push(&self.footer)?;
        self.to.finish()
    }
}
