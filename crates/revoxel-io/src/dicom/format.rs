//! The layout of a file's pixels.

use revoxel_core::Dtype;

use super::dataset::DataSet;
use super::parse::PixelElement;
use super::problem::{DicomError, Problem};
use super::tags;

/// The layout of pixels, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct PixelFormat {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// 1, or 3 for colours.
    pub(super) samples: usize,
    /// All red, then all green, then all blue.
    pub(super) planar: bool,
    pub(super) photometric: Photometric,
    pub(super) number: Number,
    /// BitsStored.
    pub(super) stored: u32,
    /// The position of the lowest stored bit.
    pub(super) shift: u32,
    /// Whether two pixels share their colour differences in the file: Y Y Cb Cr.
    pub(super) shared_colours: bool,
}

/// The type of a sample in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Number {
    Int { bits: u32, signed: bool },
    F32,
    F64,
}

/// What samples mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Photometric {
    Monochrome1,
    Monochrome2,
    Rgb,
    /// YBR_FULL and YBR_FULL_422.
    Ybr,
    /// YBR_RCT and YBR_ICT, which JPEG 2000 decoders turn into RGB themselves.
    YbrJpeg2000,
    /// PALETTE COLOR: the index of a colour; table entries have 16 bits if `wide`, else 8.
    Palette {
        wide: bool,
    },
}

impl Photometric {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Monochrome1 => "MONOCHROME1",
            Self::Monochrome2 => "MONOCHROME2",
            Self::Rgb => "RGB",
            Self::Ybr => "YBR_FULL",
            Self::YbrJpeg2000 => "YBR_RCT",
            Self::Palette { .. } => "PALETTE COLOR",
        }
    }
}

impl PixelFormat {
    /// Pixels of one frame.
    pub(super) fn plane(&self) -> usize {
        self.rows * self.columns
    }

    /// Channels of a volume: 1, or 3 for colours.
    pub(super) const fn channels(&self) -> usize {
        if matches!(self.photometric, Photometric::Palette { .. }) { 3 } else { self.samples }
    }

    /// Bytes of one frame in an uncompressed file.
    pub(super) fn stored_bytes(&self) -> usize {
        if self.shared_colours { self.frame_bytes() / 3 * 2 } else { self.frame_bytes() }
    }

    /// Bytes of one frame, uncompressed.
    pub(super) fn frame_bytes(&self) -> usize {
        self.plane() * self.samples * self.sample_bytes()
    }

    /// Bytes of one sample.
    pub(super) const fn sample_bytes(&self) -> usize {
        match self.number {
            Number::Int { bits, .. } => bits as usize / 8,
            Number::F32 => 4,
            Number::F64 => 8,
        }
    }

    /// The voxel type in the file.
    pub(super) const fn dtype(&self) -> Dtype {
        match self.number {
            Number::Int { bits: 8, signed: false } => Dtype::U8,
            Number::Int { bits: 8, signed: true } => Dtype::I8,
            Number::Int { bits: 16, signed: false } => Dtype::U16,
            Number::Int { bits: 16, signed: true } => Dtype::I16,
            Number::Int { signed: false, .. } => Dtype::U32,
            Number::Int { signed: true, .. } => Dtype::I32,
            Number::F32 => Dtype::F32,
            Number::F64 => Dtype::F64,
        }
    }

    /// A layout that holds the values of this and another one: images of one volume may differ in bits and sign.
    pub(super) fn wider(self, other: Self) -> Self {
        let Number::Int { bits: a, signed: s } = self.number else { return self };
        let Number::Int { bits: b, signed: t } = other.number else { return self };
        let bits =
            if s == t { a.max(b) } else { (a + u32::from(!s)).max(b + u32::from(!t)).next_power_of_two().min(32) };
        Self { number: Number::Int { bits, signed: s || t }, stored: self.stored.max(other.stored), ..self }
    }

    /// The layout in the attributes of an image.
    pub(super) fn from_data(data: &DataSet, pixels: &PixelElement) -> Result<Self, DicomError> {
        let rows = side(data, tags::ROWS)?;
        let columns = side(data, tags::COLUMNS)?;
        let number = |tag| data.whole(tag);
        let samples = number(tags::SAMPLES)?.unwrap_or(1);
        if samples != 1 && samples != 3 {
            return Err(DicomError::field(tags::SAMPLES, samples, Problem::Must("1 or 3")));
        }
        let allocated = number(tags::BITS_ALLOCATED)?
            .ok_or_else(|| DicomError::missing(tags::BITS_ALLOCATED, "the bits per sample"))?;
        let representation = number(tags::REPRESENTATION)?.unwrap_or(0);
        if representation != 0 && representation != 1 {
            return Err(DicomError::field(
                tags::REPRESENTATION,
                representation,
                Problem::Must("0 (unsigned) or 1 (signed)"),
            ));
        }
        let kind = match pixels.tag {
            tags::FLOAT_PIXELS => Number::F32,
            tags::DOUBLE_PIXELS => Number::F64,
            _ => match allocated {
                8 | 16 | 32 => Number::Int { bits: allocated as u32, signed: representation == 1 },
                _ => return Err(DicomError::field(tags::BITS_ALLOCATED, allocated, Problem::Must("8, 16 or 32"))),
            },
        };
        let (stored, shift) = match kind {
            Number::Int { bits, .. } => bits_stored(data, bits)?,
            Number::F32 | Number::F64 => (0, 0),
        };
        let photometric = photometric(data, samples as usize)?;
        let planar = samples == 3 && number(tags::PLANAR)?.unwrap_or(0) == 1;
        let samples = samples as usize;
        let shared_colours = false;
        Ok(Self { rows, columns, samples, planar, photometric, number: kind, stored, shift, shared_colours })
    }
}

fn side(data: &DataSet, tag: tags::Tag) -> Result<usize, DicomError> {
    match data.whole(tag)? {
        Some(n) if (1..=65535).contains(&n) => Ok(n as usize),
        Some(n) => Err(DicomError::field(tag, n, Problem::Must("1 to 65535"))),
        None => Err(DicomError::missing(tag, "the size of the image")),
    }
}

fn bits_stored(data: &DataSet, bits: u32) -> Result<(u32, u32), DicomError> {
    let bits = i64::from(bits);
    let stored = data.whole(tags::BITS_STORED)?.unwrap_or(bits);
    if !(1..=bits).contains(&stored) {
        return Err(DicomError::field(tags::BITS_STORED, stored, Problem::Must("1 to BitsAllocated (0028,0100)")));
    }
    let high = data.whole(tags::HIGH_BIT)?.unwrap_or(stored - 1);
    if !(stored - 1..bits).contains(&high) {
        let must = "at least BitsStored (0028,0101) − 1 and less than BitsAllocated (0028,0100)";
        return Err(DicomError::field(tags::HIGH_BIT, high, Problem::Must(must)));
    }
    Ok((stored as u32, (high + 1 - stored) as u32))
}

fn photometric(data: &DataSet, samples: usize) -> Result<Photometric, DicomError> {
    let name =
        data.text(tags::PHOTOMETRIC).unwrap_or_else(|| if samples == 1 { "MONOCHROME2" } else { "RGB" }.to_owned());
    let found = match (name.as_str(), samples) {
        ("MONOCHROME1", 1) => Photometric::Monochrome1,
        ("MONOCHROME2", 1) => Photometric::Monochrome2,
        ("RGB", 3) => Photometric::Rgb,
        ("YBR_FULL" | "YBR_FULL_422", 3) => Photometric::Ybr,
        ("YBR_RCT" | "YBR_ICT", 3) => Photometric::YbrJpeg2000,
        ("PALETTE COLOR", 1) => Photometric::Palette { wide: false },
        _ => {
            let must = "MONOCHROME1, MONOCHROME2 or PALETTE COLOR with one sample per pixel, RGB or YBR with three";
            return Err(DicomError::field(tags::PHOTOMETRIC, name, Problem::Must(must)));
        }
    };
    Ok(found)
}
