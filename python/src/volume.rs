//! Volumes.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};
use revoxel::geometry::Voxels;
use revoxel::{Kind, trace};

use crate::buffer::{self, Owned};
use crate::errors::{plain, shape};
use crate::grid::{Grid, affine_of, triple};
use crate::numpy::{self, python};
use crate::origin::Origin;

/// Voxels on a grid.
///
/// `Volume(array, affine)` takes the array's memory without a copy where its first spatial axis is fastest, which is so for
/// a Fortran-ordered (x, y, z) array and for a C-ordered (z, y, x) array; other arrays are copied, or refused with
/// `copy=False`. `order` names the axes of the array: "xyz" (nibabel) or "zyx" (SimpleITK), and with channels also "cxyz",
/// "xyzc", "czyx", "zyxc". The geometry is an affine (RAS), or an origin, a spacing and a direction (LPS).
#[pyclass(frozen, module = "revoxel", weakref)]
pub(crate) struct Volume {
    pub(crate) volume: revoxel::Volume,
    /// The owner of the memory, where that is the package.
    owner: Option<Arc<Owned>>,
    /// What the header of its file says.
    pub(crate) origin: Origin,
}

impl Volume {
    /// A volume of the engine. What it owns stays in its place.
    pub(crate) fn of(volume: revoxel::Volume, origin: Origin) -> Result<Self, trace::InvertError> {
        let (grid, kind, channels) = (*volume.grid(), volume.kind(), volume.channels());
        let (voxels, owner) = buffer::shared(volume.into_voxels());
        Ok(Self { volume: revoxel::Volume::new(voxels, grid, kind, channels)?, owner, origin })
    }

    /// The same voxels elsewhere or with another meaning; the memory is shared.
    pub(crate) fn with(&self, volume: revoxel::Volume, origin: Origin) -> Self {
        Self { volume, owner: self.owner.clone(), origin }
    }

    /// Whether Python may write: the package owns the memory, and nothing but this volume holds it.
    pub(crate) fn is_writable(&self) -> bool {
        // The volume holds its owner twice: by itself, and through its voxels.
        self.owner.as_ref().is_some_and(|owner| Arc::strong_count(owner) == 2)
    }

    /// (x, y, z), or (x, y, z, channels) where there are several.
    pub(crate) fn array_shape(&self) -> Vec<usize> {
        let mut shape = self.volume.grid().shape().to_vec();
        if self.volume.channels() > 1 {
            shape.push(self.volume.channels());
        }
        shape
    }
}

/// A kind by its name.
pub(crate) fn kind_of(py: Python<'_>, name: &str) -> PyResult<Kind> {
    name.parse().map_err(|e: revoxel::geometry::KindError| plain(py, &format!("kind: {e}")))
}

/// A volume of an array of numpy with the axes (x, y, z[, c]), the first fastest.
/// `holds` is what holds its memory, besides the array itself.
pub(crate) fn of_array(
    array: &Bound<'_, PyAny>,
    grid: revoxel::Grid,
    kind: Kind,
    holds: &Bound<'_, PyAny>,
) -> PyResult<Volume> {
    let py = array.py();
    let shape_of: Vec<usize> = array.getattr("shape")?.extract()?;
    let channels = shape_of.get(3).copied().unwrap_or(1);
    let voxels: Voxels = buffer::of_object(array, holds)?;
    let volume = revoxel::Volume::new(voxels, grid, kind, channels).map_err(|e| shape(py, &e))?;
    Ok(Volume { volume, owner: None, origin: Origin::Memory })
}

#[pymethods]
impl Volume {
    #[new]
    #[pyo3(signature = (array, affine=None, *, origin=None, spacing=None, direction=None, grid=None, kind="image",
                        order=None, channels=None, copy=None))]
    #[allow(clippy::too_many_arguments, reason = "by name")]
    fn new(
        array: &Bound<'_, PyAny>,
        affine: Option<&Bound<'_, PyAny>>,
        origin: Option<&Bound<'_, PyAny>>,
        spacing: Option<&Bound<'_, PyAny>>,
        direction: Option<&Bound<'_, PyAny>>,
        grid: Option<&Bound<'_, Grid>>,
        kind: &str,
        order: Option<&str>,
        channels: Option<&str>,
        copy: Option<bool>,
    ) -> PyResult<Self> {
        let py = array.py();
        let kind = kind_of(py, kind)?;
        let given = python(py, "_arrays", "voxels", (array, order, channels, copy), None)?;
        let (array, planar, holds): (Bound<'_, PyAny>, bool, Bound<'_, PyAny>) = given.extract()?;
        let lengths: Vec<usize> = array.getattr("shape")?.extract()?;
        let lengths = [lengths[0], lengths[1], lengths[2]];
        let grid = match grid {
            Some(_) if affine.is_some() || origin.is_some() || spacing.is_some() || direction.is_some() => {
                return Err(plain(py, "pass either grid, or an affine, or origin, spacing and direction"));
            }
            Some(grid) if grid.get().0.shape() != lengths => {
                let expected = grid.get().0.shape();
                return Err(plain(py, &format!("the array has {lengths:?} voxels, and the grid {expected:?}")));
            }
            Some(grid) => grid.get().0,
            None => {
                let affine = affine_of(py, affine, origin, spacing, direction)?;
                let grid = revoxel::Grid::new(lengths, affine).map_err(|e| plain(py, &e.to_string()))?;
                if planar { grid.planar() } else { grid }
            }
        };
        of_array(&array, grid, kind, &holds)
    }

    /// A volume of an object of nibabel, SimpleITK, ITK, xarray, MONAI or TorchIO. `kind` is what the values mean.
    #[classmethod]
    #[pyo3(signature = (object, *, kind=None))]
    fn from_<'py>(
        _class: &Bound<'py, PyType>,
        object: &Bound<'py, PyAny>,
        kind: Option<&str>,
    ) -> PyResult<Bound<'py, PyAny>> {
        python(object.py(), "_convert", "from_", (object, kind), None)
    }

    /// Where the voxels lie.
    #[getter]
    fn grid(&self) -> Grid {
        Grid(*self.volume.grid())
    }

    /// The 4×4 matrix from voxel indices to RAS+ millimetres; a read-only array of float64.
    #[getter]
    fn affine<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        numpy::affine(py, self.volume.grid().affine())
    }

    /// The position of the centre of voxel (0, 0, 0) in LPS, mm, as ITK gives it. Raises on shear.
    #[getter]
    fn origin(&self, py: Python<'_>) -> PyResult<(f64, f64, f64)> {
        Ok(triple(py, self.volume.grid())?.0.into())
    }

    /// The distance between neighbouring voxels along x, y and z, mm. Raises on shear.
    #[getter]
    fn spacing(&self, py: Python<'_>) -> PyResult<(f64, f64, f64)> {
        Ok(triple(py, self.volume.grid())?.1.into())
    }

    /// The unit steps of the axes in LPS, as the columns of a 3×3 matrix; a read-only array. Raises on shear.
    #[getter]
    fn direction<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        numpy::matrix(py, &triple(py, self.volume.grid())?.2)
    }

    /// The anatomical directions that the axes point to most, such as ('L', 'P', 'S').
    #[getter]
    fn axcodes(&self) -> (char, char, char) {
        let orientation = self.volume.grid().orientation();
        [0, 1, 2].map(|axis| orientation.letter(axis)).into()
    }

    /// What the values mean: "image", "label", "probability" or "logit".
    #[getter]
    fn kind(&self) -> &'static str {
        self.volume.kind().name()
    }

    /// The shape as an array has it: (x, y, z), or (x, y, z, channels) where there are several.
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.array_shape())
    }

    /// How many channels or frames there are; 1 for a plain scan.
    #[getter]
    fn channels(&self) -> usize {
        self.volume.channels()
    }

    /// The voxel type, as numpy has it.
    #[getter]
    fn dtype<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        numpy::module(py)?.call_method1("dtype", (self.volume.dtype().name(),))
    }

    /// Bytes of the values.
    #[getter]
    fn nbytes(&self) -> usize {
        self.volume.voxels().bytes().len()
    }

    /// Whether arrays on this memory can be written to: the package owns it, and nothing but this volume holds it.
    #[getter]
    fn writable(&self) -> bool {
        self.is_writable()
    }

    /// The values as an array (x, y, z[, c]) on the same memory, the first axis fastest.
    #[getter]
    fn xyz<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        numpy::view(slf.as_any())
    }

    /// The values as an array ([c, ]z, y, x) on the same memory, the last axis fastest.
    #[getter]
    fn zyx<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        numpy::view(slf.as_any())?.getattr("T")
    }

    /// The same voxels with another meaning. The memory is shared.
    fn with_kind(&self, py: Python<'_>, kind: &str) -> PyResult<Self> {
        let kind = kind_of(py, kind)?;
        Ok(self.with(self.volume.clone().with_kind(kind), self.origin.clone()))
    }

    /// The same values on another grid of the same shape. The memory is shared.
    fn with_grid(&self, py: Python<'_>, grid: &Bound<'_, Grid>) -> PyResult<Self> {
        let (own, other) = (self.volume.grid().shape(), grid.get().0.shape());
        if own != other {
            return Err(plain(py, &format!("the volume has {own:?} voxels, and the grid {other:?}")));
        }
        let volume = self.volume.clone().on_grid(grid.get().0).map_err(|e| shape(py, &e))?;
        let origin = if grid.get().0 == *self.volume.grid() { self.origin.clone() } else { Origin::Memory };
        Ok(self.with(volume, origin))
    }

    #[pyo3(signature = (dtype=None, copy=None))]
    fn __array__<'py>(
        slf: &Bound<'py, Self>,
        dtype: Option<&Bound<'py, PyAny>>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        python(slf.py(), "_arrays", "array", (numpy::view(slf.as_any())?, dtype, copy), None)
    }

    #[pyo3(signature = (*, stream=None, max_version=None, dl_device=None, copy=None))]
    fn __dlpack__<'py>(
        slf: &Bound<'py, Self>,
        stream: Option<&Bound<'py, PyAny>>,
        max_version: Option<&Bound<'py, PyAny>>,
        dl_device: Option<&Bound<'py, PyAny>>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let view = numpy::view(slf.as_any())?;
        python(slf.py(), "_arrays", "dlpack", (view, stream, max_version, dl_device, copy), None)
    }

    /// The memory is that of the processor.
    fn __dlpack_device__(&self) -> (i32, i32) {
        (1, 0)
    }

    /// The values as an array. With `copy=None` on the same memory, with `copy=True` on memory of its own.
    #[pyo3(signature = (*, order="xyz", copy=None))]
    fn to_numpy<'py>(slf: &Bound<'py, Self>, order: &str, copy: Option<bool>) -> PyResult<Bound<'py, PyAny>> {
        python(slf.py(), "_arrays", "to_numpy", (slf, order, copy), None)
    }

    /// A nibabel.Nifti1Image on the same memory.
    fn to_nibabel<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        python(slf.py(), "_convert", "to_nibabel", (slf,), None)
    }

    /// A SimpleITK.Image, which has memory of its own. Raises on shear.
    fn to_sitk<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        python(slf.py(), "_convert", "to_sitk", (slf,), None)
    }

    /// An itk.Image, which has memory of its own. Raises on shear.
    fn to_itk<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        python(slf.py(), "_convert", "to_itk", (slf,), None)
    }

    /// An xarray.DataArray (z, y, x[, c]) on the same memory, as ITK makes it: coordinates along the axes, and the direction
    /// in `attrs`. Raises on shear.
    fn to_xarray<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        python(slf.py(), "_convert", "to_xarray", (slf,), None)
    }

    /// A monai.data.MetaTensor (c, x, y, z) with the affine.
    #[pyo3(signature = (*, contiguous=true))]
    fn to_monai<'py>(slf: &Bound<'py, Self>, contiguous: bool) -> PyResult<Bound<'py, PyAny>> {
        python(slf.py(), "_convert", "to_monai", (slf, contiguous), None)
    }

    /// A torchio.ScalarImage, or a torchio.LabelMap of labels.
    fn to_torchio<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        python(slf.py(), "_convert", "to_torchio", (slf,), None)
    }

    /// A torch.Tensor (c, x, y, z), or (c, z, y, x) with order="zyx". `contiguous=False` takes the memory of the volume where
    /// it can be written to. Memory that cannot be written to is copied.
    #[pyo3(signature = (*, order="xyz", contiguous=true))]
    fn to_torch<'py>(slf: &Bound<'py, Self>, order: &str, contiguous: bool) -> PyResult<Bound<'py, PyAny>> {
        python(slf.py(), "_convert", "to_torch", (slf, order, contiguous), None)
    }

    /// Write the volume; the name says the format.
    fn save(slf: &Bound<'_, Self>, path: PathBuf) -> PyResult<()> {
        crate::files::write(slf.py(), slf, path)
    }

    fn __len__(&self) -> usize {
        self.volume.grid().shape()[0]
    }

    fn __repr__(&self) -> String {
        let (v, channels) = (&self.volume, self.volume.channels());
        let channels = if channels > 1 { format!(", {channels} channels") } else { String::new() };
        format!("<revoxel.Volume {} {}{channels}, {}>", v.kind(), v.dtype().name(), v.grid())
    }

    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        python(slf.py(), "_html", "volume", (slf,), None)
    }

    /// The same volume on the same memory.
    fn __copy__(&self) -> Self {
        self.with(self.volume.clone(), self.origin.clone())
    }

    /// The same volume on memory of its own.
    fn __deepcopy__(&self, py: Python<'_>, _memo: &Bound<'_, PyAny>) -> PyResult<Self> {
        let v = &self.volume;
        let voxels: Voxels = revoxel::geometry::dispatch!(v.voxels(), values => values.to_vec().into());
        let copy = revoxel::Volume::new(voxels, *v.grid(), v.kind(), v.channels()).map_err(|e| shape(py, &e))?;
        Self::of(copy, self.origin.clone()).map_err(|e| plain(py, &e.to_string()))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let (py, this) = (slf.py(), slf.get());
        let origin = this.origin.pickled();
        let arguments = (numpy::view(slf.as_any())?, this.grid(), this.kind(), origin).into_pyobject(py)?;
        Ok((py.import("revoxel._pickle")?.getattr("volume")?, arguments))
    }

    /// The volume with what a pickle says of its file.
    fn _with_origin(&self, py: Python<'_>, origin: &str) -> PyResult<Self> {
        let origin = Origin::unpickled(origin, &self.volume).map_err(|e| plain(py, &format!("the pickle: {e}")))?;
        Ok(self.with(self.volume.clone(), origin))
    }

    fn __getitem__<'py>(slf: &Bound<'py, Self>, key: &Bound<'py, PyAny>) -> PyResult<Self> {
        crate::slicing::sliced(slf, key)
    }

    /// The volume with one spatial axis (0, 1 or 2) reversed: the voxels stay where they are in the world.
    fn flip(slf: &Bound<'_, Self>, axis: isize) -> PyResult<Self> {
        crate::slicing::flipped(slf, axis)
    }
}
