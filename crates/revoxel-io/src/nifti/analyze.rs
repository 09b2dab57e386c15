//! The geometry of Analyze 7.5, which has no transforms and no units; it uses those bytes for something else.

use revoxel_core::Affine;

use super::affine::base;
use super::header::Header;
use super::problem::HeaderError;
use crate::Warning;

/// As in nibabel: x points left, and the origin is the voxel that SPM names, else the centre of the volume. Signs of
/// voxel sizes are ignored.
pub(super) fn affine(header: &Header, shape: [usize; 3], warnings: &mut Vec<Warning>) -> Result<Affine, HeaderError> {
    let mut positive = header.clone();
    for axis in 1..=3usize {
        let value = header.pixdim[axis];
        if value < 0.0 && value.is_finite() && axis as i64 <= header.dim[0] {
            warnings.push(Warning::NegativePixdim { axis, value });
            positive.pixdim[axis] = -value;
        }
    }
    let centred = base(&positive, shape, 1.0, warnings)?;
    let origin = header.originator;
    let inside = (0..3).all(|axis| {
        let size = shape[axis] as i64;
        (1 - size..2 * size).contains(&origin[axis])
    });
    if origin == [0; 3] || !inside {
        return Ok(centred);
    }
    warnings.push(Warning::SpmOrigin(origin));
    let place = [0, 1, 2].map(|axis| -((origin[axis] - 1) as f64));
    let translation = [0, 1, 2].map(|row| centred.column(row)[row] * place[row] + 0.0);
    Ok(centred.with_translation(translation))
}
