//! Decoders of compressed pixels, behind one function.
//!
//! Every decoder gets the bytes of one frame and returns the samples as in an uncompressed little-endian file. The
//! size in the compressed bytes is checked against the attributes before a decoder allocates memory, and a panic of a
//! decoder becomes an error.

mod jpeg;
mod jpeg2000;
mod jpegls;
mod rle;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use super::format::PixelFormat;
use super::syntax::Coding;

/// Frames up to this size in bytes are accepted regardless of their compressed size.
const LARGE: usize = 48 << 20;
/// Larger frames may have at most this many times their compressed bytes.
const LARGE_RATIO: usize = 48;
/// Frames up to this size in bytes are decoded in parallel.
const SIDE_BY_SIDE: usize = 16 << 20;

/// Samples of one frame, as in an uncompressed little-endian file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) bytes: Vec<u8>,
    /// All red, then all green, then all blue.
    pub(super) planar: bool,
    /// The samples are red, green and blue, whatever PhotometricInterpretation says about the compressed ones.
    pub(super) rgb: bool,
}

/// Decodes one frame.
pub(super) fn decode(coding: Coding, compressed: Vec<u8>, format: &PixelFormat) -> Result<Decoded, String> {
    if coding == Coding::Raw {
        return Ok(Decoded { bytes: compressed, planar: format.planar, rgb: false });
    }
    let needed = format.frame_bytes();
    if needed > compressed.len().saturating_mul(LARGE_RATIO).max(LARGE) {
        return Err(format!(
            "{} compressed bytes cannot decode to the {needed} that the attributes require (a frame beyond 48 MiB may \
             be {LARGE_RATIO} times its compressed bytes)",
            compressed.len()
        ));
    }
    // Decoders need several times the memory of a frame before they know whether it is there: large ones go one by one.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = (needed > SIDE_BY_SIDE).then(|| ONE.lock().unwrap_or_else(PoisonError::into_inner));
    let run = || match coding {
        Coding::Rle => rle::decode(&compressed, format),
        Coding::Jpeg => jpeg::decode(&compressed, format),
        Coding::JpegLs => jpegls::decode(&compressed, format),
        Coding::Jpeg2000 => jpeg2000::decode(&compressed, format),
        Coding::Raw | Coding::Unknown => Err("no decoder for this transfer syntax".to_owned()),
    };
    let decoded = contained(run)?;
    let found = decoded.bytes.len();
    if found < needed {
        return Err(format!("it decodes to {found} bytes, but the attributes require {needed}"));
    }
    Ok(decoded)
}

/// Turns a panic of a decoder into an error.
fn contained<T>(run: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err("the decoder failed".to_owned()))
}

/// The properties of the image in the compressed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Claim {
    columns: usize,
    rows: usize,
    samples: usize,
    bits: u32,
    signed: bool,
    /// Whether a JPEG image is lossless (no cosine transform).
    lossless: bool,
}

impl Claim {
    /// Compares the claim with the attributes. (More bits than BitsStored are common and contain nothing.)
    fn check(&self, format: &PixelFormat) -> Result<(), String> {
        let allocated = 8 * format.sample_bytes() as u32;
        if [self.columns, self.rows, self.samples] != [format.columns, format.rows, format.samples] {
            return Err(format!(
                "it has {}×{}×{} samples (columns × rows × samples per pixel), but the attributes say {}×{}×{}",
                self.columns, self.rows, self.samples, format.columns, format.rows, format.samples
            ));
        }
        if self.bits > allocated || allocated > 16 {
            return Err(format!("its samples have {} bits, but BitsAllocated (0028,0100) is {allocated}", self.bits));
        }
        Ok(())
    }
}

/// The frame header (SOF marker) of a JPEG or JPEG-LS image.
fn jpeg_claim(bytes: &[u8]) -> Option<Claim> {
    let mut at = 2;
    loop {
        // Markers may be padded with 0xff.
        while bytes.get(at) == Some(&0xff) && bytes.get(at + 1) == Some(&0xff) {
            at += 1;
        }
        let head = bytes.get(at..at + 4)?;
        let [0xff, marker, high, low] = *head else { return None };
        let sof = matches!(marker, 0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf | 0xf7);
        if sof {
            let f = bytes.get(at + 4..at + 10)?;
            let pair = |i: usize| usize::from(f[i]) << 8 | usize::from(f[i + 1]);
            let (bits, samples) = (u32::from(f[0]), usize::from(f[5]));
            let lossless = matches!(marker, 0xc3 | 0xc7 | 0xcb | 0xcf | 0xf7);
            return Some(Claim { columns: pair(3), rows: pair(1), samples, bits, signed: false, lossless });
        }
        if marker == 0xda {
            return None;
        }
        at += 2 + (usize::from(high) << 8 | usize::from(low)).max(2);
    }
}

/// Converts samples of 8 or 16 bits to little-endian bytes of the file's sample size.
fn to_bytes(samples: impl Iterator<Item = u16>, count: usize, format: &PixelFormat) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let size = format.sample_bytes();
    let count = count * size;
    bytes.try_reserve_exact(count).map_err(|_| format!("not enough memory for {count} bytes"))?;
    match size {
        1 => bytes.extend(samples.map(|s| s as u8)),
        _ => samples.for_each(|s| bytes.extend_from_slice(&s.to_le_bytes())),
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoder_that_panics_is_an_error() {
        let none: [u8; 0] = [];
        let index = std::hint::black_box(3);
        assert_eq!(contained(|| Ok(none[index])), Err("the decoder failed".to_owned()));
        assert_eq!(contained(|| Ok(7)), Ok(7));
    }
}
