//! Finds the orientation tag of EXIF in PNG and JPEG files. Pixels are read as stored, and the caller gets a warning.

use std::io::{self, Read, Seek};

const ORIENTATION: u16 = 0x0112;
const SHORT: u16 = 3;
/// The maximum bytes of EXIF in a JPEG file.
const MOST_BYTES: u64 = 1 << 16;

/// The orientation in an EXIF block (a TIFF header with its first directory), if it differs from the stored one.
pub(super) fn orientation(block: &[u8]) -> Option<u16> {
    // Some writers keep the name of the JPEG segment.
    let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    let little = match block.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes = block.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let bytes: [u8; 4] = block.get(4..8)?.try_into().ok()?;
    let directory = if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) } as usize;
    let entries = directory.checked_add(2)?;
    let entry = (0..usize::from(short(directory)?))
        .map_while(|number| entries.checked_add(number * 12))
        .find(|at| short(*at) == Some(ORIENTATION))?;
    let value = short(entry + 8).filter(|_| short(entry + 2) == Some(SHORT))?;
    (2..=8).contains(&value).then_some(value)
}

/// The eXIf chunk of a PNG file, which may be before or after the pixels.
pub(super) fn of_png(mut file: impl Read + Seek) -> io::Result<Option<Vec<u8>>> {
    file.seek(io::SeekFrom::Start(8))?;
    loop {
        let mut head = [0; 8];
        match file.read_exact(&mut head) {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        match &head[4..] {
            b"eXIf" => {
                let mut block = Vec::new();
                file.take(u64::from(length).min(MOST_BYTES)).read_to_end(&mut block)?;
                return Ok(Some(block));
            }
            b"IEND" => return Ok(None),
            // The checksum is behind the content.
            _ => file.seek_relative(i64::from(length) + 4)?,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Cursor;

    use super::*;

    /// An EXIF block with this orientation.
    pub(in crate::picture) fn block(value: u16, little: bool) -> Vec<u8> {
        let short = |v: u16| if little { v.to_le_bytes() } else { v.to_be_bytes() };
        let long = |v: u32| if little { v.to_le_bytes() } else { v.to_be_bytes() };
        let mut block = if little { b"II*\0".to_vec() } else { b"MM\0*".to_vec() };
        block.extend(long(8));
        block.extend(short(2));
        for (tag, value) in [(0x0100, 7), (ORIENTATION, value)] {
            block.extend(short(tag).into_iter().chain(short(SHORT)).chain(long(1)).chain(short(value)).chain([0, 0]));
        }
        block.extend(long(0));
        block
    }

    #[test]
    fn orientations_are_found_and_damage_is_none() {
        for little in [true, false] {
            assert_eq!(orientation(&block(6, little)), Some(6));
            assert_eq!(orientation(&[b"Exif\0\0", &block(8, little)[..]].concat()), Some(8));
            for value in [0, 1, 9, 65535] {
                assert_eq!(orientation(&block(value, little)), None, "{value}");
            }
            let whole = block(6, little);
            for length in 0..whole.len() {
                let _ = orientation(&whole[..length]);
            }
            let mut far = whole.clone();
            far[4..8].fill(0xff);
            assert_eq!(orientation(&far), None);
        }
    }

    #[test]
    fn chunks_are_walked_to_the_end() {
        let chunk =
            |name: &[u8], content: &[u8]| [&(content.len() as u32).to_be_bytes()[..], name, content, &[0; 4]].concat();
        let signature = &[0; 8][..];
        let with = [signature, &chunk(b"IDAT", &[1; 9]), &chunk(b"eXIf", &[7; 3]), &chunk(b"IEND", &[])].concat();
        assert_eq!(of_png(Cursor::new(with)).unwrap(), Some(vec![7; 3]));
        let without = [signature, &chunk(b"IEND", &[]), &chunk(b"eXIf", &[7; 3])].concat();
        assert_eq!(of_png(Cursor::new(without)).unwrap(), None);
        let huge = [signature, &u32::MAX.to_be_bytes(), b"eXIf", &[7; 3]].concat();
        assert_eq!(of_png(Cursor::new(huge)).unwrap(), Some(vec![7; 3]));
        let cut = [signature, &u32::MAX.to_be_bytes(), b"IDAT", &[7; 3]].concat();
        assert_eq!(of_png(Cursor::new(cut)).unwrap(), None);
    }
}
