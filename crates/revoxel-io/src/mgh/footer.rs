//! The footer after the voxels: five numbers of the scan (repetition time in ms first), then tags.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use flate2::read::MultiGzDecoder;

use crate::codecs::head::Packed;
use crate::stored::VoxelFile;
use crate::{Facts, Limits, TimeUnit};

/// Bytes of the five numbers.
const LENGTH: usize = 20;
/// Larger tags are not kept.
const MOST_BYTES: u64 = 1 << 20;

/// The bytes after the voxels, if they are few enough. Reading the voxels reports bytes that cannot be decoded.
pub(super) fn of(file: &VoxelFile, bytes: u64, limits: &Limits) -> Vec<u8> {
    let end = file.offset.saturating_add(bytes);
    let read = || -> io::Result<Vec<u8>> {
        let mut from = File::open(&file.path)?;
        let mut footer = Vec::new();
        let most = MOST_BYTES + 1;
        match file.packed {
            None => {
                from.seek(SeekFrom::Start(end))?;
                from.take(most).read_to_end(&mut footer)?;
            }
            Some(Packed::Gzip) if end <= limits.most_decoded(file.length) => {
                let mut stream = MultiGzDecoder::new(from);
                io::copy(&mut (&mut stream).take(end), &mut io::sink())?;
                stream.take(most).read_to_end(&mut footer)?;
            }
            Some(_) => {}
        }
        Ok(footer)
    };
    read().ok().filter(|footer| footer.len() as u64 <= MOST_BYTES).unwrap_or_default()
}

/// The repetition time in ms in a footer.
pub(super) fn repetition_time(footer: &[u8]) -> Option<f64> {
    let value = f64::from(f32::from_be_bytes(*footer.first_chunk()?));
    (value.is_finite() && value > 0.0).then_some(value)
}

/// The footer of a result: the source's, with the time step of the facts.
pub(super) fn written(facts: &Facts) -> Vec<u8> {
    let mut footer = facts.mgh.as_ref().map(|own| own.footer.clone()).unwrap_or_default();
    let to_ms = match facts.time_unit {
        Some(TimeUnit::Second) => Some(1e3),
        Some(TimeUnit::Millisecond) => Some(1.0),
        Some(TimeUnit::Microsecond) => Some(1e-3),
        _ => None,
    };
    let step = facts.frame_spacing.zip(to_ms).map(|(step, to_ms)| (step * to_ms) as f32);
    if let Some(step) = step.filter(|step| step.is_finite() && *step > 0.0) {
        footer.resize(footer.len().max(LENGTH), 0);
        footer[..4].copy_from_slice(&step.to_be_bytes());
    }
    footer
}
