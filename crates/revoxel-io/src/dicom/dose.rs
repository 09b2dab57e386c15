//! RT dose: a grid of planes in one file, each an offset along the normal from the first.

use super::dataset::DataSet;
use super::plane::{Groups, Plane};
use super::problem::{DicomError, Problem};
use super::tags;
use super::vector::{add, dot, scaled};

/// Offsets that differ by less are equal, mm.
const SAME_MM: f64 = 1e-3;

/// The planes of a dose grid, scaled to its unit.
pub(super) fn planes(data: &DataSet, frames: u64) -> Result<Vec<Plane>, DicomError> {
    let scaling = data.number(tags::DOSE_SCALING)?;
    let scaling = scaling.ok_or_else(|| DicomError::missing(tags::DOSE_SCALING, "the dose of a stored value"))?;
    if scaling <= 0.0 || !scaling.is_finite() {
        return Err(DicomError::field(tags::DOSE_SCALING, scaling, Problem::Must("a finite number larger than 0")));
    }
    let root = Plane::new(Groups { frame: None, shared: None, root: data })?;
    if (root.slope, root.intercept) != (1.0, 0.0) {
        return Err(DicomError::field(
            tags::SLOPE,
            root.slope,
            Problem::Must("absent in an RT dose, which has DoseGridScaling"),
        ));
    }
    let offsets = match data.numbers(tags::DOSE_OFFSETS)? {
        None if frames == 1 => vec![0.0],
        None => return Err(DicomError::missing(tags::DOSE_OFFSETS, "the positions of the planes")),
        Some(offsets) => offsets,
    };
    if offsets.len() as u64 != frames {
        let value = format!("{} offsets", offsets.len());
        return Err(DicomError::field(tags::DOSE_OFFSETS, value, Problem::FrameGroups(frames)));
    }
    let normal = root.normal();
    let start = start(&offsets, dot(root.position, normal), normal)?;
    let plane = |offset: f64| Plane {
        position: add(root.position, scaled(normal, offset - start)),
        slope: scaling,
        intercept: 0.0,
        ..root.clone()
    };
    Ok(offsets.into_iter().map(plane).collect())
}

/// The number to subtract from each offset: 0 if they begin with 0; otherwise they are positions along the patient's
/// axis.
fn start(offsets: &[f64], along: f64, normal: [f64; 3]) -> Result<f64, DicomError> {
    const AXIAL: f64 = 1.0 - 1e-6;
    match offsets.first() {
        Some(first) if first.abs() >= SAME_MM => {
            if normal[2] < AXIAL || (first - along).abs() > SAME_MM {
                let must = "0 for the first plane, or the positions of transverse planes along the patient's axis";
                return Err(DicomError::field(tags::DOSE_OFFSETS, format!("{first}, …"), Problem::Must(must)));
            }
            Ok(*first)
        }
        _ => Ok(0.0),
    }
}
