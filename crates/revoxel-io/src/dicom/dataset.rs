//! Attributes as they were read, and their values.

use super::problem::{DicomError, Problem};
use super::tags::Tag;

/// The wanted attributes of a file or an item, in ascending order.
#[derive(Clone, Debug, Default)]
pub(super) struct DataSet {
    pub(super) elements: Vec<Element>,
    pub(super) big_endian: bool,
}

/// An attribute with its value.
#[derive(Clone, Debug)]
pub(super) struct Element {
    pub(super) tag: Tag,
    pub(super) vr: [u8; 2],
    pub(super) value: Value,
}

/// The content of an attribute.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Bytes(Vec<u8>),
    Items(Vec<DataSet>),
}

impl DataSet {
    fn element(&self, tag: Tag) -> Option<&Element> {
        self.elements.iter().find(|e| e.tag == tag)
    }

    /// The items of a sequence; none if it is absent.
    pub(super) fn items(&self, tag: Tag) -> &[Self] {
        match self.element(tag) {
            Some(Element { value: Value::Items(items), .. }) => items,
            _ => &[],
        }
    }

    /// The item of a sequence with exactly one.
    pub(super) fn item(&self, tag: Tag) -> Option<&Self> {
        self.items(tag).first()
    }

    /// The bytes of a value; `None` if the attribute is absent.
    pub(super) fn bytes(&self, tag: Tag) -> Option<&[u8]> {
        match self.element(tag) {
            Some(Element { value: Value::Bytes(bytes), .. }) => Some(bytes),
            _ => None,
        }
    }

    /// Text, without padding; `None` if it is absent or empty.
    pub(super) fn text(&self, tag: Tag) -> Option<String> {
        let Some(Element { value: Value::Bytes(bytes), .. }) = self.element(tag) else { return None };
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().copied().map(char::from).collect(),
        };
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        (!text.is_empty()).then(|| text.chars().filter(|c| !c.is_control()).collect())
    }

    /// Numbers, however they are encoded; `None` if the attribute is absent or empty.
    pub(super) fn numbers(&self, tag: Tag) -> Result<Option<Vec<f64>>, DicomError> {
        let Some(Element { vr, value: Value::Bytes(bytes), .. }) = self.element(tag) else { return Ok(None) };
        let used = tag.vr_of_value(*vr);
        if is_binary(used) && is_text(*vr) && self.decimal(tag).is_ok_and(|n| n.is_some()) {
            // Both readings are numbers: neither can be trusted.
            let vr = String::from_utf8_lossy(vr).into_owned();
            return Err(DicomError::field(tag, format!("{:?}", self.text(tag).unwrap_or_default()), Problem::Type(vr)));
        }
        let big = self.big_endian;
        macro_rules! binary {
            ($type:ty) => {
                bytes
                    .chunks_exact(size_of::<$type>())
                    .filter_map(|c| c.try_into().ok())
                    .map(|c| (if big { <$type>::from_be_bytes(c) } else { <$type>::from_le_bytes(c) }) as f64)
                    .collect()
            };
        }
        let numbers: Vec<f64> = match &used {
            b"US" | b"OW" => binary!(u16),
            b"SS" => binary!(i16),
            b"UL" | b"OL" => binary!(u32),
            b"SL" => binary!(i32),
            b"FL" | b"OF" => binary!(f32),
            b"FD" | b"OD" => binary!(f64),
            b"OB" => bytes.iter().map(|b| f64::from(*b)).collect(),
            _ => return self.decimal(tag),
        };
        Ok((!numbers.is_empty()).then_some(numbers))
    }

    fn decimal(&self, tag: Tag) -> Result<Option<Vec<f64>>, DicomError> {
        let Some(text) = self.text(tag) else { return Ok(None) };
        let parse = |part: &str| part.trim_matches(|c: char| c.is_whitespace() || c == '\0').parse::<f64>();
        let numbers: Result<Vec<f64>, _> = text.split('\\').map(parse).collect();
        match numbers {
            Ok(numbers) if numbers.iter().all(|v| v.is_finite()) => Ok(Some(numbers)),
            _ => Err(DicomError::field(tag, format!("{text:?}"), Problem::NotANumber)),
        }
    }

    /// The first of some numbers.
    pub(super) fn number(&self, tag: Tag) -> Result<Option<f64>, DicomError> {
        Ok(self.numbers(tag)?.and_then(|n| n.first().copied()))
    }

    /// A whole number.
    pub(super) fn whole(&self, tag: Tag) -> Result<Option<i64>, DicomError> {
        match self.number(tag)? {
            Some(v) if v.fract() == 0.0 && v.abs() < 1e15 => Ok(Some(v as i64)),
            Some(v) => Err(DicomError::field(tag, v, Problem::NotWhole)),
            None => Ok(None),
        }
    }

    /// A value as text, whatever its representation; several with `\\` between them. `None` if it is absent or empty.
    pub(super) fn shown(&self, tag: Tag) -> Option<String> {
        let Some(Element { vr, value: Value::Bytes(_), .. }) = self.element(tag) else { return None };
        if is_binary(*vr) {
            let numbers = self.numbers(tag).ok().flatten()?;
            return Some(numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join("\\"));
        }
        let text = self.text(tag)?;
        Some(text.split('\\').map(str::trim).collect::<Vec<_>>().join("\\"))
    }

    /// Exactly this many numbers.
    pub(super) fn array<const N: usize>(&self, tag: Tag) -> Result<Option<[f64; N]>, DicomError> {
        let Some(numbers) = self.numbers(tag)? else { return Ok(None) };
        match <[f64; N]>::try_from(&numbers[..]) {
            Ok(array) if array.iter().all(|v| v.is_finite()) => Ok(Some(array)),
            Ok(_) => Err(DicomError::field(tag, format!("{numbers:?}"), Problem::NotANumber)),
            Err(_) => Err(DicomError::field(tag, format!("{numbers:?}"), Problem::Count(N))),
        }
    }

    /// A number used only for sorting: an invalid value counts as absent.
    pub(super) fn key(&self, tag: Tag) -> Option<f64> {
        self.number(tag).ok().flatten().filter(|v| v.is_finite())
    }
}

/// Whether values are numbers in binary.
fn is_binary(vr: [u8; 2]) -> bool {
    matches!(&vr, b"US" | b"SS" | b"UL" | b"SL" | b"FL" | b"FD" | b"OW" | b"OL" | b"OF" | b"OD" | b"OB")
}

/// Whether values are text.
fn is_text(vr: [u8; 2]) -> bool {
    matches!(
        &vr,
        b"AE" | b"AS" | b"CS" | b"DA" | b"DS" | b"DT" | b"IS" | b"LO" | b"LT" | b"SH" | b"ST" | b"TM" | b"UC" | b"UT"
    )
}
