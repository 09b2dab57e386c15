//! Header extensions: a flag of four bytes after the header, then records of size, code and content.

use super::header::{Header, Order};
use crate::{Extension, Warning};

/// Maximum bytes of metadata.
const MOST_BYTES: u64 = 64 << 20;
/// For a compressed file: so many bytes however small it is, and so many times its length, because XML compresses to a
/// tenth.
const MOST_PACKED: (u64, u64) = (4 << 20, 16);

/// The maximum bytes of extensions in a file; the length of the file is given if it is compressed.
pub(super) fn most_bytes(compressed: Option<u64>) -> u64 {
    let (free, times) = MOST_PACKED;
    compressed.map_or(MOST_BYTES, |length| length.saturating_mul(times).clamp(free, MOST_BYTES))
}

/// The extensions in the bytes between the flag and the voxels (or the end of an .hdr file).
pub(super) fn parse(header: &Header, bytes: &[u8], warnings: &mut Vec<Warning>) -> Vec<Extension> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while let Some((size, code)) = record_header(header.order, rest) {
        let content = usize::try_from(size).ok().filter(|size| *size >= 8).and_then(|size| rest.get(8..size));
        let Some(content) = content else {
            // Zeros up to the voxels are padding.
            if rest.iter().any(|b| *b != 0) || found.is_empty() {
                let (index, size, available) = (found.len(), i64::from(size), rest.len() as u64);
                warnings.push(Warning::ExtensionSize { index, size, available });
            }
            break;
        };
        found.push(Extension { code, content: content.to_vec() });
        rest = &rest[8 + content.len()..];
    }
    found
}

/// The flag and the extensions as bytes; each is padded to a multiple of 16 with zeros.
pub(super) fn encode(extensions: &[Extension], order: Order) -> Vec<u8> {
    let mut bytes = vec![u8::from(!extensions.is_empty()), 0, 0, 0];
    for extension in extensions {
        let size = (extension.content.len() + 8).next_multiple_of(16);
        let start = bytes.len();
        bytes.extend(number(order, i32::try_from(size).unwrap_or(i32::MAX)));
        bytes.extend(number(order, extension.code));
        bytes.extend(&extension.content);
        bytes.resize(start + size, 0);
    }
    bytes
}

fn record_header(order: Order, bytes: &[u8]) -> Option<(i32, i32)> {
    let number = |at: usize| {
        let bytes = *bytes.get(at..)?.first_chunk::<4>()?;
        Some(match order {
            Order::Little => i32::from_le_bytes(bytes),
            Order::Big => i32::from_be_bytes(bytes),
        })
    };
    Some((number(0)?, number(4)?))
}

fn number(order: Order, value: i32) -> [u8; 4] {
    match order {
        Order::Little => value.to_le_bytes(),
        Order::Big => value.to_be_bytes(),
    }
}
