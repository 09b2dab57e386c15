//! JPEG-LS, lossless and near-lossless, with one component of 2 to 16 bits.

use super::{Decoded, jpeg_claim, to_bytes};
use crate::dicom::format::PixelFormat;

pub(super) fn decode(compressed: &[u8], format: &PixelFormat) -> Result<Decoded, String> {
    jpeg_claim(compressed).ok_or("it has no JPEG-LS frame header")?.check(format)?;
    let (columns, rows) = (format.columns as u32, format.rows as u32);
    let (samples, ..) = jpegls::decode(compressed, columns, rows).map_err(|e| e.to_string())?;
    Ok(Decoded { bytes: to_bytes(samples.into_iter(), format.plane(), format)?, planar: false })
}
