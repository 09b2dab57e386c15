//! The bytes of texts in a NIfTI header that are not plain text.

use serde::{Deserialize, Serialize};

use super::hex;

/// The bytes of texts in a NIfTI header that reading and writing as text would change: texts without a terminating
/// zero, in another encoding than UTF-8, or with bytes after the zero.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TextBytes {
    /// `descrip`, 80 bytes.
    #[serde(with = "hex::optional", skip_serializing_if = "Option::is_none")]
    pub description: Option<Vec<u8>>,
    /// `aux_file`, 24 bytes.
    #[serde(with = "hex::optional", skip_serializing_if = "Option::is_none")]
    pub aux_file: Option<Vec<u8>>,
    /// `intent_name`, 16 bytes.
    #[serde(with = "hex::optional", skip_serializing_if = "Option::is_none")]
    pub intent_name: Option<Vec<u8>>,
}

/// Text with at least one terminating zero, cut between characters.
pub(crate) fn encode<const N: usize>(text: Option<&str>) -> [u8; N] {
    let text = text.unwrap_or_default();
    let end = (0..N.min(text.len() + 1)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let mut bytes = [0; N];
    bytes[..end].copy_from_slice(&text.as_bytes()[..end]);
    bytes
}

/// The text up to the first zero; `None` if it is empty.
pub(crate) fn decode(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    let text = String::from_utf8_lossy(&bytes[..end]).trim_end().to_owned();
    (!text.is_empty()).then_some(text)
}

/// The bytes of a field, if its text does not reproduce them.
pub(crate) fn beyond_text<const N: usize>(bytes: &[u8; N]) -> Option<Vec<u8>> {
    (encode::<N>(decode(bytes).as_deref()) != *bytes).then(|| bytes.to_vec())
}

/// The bytes of a field: the source's, if they still represent this text.
pub(crate) fn field<const N: usize>(text: Option<&str>, bytes: Option<&Vec<u8>>) -> [u8; N] {
    let of_source = bytes.filter(|bytes| decode(bytes).as_deref() == text).and_then(|bytes| (**bytes).try_into().ok());
    of_source.unwrap_or_else(|| encode(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        for bytes in [*b"abcd", *b"abc\0", *b"\xe9t\xe9\0", *b"ab \0", *b"a\0b\0", *b"\0bcd", [0; 4]] {
            let (text, kept) = (decode(&bytes), beyond_text(&bytes));
            assert_eq!(field::<4>(text.as_deref(), kept.as_ref()), bytes, "{bytes:?}");
        }
        assert_eq!((beyond_text(b"abc\0"), beyond_text(&[0; 4])), (None, None));
        // A text that was changed is written, not the bytes of the source.
        assert_eq!(field::<4>(Some("new"), Some(&b"abcd".to_vec())), *b"new\0");
        assert_eq!(field::<4>(None, Some(&b"abcd".to_vec())), [0; 4]);
        assert_eq!(field::<4>(Some("abc"), Some(&vec![b'a', b'b', b'c'])), *b"abc\0");
    }
}
