//! Points and boxes through a trace.

use pyo3::prelude::*;
use revoxel::trace::{Bounds, PointMap, Side, Space};

use crate::errors::plain;
use crate::numpy;

/// Rows of points or boxes, and what is known of each.
pub(crate) type Mapped<'py> = (Bound<'py, PyAny>, Vec<&'static str>);

/// From where to where points go.
pub(crate) struct Way {
    pub(crate) from: Side,
    pub(crate) space: Space,
    pub(crate) to: Space,
}

impl Way {
    pub(crate) fn new(py: Python<'_>, forward: bool, space: &str, to: Option<&str>) -> PyResult<Self> {
        let parsed = |name: &str| name.parse::<Space>().map_err(|e| plain(py, &e));
        let space = parsed(space)?;
        let to = to.map_or(Ok(space), parsed)?;
        Ok(Self { from: if forward { Side::Native } else { Side::Model }, space, to })
    }
}

/// Rows of numbers.
fn rows<'py>(given: &Bound<'py, PyAny>, width: usize, what: &str) -> PyResult<Vec<Vec<f64>>> {
    let py = given.py();
    let array = numpy::module(py)?.call_method1("asarray", (given, "float64"));
    let array = array.map_err(|e| plain(py, &format!("{what}: not an array of numbers: {e}")))?;
    let shape: Vec<usize> = array.getattr("shape")?.extract()?;
    if shape == [0] {
        return Ok(Vec::new());
    }
    // One point, and boxes as pairs of corners.
    let (array, shape) = match shape[..] {
        [n] if n == width => (array.call_method1("reshape", ((1, width),))?, vec![1, width]),
        [n, 2, 3] if width == 6 => (array.call_method1("reshape", ((n, width),))?, vec![n, width]),
        _ => (array, shape),
    };
    if shape.len() != 2 || shape[1] != width {
        return Err(plain(
            py,
            &format!("{what}: an array of shape {shape:?}, expected one row of {width} numbers each"),
        ));
    }
    let rows: Vec<Vec<f64>> = array.call_method0("tolist")?.extract()?;
    match rows.iter().flatten().find(|v| !v.is_finite()) {
        Some(wrong) => Err(plain(py, &format!("{what}: {wrong} is not a finite number"))),
        None => Ok(rows),
    }
}

fn array<'py>(py: Python<'py>, rows: Vec<Vec<f64>>, width: usize) -> PyResult<Bound<'py, PyAny>> {
    numpy::module(py)?.call_method1("array", (rows, "float64"))?.call_method1("reshape", ((-1, width as isize),))
}

/// Points, three numbers each.
pub(crate) fn points<'py>(map: &PointMap, given: &Bound<'py, PyAny>, way: &Way) -> PyResult<Mapped<'py>> {
    let (mut out, mut known) = (Vec::new(), Vec::new());
    for row in rows(given, 3, "points")? {
        let (point, status) = map.point([row[0], row[1], row[2]], way.from, way.space, way.to);
        out.push(point.to_vec());
        known.push(status.name());
    }
    Ok((array(given.py(), out, 3)?, known))
}

/// Boxes, the lowest and the highest corner each.
pub(crate) fn boxes<'py>(map: &PointMap, given: &Bound<'py, PyAny>, way: &Way) -> PyResult<Mapped<'py>> {
    let (mut out, mut known) = (Vec::new(), Vec::new());
    for row in rows(given, 6, "boxes")? {
        let bounds = Bounds { low: [row[0], row[1], row[2]], high: [row[3], row[4], row[5]] };
        if (0..3).any(|axis| bounds.low[axis] > bounds.high[axis]) {
            return Err(plain(given.py(), &format!("boxes: {row:?} has its highest corner below the lowest")));
        }
        let (bounds, status) = map.bounds(&bounds, way.from, way.space, way.to);
        out.push([bounds.low, bounds.high].concat());
        known.push(status.name());
    }
    Ok((array(given.py(), out, 6)?, known))
}
