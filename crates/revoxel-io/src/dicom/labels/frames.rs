//! The pixels of a segmentation, frame by frame.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::DeflateDecoder;

use super::super::bytes::Bytes;
use super::super::codec;
use super::super::fragments::{Fragment, fragments};
use super::super::problem::DicomError;
use super::super::syntax::Coding;
use super::file::LabelFile;
use super::segmentation::Segmentation;
use crate::archive::{self, Packing, Want};
use crate::open::failed_to_read;
use crate::{Limits, ReadError};

/// Deflated Image Frame Compression: each frame is a deflate stream.
const DEFLATED_FRAMES: &str = "1.2.840.10008.1.2.8.1";
/// Bytes of a compressed frame besides its pixels.
const FRAGMENTS: u64 = 8 << 10;

/// The pixels of an open file.
pub(super) struct Frames<'a> {
    path: &'a Path,
    segmentation: &'a Segmentation,
    bytes: Bytes,
    fragments: Option<Vec<Vec<Fragment>>>,
}

/// At most so many bytes of a file, or of a member of an archive.
pub(super) fn bytes_of(
    file: &LabelFile,
    archive: Option<(&Path, Packing)>,
    most: u64,
    limits: &Limits,
) -> Result<Bytes, ReadError> {
    let Some((root, packing)) = archive else {
        let open = File::open(&file.path).map_err(failed_to_read(&file.path))?;
        let length = open.metadata().map_err(failed_to_read(&file.path))?.len();
        return Ok(Bytes::Disk { file: open, length });
    };
    let mut bytes = Vec::new();
    archive::visit(root, packing, limits, Want::All, &mut |member| {
        if member.index == file.member {
            member.read.take(most).read_to_end(&mut bytes).map_err(failed_to_read(&file.path))?;
        }
        Ok(())
    })?;
    Ok(Bytes::Memory(bytes))
}

impl<'a> Frames<'a> {
    pub(super) fn open(
        file: &'a LabelFile,
        segmentation: &'a Segmentation,
        archive: Option<(&Path, Packing)>,
        limits: &Limits,
    ) -> Result<Self, ReadError> {
        let path = &file.path;
        let fail = |reason| ReadError::Dicom { path: path.clone(), reason: Box::new(reason) };
        let uid = &segmentation.syntax_uid;
        match segmentation.syntax {
            _ if uid == DEFLATED_FRAMES => {}
            Some(syntax) if syntax.coding != Coding::Unknown => {}
            known => {
                let name = known.map_or("unknown or private", |s| s.name).to_owned();
                return Err(fail(DicomError::Syntax { name, uid: uid.clone() }));
            }
        }
        let count = segmentation.frames.len();
        let needed = segmentation.bytes_of(count as u64);
        let frames = FRAGMENTS.saturating_mul(count as u64).saturating_add(needed.saturating_mul(2));
        let most = segmentation.pixels.offset.saturating_add(frames);
        let mut bytes = bytes_of(file, archive, most, limits)?;
        if let Some(from) = segmentation.deflated_from {
            let compressed = bytes.part(from, bytes.length().saturating_sub(from)).map_err(failed_to_read(path))?;
            let mut decoded = Vec::new();
            DeflateDecoder::new(&compressed[..]).take(most).read_to_end(&mut decoded).map_err(failed_to_read(path))?;
            bytes = Bytes::Memory(decoded);
        }
        let fragments = match segmentation.pixels.length {
            Some(_) => None,
            None => Some(fragments(&bytes, segmentation.pixels.offset, count).map_err(fail)?),
        };
        Ok(Self { path, segmentation, bytes, fragments })
    }

    /// Reads the pixels of a frame into a buffer, row by row.
    pub(super) fn read(&self, frame: usize, values: &mut Vec<u16>) -> Result<(), ReadError> {
        let (pixels, bits) = (self.segmentation.format.plane(), self.segmentation.bits);
        let big = self.segmentation.syntax.is_some_and(|s| s.big_endian) && self.segmentation.pixels.words;
        values.clear();
        let (raw, first) = match &self.fragments {
            Some(_) => (self.decoded(frame)?, 0),
            None => {
                // Frames of single bits follow each other without a gap: a frame may begin within a byte.
                let first = frame as u64 * pixels as u64 * bits as u64;
                let end = first + pixels as u64 * bits as u64;
                let [mut low, mut high] = [first / 8, end.div_ceil(8)];
                if big {
                    (low, high) = (low & !1, high.next_multiple_of(2));
                }
                let pixels = self.segmentation.pixels;
                high = high.min(pixels.length.unwrap_or(high).max(end.div_ceil(8)));
                let part = self.bytes.part(pixels.offset + low, high - low);
                let mut part = part.map_err(failed_to_read(self.path))?;
                if big && bits < 16 {
                    part.chunks_exact_mut(2).for_each(|word| word.swap(0, 1));
                }
                (part, (first - low * 8) as usize)
            }
        };
        match bits {
            1 => values.extend((first..first + pixels).map(|b| u16::from(raw[b / 8] >> (b % 8) & 1))),
            8 => values.extend(raw[first / 8..][..pixels].iter().map(|b| u16::from(*b))),
            _ => {
                let number = if big { u16::from_be_bytes } else { u16::from_le_bytes };
                values.extend(raw.chunks_exact(2).take(pixels).map(|c| number([c[0], c[1]])));
            }
        }
        Ok(())
    }

    /// The bytes of a frame in fragments, as in an uncompressed little-endian file; at least as many as the frame has.
    fn decoded(&self, frame: usize) -> Result<Vec<u8>, ReadError> {
        let fail = |reason| ReadError::Dicom { path: self.path.to_owned(), reason: Box::new(reason) };
        let (name, uid, coding) = match self.segmentation.syntax {
            Some(s) => (s.name, s.uid, s.coding),
            None => ("Deflated Image Frame Compression", DEFLATED_FRAMES, Coding::Raw),
        };
        let failed = |reason| fail(DicomError::Codec { frame: frame + 1, name, uid, reason });
        let parts = self.fragments.iter().flatten().nth(frame).map_or(&[][..], |parts| &parts[..]);
        let mut compressed = Vec::new();
        for part in parts {
            compressed.extend(self.bytes.part(part.offset, part.length).map_err(failed_to_read(self.path))?);
        }
        let needed = self.segmentation.bytes_of(1) as usize;
        let bytes = if uid == DEFLATED_FRAMES {
            let mut bytes = Vec::new();
            let stream = DeflateDecoder::new(&compressed[..]).take(needed as u64);
            { stream }.read_to_end(&mut bytes).map_err(|e| failed(e.to_string()))?;
            bytes
        } else if coding == Coding::Raw {
            compressed
        } else if self.segmentation.bits == 1 {
            return Err(failed("this transfer syntax cannot compress pixels of 1 bit".to_owned()));
        } else {
            codec::decode(coding, compressed, &self.segmentation.format).map_err(failed)?.bytes
        };
        if bytes.len() < needed {
            return Err(failed(format!("it has {} bytes, but the attributes require {needed}", bytes.len())));
        }
        Ok(bytes)
    }
}
