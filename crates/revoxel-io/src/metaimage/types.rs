//! The voxel types of the format.

use revoxel_core::Dtype;

use crate::textual::{FieldError, Problem};

const FIELD: &str = "ElementType";

/// The voxel type of a name. `MET_LONG` has 32 bits, as ITK reads it.
pub(super) fn dtype(text: &str) -> Result<Dtype, FieldError> {
    const KNOWN: &str = "MET_CHAR, MET_UCHAR, MET_SHORT, MET_USHORT, MET_INT, MET_UINT, MET_LONG, MET_ULONG, \
         MET_LONG_LONG, MET_ULONG_LONG, MET_FLOAT, MET_DOUBLE";
    let upper = text.to_ascii_uppercase();
    // The old way to say that there are several channels.
    Ok(match upper.strip_suffix("_ARRAY").unwrap_or(&upper) {
        "MET_CHAR" => Dtype::I8,
        "MET_UCHAR" | "MET_ASCII_CHAR" => Dtype::U8,
        "MET_SHORT" => Dtype::I16,
        "MET_USHORT" => Dtype::U16,
        "MET_INT" | "MET_LONG" => Dtype::I32,
        "MET_UINT" | "MET_ULONG" => Dtype::U32,
        "MET_LONG_LONG" => Dtype::I64,
        "MET_ULONG_LONG" => Dtype::U64,
        "MET_FLOAT" => Dtype::F32,
        "MET_DOUBLE" => Dtype::F64,
        "MET_STRING" | "MET_OTHER" | "MET_NONE" | "MET_FLOAT_MATRIX" => {
            return Err(FieldError::new(FIELD, text, Problem::Unsupported("not a numeric type")));
        }
        _ => return Err(FieldError::new(FIELD, text, Problem::UnknownWord(KNOWN))),
    })
}

/// The name of a voxel type.
pub(super) const fn name(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::I8 => "MET_CHAR",
        Dtype::U8 => "MET_UCHAR",
        Dtype::I16 => "MET_SHORT",
        Dtype::U16 => "MET_USHORT",
        Dtype::I32 => "MET_INT",
        Dtype::U32 => "MET_UINT",
        Dtype::I64 => "MET_LONG_LONG",
        Dtype::U64 => "MET_ULONG_LONG",
        Dtype::F32 => "MET_FLOAT",
        Dtype::F64 => "MET_DOUBLE",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types() {
        for dtype in Dtype::ALL {
            assert_eq!(super::dtype(name(dtype)), Ok(dtype));
        }
        assert_eq!((dtype("MET_LONG"), dtype("MET_UCHAR_ARRAY")), (Ok(Dtype::I32), Ok(Dtype::U8)));
        assert!(dtype("MET_HALF").unwrap_err().to_string().starts_with("ElementType is MET_HALF: unknown; supported"));
        assert!(dtype("MET_STRING").unwrap_err().to_string().contains("not supported"));
    }
}
