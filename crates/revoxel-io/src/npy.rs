//! NumPy arrays: predictions and tensors, which have no geometry.
//!
//! ```
//! use revoxel_core::Voxels;
//! use revoxel_io::npy::{Tensor, read_npy, write_npy};
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("logits.npy");
//! let tensor = Tensor { shape: vec![2, 3], voxels: vec![0f32, 1., 2., 3., 4., 5.].into() };
//! write_npy(&path, &tensor)?;
//! assert_eq!(read_npy(&path, &Default::default())?, tensor);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod descr;
mod elements;
mod literal;
mod npz;
mod preamble;
pub(crate) mod problem;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use revoxel_core::{Dtype, Voxels, parallel};

use crate::atomic::atomically;
use crate::open::{empty, failed_to_read, length_of};
use crate::sink::{Head, Sink, Slabs};
use crate::{Limits, ReadError, WriteError};

pub use npz::{npz_names, read_npz};
pub use problem::NpyError;

/// An array of any number of axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// The length of each axis; none for a single number.
    pub shape: Vec<usize>,
    /// The values in C order: the last axis is fastest.
    pub voxels: Voxels,
}

/// What the header of an array says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrayHead {
    /// The length of each axis.
    pub shape: Vec<usize>,
    /// The type of its values after reading.
    pub dtype: Dtype,
}

/// Reads the header of an .npy or .npz file; the values are not touched.
///
/// # Errors
/// As [`read`], as far as the header and the length of the file tell.
pub fn head(path: impl AsRef<Path>) -> Result<ArrayHead, ReadError> {
    let path = path.as_ref();
    let named = |reason| ReadError::Npy { path: path.to_owned(), reason };
    let length = length_of(path)?;
    let mut file = File::open(path).map_err(failed_to_read(path))?;
    let mut first = Vec::new();
    (&file).take(2).read_to_end(&mut first).map_err(failed_to_read(path))?;
    let preamble = if first == b"PK" {
        npz::preamble(path)?
    } else {
        file.rewind().map_err(failed_to_read(path))?;
        let preamble = preamble::Preamble::read(&mut BufReader::new(&file)).map_err(named)?;
        let (needed, found) = (preamble.bytes().map_err(named)?, length.saturating_sub(preamble.length));
        if needed > found {
            return Err(named(NpyError::Short { shape: preamble.shape, needed, found }));
        }
        preamble
    };
    Ok(ArrayHead { dtype: preamble.descr.element.dtype(), shape: preamble.shape })
}

/// Reads an .npy or .npz file, by its content. An .npz file must hold just one array.
///
/// # Errors
/// As [`read_npy`] and [`read_npz`].
pub fn read(path: impl AsRef<Path>, limits: &Limits) -> Result<Tensor, ReadError> {
    read_if(path.as_ref(), limits, |_| Ok(()))
}

/// The same, but `fits` first checks the shape: nothing is read or decoded of an array whose shape it refuses.
///
/// # Errors
/// As [`read`], and those of `fits`.
pub fn read_if<E: From<ReadError>>(
    path: &Path,
    limits: &Limits,
    fits: impl FnOnce(&[usize]) -> Result<(), E>,
) -> Result<Tensor, E> {
    length_of(path)?;
    let mut first = Vec::new();
    let file = File::open(path).map_err(failed_to_read(path))?;
    file.take(2).read_to_end(&mut first).map_err(failed_to_read(path))?;
    if first == b"PK" { npz::read_npz_if(path, None, limits, fits) } else { read_npy_if(path, limits, fits) }
}

/// Reads an .npy file: versions 1 to 3, both byte orders; Fortran order is converted to C order, float16 to
/// float32, bool to uint8.
///
/// # Errors
/// If the file is damaged, shorter than its header says, larger than the limits, or holds objects, structures,
/// complex numbers, dates or text.
pub fn read_npy(path: impl AsRef<Path>, limits: &Limits) -> Result<Tensor, ReadError> {
    read_npy_if(path.as_ref(), limits, |_| Ok(()))
}

fn read_npy_if<E: From<ReadError>>(
    path: &Path,
    limits: &Limits,
    fits: impl FnOnce(&[usize]) -> Result<(), E>,
) -> Result<Tensor, E> {
    let named = |reason| E::from(ReadError::Npy { path: path.to_owned(), reason });
    let length = length_of(path)?;
    let file = File::open(path).map_err(failed_to_read(path))?;
    let mut from = BufReader::new(&file);
    let preamble = preamble::Preamble::read(&mut from).map_err(named)?;
    fits(&preamble.shape)?;
    limits.check_volume(path, preamble.bytes().map_err(named)?, !preamble.fortran)?;
    elements::read(&mut from, preamble, elements::Length::Known(&file, length)).map_err(named)
}

/// Begins an .npy file whose values come in slabs, channel after channel: shape (channels, z, y, x) in C order. With
/// `half`, float32 values are stored as float16.
pub(crate) fn slabs(mut file: File, head: &Head, half: bool) -> std::io::Result<Slabs> {
    let [x, y, z] = head.grid.shape();
    let shape = [head.channels, z, y, x];
    let descr = if half { descr::HALF.to_owned() } else { descr::spell(head.dtype) };
    file.write_all(&preamble::encode_as(&shape, &descr))?;
    let to: Box<dyn Sink> = if half { Box::new(Halves(file)) } else { Box::new(file) };
    Ok(Slabs { to, warnings: Vec::new() })
}

/// Stores float32 values as float16; values beyond its range become infinite, as in numpy.
struct Halves(File);

impl Sink for Halves {
    fn push(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let values: Vec<f32> = bytemuck::pod_collect_to_vec(bytes);
        let halves: Vec<half::f16> = parallel::map_values(&values, half::f16::from_f32);
        self.0.write_all(bytemuck::cast_slice(&halves))
    }

    fn finish(self: Box<Self>) -> std::io::Result<()> {
        Ok(())
    }
}

/// Writes an .npy file in C order and this machine's byte order; it appears under its name when it is complete.
///
/// # Errors
/// If the shape does not fit the values, or an I/O error occurs.
pub fn write_npy(path: impl AsRef<Path>, tensor: &Tensor) -> Result<(), WriteError> {
    let path = path.as_ref();
    let count = tensor.shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
    if count != Some(tensor.voxels.len()) {
        let (shape, values) = (tensor.shape.clone(), tensor.voxels.len());
        return Err(WriteError::Shape { path: path.to_owned(), shape, values });
    }
    atomically(path, |to| {
        let write = || {
            let mut file = BufWriter::new(empty(to)?);
            file.write_all(&preamble::encode(&tensor.shape, tensor.voxels.dtype()))?;
            file.write_all(tensor.voxels.bytes())?;
            file.flush()
        };
        write().map_err(|reason| WriteError::Io { path: path.to_owned(), reason })
    })
}
