//! The lines of a header: `key: value`, up to `END`.

use std::path::Path;

use crate::codecs::head::{self, Head};
use crate::open::failed_to_read;
use crate::textual::{FieldError, Problem};
use crate::{ReadError, mif};

/// The first line.
pub(super) const MAGIC: &str = "mrtrix image";
/// Maximum header size in bytes.
const MOST_BYTES: u64 = 32 << 20;
/// Bytes that hold most headers.
const FIRST_BYTES: u64 = 64 << 10;

/// Keys that are used, or written anew.
const KNOWN: [&str; 7] = ["dim", "vox", "layout", "datatype", "transform", "scaling", "file"];

/// A header as written in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    /// The used keys, in their order.
    known: Vec<(&'static str, String)>,
    /// The other keys, unchanged.
    pub(super) other: Vec<(String, String)>,
    /// Bytes of the header, including its last line `END`. `None` without that line, as in a `.mih`.
    pub(super) length: Option<u64>,
}

/// Whether these are the first bytes of an MRtrix image.
pub(super) fn is_header(first_bytes: &[u8]) -> bool {
    let line = first_bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    line.trim_ascii_end() == MAGIC.as_bytes() && first_bytes.len() > line.len()
}

impl Header {
    /// Reads and parses the header of a file; also returns the beginning of the file.
    pub(super) fn open(path: &Path) -> Result<(Self, Head), ReadError> {
        let read = |most| head::head(path, most).map_err(failed_to_read(path));
        let mut most = FIRST_BYTES;
        let mut head = read(most)?;
        if head.bytes.len() as u64 == most && !ends(&head.bytes) {
            most = MOST_BYTES;
            head = read(most)?;
        }
        let whole = (head.bytes.len() as u64) < most;
        if let (true, Some(error)) = (whole && !ends(&head.bytes), head.failure(path, most)) {
            return Err(error);
        }
        let parsed = Self::parse(&head.bytes, whole);
        parsed.map(|header| (header, head)).map_err(|e| mif::failed(path.to_owned(), Box::new(e)))
    }

    /// Parses the first bytes of a file; `whole` says that these are all.
    pub(super) fn parse(bytes: &[u8], whole: bool) -> Result<Self, FieldError> {
        let mut header = Self::default();
        let mut at = 0;
        for (number, line) in bytes.split_inclusive(|b| *b == b'\n').enumerate() {
            at += line.len();
            let text = String::from_utf8_lossy(line);
            let text = text.trim();
            match text {
                _ if number == 0 && text == MAGIC => {}
                _ if number == 0 => {
                    return Err(FieldError::new("first line", text, Problem::NotAField("`mrtrix image`")));
                }
                "END" => {
                    header.length = Some(at as u64);
                    return Ok(header);
                }
                "" => {}
                _ => header.line(number, text)?,
            }
        }
        match whole {
            true if bytes.is_empty() => Err(FieldError::new("first line", "", Problem::Missing)),
            true => Ok(header),
            false => Err(FieldError::new("header length", bytes.len(), Problem::HeaderTooLong(MOST_BYTES))),
        }
    }

    /// The values of a key, one for each of its lines.
    pub(super) fn all(&self, key: &str) -> Vec<&str> {
        self.known.iter().filter(|(k, _)| *k == key).map(|(_, value)| value.as_str()).collect()
    }

    /// The value of a key that may appear only once.
    pub(super) fn get(&self, key: &str) -> Result<Option<&str>, FieldError> {
        match self.all(key)[..] {
            [] => Ok(None),
            [value] => Ok(Some(value)),
            [_, second, ..] => Err(FieldError::new(key, second, Problem::Twice)),
        }
    }

    /// The value of a required key.
    pub(super) fn need(&self, key: &str) -> Result<&str, FieldError> {
        self.get(key)?.ok_or_else(|| FieldError::new(key, "absent", Problem::Missing))
    }

    fn line(&mut self, number: usize, line: &str) -> Result<(), FieldError> {
        // Without a key, a line is a comment.
        let (key, value) = line.split_once(':').map_or(("comments", line), |(key, value)| (key.trim(), value.trim()));
        if key.is_empty() {
            let problem = Problem::NotAField("`key: value`");
            return Err(FieldError::new(format!("line {}", number + 1), line, problem));
        }
        match KNOWN.iter().find(|known| known.eq_ignore_ascii_case(key)) {
            Some(known) => self.known.push((known, value.to_owned())),
            None => self.other.push((key.to_owned(), value.to_owned())),
        }
        Ok(())
    }
}

/// Whether the end of the header is among these bytes.
fn ends(bytes: &[u8]) -> bool {
    bytes.windows(4).any(|w| w == b"\nEND")
}
