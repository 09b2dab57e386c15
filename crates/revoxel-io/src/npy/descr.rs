//! The type of an array's elements (`descr`).

use revoxel_core::Dtype;

use super::literal::Literal;
use super::problem::NpyError;

/// How elements are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// One of the voxel types.
    Plain(Dtype),
    /// IEEE half precision; becomes float32.
    Half,
    /// One byte; everything but 0 becomes 1.
    Bool,
}

/// The type of the elements, and whether their byte order differs from this machine's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Descr {
    pub(super) element: Element,
    pub(super) swapped: bool,
}

impl Element {
    /// What they are after reading.
    pub(super) const fn dtype(self) -> Dtype {
        match self {
            Self::Plain(dtype) => dtype,
            Self::Half => Dtype::F32,
            Self::Bool => Dtype::U8,
        }
    }

    /// Bytes per element.
    pub(super) const fn size(self) -> usize {
        match self {
            Self::Plain(dtype) => dtype.size(),
            Self::Half => 2,
            Self::Bool => 1,
        }
    }
}

impl Descr {
    /// The type of a literal.
    pub(super) fn from_literal(literal: &Literal) -> Result<Self, NpyError> {
        match literal {
            Literal::Text(text) => Self::from_text(text),
            other => Err(NpyError::Type { descr: format!("{other:?}"), what: "structured elements" }),
        }
    }

    fn from_text(descr: &str) -> Result<Self, NpyError> {
        let refuse = |what| Err(NpyError::Type { descr: format!("{descr:?}"), what });
        let (order, rest) = match descr.chars().next() {
            Some(order @ ('<' | '>' | '|' | '=')) => (order, &descr[1..]),
            _ => ('=', descr),
        };
        let element = match rest {
            "b1" | "?" => Element::Bool,
            "u1" => Element::Plain(Dtype::U8),
            "i1" => Element::Plain(Dtype::I8),
            "u2" => Element::Plain(Dtype::U16),
            "i2" => Element::Plain(Dtype::I16),
            "u4" => Element::Plain(Dtype::U32),
            "i4" => Element::Plain(Dtype::I32),
            "u8" => Element::Plain(Dtype::U64),
            "i8" => Element::Plain(Dtype::I64),
            "f2" => Element::Half,
            "f4" => Element::Plain(Dtype::F32),
            "f8" => Element::Plain(Dtype::F64),
            "f12" | "f16" => return refuse("extended precision (longdouble)"),
            _ => return refuse(what(rest)),
        };
        let other = if cfg!(target_endian = "big") { '<' } else { '>' };
        Ok(Self { element, swapped: order == other })
    }
}

/// The description of elements that are not real numbers.
fn what(kind: &str) -> &'static str {
    match kind.chars().next() {
        Some('O') => "Python objects",
        Some('c') => "complex numbers",
        Some('S' | 'a' | 'U') => "text",
        Some('M' | 'm') => "dates and times",
        Some('V') => "raw bytes",
        _ => "an unknown type",
    }
}

/// Half precision as numpy spells it, in this machine's byte order.
pub(super) const HALF: &str = if cfg!(target_endian = "big") { ">f2" } else { "<f2" };

/// The type as numpy spells it, in this machine's byte order.
pub(super) fn spell(dtype: Dtype) -> String {
    let order = match dtype.size() {
        1 => '|',
        _ if cfg!(target_endian = "big") => '>',
        _ => '<',
    };
    let kind = match dtype {
        Dtype::F32 | Dtype::F64 => 'f',
        Dtype::U8 | Dtype::U16 | Dtype::U32 | Dtype::U64 => 'u',
        Dtype::I8 | Dtype::I16 | Dtype::I32 | Dtype::I64 => 'i',
    };
    format!("{order}{kind}{}", dtype.size())
}
