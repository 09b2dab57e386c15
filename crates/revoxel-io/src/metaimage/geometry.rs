//! The geometry of the voxels.

use revoxel_core::{Affine, Frame};

use super::header::Header;
use crate::Warning;
use crate::textual::{FieldError, Problem, numbers, place};

/// Steps and origin, and the step and start of the fourth axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    /// Voxel index to RAS+ mm.
    pub(super) affine: Affine,
    pub(super) frame_spacing: Option<f64>,
    pub(super) time_offset: Option<f64>,
}

/// The geometry of a header of so many axes with these sizes.
pub(super) fn geometry(header: &Header, sizes: &[usize], warnings: &mut Vec<Warning>) -> Result<Geometry, FieldError> {
    let axes = sizes.len();
    let in_space = axes.min(3);
    let spacing = spacing(header, sizes, warnings)?;
    let offset = match header.get("Offset") {
        Some(text) => leading(header.spelled("Offset"), text, axes, warnings)?,
        None => {
            warnings.push(Warning::Assumed { field: "Offset", used: "0" });
            vec![0.0; axes]
        }
    };
    let directions = directions(header, axes)?;
    let step = |axis: usize| {
        [0, 1, 2]
            .map(|row| directions[axis].get(row).filter(|_| row < in_space).copied().unwrap_or(0.0) * spacing[axis])
    };
    let steps: Vec<[f64; 3]> = (0..in_space).map(step).collect();
    let origin = [0, 1, 2].map(|row| offset.get(row).copied().unwrap_or(0.0));
    let affine = place::affine(&steps, origin, in_space == 2);
    if affine.inverse().is_none_or(|inverse| !inverse.is_finite()) {
        let field = if header.get("TransformMatrix").is_some() { "TransformMatrix" } else { "ElementSpacing" };
        let value = header.get(field).unwrap_or("absent");
        return Err(FieldError::new(header.spelled(field), value, Problem::Singular));
    }
    Ok(Geometry {
        affine: Frame::Lps.affine_to_ras(&affine),
        frame_spacing: spacing.get(3).copied(),
        time_offset: offset.get(3).copied().filter(|v| *v != 0.0),
    })
}

/// The distances of samples, or the sizes of voxels if only those are given.
fn spacing(header: &Header, sizes: &[usize], warnings: &mut Vec<Warning>) -> Result<Vec<f64>, FieldError> {
    let field = if header.get("ElementSpacing").is_some() { "ElementSpacing" } else { "ElementSize" };
    let Some(text) = header.get(field) else {
        warnings.push(Warning::Assumed { field: "ElementSpacing", used: "1 mm" });
        return Ok(vec![1.0; sizes.len()]);
    };
    let mut spacing = leading(field, text, sizes.len(), warnings)?;
    for (value, size) in spacing.iter_mut().zip(sizes) {
        match (*value > 0.0, *size) {
            (true, _) => {}
            (false, 1) => {
                let why = "because the axis has one voxel, taken as 1";
                warnings.push(Warning::NotApplied { field: "ElementSpacing", value: value.to_string(), why });
                *value = 1.0;
            }
            _ => return Err(FieldError::new(field, text, Problem::NotASize)),
        }
    }
    Ok(spacing)
}

/// One number per axis; further numbers are ignored.
fn leading(field: &str, text: &str, axes: usize, warnings: &mut Vec<Warning>) -> Result<Vec<f64>, FieldError> {
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.len() <= axes {
        return numbers::finite(field, text, axes);
    }
    warnings.push(Warning::SurplusNumbers { field: field.to_owned(), value: text.to_owned(), used: axes });
    numbers::finite(field, &words[..axes].join(" "), axes)
}

/// The directions of the axes: the rows of the matrix in the file. Axes beyond the third must not mix with those
/// of space.
fn directions(header: &Header, axes: usize) -> Result<Vec<Vec<f64>>, FieldError> {
    let Some(text) = header.get("TransformMatrix") else {
        return Ok((0..axes).map(|r| (0..axes).map(|c| f64::from(u8::from(r == c))).collect()).collect());
    };
    let field = header.spelled("TransformMatrix");
    let matrix = numbers::finite(field, text, axes * axes)?;
    let rows: Vec<Vec<f64>> = matrix.chunks(axes).map(<[f64]>::to_vec).collect();
    let mixed = |r: usize, c: usize| (r < 3) != (c < 3) && rows[r][c] != 0.0;
    match (0..axes).any(|r| (0..axes).any(|c| mixed(r, c))) {
        true => Err(FieldError::new(field, text, Problem::TimeMixed)),
        false => Ok(rows),
    }
}
