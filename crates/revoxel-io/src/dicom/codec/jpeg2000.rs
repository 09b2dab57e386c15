//! JPEG 2000, lossless and lossy, with samples of up to 16 bits.

use dicom_toolkit_jpeg2000::{DecodeSettings, Image};

use super::{Claim, Decoded, to_bytes};
use crate::dicom::format::PixelFormat;

pub(super) fn decode(compressed: &[u8], format: &PixelFormat) -> Result<Decoded, String> {
    let claim = claim(compressed).ok_or("it has no JPEG 2000 size marker")?;
    claim.check(format)?;
    let settings = DecodeSettings { resolve_palette_indices: false, strict: true, target_resolution: None };
    let image = Image::new(compressed, &settings).map_err(|e| e.to_string())?;
    if (image.width() as usize, image.height() as usize) != (format.columns, format.rows) {
        return Err(format!("it decodes to {}×{} pixels", image.width(), image.height()));
    }
    let bitmap = image.decode_native().map_err(|e| e.to_string())?;
    if usize::from(bitmap.num_components) != format.samples || u32::from(bitmap.bit_depth) != claim.bits {
        return Err("its components differ".to_owned());
    }
    // The decoder centres signed samples on half of their range, as if they were unsigned.
    let offset = if claim.signed { 1u16 << (claim.bits - 1) } else { 0 };
    let bytes = match bitmap.bytes_per_sample {
        1 => to_bytes(bitmap.data.iter().map(|s| u16::from(*s).wrapping_sub(offset)), format)?,
        _ => {
            let samples = bitmap.data.chunks_exact(2).map(|c| u16::from_le_bytes([c[0], c[1]]));
            to_bytes(samples.map(|s| s.wrapping_sub(offset)), format)?
        }
    };
    Ok(Decoded { bytes, planar: false })
}

/// The SIZ marker of a codestream, which may stand in a JP2 file.
fn claim(bytes: &[u8]) -> Option<Claim> {
    const START: [u8; 4] = [0xff, 0x4f, 0xff, 0x51];
    // JP2 boxes are short.
    let start = bytes.get(..bytes.len().min(4096))?.windows(4).position(|w| w == START)?;
    let size = bytes.get(start + 4..start + 4 + 41)?;
    let long = |i: usize| u32::from_be_bytes([size[i], size[i + 1], size[i + 2], size[i + 3]]) as usize;
    let samples = usize::from(size[36]) << 8 | usize::from(size[37]);
    let (columns, rows) = (long(4).checked_sub(long(12))?, long(8).checked_sub(long(16))?);
    let bits = u32::from(size[38] & 0x7f) + 1;
    // Tiles far smaller than the image would be millions of allocations.
    let tiles = columns.div_ceil(long(20).max(1)).saturating_mul(rows.div_ceil(long(24).max(1)));
    let whole = size[39] == 1 && size[40] == 1 && tiles <= 65535;
    whole.then_some(Claim { columns, rows, samples, bits, signed: size[38] & 0x80 != 0 })
}
