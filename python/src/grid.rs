//! Grids.

use std::hash::{DefaultHasher, Hash, Hasher};

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use revoxel::geometry::{Affine, Frame};

use crate::errors::plain;
use crate::numpy;

/// Where voxels lie: a shape and an affine from voxel indices to RAS+ millimetres. Index (0, 0, 0) is the centre of the
/// first voxel. Two grids are equal where all numbers of shape and affine are.
#[pyclass(frozen, module = "revoxel", weakref)]
pub(crate) struct Grid(pub(crate) revoxel::Grid);

/// Two axes deviate from a right angle by more than this (sine): an origin, a spacing and a direction would hide it. Headers
/// in single precision deviate by about 1e-7.
const SHEARED: f64 = 1e-4;

/// Columns of a direction deviate from length 1 by less than this.
const UNIT: f64 = 1e-3;

#[pymethods]
impl Grid {
    /// A grid of this shape (x, y, z) with an affine (RAS), or an origin, spacing and direction (LPS, as ITK).
    #[new]
    #[pyo3(signature = (shape, affine=None, *, origin=None, spacing=None, direction=None, planar=false))]
    fn new(
        py: Python<'_>,
        shape: [i64; 3],
        affine: Option<&Bound<'_, PyAny>>,
        origin: Option<&Bound<'_, PyAny>>,
        spacing: Option<&Bound<'_, PyAny>>,
        direction: Option<&Bound<'_, PyAny>>,
        planar: bool,
    ) -> PyResult<Self> {
        let affine = affine_of(py, affine, origin, spacing, direction)?;
        if planar && shape[2] != 1 {
            return Err(plain(py, &format!("planar: a grid of a 2-D file has one slice, and the shape is {shape:?}")));
        }
        if let Some(wrong) = shape.iter().find(|n| **n < 1) {
            return Err(plain(py, &format!("shape {shape:?}: {wrong} voxels along an axis; at least 1 is needed")));
        }
        let grid = revoxel::Grid::new(shape.map(i64::unsigned_abs).map(|n| n as usize), affine)
            .map_err(|e| plain(py, &e.to_string()))?;
        Ok(Self(if planar { grid.planar() } else { grid }))
    }

    /// Voxels along x, y and z.
    #[getter]
    fn shape(&self) -> (usize, usize, usize) {
        self.0.shape().into()
    }

    /// The 4×4 matrix from voxel indices to RAS+ millimetres; a read-only array of float64.
    #[getter]
    fn affine<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        numpy::affine(py, self.0.affine())
    }

    /// The position of the centre of voxel (0, 0, 0) in LPS, mm, as ITK gives it. Raises on shear.
    #[getter]
    fn origin(&self, py: Python<'_>) -> PyResult<(f64, f64, f64)> {
        Ok(triple(py, &self.0)?.0.into())
    }

    /// The distance between neighbouring voxels along x, y and z, mm. Raises on shear.
    #[getter]
    fn spacing(&self, py: Python<'_>) -> PyResult<(f64, f64, f64)> {
        Ok(triple(py, &self.0)?.1.into())
    }

    /// The spacing as a header gives it: without the rounding noise that the columns of an oblique affine have, about 1e-7 of the
    /// size. Raises on shear.
    #[getter]
    fn nominal_spacing(&self, py: Python<'_>) -> PyResult<(f64, f64, f64)> {
        triple(py, &self.0)?;
        Ok(self.0.nominal_spacing().into())
    }

    /// The unit steps of the axes in LPS, as the columns of a 3×3 matrix; a read-only array. Raises on shear.
    #[getter]
    fn direction<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        numpy::matrix(py, &triple(py, &self.0)?.2)
    }

    /// The anatomical directions that the axes point to most, such as ('L', 'P', 'S').
    #[getter]
    fn axcodes(&self) -> (char, char, char) {
        let orientation = self.0.orientation();
        [0, 1, 2].map(|axis| orientation.letter(axis)).into()
    }

    /// The sine of the largest deviation of two axes from a right angle.
    #[getter]
    fn shear(&self) -> f64 {
        self.0.affine().shear()
    }

    /// Whether this is the grid of a 2-D file, which has one slice.
    #[getter]
    fn planar(&self) -> bool {
        self.0.is_planar()
    }

    /// How much space a voxel takes, mm³.
    #[getter]
    fn voxel_volume(&self) -> f64 {
        self.0.voxel_volume()
    }

    /// The RAS+ position, mm, of a voxel index, which may have fractions; of an array (…, 3) an array of positions.
    fn to_world<'py>(&self, index: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        mapped(index, "index", |index| self.0.index_to_world(index))
    }

    /// The voxel index, with fractions, of a RAS+ position, mm; of an array (…, 3) an array of indices.
    fn to_index<'py>(&self, point: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let map = self.0.world_to_index();
        mapped(point, "point", |point| map.apply(point))
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| other.get().0 == self.0)
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.0.shape().hash(&mut hasher);
        // 0.0 and -0.0 are equal.
        self.0.affine().rows().iter().flatten().for_each(|v| (v + 0.0).to_bits().hash(&mut hasher));
        hasher.finish()
    }

    fn __repr__(&self) -> String {
        format!("<revoxel.Grid {}>", self.0)
    }

    fn __copy__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __deepcopy__<'py>(slf: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        slf
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let (py, grid) = (slf.py(), &slf.get().0);
        let rows = grid.affine().rows().map(|row| row.to_vec()).to_vec();
        let arguments = (grid.shape(), rows, grid.is_planar()).into_pyobject(py)?;
        Ok((py.import("revoxel._pickle")?.getattr("grid")?, arguments))
    }
}

/// A point as a tuple, or an array of points as an array of the same shape.
fn mapped<'py>(
    given: &Bound<'py, PyAny>,
    name: &str,
    map: impl Fn([f64; 3]) -> [f64; 3],
) -> PyResult<Bound<'py, PyAny>> {
    let py = given.py();
    let array = numpy::module(py)?.call_method1("asarray", (given, "float64"));
    let array = array.map_err(|e| plain(py, &format!("{name}: not an array of numbers: {e}")))?;
    let shape: Vec<usize> = array.getattr("shape")?.extract()?;
    if shape.last() != Some(&3) {
        return Err(plain(py, &format!("{name}: an array of shape {shape:?}, expected three numbers for each point")));
    }
    let flat: Vec<f64> = array.call_method0("ravel")?.call_method0("tolist")?.extract()?;
    let out: Vec<[f64; 3]> = flat.chunks_exact(3).map(|p| map([p[0], p[1], p[2]])).collect();
    if let ([_], [point]) = (&shape[..], &out[..]) {
        return Ok(<(f64, f64, f64)>::from(*point).into_pyobject(py)?.into_any());
    }
    numpy::module(py)?.call_method1("array", (out, "float64"))?.call_method1("reshape", (shape,))
}

/// Origin, spacing and direction.
type Triple = ([f64; 3], [f64; 3], [[f64; 3]; 3]);

/// Origin, spacing and direction in LPS.
pub(crate) fn triple(py: Python<'_>, grid: &revoxel::Grid) -> PyResult<Triple> {
    let shear = grid.affine().shear();
    if shear > SHEARED {
        return Err(plain(
            py,
            &format!(
                "the grid is sheared (its axes are {shear:.2e} off a right angle), which origin, spacing and \
                      direction cannot say: use .affine"
            ),
        ));
    }
    let lps = Frame::Lps.affine_from_ras(grid.affine());
    Ok((lps.translation(), lps.spacing(), lps.direction()))
}

/// The affine that a caller gives, in one of two forms.
pub(crate) fn affine_of(
    py: Python<'_>,
    affine: Option<&Bound<'_, PyAny>>,
    origin: Option<&Bound<'_, PyAny>>,
    spacing: Option<&Bound<'_, PyAny>>,
    direction: Option<&Bound<'_, PyAny>>,
) -> PyResult<Affine> {
    let parts = origin.is_some() || spacing.is_some() || direction.is_some();
    match affine {
        Some(_) if parts => {
            Err(plain(py, "pass either affine (RAS), or origin, spacing and direction (LPS), not both"))
        }
        None if !parts => Err(plain(
            py,
            "where do the voxels lie? Pass affine (RAS), or origin, spacing and direction (LPS); affine=numpy.eye(4) if \
             there is no geometry",
        )),
        Some(affine) => {
            let numbers = numbers(py, affine, "affine", &[&[4, 4], &[3, 4], &[16], &[12]])?;
            if let Some(wrong) = numbers.iter().find(|v| !v.is_finite()) {
                return Err(plain(py, &format!("affine: {wrong} is not a finite number")));
            }
            if numbers.len() == 16 && numbers[12..] != [0.0, 0.0, 0.0, 1.0] {
                return Err(plain(py, "affine: the last row must be 0, 0, 0, 1"));
            }
            let row = |r: usize| [0, 1, 2, 3].map(|c| numbers[4 * r + c]);
            Ok(Affine::from_rows([row(0), row(1), row(2)]))
        }
        None => {
            let three = |given: Option<&Bound<'_, PyAny>>, name: &str, default: f64| match given {
                Some(given) => numbers(py, given, name, &[&[3]]).map(|n| [n[0], n[1], n[2]]),
                None => Ok([default; 3]),
            };
            let (origin, spacing) = (three(origin, "origin", 0.0)?, three(spacing, "spacing", 1.0)?);
            if let Some(wrong) = spacing.iter().find(|s| s.is_nan() || **s <= 0.0) {
                return Err(plain(
                    py,
                    &format!("spacing {wrong}: distances are above 0; a flip belongs into direction"),
                ));
            }
            let identity = vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
            let d = direction.map_or(Ok(identity), |d| numbers(py, d, "direction", &[&[3, 3], &[9]]))?;
            let row = |r: usize| [0, 1, 2].map(|c| d[3 * r + c]);
            let length = |c: usize| (0..3).map(|r| d[3 * r + c] * d[3 * r + c]).sum::<f64>().sqrt();
            if let Some(wrong) = (0..3).find(|c| (length(*c) - 1.0).abs() > UNIT) {
                let length = length(wrong);
                return Err(plain(
                    py,
                    &format!(
                        "direction: column {wrong} has the length {length}: expected 1; distances belong into spacing"
                    ),
                ));
            }
            Ok(Frame::Lps.affine_to_ras(&Affine::from_parts(spacing, [row(0), row(1), row(2)], origin)))
        }
    }
}

/// The numbers of a list, tuple, array or matrix of one of these shapes, row by row.
fn numbers(py: Python<'_>, given: &Bound<'_, PyAny>, name: &str, shapes: &[&[usize]]) -> PyResult<Vec<f64>> {
    let wanted = || shapes.iter().map(|shape| format!("{shape:?}")).collect::<Vec<_>>().join(" or ");
    let wrong =
        |error: &dyn std::fmt::Display| plain(py, &format!("{name}: expected numbers of shape {} ({error})", wanted()));
    // numpy would leave the imaginary part out.
    let is_complex = numpy::module(py)?.call_method1("iscomplexobj", (given,))?.is_truthy()?;
    if is_complex {
        return Err(wrong(&"these are complex"));
    }
    let array = numpy::module(py)?.call_method1("asarray", (given, "float64")).map_err(|e| wrong(&e))?;
    let shape: Vec<usize> = array.getattr("shape")?.extract()?;
    if !shapes.contains(&&shape[..]) {
        return Err(wrong(&format!("these are of shape {shape:?}")));
    }
    array.call_method0("ravel")?.call_method0("tolist")?.extract()
}
