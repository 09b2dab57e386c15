//! The affine: sform, else qform, else nibabel's base affine.

use revoxel_core::affine::distance;
use revoxel_core::{Affine, Grid};

use super::header::Header;
use super::problem::{HeaderError, Problem};
use super::quaternion;
use crate::{SpatialUnit, Warning};

/// The largest relative difference of equal voxel sizes.
const SAME_SIZE: f64 = 1e-3;

/// The affine from voxel index to RAS+ mm.
pub(super) fn affine(header: &Header, shape: [usize; 3], warnings: &mut Vec<Warning>) -> Result<Affine, HeaderError> {
    let to_mm = millimetres(header, warnings);
    for (field, value) in [("sform_code", header.sform_code), ("qform_code", header.qform_code)] {
        if !(0..=5).contains(&value) {
            warnings.push(Warning::UnknownCode { field, value });
        }
    }
    match (header.sform_code > 0, header.qform_code > 0) {
        (true, false) => {
            let followed = sform(header, to_mm)?;
            warnings.extend(other_spacing(header, &followed, to_mm));
            Ok(followed)
        }
        (true, true) => both(header, shape, to_mm, warnings),
        (false, true) => qform(header, shape, to_mm, warnings),
        (false, false) => {
            warnings.push(Warning::NoTransform);
            base(header, shape, to_mm, warnings)
        }
    }
}

/// The affine if both transforms are set: the sform's, or the qform's if the sform cannot be used.
fn both(header: &Header, shape: [usize; 3], to_mm: f64, warnings: &mut Vec<Warning>) -> Result<Affine, HeaderError> {
    // Of one that is not followed, remarks do not matter.
    let mut remarks = Vec::new();
    match (sform(header, to_mm), qform(header, shape, to_mm, &mut remarks)) {
        (Ok(followed), Ok(other)) => {
            warnings.extend(disagreement(header, shape, &followed, &other));
            warnings.extend(other_spacing(header, &followed, to_mm));
            Ok(followed)
        }
        (Ok(followed), Err(reason)) => {
            warnings.push(Warning::QformUnusable(Box::new(reason)));
            Ok(followed)
        }
        (Err(reason), Ok(followed)) => {
            warnings.push(Warning::SformUnusable(Box::new(reason)));
            warnings.append(&mut remarks);
            Ok(followed)
        }
        (Err(sform), Err(qform)) => {
            let codes = format!("{} and {}", header.sform_code, header.qform_code);
            let problem = Problem::NoUsableTransform { sform: sform.to_string(), qform: qform.to_string() };
            Err(HeaderError::new("sform_code, qform_code", codes, problem))
        }
    }
}

/// Voxel sizes of an sform that differ from pixdim, if pixdim gives any.
fn other_spacing(header: &Header, sform: &Affine, to_mm: f64) -> Option<Warning> {
    let axes = header.dim[0].clamp(1, 3) as usize;
    let said = &header.pixdim[1..=axes];
    let differs = |(said, of_sform): (&f64, f64)| {
        let said = said.abs() * to_mm;
        said.is_finite() && said > 0.0 && (said - of_sform).abs() > SAME_SIZE * of_sform
    };
    said.iter().zip(sform.spacing()).any(differs).then(|| Warning::OtherSpacing {
        pixdim: list(header, said),
        sform: list(header, &sform.spacing()[..axes].iter().map(|v| v / to_mm).collect::<Vec<_>>()),
    })
}

/// The unit of length, or `None` if it is not in the standard.
pub(super) const fn spatial_unit(xyzt_units: i32) -> Option<SpatialUnit> {
    match xyzt_units & 7 {
        0 => Some(SpatialUnit::Unknown),
        1 => Some(SpatialUnit::Metre),
        2 => Some(SpatialUnit::Millimetre),
        3 => Some(SpatialUnit::Micrometre),
        _ => None,
    }
}

fn millimetres(header: &Header, warnings: &mut Vec<Warning>) -> f64 {
    match spatial_unit(header.xyzt_units) {
        Some(SpatialUnit::Metre) => 1e3,
        Some(SpatialUnit::Micrometre) => 1e-3,
        Some(SpatialUnit::Millimetre | SpatialUnit::Unknown) => 1.0,
        None => {
            warnings.push(Warning::UnknownUnits(header.xyzt_units));
            1.0
        }
    }
}

/// Multiplies rows by a unit; 1 leaves every bit as it is.
fn scaled(rows: [[f64; 4]; 3], to_mm: f64) -> Affine {
    Affine::from_rows(rows.map(|row| row.map(|v| v * to_mm)))
}

fn sform(header: &Header, to_mm: f64) -> Result<Affine, HeaderError> {
    for (row, name) in header.srow.iter().zip(["srow_x", "srow_y", "srow_z"]) {
        if row.iter().any(|v| !v.is_finite()) {
            return Err(HeaderError::new(name, list(header, row), Problem::NotFinite));
        }
    }
    let affine = scaled(header.srow, to_mm);
    if affine.inverse().is_none_or(|inverse| !inverse.is_finite()) {
        let rows = header.srow.iter().map(|row| list(header, row)).collect::<Vec<_>>().join(", ");
        return Err(HeaderError::new("srow_x, srow_y, srow_z", rows, Problem::Singular));
    }
    Ok(affine)
}

fn qform(header: &Header, shape: [usize; 3], to_mm: f64, warnings: &mut Vec<Warning>) -> Result<Affine, HeaderError> {
    let mut spacing = voxel_sizes(header, shape, (3, to_mm), warnings)?;
    let qfac = header.pixdim[0];
    let sign = if qfac < 0.0 { -1.0 } else { 1.0 };
    if qfac.abs() != 1.0 && qfac != 0.0 {
        warnings.push(Warning::Qfac { value: qfac, used: sign });
    }
    spacing[2] *= sign;
    let Some(rotation) = quaternion::rotation(header.quatern, header.version) else {
        let problem = match header.quatern.iter().all(|v| v.is_finite()) {
            true => Problem::NoRotation,
            false => Problem::NotFinite,
        };
        return Err(HeaderError::new("quatern_b, quatern_c, quatern_d", list(header, &header.quatern), problem));
    };
    if header.qoffset.iter().any(|v| !v.is_finite()) {
        let value = list(header, &header.qoffset);
        return Err(HeaderError::new("qoffset_x, qoffset_y, qoffset_z", value, Problem::NotFinite));
    }
    Ok(scaled(Affine::from_parts(spacing, rotation, header.qoffset).rows(), to_mm))
}

/// nibabel's default without a transform: x points left, and the world's origin is the centre of the volume.
pub(super) fn base(
    header: &Header,
    shape: [usize; 3],
    to_mm: f64,
    warnings: &mut Vec<Warning>,
) -> Result<Affine, HeaderError> {
    let [x, y, z] = voxel_sizes(header, shape, (header.dim[0], to_mm), warnings)?;
    let steps = [-x, y, z];
    let origin = [0, 1, 2].map(|a| 0.0 - steps[a] * (shape[a] - 1) as f64 / 2.0);
    Ok(scaled(Affine::scaling(steps).with_translation(origin).rows(), to_mm))
}

/// `pixdim` of the first axes, checked; axes of one voxel may lack a size, and those that the file does not have may say
/// what they like.
fn voxel_sizes(
    header: &Header,
    shape: [usize; 3],
    (axes, to_mm): (i64, f64),
    warnings: &mut Vec<Warning>,
) -> Result<[f64; 3], HeaderError> {
    let mut sizes = [1.0; 3];
    for axis in 1..=3usize {
        let value = header.pixdim[axis];
        let is_size = value.is_finite() && value >= f64::from(f32::MIN_POSITIVE);
        if axis as i64 > axes || (axis as i64 > header.dim[0] && !is_size) {
            sizes[axis - 1] = 1.0 / to_mm;
            continue;
        }
        let refuse = |problem| Err(HeaderError::new(format!("pixdim[{axis}]"), header.show(value), problem));
        match value {
            _ if !value.is_finite() => return refuse(Problem::NotFinite),
            _ if value <= 0.0 && shape[axis - 1] == 1 => warnings.push(Warning::PixdimReplaced { axis, value }),
            _ if value <= 0.0 => return refuse(Problem::NotASize),
            _ if value < f64::from(f32::MIN_POSITIVE) => return refuse(Problem::TooSmall),
            _ => sizes[axis - 1] = value,
        }
    }
    Ok(sizes)
}

/// The largest distance of corresponding corners, if rounding does not explain it.
fn disagreement(header: &Header, shape: [usize; 3], sform: &Affine, qform: &Affine) -> Option<Warning> {
    let (a, b) = (Grid::new(shape, *sform).ok()?, Grid::new(shape, *qform).ok()?);
    let corners = a.outer_corners();
    let mm = corners.iter().zip(b.outer_corners()).map(|(p, q)| distance(*p, q)).fold(0.0, f64::max);
    let extent = distance(corners[0], corners[7]);
    let far = corners.iter().flatten().fold(0.0, |far: f64, v| far.max(v.abs()));
    let finest = a.spacing().into_iter().fold(f64::INFINITY, f64::min);
    let rounding = extent * quaternion::uncertainty(header.quatern) + 4.0 * far * f64::from(f32::EPSILON);
    (mm > 1e-3 * finest + rounding).then_some(Warning::SformQformDisagree { mm })
}

fn list(header: &Header, values: &[f64]) -> String {
    format!("({})", values.iter().map(|v| header.show(*v)).collect::<Vec<_>>().join(", "))
}
