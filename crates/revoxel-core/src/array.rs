//! Volumes as arrays of the crate `ndarray`.

use ndarray::{Array4, ArrayView4, ShapeBuilder};

use crate::{Dtype, Grid, Kind, Volume, VolumeError, Voxel, Voxels, dispatch};

/// A view was requested with another type than that of the voxels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the voxels are {stored}, not {asked}: cast the volume, or request {stored}")]
pub struct OtherDtype {
    /// The type of the voxels.
    pub stored: Dtype,
    /// The type of the view.
    pub asked: Dtype,
}

impl Volume {
    /// The values as an array with the axes x, y, z and channel (one channel of a plain scan). Nothing is copied; x is
    /// the fastest axis in memory.
    ///
    /// ```
    /// use revoxel_core::{Grid, Kind, Volume};
    /// let grid = Grid::without_geometry([2, 3, 1])?;
    /// let volume = Volume::new(vec![0u8, 1, 2, 3, 4, 5].into(), grid, Kind::Label, 1)?;
    /// let view = volume.view::<u8>()?;
    /// assert_eq!(view.shape(), [2, 3, 1, 1]);
    /// assert_eq!(view[[1, 2, 0, 0]], 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the voxels are of another type.
    pub fn view<T: Voxel>(&self) -> Result<ArrayView4<'_, T>, OtherDtype> {
        let other = OtherDtype { stored: self.dtype(), asked: T::DTYPE };
        if other.stored != other.asked {
            return Err(other);
        }
        let values: &[T] = dispatch!(self.voxels(), v => bytemuck::cast_slice(v));
        let [x, y, z] = self.grid().shape();
        ArrayView4::from_shape((x, y, z, self.channels()).f(), values).map_err(|_| other)
    }

    /// A volume of the values of an array with the axes x, y, z and channel. If x is the fastest axis in memory, the
    /// array is used as it is; otherwise it is copied once.
    ///
    /// # Errors
    /// If the shape is not that of the grid.
    pub fn from_array<T: Voxel>(array: Array4<T>, grid: Grid, kind: Kind) -> Result<Self, VolumeError>
    where
        Vec<T>: Into<Voxels>,
    {
        let (x, y, z, channels) = array.dim();
        if [x, y, z] != grid.shape() {
            return Err(VolumeError { values: array.len(), shape: grid.shape(), channels });
        }
        let length = array.len();
        let turned = array.reversed_axes();
        let values = match turned.is_standard_layout() {
            true => match turned.into_raw_vec_and_offset() {
                (values, None | Some(0)) if values.len() == length => values,
                (values, offset) => values[offset.unwrap_or(0)..][..length].to_vec(),
            },
            false => turned.iter().copied().collect(),
        };
        Self::new(values.into(), grid, kind, channels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::s;

    #[test]
    fn views_and_arrays_agree_with_voxels() {
        let grid = Grid::without_geometry([3, 2, 4]).unwrap();
        let values: Vec<i16> = (0..48).map(|i| i * 3 - 7).collect();
        let volume = Volume::new(values.clone().into(), grid, Kind::Image, 2).unwrap();
        let view = volume.view::<i16>().unwrap();
        for (at, value) in view.indexed_iter() {
            assert_eq!(f64::from(*value), volume.value([at.0, at.1, at.2], at.3), "{at:?}");
        }
        let asked = volume.view::<f32>().unwrap_err();
        assert_eq!((asked.stored, asked.asked), (Dtype::I16, Dtype::F32));
        // Arrays in either order of axes, and parts of larger ones.
        let fortran = view.to_owned();
        let c: Array4<i16> = Array4::from_shape_fn(view.raw_dim(), |at| view[at]);
        let wide = Array4::from_shape_fn((3, 2, 6, 2), |(x, y, z, c)| if z > 3 { 0 } else { view[[x, y, z, c]] });
        let part = wide.slice_move(s![.., .., ..4, ..]);
        for array in [fortran, c, part] {
            assert_eq!(Volume::from_array(array, grid, Kind::Image).unwrap(), volume);
        }
        let small = Array4::<u8>::zeros((3, 2, 3, 1));
        assert_eq!(Volume::from_array(small, grid, Kind::Label).unwrap_err().shape, [3, 2, 4]);
    }
}
