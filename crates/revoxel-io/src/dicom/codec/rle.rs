//! DICOM's run lengths: one segment for each byte of a sample, the highest first.

use super::Decoded;
use crate::dicom::format::PixelFormat;

/// Two bytes decode to 128 at most.
const BEST_RATIO: usize = 64;

pub(super) fn decode(compressed: &[u8], format: &PixelFormat) -> Result<Decoded, String> {
    let needed = format.frame_bytes();
    if needed / BEST_RATIO > compressed.len() {
        return Err(format!(
            "{} compressed bytes cannot decode to the {needed} that the attributes require",
            compressed.len()
        ));
    }
    let word = |i: usize| {
        let bytes = compressed.get(4 * i..4 * i + 4)?;
        Some(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize)
    };
    let (size, plane) = (format.sample_bytes(), format.plane());
    let segments = format.samples * size;
    let found = word(0).ok_or("the header is truncated")?;
    if found != segments {
        return Err(format!("it has {found} segments, but the attributes require {segments}"));
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(needed).map_err(|_| format!("not enough memory for {needed} bytes"))?;
    bytes.resize(needed, 0);
    for segment in 0..segments {
        let start = word(1 + segment).ok_or("the header is truncated")?;
        let end = if segment + 1 < segments { word(2 + segment).unwrap_or(0) } else { compressed.len() };
        let packed = compressed.get(start..end).filter(|_| start >= 64);
        let packed = packed.ok_or_else(|| format!("segment {segment} has an invalid range, byte {start} to {end}"))?;
        let (sample, byte) = (segment / size, segment % size);
        let first = sample * plane * size + (size - 1 - byte);
        unpack(packed, bytes[first..].iter_mut().step_by(size).take(plane))
            .map_err(|missing| format!("segment {segment} is {missing} bytes too short"))?;
    }
    Ok(Decoded { bytes, planar: true, rgb: false })
}

/// Decodes PackBits. The error is the number of missing bytes.
fn unpack<'a>(mut packed: &[u8], mut to: impl ExactSizeIterator<Item = &'a mut u8>) -> Result<(), usize> {
    while to.len() > 0 {
        let Some((control, rest)) = packed.split_first() else { return Err(to.len()) };
        packed = rest;
        match i8::from_le_bytes([*control]) {
            -128 => {}
            literal @ 0.. => {
                let count = (literal as usize + 1).min(packed.len()).min(to.len());
                to.by_ref().take(count).zip(packed).for_each(|(to, from)| *to = *from);
                packed = packed.get(literal as usize + 1..).unwrap_or(&[]);
            }
            repeat => {
                let Some((value, rest)) = packed.split_first() else { return Err(to.len()) };
                to.by_ref().take(1 + usize::from(repeat.unsigned_abs())).for_each(|to| *to = *value);
                packed = rest;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::unpack;

    #[test]
    fn runs_and_literals() {
        fn t(packed: &[u8], expected: Result<&[u8], usize>) {
            let mut out = [0; 5];
            let result = unpack(packed, out.iter_mut());
            assert_eq!(result.map(|()| &out[..]), expected, "{packed:?}");
        }
        t(&[0xfe, 7, 1, 8, 9], Ok(&[7, 7, 7, 8, 9]));
        t(&[0x80, 4, 1, 2, 3, 4, 5, 6], Ok(&[1, 2, 3, 4, 5]));
        t(&[0xf0, 3], Ok(&[3; 5]));
        t(&[0xfe, 7], Err(2));
        t(&[4, 1, 2], Err(3));
        t(&[0xfe], Err(5));
        t(&[], Err(5));
    }
}
