//! Values as text: numbers separated by blanks or commas, or hexadecimal digits. The caller has compared the length of
//! the text with the number of values.

use std::str::FromStr;

use revoxel_core::Voxel;

use super::problem::Problem;
use crate::buffer;

/// Characters of an invalid value that are shown.
const MOST_SHOWN: usize = 40;

/// Numbers separated by blanks or commas; `Ok(None)` if there is no memory.
pub(crate) fn text<T: Voxel + FromStr>(bytes: &[u8], count: usize) -> Result<Option<Vec<T>>, Problem> {
    let Some(mut values) = buffer::zeroed::<T>(count) else { return Ok(None) };
    let mut words = bytes.split(|b| b.is_ascii_whitespace() || matches!(b, 0 | b',')).filter(|word| !word.is_empty());
    for (index, value) in values.iter_mut().enumerate() {
        let word = words.next().ok_or(Problem::TooFewValues { needed: count, found: index })?;
        *value = number(word).ok_or_else(|| {
            let text = String::from_utf8_lossy(&word[..word.len().min(MOST_SHOWN)]).into_owned();
            Problem::Value { index, text, dtype: T::DTYPE.name() }
        })?;
    }
    match words.next() {
        None => Ok(Some(values)),
        Some(_) => Err(Problem::TooManyInText { needed: count }),
    }
}

/// A number of exactly this type; whole numbers may be written with a fraction of zeros.
fn number<T: Voxel + FromStr>(word: &[u8]) -> Option<T> {
    let text = std::str::from_utf8(word).ok()?;
    let says_infinity = text.to_ascii_lowercase().contains("inf");
    if let Ok(value) = text.parse::<T>() {
        return (says_infinity || !value.to_f64().is_infinite()).then_some(value);
    }
    let value: f64 = text.parse().ok()?;
    let (low, high) = T::DTYPE.range();
    (T::DTYPE.is_integer() && value.fract() == 0.0 && value >= low && value <= high).then(|| T::from_f64(value))
}

/// Two hexadecimal digits per byte, the high one first; blanks are ignored. `Ok(None)` if there is no memory.
pub(crate) fn hex<T: Voxel>(bytes: &[u8], count: usize) -> Result<Option<Vec<T>>, Problem> {
    let Some(mut values) = buffer::zeroed::<T>(count) else { return Ok(None) };
    let out: &mut [u8] = bytemuck::cast_slice_mut(&mut values);
    let needed = 2 * out.len();
    let mut found = 0;
    for (at, byte) in bytes.iter().enumerate().filter(|(_, b)| !b.is_ascii_whitespace()) {
        let digit = char::from(*byte).to_digit(16).ok_or(Problem::HexDigit { at })?;
        if found == needed {
            found += 1;
            break;
        }
        out[found / 2] = out[found / 2] << 4 | digit as u8;
        found += 1;
    }
    match found == needed {
        true => Ok(Some(values)),
        false => Err(Problem::HexCount { needed: needed as u64, found: found as u64 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_kind() {
        assert_eq!(text::<i16>(b"1 -2\r\n3.0\t", 3), Ok(Some(vec![1, -2, 3])));
        assert_eq!(text::<i16>(b"1, -2,3 ,4,\n", 4), Ok(Some(vec![1, -2, 3, 4])));
        // Decimal commas make too many numbers.
        assert_eq!(text::<f32>(b"0,5 1,5", 2), Err(Problem::TooManyInText { needed: 2 }));
        assert_eq!(text::<u64>(b"18446744073709551615", 1), Ok(Some(vec![u64::MAX])));
        assert_eq!(text::<f32>(b"inf -1e3", 2), Ok(Some(vec![f32::INFINITY, -1000.0])));
        assert!(text::<f32>(b"nan", 1).unwrap().unwrap()[0].is_nan());
        let wrong = |index, text: &str, dtype| Problem::Value { index, text: text.into(), dtype };
        assert_eq!(text::<f32>(b"1 1e999", 2), Err(wrong(1, "1e999", "float32")));
        assert_eq!(text::<u8>(b"256", 1), Err(wrong(0, "256", "uint8")));
        assert_eq!(text::<u8>(b"1.5", 1), Err(wrong(0, "1.5", "uint8")));
        assert_eq!(text::<u8>(b"1 2", 3), Err(Problem::TooFewValues { needed: 3, found: 2 }));
        assert_eq!(text::<u8>(b"1 2 3", 2), Err(Problem::TooManyInText { needed: 2 }));
    }

    #[test]
    fn digits() {
        assert_eq!(hex::<u8>(b"0aF\n f 10", 3), Ok(Some(vec![0x0a, 0xff, 0x10])));
        assert_eq!(hex::<u8>(b"0aF", 2), Err(Problem::HexCount { needed: 4, found: 3 }));
        assert_eq!(hex::<u8>(b"0aFF0", 2), Err(Problem::HexCount { needed: 4, found: 5 }));
        assert_eq!(hex::<u8>(b"0g", 1), Err(Problem::HexDigit { at: 1 }));
    }
}
