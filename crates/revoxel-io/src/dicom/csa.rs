//! Siemens' private header (CSA): named values within one attribute, in both of its forms.
//!
//! ```text
//! CSA2: "SV10", 4 bytes   number of entries, 77   entry, entry, …
//! CSA1:                   number of entries, 77   entry, entry, …
//! entry: name (64 bytes), values that count, type (4 bytes), 4 bytes, number of values, 77 or 205   value, value, …
//! value: four lengths   text, padded to 4 bytes
//! ```
//!
//! In CSA2 the second length is that of the text. In CSA1 it is the first one, increased by the number of values of
//! the first entry.

/// The maximum number of entries or values in a header.
const MOST: usize = 4096;

/// The text values of an entry; none if it is absent, or if the bytes are not such a header.
pub(super) fn values(bytes: &[u8], name: &str) -> Vec<String> {
    let second = bytes.starts_with(b"SV10");
    let mut at = if second { 8 } else { 0 };
    let Some(count) = word(bytes, at).filter(|n| (1..=MOST).contains(n)) else { return Vec::new() };
    at += 8;
    let mut first_count = None;
    for _ in 0..count {
        let Some(head) = bytes.get(at..at + 84) else { return Vec::new() };
        let here = text(&head[..64]) == name;
        let (Some(used), Some(values)) = (word(head, 64), word(head, 76)) else { return Vec::new() };
        if values > MOST {
            return Vec::new();
        }
        let on_top = *first_count.get_or_insert(values);
        at += 84;
        let mut found = Vec::new();
        for _ in 0..values {
            let Some(length) = length(bytes, at, second, on_top) else { return found };
            let Some(value) = bytes.get(at + 16..at + 16 + length) else { return found };
            found.push(text(value));
            at += 16 + length.next_multiple_of(4);
        }
        if here {
            // Without a number of values that count, all that are not empty do.
            found.truncate(if used > 0 { used } else { found.len() });
            return found.into_iter().filter(|v| !v.is_empty()).collect();
        }
    }
    Vec::new()
}

/// The numbers of an entry; `None` if it is absent or a value is not a number.
pub(super) fn numbers(bytes: &[u8], name: &str) -> Option<Vec<f64>> {
    let numbers: Option<Vec<f64>> = values(bytes, name).iter().map(|v| v.parse().ok()).collect();
    numbers.filter(|n| !n.is_empty() && n.iter().all(|v: &f64| v.is_finite()))
}

fn word(bytes: &[u8], at: usize) -> Option<usize> {
    let four: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    usize::try_from(i32::from_le_bytes(four)).ok()
}

fn length(bytes: &[u8], at: usize, second: bool, on_top: usize) -> Option<usize> {
    match second {
        true => word(bytes, at + 4),
        false => word(bytes, at)?.checked_sub(on_top),
    }
}

/// Up to the first zero byte, without spaces around it.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).trim().to_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A header with these entries, in either form.
    pub(in crate::dicom) fn header(second: bool, entries: &[(&str, &[&str])]) -> Vec<u8> {
        let word = |n: usize| (n as i32).to_le_bytes();
        let mut bytes = if second { b"SV10\x04\x03\x02\x01".to_vec() } else { Vec::new() };
        bytes.extend(word(entries.len()));
        bytes.extend(word(77));
        let on_top = 6;
        for (name, values) in entries {
            let mut field = name.as_bytes().to_vec();
            field.resize(64, 0);
            bytes.extend(field);
            bytes.extend(word(values.len()));
            bytes.extend(*b"FD\0\0");
            bytes.extend(word(4));
            bytes.extend(word(on_top));
            bytes.extend(word(77));
            for i in 0..on_top {
                let mut value = values.get(i).map_or(Vec::new(), |v| [v.as_bytes(), &[0]].concat());
                let length = value.len();
                value.resize(length.next_multiple_of(4), 0);
                let lengths = if second { [length, length, 77, length] } else { [length + on_top, 0, 77, 0] };
                lengths.into_iter().for_each(|n| bytes.extend(word(n)));
                bytes.extend(value);
            }
        }
        bytes
    }

    #[test]
    fn both_forms() {
        for second in [false, true] {
            let bytes = header(second, &[("Echo", &["1"]), ("Normal", &["0.0", "-0.5", "0.25 "]), ("None", &[])]);
            assert_eq!(numbers(&bytes, "Normal"), Some(vec![0.0, -0.5, 0.25]), "{second}");
            assert_eq!((values(&bytes, "Echo"), numbers(&bytes, "None")), (vec!["1".to_owned()], None));
            assert_eq!(numbers(&bytes, "Absent"), None);
            // Cut off anywhere, it ends early.
            (0..bytes.len()).for_each(|end| _ = numbers(&bytes[..end], "Normal"));
        }
        assert_eq!(numbers(&[255; 200], "Normal"), None);
    }
}
