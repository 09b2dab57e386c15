//! Where the fragments of compressed pixels are, frame by frame.

use super::bytes::Bytes;
use super::problem::DicomError;
use super::tags::{ITEM, SEQUENCE_END, Tag};

/// A piece of a frame: its position and length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fragment {
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// Finds the fragments of each frame. The offset table is only needed if frames have several fragments; it is checked
/// against the fragments.
pub(super) fn fragments(bytes: &Bytes, start: u64, frames: usize) -> Result<Vec<Vec<Fragment>>, DicomError> {
    let fail = |offset: u64, reason: String| DicomError::Fragments { offset, reason };
    let mut items = Vec::new();
    let mut at = start;
    loop {
        let mut head = [0; 8];
        bytes.read_at(at, &mut head).map_err(|_| fail(at, "the file ends before the next fragment".to_owned()))?;
        let [a, b, c, d, length @ ..] = head;
        let length = u64::from(u32::from_le_bytes(length));
        match Tag(u32::from_be_bytes([b, a, d, c])) {
            SEQUENCE_END => break,
            ITEM if length < u64::from(u32::MAX) && at + 8 + length <= bytes.length() => {
                items.push(Fragment { offset: at + 8, length });
            }
            ITEM => return Err(fail(at, format!("a fragment of {length} bytes extends past the end of the file"))),
            other => return Err(fail(at, format!("expected a fragment or the end of the sequence, found {other}"))),
        }
        at += 8 + length;
    }
    let Some((table, parts)) = items.split_first() else {
        return Err(fail(start, "the offset table is missing".to_owned()));
    };
    if parts.is_empty() {
        return Err(fail(start, "no fragments".to_owned()));
    }
    if frames == 1 {
        return Ok(vec![parts.to_vec()]);
    }
    if parts.len() == frames {
        return Ok(parts.iter().map(|p| vec![*p]).collect());
    }
    let count = parts.len();
    if count < frames {
        return Err(fail(start, format!("{frames} frames need at least as many fragments, found {count}")));
    }
    let first = parts[0].offset - 8;
    let starts = match table.length {
        0 => begins(bytes, parts)?,
        _ => offsets(bytes, *table)?.into_iter().map(|o| first + u64::from(o) + 8).collect(),
    };
    let indices: Option<Vec<usize>> = starts.iter().map(|s| parts.binary_search_by_key(s, |p| p.offset).ok()).collect();
    match indices {
        Some(indices) if indices.len() == frames && indices[0] == 0 && indices.is_sorted_by(|a, b| a < b) => {
            let ends = indices[1..].iter().copied().chain([count]);
            Ok(indices.iter().zip(ends).map(|(a, b)| parts[*a..b].to_vec()).collect())
        }
        _ => Err(fail(start, format!("the offset table does not divide {count} fragments into {frames} frames"))),
    }
}

/// The numbers of the offset table.
fn offsets(bytes: &Bytes, table: Fragment) -> Result<Vec<u32>, DicomError> {
    let mut raw = vec![0; table.length.min(64 << 20) as usize];
    let failed = |e: std::io::Error| DicomError::Io(e.to_string());
    bytes.read_at(table.offset, &mut raw).map_err(failed)?;
    Ok(raw.chunks_exact(4).map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]])).collect())
}

/// Fragments that begin with the first marker of any kind of JPEG image.
fn begins(bytes: &Bytes, parts: &[Fragment]) -> Result<Vec<u64>, DicomError> {
    let mut starts = Vec::new();
    for part in parts.iter().filter(|p| p.length >= 2) {
        let mut head = [0; 2];
        bytes.read_at(part.offset, &mut head).map_err(|e| DicomError::Io(e.to_string()))?;
        if head == [0xff, 0xd8] || head == [0xff, 0x4f] {
            starts.push(part.offset);
        }
    }
    Ok(starts)
}
