//! The header of a volume that is to be written.

use std::path::Path;

use revoxel_core::{Affine, Dtype, Grid};

use super::datatype::Stored;
use super::header::{Header, Magic, Order, Version};
use super::{quaternion, remember, stored_grid};
use crate::facts::texts;
use crate::sink::Head;
use crate::{Facts, Warning, WriteError};

/// Up to this sine of an angle between axes, ITK accepts the direction: it allows 1e-4 in R·Rᵀ, which may be off by
/// twice the sine.
const MOST_SHEAR: f64 = 5e-5;
/// The intent of a vector at each voxel.
pub(super) const VECTOR: i32 = 1007;
/// Beyond this, an offset has no exact 32-bit float.
const MOST_OFFSET_1: usize = 1 << 24;

/// A header, how its voxels are stored, and remarks.
pub(super) struct Composed {
    pub(super) header: Header,
    pub(super) stored: Stored,
    pub(super) warnings: Vec<Warning>,
}

/// The header for a volume. `behind_header` are the bytes of the flag and the extensions.
pub(super) fn compose(
    path: &Path,
    volume: &Head,
    facts: &Facts,
    magic: Magic,
    behind_header: usize,
) -> Result<Composed, WriteError> {
    let (dim, stored) = dimensions(volume, facts);
    let long_axis = dim.iter().any(|n| *n > i64::from(i16::MAX));
    let version = match facts.version {
        _ if long_axis || behind_header > MOST_OFFSET_1 => Version::Two,
        Some(2) => Version::Two,
        _ => Version::One,
    };
    let affine = match version {
        Version::One => *stored_grid(&volume.grid).affine(),
        Version::Two => *volume.grid.affine(),
    };
    if version == Version::One {
        storable(path, &affine)?;
    }
    let mut warnings = Vec::new();
    let (sform_code, mut qform_code) = codes(facts);
    let sine = affine.shear();
    if sine > MOST_SHEAR {
        warnings.push(Warning::Sheared { sine });
        qform_code = 0;
    }
    let (qfac, quatern) = qform(&affine, version);
    let slices = facts.slices.unwrap_or_default();
    let bytes = facts.text_bytes.as_deref().cloned().unwrap_or_default();
    // A NIfTI file that did not say what its vectors are still does not.
    let is_vector = dim[0] == 5 && facts.version.is_none();
    let mut pixdim = [1.0; 8];
    pixdim[0] = qfac;
    pixdim[1..4].copy_from_slice(&affine.spacing());
    // An unknown time step is written as 0. A 1 would mean one second.
    let unknown = if facts.frames.is_some() && facts.time_unit.is_some() { 0.0 } else { 1.0 };
    pixdim[4] = facts.frame_spacing.unwrap_or(unknown);
    let vox_offset = match magic {
        Magic::Single => (version.length() + behind_header) as f64,
        Magic::Pair | Magic::Absent => 0.0,
    };
    let mut header = Header {
        version,
        order: Order::NATIVE,
        magic,
        dim_info: slices.dim_info,
        dim,
        intent_params: facts.intent_params.unwrap_or_default(),
        intent_code: facts.intent_code.unwrap_or(if is_vector { VECTOR } else { 0 }),
        datatype: stored.code(),
        bitpix: stored.bits(),
        slice_start: slices.start,
        slice_end: slices.end,
        slice_code: slices.code,
        slice_duration: slices.duration,
        pixdim,
        vox_offset,
        scl_slope: 1.0,
        scl_inter: 0.0,
        xyzt_units: 2 | remember::time_code(facts.time_unit),
        toffset: facts.time_offset.unwrap_or_default(),
        cal_max: facts.cal_max.unwrap_or_default(),
        cal_min: facts.cal_min.unwrap_or_default(),
        descrip: texts::field(facts.description.as_deref(), bytes.description.as_ref()),
        aux_file: texts::field(facts.aux_file.as_deref(), bytes.aux_file.as_ref()),
        intent_name: texts::field(facts.intent_name.as_deref(), bytes.intent_name.as_ref()),
        qform_code,
        sform_code,
        quatern,
        qoffset: affine.translation(),
        srow: affine.rows(),
        originator: [0; 3],
    };
    if let Some(exact) = qform_only(&header, &volume.grid, facts) {
        header = exact;
    }
    Ok(Composed { header, stored, warnings })
}

/// The header with a qform alone, as the source had it, where it gives the grid back bit for bit. An sform's
/// 32-bit matrix would not: a qform's affine is computed in 64 bits.
fn qform_only(header: &Header, grid: &Grid, facts: &Facts) -> Option<Header> {
    let code = facts.qform_code.filter(|code| *code > 0 && facts.sform_code == Some(0))?;
    let stored = |v: f64| if header.version == Version::One { f64::from(v as f32) } else { v };
    let affine = grid.affine();
    let (qfac, [b, c, d]) = qform(affine, header.version);
    let [x, y, z] = affine.spacing();
    // As the source had it, or else computed anew.
    [facts.quaternion, Some([qfac, x, y, z, b, c, d])].into_iter().flatten().find_map(|[qfac, x, y, z, b, c, d]| {
        let mut exact = header.clone();
        (exact.sform_code, exact.qform_code) = (0, i32::from(code));
        exact.srow = [[0.0; 4]; 3];
        exact.pixdim[0] = qfac;
        exact.pixdim[1..4].copy_from_slice(&[x, y, z].map(stored));
        exact.quatern = [b, c, d].map(stored);
        exact.qoffset = affine.translation().map(stored);
        let back = super::affine::affine(&exact, grid.shape(), &mut Vec::new()).ok()?;
        (back == *affine).then_some(exact)
    })
}

/// The axes, and whether channels become colours: what the facts say as long as it fits the volume.
fn dimensions(volume: &Head, facts: &Facts) -> ([i64; 8], Stored) {
    let channels = volume.channels;
    let frames = facts.frames.filter(|f| *f > 0 && channels.is_multiple_of(*f)).unwrap_or(1);
    let components = channels / frames;
    let is_colour = facts.colour && volume.dtype == Dtype::U8 && matches!(components, 3 | 4);
    let (axes, fourth, fifth) = match () {
        () if is_colour => (if frames > 1 { 4 } else { volume.grid.axes() }, frames, 1),
        () if channels == 1 && !facts.vector => (if facts.frames == Some(1) { 4 } else { volume.grid.axes() }, 1, 1),
        () if facts.vector => (5, frames, components),
        () => (4, channels, 1),
    };
    let [x, y, z] = volume.grid.shape();
    // A grid's shape and a buffer's length are below 2⁶³.
    let dim = [axes, x, y, z, fourth, fifth, 1, 1].map(|n| n as i64);
    (dim, Stored::of(volume.dtype, if is_colour { components } else { 1 }))
}

/// The codes of the source, where it has any. An sform is always set, as that restores the affine of all sources but
/// those with a qform alone (see [`qform_only`]).
fn codes(facts: &Facts) -> (i32, i32) {
    let of = |code: Option<i16>| code.map_or(0, i32::from).max(0);
    match (of(facts.sform_code), of(facts.qform_code)) {
        (0, 0) => (1, 1),
        (0, qform) => (qform, qform),
        codes => codes,
    }
}

/// qfac and the quaternion of the nearest rotation.
fn qform(affine: &Affine, version: Version) -> (f64, [f64; 3]) {
    let mut rotation = affine.nearest_rotation();
    let qfac = if affine.determinant() < 0.0 { -1.0 } else { 1.0 };
    rotation.iter_mut().for_each(|row| row[2] *= qfac);
    let quatern = match version {
        Version::One => quaternion::components_f32(&rotation),
        Version::Two => quaternion::components(&rotation),
    };
    (qfac, quatern)
}

/// A NIfTI-1 header must be able to hold the affine.
fn storable(path: &Path, affine: &Affine) -> Result<(), WriteError> {
    for (row, field) in affine.rows().iter().zip(["srow_x", "srow_y", "srow_z"]) {
        if let Some(value) = row.iter().copied().find(|v| f64::from(*v as f32) != *v) {
            return Err(WriteError::NotStorable { path: path.to_owned(), field, value });
        }
    }
    Ok(())
}
