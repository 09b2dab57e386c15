//! JPEG: baseline, extended and progressive with 8 bits, extended with 12 bits, lossless with 2 to 16 bits.
//!
//! The decoder is a port of libjpeg-turbo that gives the same bits as the original; the tests hold it to that.

use libjpeg_turbo_rs::{ColorSpace, DecodeLimits, Decoder, PixelFormat as Pixels, Subsampling, precision};

use super::{Decoded, jpeg_claim, to_bytes};
use crate::dicom::format::{Photometric, PixelFormat};

/// The maximum number of scans. Real progressive images have about ten; each scan takes a pass over all blocks.
const MOST_SCANS: usize = 128;

pub(super) fn decode(compressed: &[u8], format: &PixelFormat) -> Result<Decoded, String> {
    let claim = jpeg_claim(compressed).ok_or("it has no JPEG frame header")?;
    claim.check(format)?;
    let count = format.plane() * format.samples;
    let limits = DecodeLimits { max_scans: MOST_SCANS, ..DecodeLimits::default() };
    match (claim.lossless, claim.bits) {
        (true, _) => {
            let image = precision::decompress_lossless_arbitrary(compressed).map_err(|e| e.to_string())?;
            let bytes = to_bytes(image.data.into_iter(), count, format)?;
            Ok(Decoded { bytes, planar: false, rgb: false })
        }
        (false, 8) => baseline(compressed, format, limits),
        (false, 12) if format.samples == 1 => {
            let image = precision::decompress_12bit_with_limits(compressed, &limits).map_err(|e| e.to_string())?;
            let bytes = to_bytes(image.data.into_iter().map(|v| v as u16), count, format)?;
            Ok(Decoded { bytes, planar: false, rgb: false })
        }
        (false, bits) => {
            Err(format!("lossy JPEG images with {bits}-bit samples ({} per pixel) are not supported", claim.samples))
        }
    }
}

/// Images of 8 bits. Colours come out as red, green and blue, whatever the image stores.
fn baseline(compressed: &[u8], format: &PixelFormat, limits: DecodeLimits) -> Result<Decoded, String> {
    let mut decoder = Decoder::new_with_limits(compressed, limits).map_err(|e| e.to_string())?;
    let colour = format.samples == 3;
    match (colour, decoder.jpeg_color_space()) {
        (false, _) => decoder.set_output_format(Pixels::Grayscale),
        (true, ColorSpace::YCbCr) if stored_as_rgb(compressed, format, decoder.jpeg_subsampling()) => {
            // Takes the components as they are.
            decoder.set_output_colorspace(ColorSpace::YCbCr);
        }
        (true, ColorSpace::YCbCr | ColorSpace::Rgb) => decoder.set_output_format(Pixels::Rgb),
        (true, other) => return Err(format!("its colour space is {other:?}, expected RGB or YCbCr")),
    }
    let image = decoder.decode_image().map_err(|e| e.to_string())?;
    let bytes = match format.sample_bytes() {
        1 => image.data,
        _ => to_bytes(image.data.into_iter().map(u16::from), format.plane() * format.samples, format)?,
    };
    Ok(Decoded { bytes, planar: false, rgb: colour })
}

/// Whether three components without a JFIF or Adobe marker are red, green and blue. The decoder would treat them as
/// YCbCr. PhotometricInterpretation decides instead, unless components are subsampled: nobody halves the resolution of
/// green.
fn stored_as_rgb(compressed: &[u8], format: &PixelFormat, subsampling: Subsampling) -> bool {
    format.photometric == Photometric::Rgb && subsampling == Subsampling::S444 && !is_marked(compressed)
}

/// Whether a JFIF or Adobe marker before the first scan defines the components.
fn is_marked(compressed: &[u8]) -> bool {
    let mut at = 2;
    while let Some([0xff, marker, high, low]) = compressed.get(at..at + 4) {
        let content = compressed.get(at + 4..).unwrap_or_default();
        match marker {
            0xff => {
                at += 1;
                continue;
            }
            0xe0 if content.starts_with(b"JFIF\0") => return true,
            0xee if content.starts_with(b"Adobe") => return true,
            0xda => return false,
            _ => {}
        }
        at += 2 + (usize::from(*high) << 8 | usize::from(*low)).max(2);
    }
    false
}
