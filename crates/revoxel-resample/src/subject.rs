//! The subject of a fused pass: a volume, or its known properties before the voxels are read.

use revoxel_core::{Dtype, Grid, Kind, Sampling, Volume};

use crate::buffer::room;
use crate::clipped::execute_clipped;
use crate::{Gaussian, How, PadMode, ResampleError, area, execute, gaussian_smooth_as, pad};

/// The subject of a [`FusedPass`](crate::FusedPass). Every method has the same effect on voxels and on known
/// properties.
pub trait Subject {
    /// Where the voxels lie.
    fn grid(&self) -> &Grid;

    /// What the values mean.
    fn kind(&self) -> Kind;

    /// The number of channels, if known.
    fn channels(&self) -> Option<usize>;

    /// The voxel type, if known.
    fn dtype(&self) -> Option<Dtype>;

    /// The lowest value; 0 if not known.
    fn minimum(&self) -> f64;

    /// Executes a pass.
    ///
    /// # Errors
    /// If it fails.
    fn execute(&mut self, pass: &Sampling, how: &How) -> Result<(), ResampleError>;

    /// Executes a pass of the cubic B-spline and clips values to the range that it reads; returns the number of
    /// clipped voxels.
    ///
    /// # Errors
    /// If it fails.
    fn execute_clipped(&mut self, pass: &Sampling, how: &How) -> Result<usize, ResampleError>;

    /// Smooths by a sigma (voxels) along each axis.
    ///
    /// # Errors
    /// If it fails.
    fn smooth(&mut self, sigma: [f64; 3], gaussian: &Gaussian) -> Result<(), ResampleError>;

    /// Averages boxes of voxels; see [`area`].
    ///
    /// # Errors
    /// If it fails.
    fn average(&mut self, grid: &Grid) -> Result<(), ResampleError>;

    /// Takes a window that is padded; see [`pad`].
    ///
    /// # Errors
    /// If it fails.
    fn pad(&mut self, start: [i64; 3], shape: [usize; 3], mode: PadMode, value: &[f64]) -> Result<(), ResampleError>;

    /// Gives the voxels a type that also holds these values.
    ///
    /// # Errors
    /// If no voxel type holds them.
    fn hold(&mut self, values: &[f64]) -> Result<(), ResampleError>;
}

impl Subject for Volume {
    fn grid(&self) -> &Grid {
        self.grid()
    }

    fn kind(&self) -> Kind {
        self.kind()
    }

    fn channels(&self) -> Option<usize> {
        Some(self.channels())
    }

    fn dtype(&self) -> Option<Dtype> {
        Some(self.dtype())
    }

    fn minimum(&self) -> f64 {
        self.voxels().min_max().map_or(0.0, |(low, _)| low)
    }

    fn execute(&mut self, pass: &Sampling, how: &How) -> Result<(), ResampleError> {
        *self = execute(self, pass, how)?;
        Ok(())
    }

    fn execute_clipped(&mut self, pass: &Sampling, how: &How) -> Result<usize, ResampleError> {
        let (volume, count) = execute_clipped(self, pass, how)?;
        *self = volume;
        Ok(count)
    }

    fn smooth(&mut self, sigma: [f64; 3], gaussian: &Gaussian) -> Result<(), ResampleError> {
        // The result, and what one axis leaves for the next.
        room(self.voxels().bytes().len() as u64 * 2)?;
        *self = gaussian_smooth_as(self, sigma, gaussian)?;
        Ok(())
    }

    fn average(&mut self, grid: &Grid) -> Result<(), ResampleError> {
        room(bytes_on(self, grid.shape()))?;
        *self = area(self, grid)?;
        Ok(())
    }

    fn pad(&mut self, start: [i64; 3], shape: [usize; 3], mode: PadMode, value: &[f64]) -> Result<(), ResampleError> {
        room(bytes_on(self, shape))?;
        *self = pad(self, start, shape, mode, value)?;
        Ok(())
    }

    fn hold(&mut self, values: &[f64]) -> Result<(), ResampleError> {
        for value in values {
            let holding = self.dtype_with(*value)?;
            if holding != self.voxels().dtype() {
                let (grid, kind, channels) = (*self.grid(), self.kind(), self.channels());
                *self = Volume::new(self.voxels().clone().cast(holding), grid, kind, channels)?;
            }
        }
        Ok(())
    }
}

/// Bytes of a volume on a grid of some shape, in single precision or its own type.
fn bytes_on(volume: &Volume, shape: [usize; 3]) -> u64 {
    let size = volume.dtype().size().max(4);
    shape.iter().chain([&volume.channels(), &size]).fold(1u64, |bytes, n| bytes.saturating_mul(*n as u64))
}

/// The known properties of a volume before its voxels are read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KnownGrid {
    /// Where the voxels lie.
    pub grid: Grid,
    /// What the values mean.
    pub kind: Kind,
    /// The number of channels, if known.
    pub channels: Option<usize>,
    /// The voxel type, if known.
    pub dtype: Option<Dtype>,
}

impl KnownGrid {
    /// The properties after averaging: real-valued.
    fn averaged(&mut self) {
        self.dtype = self.dtype.map(|dtype| if dtype == Dtype::F64 { Dtype::F64 } else { Dtype::F32 });
    }
}

impl Subject for KnownGrid {
    fn grid(&self) -> &Grid {
        &self.grid
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn channels(&self) -> Option<usize> {
        self.channels
    }

    fn dtype(&self) -> Option<Dtype> {
        self.dtype
    }

    fn minimum(&self) -> f64 {
        0.0
    }

    fn execute(&mut self, pass: &Sampling, how: &How) -> Result<(), ResampleError> {
        self.grid = *pass.target();
        if how.averages() && pass.exact().is_none() {
            self.averaged();
        }
        Ok(())
    }

    fn execute_clipped(&mut self, pass: &Sampling, how: &How) -> Result<usize, ResampleError> {
        self.execute(pass, how)?;
        Ok(0)
    }

    fn smooth(&mut self, _: [f64; 3], _: &Gaussian) -> Result<(), ResampleError> {
        self.averaged();
        Ok(())
    }

    fn average(&mut self, grid: &Grid) -> Result<(), ResampleError> {
        self.grid = *grid;
        self.averaged();
        Ok(())
    }

    fn pad(&mut self, start: [i64; 3], shape: [usize; 3], _: PadMode, _: &[f64]) -> Result<(), ResampleError> {
        self.grid = revoxel_core::GridOp::Window { start, shape }.after(&self.grid)?;
        Ok(())
    }

    fn hold(&mut self, values: &[f64]) -> Result<(), ResampleError> {
        let kind = self.kind;
        self.dtype = self.dtype.map(|dtype| values.iter().fold(dtype, |dtype, value| dtype.with(kind, *value)));
        Ok(())
    }
}
