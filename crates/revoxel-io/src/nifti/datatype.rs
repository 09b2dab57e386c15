//! The voxel types of the standard.

use revoxel_core::Dtype;

use super::problem::{HeaderError, Problem};
use crate::ComplexPolicy;

/// A voxel type that can be read: the type of a component, and the number of adjacent components.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) dtype: Dtype,
    pub(super) components: usize,
    /// Whether the components are the real and the imaginary part.
    pub(super) complex: bool,
}

impl Stored {
    /// A type of so many components, which are not parts of a complex number.
    pub(super) const fn of(dtype: Dtype, components: usize) -> Self {
        Self { dtype, components, complex: false }
    }

    /// The type with a number of the standard.
    pub(super) fn from_code(code: i32, complex: ComplexPolicy) -> Result<Self, HeaderError> {
        let plain = |dtype| Ok(Self::of(dtype, 1));
        let parts = |dtype, name| match complex {
            ComplexPolicy::Channels => Ok(Self { dtype, components: 2, complex: true }),
            ComplexPolicy::Error => Err(HeaderError::new("datatype", code, Problem::Complex(name))),
        };
        let refuse = |problem| Err(HeaderError::new("datatype", code, problem));
        match code {
            2 => plain(Dtype::U8),
            4 => plain(Dtype::I16),
            8 => plain(Dtype::I32),
            16 => plain(Dtype::F32),
            64 => plain(Dtype::F64),
            128 => Ok(Self::of(Dtype::U8, 3)),
            256 => plain(Dtype::I8),
            512 => plain(Dtype::U16),
            768 => plain(Dtype::U32),
            1024 => plain(Dtype::I64),
            1280 => plain(Dtype::U64),
            2304 => Ok(Self::of(Dtype::U8, 4)),
            0 => refuse(Problem::UnsupportedType("\"unknown\"")),
            1 => refuse(Problem::UnsupportedType("binary (1 bit)")),
            32 => parts(Dtype::F32, "complex64"),
            1536 => refuse(Problem::UnsupportedType("float128")),
            1792 => parts(Dtype::F64, "complex128"),
            2048 => refuse(Problem::UnsupportedType("complex256")),
            _ => refuse(Problem::UnknownType),
        }
    }

    /// The number of the standard.
    pub(super) const fn code(self) -> i32 {
        match (self.dtype, self.components) {
            (Dtype::F32, 2) if self.complex => 32,
            (Dtype::F64, 2) if self.complex => 1792,
            (Dtype::U8, 3) => 128,
            (Dtype::U8, 4) => 2304,
            (Dtype::U8, _) => 2,
            (Dtype::I16, _) => 4,
            (Dtype::I32, _) => 8,
            (Dtype::F32, _) => 16,
            (Dtype::F64, _) => 64,
            (Dtype::I8, _) => 256,
            (Dtype::U16, _) => 512,
            (Dtype::U32, _) => 768,
            (Dtype::I64, _) => 1024,
            (Dtype::U64, _) => 1280,
        }
    }

    /// The name of a complex type.
    pub(super) const fn name(self) -> &'static str {
        match self.dtype {
            Dtype::F32 => "complex64",
            _ => "complex128",
        }
    }

    /// Bits per voxel.
    pub(super) const fn bits(self) -> i32 {
        (8 * self.components * self.dtype.size()) as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_come_back_and_others_are_refused() {
        for dtype in Dtype::ALL {
            let stored = Stored::of(dtype, 1);
            assert_eq!(Stored::from_code(stored.code(), ComplexPolicy::Error), Ok(stored));
        }
        for code in [32, 1792] {
            assert_eq!(Stored::from_code(code, ComplexPolicy::Channels).map(Stored::code), Ok(code));
        }
        let rgba = Stored::from_code(2304, ComplexPolicy::Error);
        assert_eq!(rgba.map(|s| (s.components, s.bits(), s.code())), Ok((4, 32, 2304)));
        fn t(code: i32, text: &str) {
            let error = Stored::from_code(code, ComplexPolicy::Error).unwrap_err().to_string();
            assert!(error.starts_with(&format!("datatype is {code}: ")) && error.contains(text), "{error}");
        }
        t(1, "binary");
        t(32, "complex64");
        t(1536, "float128");
        t(255, "not the number of a NIfTI data type");
        t(-9510, "not the number of a NIfTI data type");
    }
}
