//! JPEG-LS, lossless and near-lossless, of 2 to 16 bits: grey, or colours with one scan per component.
//!
//! The decoder supports images of one component. Colours with one scan per component are consecutive images of one
//! component; colours interleaved by line or by pixel are refused.

use std::borrow::Cow;

use super::{Decoded, jpeg_claim, to_bytes};
use crate::dicom::format::PixelFormat;

pub(super) fn decode(compressed: &[u8], format: &PixelFormat) -> Result<Decoded, String> {
    let compressed = &*without_fill(compressed);
    jpeg_claim(compressed).ok_or("it has no JPEG-LS frame header")?.check(format)?;
    let (columns, rows) = (format.columns as u32, format.rows as u32);
    let one = |image: &[u8]| {
        let (samples, ..) = jpegls::decode(image, columns, rows).map_err(|e| e.to_string())?;
        if samples.len() < format.plane() {
            return Err(format!("a component has only {} samples", samples.len()));
        }
        to_bytes(samples.into_iter().take(format.plane()), format.plane(), format)
    };
    if format.samples == 1 {
        return Ok(Decoded { bytes: one(compressed)?, planar: false, rgb: false });
    }
    let images = components(compressed)?;
    if images.len() != format.samples {
        return Err(format!("it has {} scans for {} components", images.len(), format.samples));
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(format.frame_bytes()).map_err(|e| e.to_string())?;
    for image in images {
        bytes.extend(one(&image)?);
    }
    Ok(Decoded { bytes, planar: true, rgb: false })
}

/// Removes the fill bytes that are allowed before the end marker, and the bytes after it.
fn without_fill(compressed: &[u8]) -> Cow<'_, [u8]> {
    let Some(end) = compressed.windows(2).rposition(|w| w == [0xff, 0xd9]) else { return compressed.into() };
    let data = compressed[..end].iter().rposition(|b| *b != 0xff).map_or(0, |at| at + 1);
    match data == end {
        true => compressed.into(),
        false => [&compressed[..data], &[0xff, 0xd9]].concat().into(),
    }
}

/// A separate image for each component, in the order of the scans.
fn components(compressed: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    const CUT_OFF: &str = "it is truncated";
    const FRAME: u8 = 0xf7;
    const PARAMETERS: u8 = 0xf8;
    const SCAN: u8 = 0xda;
    let mut head = vec![0xff, 0xd8];
    let mut order = Vec::new();
    let mut images: Vec<Vec<u8>> = Vec::new();
    let mut at = 2;
    loop {
        let mark: [u8; 2] = compressed.get(at..at + 2).and_then(|m| m.try_into().ok()).ok_or(CUT_OFF)?;
        let [0xff, marker] = mark else { return Err("a marker is missing".to_owned()) };
        match marker {
            0xff => {
                at += 1;
                continue;
            }
            0xd9 => return Ok(images),
            _ => {}
        }
        let length =
            compressed.get(at + 2..at + 4).map(|l| usize::from(l[0]) << 8 | usize::from(l[1])).ok_or(CUT_OFF)?;
        let segment = compressed.get(at..at + 2 + length.max(2)).ok_or(CUT_OFF)?;
        at += segment.len();
        match marker {
            FRAME => {
                let (size, parts) = segment.split_at_checked(10).ok_or(CUT_OFF)?;
                order = parts.chunks_exact(3).map(|c| c[0]).collect();
                let [mark, code, _, _, size @ .., _] = size else { return Err(CUT_OFF.to_owned()) };
                head.extend([*mark, *code, 0, 11]);
                head.extend(size);
                head.extend([1, 1, 0x11, 0]);
            }
            PARAMETERS => head.extend(segment),
            SCAN => {
                let [_, _, _, _, 1, component, _, near, interleave, shift] = *segment else {
                    return Err("colours interleaved by line or by pixel are not supported: convert the pixels to an \
                         uncompressed transfer syntax"
                        .to_owned());
                };
                if order.get(images.len()) != Some(&component) {
                    return Err(format!("scan {} belongs to an unexpected component", images.len() + 1));
                }
                let data = &compressed[at..];
                // After 0xff, entropy-coded bytes are below 0x80.
                let end = data.windows(2).position(|w| w[0] == 0xff && w[1] >= 0x80).ok_or(CUT_OFF)?;
                let scan = [0xff, SCAN, 0, 8, 1, 1, 0, near, interleave, shift];
                images.push([&head[..], &scan, &data[..end], &[0xff, 0xd9]].concat());
                at += end;
            }
            _ => {}
        }
    }
}
