//! JPEG baseline, extended with 8 bits, and lossless with 2 to 16 bits.

use jpeg_decoder::{ColorTransform, Decoder, PixelFormat as Pixels};

use super::{Decoded, jpeg_claim, to_bytes};
use crate::dicom::format::PixelFormat;

pub(super) fn decode(compressed: &[u8], format: &PixelFormat) -> Result<Decoded, String> {
    jpeg_claim(compressed).ok_or("it has no JPEG frame header")?.check(format)?;
    let mut decoder = Decoder::new(compressed);
    // The attributes say what the components are; conversion is done in one place, for all syntaxes.
    decoder.set_color_transform(ColorTransform::None);
    decoder.set_max_decoding_buffer_size(format.plane() * format.samples * 2);
    let pixels = decoder.decode().map_err(|e| e.to_string())?;
    let found = decoder.info().ok_or("it has no JPEG frame header")?.pixel_format;
    let count = format.plane() * format.samples;
    let bytes = match (found, format.samples) {
        (Pixels::L8, 1) | (Pixels::RGB24, 3) => to_bytes(pixels.into_iter().map(u16::from), count, format)?,
        (Pixels::L16, 1) => to_bytes(pixels.chunks_exact(2).map(|c| u16::from_ne_bytes([c[0], c[1]])), count, format)?,
        (other, _) => return Err(format!("it holds {other:?} pixels")),
    };
    Ok(Decoded { bytes, planar: false })
}
