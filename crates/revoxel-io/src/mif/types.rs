//! The types of values.

use revoxel_core::{Dtype, Voxel};

use crate::ComplexPolicy;
use crate::buffer;
use crate::textual::{FieldError, Problem};

/// How values are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) dtype: Dtype,
    /// 2 for complex numbers.
    pub(super) components: usize,
    /// Whether there are eight values in a byte.
    pub(super) bits: bool,
    /// Whether the byte order is not this machine's.
    pub(super) swapped: bool,
}

/// The type of a name.
pub(super) fn stored(text: &str, complex: ComplexPolicy) -> Result<Stored, FieldError> {
    const KNOWN: &str = "Bit, Int8, UInt8, Int16, UInt16, Int32, UInt32, Int64, UInt64, Float32, Float64, CFloat32, CFloat64, \
                         with LE or BE";
    let fail = |problem| FieldError::new("datatype", text, problem);
    let lower = text.trim().to_ascii_lowercase();
    let (name, big) = match (lower.strip_suffix("le"), lower.strip_suffix("be")) {
        (Some(name), _) => (name, Some(false)),
        (_, Some(name)) => (name, Some(true)),
        _ => (lower.as_str(), None),
    };
    let (name, components) = match name.strip_prefix('c') {
        Some(of_parts) => (of_parts, 2),
        None => (name, 1),
    };
    let dtype = match name {
        "bit" | "uint8" => Dtype::U8,
        "int8" => Dtype::I8,
        "int16" => Dtype::I16,
        "uint16" => Dtype::U16,
        "int32" => Dtype::I32,
        "uint32" => Dtype::U32,
        "int64" => Dtype::I64,
        "uint64" => Dtype::U64,
        "float32" => Dtype::F32,
        "float64" => Dtype::F64,
        _ => return Err(fail(Problem::UnknownWord(KNOWN))),
    };
    if components == 2 && !matches!(dtype, Dtype::F32 | Dtype::F64) {
        return Err(fail(Problem::UnknownWord(KNOWN)));
    }
    if components == 2 && complex == ComplexPolicy::Error {
        return Err(fail(Problem::Complex));
    }
    let swapped = dtype.size() > 1 && big.is_some_and(|big| big != cfg!(target_endian = "big"));
    Ok(Stored { dtype, components, bits: name == "bit", swapped })
}

/// The name of a type in the byte order of this machine.
pub(super) fn name(dtype: Dtype) -> &'static str {
    let [little, big] = match dtype {
        Dtype::U8 => ["UInt8", "UInt8"],
        Dtype::I8 => ["Int8", "Int8"],
        Dtype::I16 => ["Int16LE", "Int16BE"],
        Dtype::U16 => ["UInt16LE", "UInt16BE"],
        Dtype::I32 => ["Int32LE", "Int32BE"],
        Dtype::U32 => ["UInt32LE", "UInt32BE"],
        Dtype::I64 => ["Int64LE", "Int64BE"],
        Dtype::U64 => ["UInt64LE", "UInt64BE"],
        Dtype::F32 => ["Float32LE", "Float32BE"],
        Dtype::F64 => ["Float64LE", "Float64BE"],
    };
    if cfg!(target_endian = "big") { big } else { little }
}

/// Single bits as values, the highest bit of each byte first.
pub(super) fn from_bits<T: Voxel>(bytes: &[T], count: usize) -> Option<Vec<T>> {
    let mut values: Vec<T> = buffer::zeroed(count)?;
    for (value, at) in values.iter_mut().zip(0..) {
        let byte = bytes.get(at / 8).map_or(0, |byte| byte.to_f64() as u8);
        *value = T::from_f64(f64::from(byte >> (7 - at % 8) & 1));
    }
    Some(values)
}
