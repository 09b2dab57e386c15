//! Look-up tables: the colours of a palette, and a modality's values.

use std::sync::Arc;

use super::dataset::DataSet;
use super::format::{Number, PixelFormat};
use super::problem::{DicomError, Problem};
use super::tags::{self, Tag};

/// The map of stored values. Values below the first entry map to the first entry, values beyond the last to the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    first: i32,
    /// At least one.
    entries: Arc<[u16]>,
    /// Bits of an entry, 8 or 16.
    bits: u32,
}

impl Table {
    /// The value of a stored value.
    #[inline]
    pub(super) fn value(&self, stored: i32) -> u16 {
        let place = stored.saturating_sub(self.first).max(0) as usize;
        self.entries[place.min(self.entries.len() - 1)]
    }

    /// A table whose descriptor and entries are in these attributes.
    fn new(data: &DataSet, descriptor: Tag, table: Tag, format: &PixelFormat) -> Result<Self, DicomError> {
        let need = "the look-up table of the pixels";
        let numbers = data.array::<3>(descriptor)?.ok_or_else(|| DicomError::missing(descriptor, need))?;
        let Number::Int { signed, bits: 8 | 16 } = format.number else {
            let problem = Problem::Must("8 or 16 for pixels with a look-up table");
            return Err(DicomError::field(tags::BITS_ALLOCATED, 8 * format.sample_bytes(), problem));
        };
        let [count, first, bits] = numbers.map(|n| n as i32);
        // A count of 65536 is written as 0; the value representation may make any of them negative.
        let count = match count & 0xffff {
            0 => 65536,
            n => n as usize,
        };
        let first = if signed { i32::from(first as u16 as i16) } else { first & 0xffff };
        if !(8..=16).contains(&bits) {
            return Err(DicomError::field(
                descriptor,
                format!("{numbers:?}"),
                Problem::Must("three numbers, the last (bits per entry) from 8 to 16"),
            ));
        }
        let bytes = data.bytes(table).ok_or_else(|| DicomError::missing(table, need))?;
        let word = |c: &[u8]| match data.big_endian {
            true => u16::from_be_bytes([c[0], c[1]]),
            false => u16::from_le_bytes([c[0], c[1]]),
        };
        // Entries of 8 bits stand in pairs in words of 16; some writers use a word for each.
        let entries: Arc<[u16]> = match (bits, bytes.len() >= 2 * count) {
            (_, true) => bytes.chunks_exact(2).take(count).map(word).collect(),
            (8, false) if bytes.len() >= count && !data.big_endian => {
                bytes[..count].iter().map(|b| u16::from(*b)).collect()
            }
            _ => {
                let value = format!("{} bytes", bytes.len());
                return Err(DicomError::field(table, value, Problem::Entries { count, bits: bits as u32 }));
            }
        };
        Ok(Self { first, entries, bits: if bits == 8 { 8 } else { 16 } })
    }
}

/// The tables of red, green and blue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Palette(pub(super) [Table; 3]);

impl Palette {
    /// The palette of a picture.
    pub(super) fn new(data: &DataSet, format: &PixelFormat) -> Result<Self, DicomError> {
        if data.bytes(tags::RED_SEGMENTS).is_some() && data.bytes(tags::RED_TABLE).is_none() {
            return Err(DicomError::field(tags::RED_SEGMENTS, "present", Problem::Unsupported("a segmented palette")));
        }
        Ok(Self([
            Table::new(data, tags::RED_DESCRIPTOR, tags::RED_TABLE, format)?,
            Table::new(data, tags::GREEN_DESCRIPTOR, tags::GREEN_TABLE, format)?,
            Table::new(data, tags::BLUE_DESCRIPTOR, tags::BLUE_TABLE, format)?,
        ]))
    }

    /// Whether a colour has more than 8 bits.
    pub(super) fn is_wide(&self) -> bool {
        self.0.iter().any(|t| t.bits > 8)
    }
}

/// The modality's table, which replaces slope and intercept; `None` if the file has no such table.
pub(super) fn modality(data: &DataSet, format: &PixelFormat) -> Result<Option<Table>, DicomError> {
    let Some(item) = data.item(tags::MODALITY_LUT) else { return Ok(None) };
    if format.samples != 1 {
        let problem = Problem::Must("absent for colour pixels");
        return Err(DicomError::field(tags::MODALITY_LUT, "present", problem));
    }
    let scale = (data.number(tags::SLOPE)?.unwrap_or(1.0), data.number(tags::INTERCEPT)?.unwrap_or(0.0));
    if scale != (1.0, 0.0) {
        let problem = Problem::Must("absent if RescaleSlope (0028,1053) and RescaleIntercept (0028,1052) are present");
        return Err(DicomError::field(tags::MODALITY_LUT, "present", problem));
    }
    Table::new(item, tags::LUT_DESCRIPTOR, tags::LUT_TABLE, format).map(Some)
}
