//! Voxel types as files store them: those of volumes, and float16.

use std::fmt;
use std::str::FromStr;

use crate::Dtype;

/// A voxel type as a file stores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredDtype {
    /// One that volumes have in memory too.
    Plain(Dtype),
    /// float16, in arrays only; float32 in memory.
    Half,
}

impl StoredDtype {
    /// The name as numpy spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain(dtype) => dtype.name(),
            Self::Half => "float16",
        }
    }

    /// The type in memory.
    pub const fn in_memory(self) -> Dtype {
        match self {
            Self::Plain(dtype) => dtype,
            Self::Half => Dtype::F32,
        }
    }
}

impl fmt::Display for StoredDtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for StoredDtype {
    type Err = <Dtype as FromStr>::Err;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if name == Self::Half.name() { Ok(Self::Half) } else { name.parse().map(Self::Plain) }
    }
}
