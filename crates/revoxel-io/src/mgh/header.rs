//! The 284 bytes of a header.

use revoxel_core::Dtype;

use super::problem::MghError;

/// Bytes of a header, of which fewer than half are used.
pub(super) const LENGTH: usize = 284;

/// A header.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    /// Voxels along x, y and z, and frames.
    pub(super) dims: [i32; 4],
    pub(super) kind: i32,
    pub(super) dof: i32,
    /// Whether the numbers of the geometry are valid.
    pub(super) good: bool,
    /// Voxel sizes in mm.
    pub(super) delta: [f32; 3],
    /// The directions of the three axes, in RAS.
    pub(super) directions: [[f32; 3]; 3],
    /// The position, in RAS mm, of the index at half the size of each axis.
    pub(super) centre: [f32; 3],
}

/// The geometry that nibabel and MRtrix assume if the header has none: coronal slices.
const CORONAL: [[f32; 3]; 3] = [[-1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]];

/// Whether these can be the first bytes of a header. The version is a weak sign, so sizes and type must be possible.
pub(super) fn is_header(first_bytes: &[u8]) -> bool {
    if first_bytes.len() < LENGTH || first_bytes[..4] != [0, 0, 0, 1] {
        return false;
    }
    let sizes_fit = (1..=4).all(|i| (1..=1 << 24).contains(&int(first_bytes, 4 * i)));
    sizes_fit && (0..=12).contains(&int(first_bytes, 20)) && matches!(first_bytes[28..30], [0, 0 | 1])
}

impl Header {
    /// Parses the first bytes of a file of some length.
    pub(super) fn parse(bytes: &[u8], length: u64) -> Result<Self, MghError> {
        if bytes.len() < LENGTH {
            return Err(MghError::NoHeader(length));
        }
        match int(bytes, 0) {
            1 => {}
            other => return Err(MghError::Version(other)),
        }
        let three = |at: usize| [0, 1, 2].map(|i| f32::from_bits(int(bytes, at + 4 * i) as u32));
        let good = i16::from_be_bytes([bytes[28], bytes[29]]) > 0;
        Ok(Self {
            dims: [0, 1, 2, 3].map(|i| int(bytes, 4 + 4 * i)),
            kind: int(bytes, 20),
            dof: int(bytes, 24),
            good,
            delta: if good { three(30) } else { [1.0; 3] },
            directions: if good { [three(42), three(54), three(66)] } else { CORONAL },
            centre: if good { three(78) } else { [0.0; 3] },
        })
    }

    /// The bytes of the header.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(LENGTH);
        for number in [1].into_iter().chain(self.dims).chain([self.kind, self.dof]) {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend(1i16.to_be_bytes());
        let places = self.delta.iter().chain(self.directions.iter().flatten()).chain(&self.centre);
        places.for_each(|number| bytes.extend(number.to_be_bytes()));
        bytes.resize(LENGTH, 0);
        bytes
    }

    /// The voxel type.
    pub(super) fn dtype(&self) -> Result<Dtype, MghError> {
        match self.kind {
            0 => Ok(Dtype::U8),
            1 => Ok(Dtype::I32),
            3 => Ok(Dtype::F32),
            4 => Ok(Dtype::I16),
            10 => Ok(Dtype::U16),
            other => Err(MghError::Type(other)),
        }
    }
}

/// The number of a voxel type that every reader supports, if there is one.
pub(super) const fn kind_of(dtype: Dtype) -> Option<i32> {
    match dtype {
        Dtype::U8 => Some(0),
        Dtype::I32 => Some(1),
        Dtype::F32 => Some(3),
        Dtype::I16 => Some(4),
        _ => None,
    }
}

/// A number of four bytes; the length was checked.
fn int(bytes: &[u8], at: usize) -> i32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |b| i32::from_be_bytes(*b))
}
