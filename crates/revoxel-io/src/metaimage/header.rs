//! The lines of a header, `Key = Value`; the last one says where the values are.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::open::failed_to_read;
use crate::textual::{FieldError, Problem};
use crate::{ReadError, Warning, metaimage};

/// Maximum header size in bytes. Lists of a million files stay below it.
const MOST_BYTES: u64 = 32 << 20;
/// The key of the last line.
const LAST: &str = "ElementDataFile";

/// Keys that are used, each with its other spellings.
const KNOWN: [&[&str]; 20] = [
    &["NDims"],
    &["DimSize"],
    &["ElementType"],
    &["ElementSpacing"],
    &["ElementSize"],
    &["ElementNumberOfChannels"],
    &["Offset", "Position", "Origin"],
    &["TransformMatrix", "Rotation", "Orientation"],
    &["BinaryData"],
    &["BinaryDataByteOrderMSB", "ElementByteOrderMSB"],
    &["CompressedData"],
    &["CompressedDataSize"],
    &["HeaderSize"],
    &["ElementToIntensityFunctionSlope"],
    &["ElementToIntensityFunctionOffset"],
    // Not followed, but written anew.
    &["ObjectType"],
    &["AnatomicalOrientation"],
    &["CenterOfRotation"],
    &["ElementMin", "ElementMax", "ElementMinMax"],
    &["CompressionLevel"],
];

/// A header as written in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    /// The used keys: the first name, the name in the file, and the value.
    known: Vec<(&'static str, String, String)>,
    /// The other keys, unchanged.
    pub(super) other: Vec<(String, String)>,
    /// `ElementDataFile`.
    pub(super) data_file: String,
    /// The bytes of the header.
    pub(super) length: u64,
    /// The lines after it, if they are file names.
    pub(super) list: Vec<String>,
    /// The number of ignored lines after it, and the first of them.
    behind: Option<(usize, String)>,
}

/// Whether these are the first bytes of a MetaImage file: its first line is one of its keys, and the number of
/// dimensions is among them.
pub(super) fn is_header(first_bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(first_bytes);
    let first_key = text.lines().next().and_then(|line| Some(split(line)?.0));
    let begins = |key| {
        ["Comment", "ObjectSubType", "TransformType", "Name", "ID", "ParentID"].contains(&key) || known(key).is_some()
    };
    first_key.is_some_and(begins)
        && text.lines().any(|line| split(line).is_some_and(|(key, _)| known(key) == Some("NDims")))
}

impl Header {
    /// Reads and parses the header of a file.
    pub(super) fn open(path: &Path) -> Result<Self, ReadError> {
        let (bytes, length) = first_bytes(path).map_err(failed_to_read(path))?;
        Self::parse(&bytes, length).map_err(|reason| metaimage::failed(path.to_owned(), Box::new(reason)))
    }

    /// Parses the first bytes of a file of some length.
    pub(super) fn parse(bytes: &[u8], length: u64) -> Result<Self, FieldError> {
        let whole = bytes.len() as u64 == length;
        let mut header = Self::default();
        let mut at = 0;
        for (number, line) in bytes.split_inclusive(|b| *b == b'\n').enumerate() {
            at += line.len();
            if line.last() != Some(&b'\n') && !whole {
                break;
            }
            let text = String::from_utf8_lossy(line);
            let text = text.trim();
            if text.is_empty() {
                continue;
            }
            let Some((key, value)) = split(text) else {
                let problem = Problem::NotAField("`Key = Value`");
                return Err(FieldError::new(format!("line {}", number + 1), text, problem));
            };
            if key.eq_ignore_ascii_case(LAST) {
                header.data_file = value.to_owned();
                header.length = at as u64;
                header.behind(&bytes[at..], whole)?;
                return Ok(header);
            }
            header.line(key, value)?;
        }
        match whole {
            true => Err(FieldError::new(LAST, "absent", Problem::Missing)),
            false => Err(FieldError::new("header length", bytes.len(), Problem::HeaderTooLong(MOST_BYTES))),
        }
    }

    /// The value of a key, by its first name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.known.iter().find(|(n, ..)| *n == name).map(|(.., value)| value.as_str())
    }

    /// The key of a value as the file spells it.
    pub(super) fn spelled(&self, name: &'static str) -> &str {
        self.known.iter().find(|(n, ..)| *n == name).map_or(name, |(_, spelled, _)| spelled)
    }

    /// The value of a required key.
    pub(super) fn need(&self, name: &str) -> Result<&str, FieldError> {
        self.get(name).ok_or_else(|| FieldError::new(name, "absent", Problem::Missing))
    }

    /// Whether a key is true.
    pub(super) fn flag(&self, name: &'static str, default: bool) -> Result<bool, FieldError> {
        let Some(text) = self.get(name) else { return Ok(default) };
        match text.chars().next().map(|c| c.to_ascii_lowercase()) {
            Some('t' | 'y' | '1') => Ok(true),
            Some('f' | 'n' | '0') => Ok(false),
            _ => Err(FieldError::new(self.spelled(name), text, Problem::UnknownWord("True and False"))),
        }
    }

    /// The ignored lines after the last field.
    pub(super) fn lines_behind(&self) -> Option<Warning> {
        self.behind.clone().map(|(count, first)| Warning::LinesBehind { count, first })
    }

    /// Whether the values are in the same file.
    pub(super) fn is_local(&self) -> bool {
        self.data_file.eq_ignore_ascii_case("local")
    }

    fn line(&mut self, key: &str, value: &str) -> Result<(), FieldError> {
        match known(key) {
            Some(known) if self.get(known).is_some() && known != "ElementMin" => {
                Err(FieldError::new(key, value, Problem::Twice))
            }
            Some(known) => {
                self.known.push((known, key.to_owned(), value.to_owned()));
                Ok(())
            }
            None => {
                self.other.push((key.to_owned(), value.to_owned()));
                Ok(())
            }
        }
    }

    /// The rest after the last line: values, names of files, or nothing.
    fn behind(&mut self, bytes: &[u8], whole: bool) -> Result<(), FieldError> {
        let end = if whole { bytes.len() } else { bytes.len().min(256) };
        let text = String::from_utf8_lossy(&bytes[..end]);
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        if self.data_file.split_whitespace().next() == Some("LIST") {
            if !whole {
                return Err(FieldError::new("header length", bytes.len(), Problem::HeaderTooLong(MOST_BYTES)));
            }
            self.list = lines.map(str::to_owned).collect();
            return Ok(());
        }
        let Some(next) = lines.next() else { return Ok(()) };
        let first = || next.chars().take(60).collect();
        if !self.is_local() {
            self.behind = Some((1 + lines.count(), first()));
            return Ok(());
        }
        // Values, unless they look like a field: then nobody knows where they start.
        match split(next).is_some_and(|(key, _)| known(key).is_some() || key == LAST) {
            true => Err(FieldError::new(LAST, &self.data_file, Problem::NotLast(first()))),
            false => Ok(()),
        }
    }
}

/// A key of letters and its value.
fn split(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(['=', ':'])?;
    let key = key.trim();
    let is_key = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || "_-. []()".contains(c));
    is_key.then(|| (key, value.trim()))
}

fn known(key: &str) -> Option<&'static str> {
    KNOWN.iter().find(|names| names.iter().any(|name| name.eq_ignore_ascii_case(key))).map(|names| names[0])
}

/// The first bytes of a file, at least to the end of the header, and the length of the file.
fn first_bytes(path: &Path) -> io::Result<(Vec<u8>, u64)> {
    const CHUNK: u64 = 64 << 10;
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut file = file.take(MOST_BYTES);
    let mut bytes = Vec::new();
    loop {
        let from = bytes.len().saturating_sub(LAST.len());
        let count = (&mut file).take(CHUNK).read_to_end(&mut bytes)?;
        let last = bytes[from..].windows(LAST.len()).position(|w| w.eq_ignore_ascii_case(LAST.as_bytes()));
        if let Some(at) = last {
            // The rest of the line and what is behind it; all of it if that is a list of files.
            (&mut file).take(CHUNK).read_to_end(&mut bytes)?;
            if bytes[from + at..].iter().take(200).copied().collect::<Vec<_>>().windows(4).any(|w| w == b"LIST") {
                file.read_to_end(&mut bytes)?;
            }
            return Ok((bytes, length));
        }
        if count == 0 {
            return Ok((bytes, length));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Header, FieldError> {
        Header::parse(text.as_bytes(), text.len() as u64)
    }

    #[test]
    fn lines_of_every_kind() {
        let text =
            "ObjectType = Image\r\nndims: 3\nPosition = 1 2 3\nMy Key = a = b\n\nElementDataFile = LOCAL\n\x01\x02";
        let header = parse(text).unwrap();
        assert_eq!((header.get("NDims"), header.get("Offset")), (Some("3"), Some("1 2 3")));
        assert_eq!((header.spelled("Offset"), header.is_local()), ("Position", true));
        assert_eq!(header.other, [("My Key".to_owned(), "a = b".to_owned())]);
        assert_eq!(header.length, text.len() as u64 - 2);
        assert!(is_header(text.as_bytes()) && !is_header(b"ObjectType = Image\n") && !is_header(b"NRRD0004\nNDims: 3"));
        let list = parse("NDims = 3\nElementDataFile = LIST\na.raw\n\nb.raw").unwrap();
        assert_eq!(list.list, ["a.raw", "b.raw"]);
    }

    #[test]
    fn lines_of_no_kind() {
        let text = |t: &str| parse(t).unwrap_err().to_string();
        assert_eq!(text("NDims = 3\n"), "ElementDataFile is absent: it is required");
        assert!(text("NDims = 3\nnonsense\n").starts_with("line 2 is nonsense: not a header line"));
        assert!(text("Offset = 1\nOrigin = 2\n").starts_with("Origin is 2: the field appears twice"));
        let local = text("NDims = 3\nElementDataFile = LOCAL\nDimSize = 1 2 3\n");
        assert!(local.starts_with("ElementDataFile is LOCAL: must be the last field"), "{local}");
        let behind = parse("NDims = 3\nElementDataFile = a.raw\nDimSize = 1 2 3\n\nmore\n").unwrap();
        assert_eq!((behind.get("DimSize"), behind.behind.clone()), (None, Some((2, "DimSize = 1 2 3".to_owned()))));
        assert!(Header::parse(b"NDims = 3\n", 99).unwrap_err().to_string().contains("the header does not end"));
    }
}
