//! Voxels on a grid.

use crate::{Dtype, Grid, Kind, NoCommonType, Voxels};

/// Voxels with their grid (where they lie) and their kind (what they mean). There is no volume without a grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume {
    voxels: Voxels,
    grid: Grid,
    kind: Kind,
    channels: usize,
}

/// Why a buffer does not fit a grid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{values} values do not match a grid of shape {shape:?} (channels: {channels})")]
pub struct VolumeError {
    /// Values in the buffer.
    pub values: usize,
    /// Shape of the grid.
    pub shape: [usize; 3],
    /// Channels requested.
    pub channels: usize,
}

impl Volume {
    /// A volume of `channels` channels; the buffer holds axis 0 fastest and the channels slowest.
    ///
    /// # Errors
    /// If the buffer's length is not voxels × channels, or there is no channel.
    pub fn new(voxels: Voxels, grid: Grid, kind: Kind, channels: usize) -> Result<Self, VolumeError> {
        if channels == 0 || grid.voxel_count().checked_mul(channels) != Some(voxels.len()) {
            return Err(VolumeError { values: voxels.len(), shape: grid.shape(), channels });
        }
        Ok(Self { voxels, grid, kind, channels })
    }

    /// The values: axis 0 fastest, channels slowest.
    pub const fn voxels(&self) -> &Voxels {
        &self.voxels
    }

    /// Where the voxels lie.
    pub const fn grid(&self) -> &Grid {
        &self.grid
    }

    /// What the values mean.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Channels or frames; 1 for a plain scan.
    pub const fn channels(&self) -> usize {
        self.channels
    }

    /// The voxel type.
    pub fn dtype(&self) -> Dtype {
        self.voxels.dtype()
    }

    /// The voxels, without their grid.
    pub fn into_voxels(self) -> Voxels {
        self.voxels
    }

    /// The same volume with other values.
    ///
    /// # Errors
    /// If the buffer's length is not a multiple of the voxel count.
    pub fn with_voxels(self, voxels: Voxels) -> Result<Self, VolumeError> {
        let channels = voxels.len() / self.grid.voxel_count();
        Self::new(voxels, self.grid, self.kind, channels)
    }

    /// The same voxels on a grid that describes the same place (a header restored bit for bit, or rounding noise
    /// removed).
    ///
    /// # Errors
    /// If the grid has another number of voxels.
    pub fn on_grid(self, grid: Grid) -> Result<Self, VolumeError> {
        Self::new(self.voxels, grid, self.kind, self.channels)
    }

    /// The same voxels with another meaning.
    pub fn with_kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// The values in another voxel type; whole numbers round half to even and saturate.
    pub fn cast(self, dtype: Dtype) -> Self {
        Self { voxels: self.voxels.cast(dtype), ..self }
    }

    /// The voxel type, this one or a wider one, that holds all values of the volume and one to be added (a fill,
    /// padding): [`Dtype::with`]. Labels and whole numbers stay exact.
    ///
    /// # Errors
    /// If that type cannot store all labels or whole numbers.
    pub fn dtype_with(&self, value: f64) -> Result<Dtype, NoCommonType> {
        let dtype = self.dtype().with(self.kind, value);
        let exact = self.kind == Kind::Label || self.dtype().is_integer();
        if exact && dtype != self.dtype() && self.voxels.label_lost_in(dtype).is_some() {
            let (lowest, highest) = self.voxels.whole_range().unwrap_or_default();
            return Err(NoCommonType { value, lowest, highest });
        }
        Ok(dtype)
    }

    /// One value as f64.
    ///
    /// # Panics
    /// If the index or channel is outside the volume.
    pub fn value(&self, index: [usize; 3], channel: usize) -> f64 {
        let shape = self.grid.shape();
        assert!((0..3).all(|a| index[a] < shape[a]) && channel < self.channels, "{index:?} is outside {shape:?}");
        let position = index[0] + shape[0] * (index[1] + shape[1] * index[2]);
        self.voxels.get(channel * self.grid.voxel_count() + position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buffer_must_fill_the_grid() {
        let grid = Grid::without_geometry([2, 3, 4]).unwrap();
        let make = |n: usize, channels| Volume::new(vec![0u8; n].into(), grid, Kind::Label, channels);
        assert!(make(24, 1).is_ok() && make(48, 2).is_ok());
        assert!(make(23, 1).is_err() && make(24, 2).is_err() && make(0, 0).is_err());
    }

    #[test]
    fn what_fills_a_label_map_does_not_change_its_labels() {
        let grid = Grid::without_geometry([2, 1, 1]).unwrap();
        let t = |voxels: Voxels, kind: Kind, value: f64| {
            Volume::new(voxels, grid, kind, 1).unwrap().dtype_with(value).map_err(|e| e.to_string())
        };
        assert_eq!(t(vec![1u64, 2].into(), Kind::Label, -1.0), Ok(Dtype::I64));
        assert_eq!(t(vec![1.0f32, 2.0].into(), Kind::Label, 16_777_217.0), Ok(Dtype::F64));
        assert_eq!(t(vec![1.0f32, 2.0].into(), Kind::Image, 16_777_217.0), Ok(Dtype::F32));
        assert_eq!(t(vec![1, 1u64 << 53].into(), Kind::Image, -1.0), Ok(Dtype::F64));
        assert!(t(vec![1, u64::MAX].into(), Kind::Image, -1.0).unwrap_err().contains("can store both"));
        let error = t(vec![1, u64::MAX].into(), Kind::Label, -1.0).unwrap_err();
        assert!(
            error.starts_with("no voxel type can store both -1 and the values 1 to 18446744073709551615"),
            "{error}"
        );
    }

    #[test]
    fn axis_zero_is_fastest_and_channels_are_slowest() {
        let grid = Grid::without_geometry([2, 3, 4]).unwrap();
        let volume = Volume::new((0..48).collect::<Vec<i16>>().into(), grid, Kind::Image, 2).unwrap();
        assert_eq!(volume.value([1, 0, 0], 0), 1.0);
        assert_eq!(volume.value([0, 1, 0], 0), 2.0);
        assert_eq!(volume.value([0, 0, 1], 0), 6.0);
        assert_eq!(volume.value([0, 0, 0], 1), 24.0);
    }
}
