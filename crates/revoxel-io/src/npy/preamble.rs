//! The bytes before the elements: magic, version, and a dictionary padded to a multiple of 64 bytes.

use std::io::{self, Read};

use revoxel_core::Dtype;

use super::descr::{self, Descr};
use super::literal::{self, Literal};
use super::problem::NpyError;

/// The content of the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Preamble {
    pub(super) descr: Descr,
    /// Whether the first axis is fastest.
    pub(super) fortran: bool,
    pub(super) shape: Vec<usize>,
    /// Bytes before the elements.
    pub(super) length: u64,
}

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// NumPy itself refuses headers beyond 10 000 bytes unless told otherwise.
const MOST_HEADER: u64 = 1 << 20;

impl Preamble {
    pub(super) fn read(from: &mut impl Read) -> Result<Self, NpyError> {
        let mut start = [0; 8];
        exactly(from, &mut start, NpyError::Magic)?;
        if !start.starts_with(MAGIC) {
            return Err(NpyError::Magic);
        }
        let mut count = [0; 4];
        let wide = match start[6..] {
            [1, 0] => false,
            [2 | 3, 0] => true,
            [major, minor] => return Err(NpyError::Version(major, minor)),
            _ => return Err(NpyError::Magic),
        };
        let width = if wide { 4 } else { 2 };
        exactly(from, &mut count[..width], NpyError::HeaderLength(0))?;
        let count = u64::from(u32::from_le_bytes(count));
        if count > MOST_HEADER {
            return Err(NpyError::HeaderLength(count));
        }
        let mut text = vec![0; count as usize];
        exactly(from, &mut text, NpyError::HeaderLength(count))?;
        let text = String::from_utf8_lossy(&text);
        let not_understood = || NpyError::Header(text.trim_end().chars().take(200).collect());
        let Some(Literal::Dictionary(entries)) = literal::parse(&text) else { return Err(not_understood()) };
        let get = |key: &str| entries.iter().find(|(k, _)| k == key).map(|(_, value)| value);
        let (Some(descr), Some(Literal::Bool(fortran)), Some(Literal::Sequence(shape))) =
            (get("descr"), get("fortran_order"), get("shape"))
        else {
            return Err(not_understood());
        };
        let axis = |literal: &Literal| if let Literal::Number(n) = literal { Some(*n) } else { None };
        let shape = shape.iter().map(axis).collect::<Option<Vec<_>>>().ok_or_else(not_understood)?;
        let length = 8 + width as u64 + count;
        Ok(Self { descr: Descr::from_literal(descr)?, fortran: *fortran, shape, length })
    }

    /// The bytes of all elements.
    pub(super) fn bytes(&self) -> Result<u64, NpyError> {
        let count = self.shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
        // Eight bytes are the most that an element can become.
        let count = count.filter(|n| *n <= isize::MAX as usize / 8);
        let count = count.ok_or_else(|| NpyError::TooLarge(self.shape.clone()))?;
        Ok(count as u64 * self.descr.element.size() as u64)
    }
}

/// The bytes before the elements of an array in C order: version 1, or 2 if the shape is too long for that.
pub(super) fn encode(shape: &[usize], dtype: Dtype) -> Vec<u8> {
    encode_as(shape, &descr::spell(dtype))
}

/// The same for a type as numpy spells it.
pub(super) fn encode_as(shape: &[usize], descr: &str) -> Vec<u8> {
    let axes: Vec<String> = shape.iter().map(usize::to_string).collect();
    let comma = if axes.len() == 1 { "," } else { "" };
    let dictionary = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}{comma}), }}", axes.join(", "));
    let padded = |before: usize| (before + dictionary.len() + 1).next_multiple_of(64) - before;
    let mut bytes = MAGIC.to_vec();
    match u16::try_from(padded(10)) {
        Ok(length) => {
            bytes.extend([1, 0]);
            bytes.extend(length.to_le_bytes());
        }
        Err(_) => {
            bytes.extend([2, 0]);
            bytes.extend((padded(12) as u32).to_le_bytes());
        }
    }
    let end = bytes.len() + padded(bytes.len());
    bytes.extend(dictionary.as_bytes());
    bytes.resize(end - 1, b' ');
    bytes.push(b'\n');
    bytes
}

/// Fills a buffer; if the file ends early, returns the given error.
fn exactly(from: &mut impl Read, buffer: &mut [u8], short: NpyError) -> Result<(), NpyError> {
    from.read_exact(buffer).map_err(|e| if e.kind() == io::ErrorKind::UnexpectedEof { short } else { NpyError::Io(e) })
}
