//! Errors of NumPy files.

use std::io;

/// Why an array cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NpyError {
    /// An error of the operating system.
    #[error(transparent)]
    Io(io::Error),
    /// No npy magic.
    #[error("not a NumPy array: does not start with \\x93NUMPY")]
    Magic,
    /// A version that is not known.
    #[error("version is {0}.{1}: supported are 1.0, 2.0 and 3.0")]
    Version(u8, u8),
    /// The header is longer than any header, or than the file.
    #[error("header length is {0}: longer than the file or any valid header")]
    HeaderLength(u64),
    /// The header is not a dictionary with the three known keys.
    #[error("header is {0:?}: not a dictionary with descr, fortran_order and shape")]
    Header(String),
    /// The element type is not a voxel type.
    #[error("descr is {descr}: {what} cannot be read as numbers")]
    Type {
        /// As in the file.
        descr: String,
        /// What that is.
        what: &'static str,
    },
    /// A shape with more elements than can be addressed.
    #[error("shape is {0:?}: more elements than can be addressed")]
    TooLarge(Vec<usize>),
    /// The elements are not all there.
    #[error("shape is {shape:?}: needs {needed} bytes, but {found} follow the header")]
    Short {
        /// As in the file.
        shape: Vec<usize>,
        /// Bytes of all elements.
        needed: u64,
        /// Bytes behind the header.
        found: u64,
    },
    /// Not enough memory.
    #[error("not enough memory for {0} bytes")]
    Memory(u64),
    /// The archive is damaged.
    #[error("the zip archive cannot be read: {0}")]
    Archive(String),
    /// The archive has no such array.
    #[error("no array is named {name:?}; available: {found:?}")]
    NoArray {
        /// The name asked for.
        name: String,
        /// The names there are.
        found: Vec<String>,
    },
    /// No name was given, and there is not exactly one array.
    #[error("expected one array, found {found:?}: name one, or save the one alone")]
    WhichArray {
        /// The names there are.
        found: Vec<String>,
    },
}
