//! Destinations of voxels, slab by slab.

use std::fs::File;
use std::io::{self, Write};

use revoxel_core::{Dtype, Grid, Volume};

use crate::Warning;

/// The properties of a volume that are known before its voxels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Head {
    /// Where the voxels lie.
    pub grid: Grid,
    /// Their type.
    pub dtype: Dtype,
    /// How many channels there are.
    pub channels: usize,
}

impl Head {
    /// The head of a volume.
    pub fn of(volume: &Volume) -> Self {
        Self { grid: *volume.grid(), dtype: volume.dtype(), channels: volume.channels() }
    }
}

/// A destination of voxel bytes.
pub trait Sink: Send {
    /// Writes more.
    ///
    /// # Errors
    /// On an I/O error.
    fn push(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Writes the bytes after the voxels.
    ///
    /// # Errors
    /// On an I/O error.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

impl Sink for File {
    fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        Ok(())
    }
}

/// A file in a format that takes voxels in a volume's order.
pub struct Slabs {
    /// The destination.
    pub to: Box<dyn Sink>,
    /// Warnings.
    pub warnings: Vec<Warning>,
}
