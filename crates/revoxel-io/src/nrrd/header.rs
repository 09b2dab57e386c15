//! The lines of a header: magic, fields, key/value pairs, comments.
//!
//! ```text
//! NRRD0005
//! # a comment
//! field: value
//! key:=value
//!
//! values, unless a data file is named
//! ```

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::open::failed_to_read;
use crate::textual::{FieldError, Problem};
use crate::{ReadError, nrrd};

/// Maximum header size in bytes. Lists of a million files stay below it.
const MOST_BYTES: u64 = 32 << 20;

/// The fields of the standard, each with its other spelling.
const KNOWN: [(&str, &str); 30] = [
    ("content", ""),
    ("number", ""),
    ("type", ""),
    ("block size", "blocksize"),
    ("dimension", ""),
    ("space", ""),
    ("space dimension", ""),
    ("sizes", ""),
    ("spacings", ""),
    ("thicknesses", ""),
    ("axis mins", "axismins"),
    ("axis maxs", "axismaxs"),
    ("centers", "centerings"),
    ("labels", ""),
    ("units", ""),
    ("min", ""),
    ("max", ""),
    ("old min", "oldmin"),
    ("old max", "oldmax"),
    ("data file", "datafile"),
    ("endian", ""),
    ("encoding", ""),
    ("line skip", "lineskip"),
    ("byte skip", "byteskip"),
    ("kinds", ""),
    ("space directions", ""),
    ("space units", ""),
    ("space origin", ""),
    ("measurement frame", ""),
    ("sample units", "sampleunits"),
];

/// A header as written in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    /// The fields of the standard, by their first name there.
    known: Vec<(&'static str, String)>,
    /// Other fields, unchanged.
    pub(super) unknown: Vec<(String, String)>,
    /// Key/value pairs, unescaped.
    pub(super) key_values: Vec<(String, String)>,
    /// The lines after `data file: LIST`.
    pub(super) list: Vec<String>,
    /// Where the values start, if an empty line ended the header.
    pub(super) data_start: Option<u64>,
}

/// Whether these are the first bytes of an NRRD file.
pub(super) fn is_header(first_bytes: &[u8]) -> bool {
    first_bytes.starts_with(b"NRRD")
}

impl Header {
    /// Reads and parses the header of a file.
    pub(super) fn open(path: &Path) -> Result<Self, ReadError> {
        let (bytes, whole) = first_bytes(path).map_err(failed_to_read(path))?;
        Self::parse(&bytes, whole).map_err(|reason| nrrd::failed(path.to_owned(), Box::new(reason)))
    }

    /// Parses bytes; `whole` says that these are all.
    pub(super) fn parse(bytes: &[u8], whole: bool) -> Result<Self, FieldError> {
        let mut header = Self::default();
        let mut at = 0;
        let mut in_list = false;
        for (number, line) in bytes.split_inclusive(|b| *b == b'\n').enumerate() {
            at += line.len();
            if line.last() != Some(&b'\n') && !whole {
                break;
            }
            let line = String::from_utf8_lossy(line);
            let line = line.trim_end_matches(['\n', '\r']);
            if number == 0 {
                check_magic(line)?;
            } else if in_list {
                header.list.extend(Some(line.trim().to_owned()).filter(|name| !name.is_empty()));
            } else if line.is_empty() {
                header.data_start = Some(at as u64);
                return Ok(header);
            } else if !line.starts_with('#') {
                header.line(number, line)?;
                in_list = header.get("data file").is_some_and(|v| v.split_whitespace().next() == Some("LIST"));
            }
        }
        match whole {
            true if bytes.is_empty() => Err(FieldError::new("magic", "", Problem::Magic)),
            true => Ok(header),
            false => Err(FieldError::new("header length", bytes.len(), Problem::HeaderTooLong(MOST_BYTES))),
        }
    }

    /// The value of a field of the standard, by its first name there.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.known.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str())
    }

    /// The value of a required field.
    pub(super) fn need(&self, name: &str) -> Result<&str, FieldError> {
        self.get(name).ok_or_else(|| FieldError::new(name, "absent", Problem::Missing))
    }

    fn line(&mut self, number: usize, line: &str) -> Result<(), FieldError> {
        let field = line.split_once(':').filter(|(_, rest)| !rest.starts_with('='));
        if let Some((name, value)) = field
            && let Some(known) = known(name)
        {
            if self.get(known).is_some() {
                return Err(FieldError::new(known, value.trim(), Problem::Twice));
            }
            self.known.push((known, value.trim().to_owned()));
        } else if let Some((key, value)) = line.split_once(":=") {
            self.key_values.push((unescape(key), unescape(value)));
        } else if let Some((name, value)) = field {
            self.unknown.push((name.trim().to_owned(), value.trim().to_owned()));
        } else {
            let problem = Problem::NotAField("`field: value`, `key:=value`, `# comment` or an empty line");
            return Err(FieldError::new(format!("line {}", number + 1), line, problem));
        }
        Ok(())
    }
}

fn check_magic(line: &str) -> Result<(), FieldError> {
    let line = line.trim_end();
    let version = match line {
        // The magic that the first release wrote.
        "NRRD00.01" => Some(1),
        _ => line.strip_prefix("NRRD000").and_then(|v| v.parse::<u8>().ok()),
    };
    match version {
        Some(1..=6) => Ok(()),
        _ => Err(FieldError::new("magic", line, Problem::Magic)),
    }
}

fn known(name: &str) -> Option<&'static str> {
    let name = name.trim().to_ascii_lowercase();
    KNOWN.iter().find(|(first, second)| name == *first || name == *second).map(|(first, _)| *first)
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, chars.as_str().chars().next()) {
            ('\\', Some('n')) => out.push('\n'),
            ('\\', Some('\\')) => out.push('\\'),
            _ => {
                out.push(c);
                continue;
            }
        }
        chars.next();
    }
    out
}

/// Escapes a key or value for one line: the inverse of reading it.
pub(super) fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "")
}

/// The first bytes of a file, at least to the end of the header, and whether that is all of it.
fn first_bytes(path: &Path) -> io::Result<(Vec<u8>, bool)> {
    const CHUNK: usize = 64 << 10;
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut file = file.take(MOST_BYTES);
    let mut bytes = Vec::new();
    loop {
        let from = bytes.len().saturating_sub(4);
        let count = (&mut file).take(CHUNK as u64).read_to_end(&mut bytes)?;
        let new = &bytes[from..];
        let ended = new.windows(2).any(|w| w == b"\n\n") || new.windows(3).any(|w| w == b"\n\r\n");
        // A list of files may have empty lines, and goes on to the end of the file.
        let ended = ended && !bytes.windows(4).any(|w| w == b"LIST");
        // A file without the magic is of another format: its length does not matter.
        if ended || count == 0 || !is_header(&bytes) {
            let whole = bytes.len() as u64 == length || !is_header(&bytes);
            return Ok((bytes, whole));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_every_kind() {
        let text = "NRRD0004\r\n# comment\r\nTYPE: short\r\nbyteskip: 3\r\nodd field: x: y\r\na:b:=c\\nd\\\\n\r\nk:=v:=w\r\n\r\nrest";
        let header = Header::parse(text.as_bytes(), false).unwrap();
        assert_eq!((header.get("type"), header.get("byte skip")), (Some("short"), Some("3")));
        assert_eq!(header.unknown, [("odd field".to_owned(), "x: y".to_owned())]);
        assert_eq!(header.key_values, [("a:b".into(), "c\nd\\n".into()), ("k".to_owned(), "v:=w".to_owned())]);
        assert_eq!(header.data_start, Some(text.len() as u64 - 4));
        assert_eq!(escape("c\nd\\n"), "c\\nd\\\\n");
        let list = Header::parse(b"NRRD0001\ndata file: LIST 2\na.raw\n\nb.raw", true).unwrap();
        assert_eq!((list.list, list.data_start), (vec!["a.raw".to_owned(), "b.raw".to_owned()], None));
    }

    #[test]
    fn lines_of_no_kind() {
        let text = |t: &str| Header::parse(t.as_bytes(), true).unwrap_err().to_string();
        assert!(text("NRRD0009\n\n").starts_with("magic is NRRD0009: must be NRRD0001"));
        assert!(text("").starts_with("magic is empty"));
        assert!(text("NRRD0004\nnonsense\n\n").starts_with("line 2 is nonsense: not a header line"));
        assert_eq!(text("NRRD0004\ntype: a\nType: b\n"), "type is b: the field appears twice; remove one of them");
        assert!(
            Header::parse(b"NRRD0004\ntype: a\n", false).unwrap_err().to_string().contains("the header does not end")
        );
    }
}
