//! The fields of a header as in the file, both versions in one struct.

use super::problem::{HeaderError, Problem};

/// Bytes of a NIfTI-1 header.
pub(super) const LENGTH_1: usize = 348;
/// Bytes of a NIfTI-2 header.
pub(super) const LENGTH_2: usize = 540;

/// Byte order of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

impl Order {
    /// The byte order of this machine.
    pub(super) const NATIVE: Self = if cfg!(target_endian = "big") { Self::Big } else { Self::Little };
}

/// Version of the standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// 348 bytes; a file without magic is Analyze 7.5.
    One,
    /// 540 bytes.
    Two,
}

impl Version {
    /// Bytes of the header.
    pub(super) const fn length(self) -> usize {
        match self {
            Self::One => LENGTH_1,
            Self::Two => LENGTH_2,
        }
    }
}

/// Where the voxels are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Magic {
    /// `n+1`, `n+2`: in the same file.
    Single,
    /// `ni1`, `ni2`: in another file.
    Pair,
    /// No magic: Analyze 7.5.
    Absent,
}

/// A header. NIfTI-1's narrower numbers are widened, which is exact.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    pub(super) version: Version,
    pub(super) order: Order,
    pub(super) magic: Magic,
    pub(super) dim_info: u8,
    pub(super) dim: [i64; 8],
    pub(super) intent_params: [f64; 3],
    pub(super) intent_code: i32,
    pub(super) datatype: i32,
    pub(super) bitpix: i32,
    pub(super) slice_start: i64,
    pub(super) slice_end: i64,
    pub(super) slice_code: i32,
    pub(super) slice_duration: f64,
    pub(super) pixdim: [f64; 8],
    pub(super) vox_offset: f64,
    pub(super) scl_slope: f64,
    pub(super) scl_inter: f64,
    pub(super) xyzt_units: i32,
    pub(super) toffset: f64,
    pub(super) cal_max: f64,
    pub(super) cal_min: f64,
    pub(super) descrip: [u8; 80],
    pub(super) aux_file: [u8; 24],
    pub(super) intent_name: [u8; 16],
    pub(super) qform_code: i32,
    pub(super) sform_code: i32,
    pub(super) quatern: [f64; 3],
    pub(super) qoffset: [f64; 3],
    pub(super) srow: [[f64; 4]; 3],
    /// In Analyze, the voxel at the world's origin, counted from 1, as SPM writes it; else zeros.
    pub(super) originator: [i64; 3],
}

/// Whether these bytes are the beginning of a header: 348 or 540 in either byte order, and either a magic or at
/// least a possible number of axes (Analyze 7.5).
pub(super) fn is_header(bytes: &[u8]) -> bool {
    match version_of(bytes) {
        Some((Version::Two, _)) => true,
        Some((Version::One, order)) if bytes.len() >= LENGTH_1 => {
            magic_1(bytes) != Magic::Absent || (1..=7).contains(&Bytes { bytes, order }.i16(40))
        }
        _ => false,
    }
}

impl Header {
    /// The header at the beginning of these bytes; `length` is that of the whole file, for the message.
    pub(super) fn parse(bytes: &[u8], length: u64) -> Result<Self, HeaderError> {
        let too_short = |needed| HeaderError::new("file length", length, Problem::NoHeader(needed as u64));
        let Some(first) = bytes.first_chunk::<4>() else { return Err(too_short(LENGTH_1)) };
        let Some((version, order)) = version_of(bytes) else {
            return Err(HeaderError::new("sizeof_hdr", i32::from_le_bytes(*first), Problem::SizeOfHeader));
        };
        let Some(bytes) = bytes.get(..version.length()) else { return Err(too_short(version.length())) };
        let bytes = Bytes { bytes, order };
        match version {
            Version::One => Ok(bytes.version_1()),
            Version::Two => bytes.version_2(),
        }
    }

    /// A number of this header as people expect to see it: those of NIfTI-1 are 32-bit floats.
    pub(super) fn show(&self, value: f64) -> String {
        match self.version {
            Version::One => format!("{:?}", value as f32),
            Version::Two => format!("{value:?}"),
        }
    }
}

fn version_of(bytes: &[u8]) -> Option<(Version, Order)> {
    let first = *bytes.first_chunk::<4>()?;
    match (i32::from_le_bytes(first), i32::from_be_bytes(first)) {
        (348, _) => Some((Version::One, Order::Little)),
        (_, 348) => Some((Version::One, Order::Big)),
        (540, _) => Some((Version::Two, Order::Little)),
        (_, 540) => Some((Version::Two, Order::Big)),
        _ => None,
    }
}

fn magic_1(bytes: &[u8]) -> Magic {
    match bytes.get(344..347) {
        Some(b"n+1") => Magic::Single,
        Some(b"ni1") => Magic::Pair,
        _ => Magic::Absent,
    }
}

/// Numbers at offsets; the slice is as long as the header, so it contains every offset of the standard.
struct Bytes<'a> {
    bytes: &'a [u8],
    order: Order,
}

impl Bytes<'_> {
    fn version_1(&self) -> Header {
        Header {
            version: Version::One,
            order: self.order,
            magic: magic_1(self.bytes),
            dim_info: self.array::<1>(39)[0],
            dim: std::array::from_fn(|i| i64::from(self.i16(40 + 2 * i))),
            intent_params: self.f32s(56),
            intent_code: i32::from(self.i16(68)),
            datatype: i32::from(self.i16(70)),
            bitpix: i32::from(self.i16(72)),
            slice_start: i64::from(self.i16(74)),
            pixdim: self.f32s(76),
            vox_offset: self.f32(108),
            scl_slope: self.f32(112),
            scl_inter: self.f32(116),
            slice_end: i64::from(self.i16(120)),
            slice_code: i32::from(self.array::<1>(122)[0]),
            xyzt_units: i32::from(self.array::<1>(123)[0]),
            slice_duration: self.f32(132),
            toffset: self.f32(136),
            cal_max: self.f32(124),
            cal_min: self.f32(128),
            descrip: self.array(148),
            aux_file: self.array(228),
            qform_code: i32::from(self.i16(252)),
            sform_code: i32::from(self.i16(254)),
            quatern: self.f32s(256),
            qoffset: self.f32s(268),
            srow: [self.f32s(280), self.f32s(296), self.f32s(312)],
            intent_name: self.array(328),
            originator: match magic_1(self.bytes) {
                Magic::Absent => std::array::from_fn(|i| i64::from(self.i16(253 + 2 * i))),
                _ => [0; 3],
            },
        }
    }

    fn version_2(&self) -> Result<Header, HeaderError> {
        let magic = match &self.array::<8>(4) {
            b"n+2\0\r\n\x1a\n" => Magic::Single,
            b"ni2\0\r\n\x1a\n" => Magic::Pair,
            other => return Err(HeaderError::new("magic", format!("\"{}\"", other.escape_ascii()), Problem::Magic)),
        };
        Ok(Header {
            version: Version::Two,
            order: self.order,
            magic,
            datatype: i32::from(self.i16(12)),
            bitpix: i32::from(self.i16(14)),
            dim: std::array::from_fn(|i| self.i64(16 + 8 * i)),
            intent_params: self.f64s(80),
            pixdim: self.f64s(104),
            // Exact up to 2⁵³, and no file is longer.
            vox_offset: self.i64(168) as f64,
            scl_slope: self.f64(176),
            scl_inter: self.f64(184),
            slice_duration: self.f64(208),
            toffset: self.f64(216),
            cal_max: self.f64(192),
            cal_min: self.f64(200),
            slice_start: self.i64(224),
            slice_end: self.i64(232),
            descrip: self.array(240),
            aux_file: self.array(320),
            qform_code: self.i32(344),
            sform_code: self.i32(348),
            quatern: self.f64s(352),
            qoffset: self.f64s(376),
            srow: [self.f64s(400), self.f64s(432), self.f64s(464)],
            slice_code: self.i32(496),
            xyzt_units: self.i32(500),
            intent_code: self.i32(504),
            intent_name: self.array(508),
            dim_info: self.array::<1>(524)[0],
            originator: [0; 3],
        })
    }

    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        self.bytes.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; N])
    }

    /// The bytes of a number, least significant first.
    fn number<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut bytes = self.array(at);
        if self.order == Order::Big {
            bytes.reverse();
        }
        bytes
    }

    fn i16(&self, at: usize) -> i16 {
        i16::from_le_bytes(self.number(at))
    }

    fn i32(&self, at: usize) -> i32 {
        i32::from_le_bytes(self.number(at))
    }

    fn i64(&self, at: usize) -> i64 {
        i64::from_le_bytes(self.number(at))
    }

    fn f32(&self, at: usize) -> f64 {
        f64::from(f32::from_le_bytes(self.number(at)))
    }

    fn f64(&self, at: usize) -> f64 {
        f64::from_le_bytes(self.number(at))
    }

    fn f32s<const N: usize>(&self, at: usize) -> [f64; N] {
        std::array::from_fn(|i| self.f32(at + 4 * i))
    }

    fn f64s<const N: usize>(&self, at: usize) -> [f64; N] {
        std::array::from_fn(|i| self.f64(at + 8 * i))
    }
}
