//! The header of a segmentation: its segments, and the positions of its frames.

use super::super::dataset::DataSet;
use super::super::format::{Number, Photometric, PixelFormat};
use super::super::image::{check_stored, frame_count};
use super::super::parse::{Header, PixelElement};
use super::super::plane::{Groups, Plane};
use super::super::problem::{DicomError, Problem};
use super::super::syntax::TransferSyntax;
use super::super::tags::{self, Tag};
use super::facts::{Code, LabelFacts};
use crate::counted::counted;

/// The meaning of the pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dicom) enum Values {
    /// 1 in the segment of the frame.
    Binary,
    /// The fraction of the frame's segment, as a share of this value.
    Fractional(u16),
    /// Numbers of segments.
    Labelmap,
}

/// A segmentation.
#[derive(Clone, Debug)]
pub(in crate::dicom) struct Segmentation {
    pub(super) values: Values,
    /// The format for pixels of whole bytes; single bits are unpacked to bytes.
    pub(super) format: PixelFormat,
    /// 1, 8 or 16.
    pub(super) bits: usize,
    pub(super) segments: Vec<LabelFacts>,
    pub(super) frames: Vec<Frame>,
    /// The background value of a label map, if it is not 0.
    pub(super) padding: Option<u16>,
    pub(super) pixels: PixelElement,
    pub(super) syntax_uid: String,
    pub(super) syntax: Option<&'static TransferSyntax>,
    pub(super) deflated_from: Option<u64>,
}

/// A frame of a segmentation.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) plane: Plane,
    /// Its segment, as a position in the list of segments; `None` in a label map.
    pub(super) segment: Option<usize>,
}

impl Segmentation {
    /// The content of a header; `length` is that of its file.
    pub(super) fn new(header: &Header, labelmap: bool, length: Option<u64>) -> Result<Self, DicomError> {
        let data = &header.data;
        let pixels =
            header.pixels.ok_or_else(|| DicomError::missing(tags::PIXEL_DATA, "the voxels of the segments"))?;
        let bits = bits(data)?;
        let values = values(data, labelmap, bits)?;
        let number = Number::Int { bits: bits.max(8) as u32, signed: false };
        let format = PixelFormat {
            rows: side(data, tags::ROWS)?,
            columns: side(data, tags::COLUMNS)?,
            samples: 1,
            planar: false,
            photometric: Photometric::Monochrome2,
            number,
            stored: bits.max(8) as u32,
            shift: 0,
            shared_colours: false,
        };
        let segments = segments(data)?;
        if values != Values::Labelmap && segments.iter().any(|s| s.number == 0) {
            let must = "1 or more except in a LABELMAP, because label 0 marks voxels in no segment";
            return Err(DicomError::field(tags::SEGMENT_NUMBER, 0, Problem::Must(must)));
        }
        let count = frame_count(data)?;
        let padding = match values {
            Values::Labelmap => data.key(tags::PADDING).filter(|p| (1.0..=65535.0).contains(p)).map(|p| p as u16),
            _ => None,
        };
        let mut segmentation = Self {
            values,
            format,
            bits,
            segments,
            frames: Vec::new(),
            padding,
            pixels,
            syntax_uid: header.syntax_uid.clone(),
            syntax: header.syntax,
            deflated_from: header.deflated_from,
        };
        segmentation.check_length(count, length)?;
        segmentation.frames = segmentation.frames(data, count)?;
        Ok(segmentation)
    }

    /// Bytes of this many frames without compression.
    pub(super) fn bytes_of(&self, frames: u64) -> u64 {
        let pixels = (self.format.plane() as u64).saturating_mul(frames);
        pixels.saturating_mul(self.bits as u64).div_ceil(8)
    }

    /// Checks that the file can contain the pixels.
    fn check_length(&self, frames: u64, file: Option<u64>) -> Result<(), DicomError> {
        let PixelElement { offset, length, .. } = self.pixels;
        let PixelFormat { rows, columns, .. } = self.format;
        let what = || format!("{columns}×{rows}×{frames}, {} each", counted(self.bits, "bit", "bits"));
        let needed = self.bytes_of(frames);
        let Some(length) = length else {
            // Each frame has at least one fragment, which has a header of 8 bytes.
            let there = file.map_or(u64::MAX, |file| file.saturating_sub(offset) / 8);
            let must = "at most the number of fragments of PixelData (7FE0,0010)";
            return match frames > there {
                true => Err(DicomError::field(tags::FRAMES, frames, Problem::Must(must))),
                false => Ok(()),
            };
        };
        check_stored(&self.pixels, length, needed, &what, file)
    }

    fn frames(&self, data: &DataSet, count: u64) -> Result<Vec<Frame>, DicomError> {
        let groups = data.items(tags::FRAME_GROUPS);
        let shared = data.item(tags::SHARED_GROUPS);
        if groups.is_empty() && count > 1 {
            let need = "the position and the segment of each frame";
            return Err(DicomError::missing(tags::FRAME_GROUPS, need));
        }
        if !groups.is_empty() && groups.len() as u64 != count {
            let value = format!("{} items", groups.len());
            return Err(DicomError::field(tags::FRAME_GROUPS, value, Problem::FrameGroups(count)));
        }
        let of = |frame| Groups { frame, shared, root: data };
        match groups {
            [] => Ok(vec![self.frame(0, of(None))?]),
            all => all.iter().enumerate().map(|(i, frame)| self.frame(i, of(Some(frame)))).collect(),
        }
    }

    fn frame(&self, number: usize, groups: Groups<'_>) -> Result<Frame, DicomError> {
        let plane = Plane::new(groups)?;
        if self.values == Values::Labelmap {
            return Ok(Frame { plane, segment: None });
        }
        let named = groups.of(tags::SEGMENT_IDENTIFICATION).whole(tags::REFERENCED_SEGMENT)?;
        let segment = match (named, &self.segments[..]) {
            (None, [_]) => 0,
            (None, _) => return Err(DicomError::missing(tags::REFERENCED_SEGMENT, "the segment of each frame")),
            (Some(n), all) => all.iter().position(|s| s.number == n).ok_or_else(|| {
                let field = format!("{} of frame {}", tags::REFERENCED_SEGMENT, number + 1);
                DicomError::field(field, n, Problem::Must("the number of a segment in SegmentSequence (0062,0002)"))
            })?,
        };
        Ok(Frame { plane, segment: Some(segment) })
    }
}

fn side(data: &DataSet, tag: Tag) -> Result<usize, DicomError> {
    match data.whole(tag)? {
        Some(n) if (1..=65535).contains(&n) => Ok(n as usize),
        Some(n) => Err(DicomError::field(tag, n, Problem::Must("1 to 65535"))),
        None => Err(DicomError::missing(tag, "the size of the frames")),
    }
}

fn bits(data: &DataSet) -> Result<usize, DicomError> {
    let whole = |tag, default| Ok::<i64, DicomError>(data.whole(tag)?.unwrap_or(default));
    match (whole(tags::SAMPLES, 1)?, whole(tags::REPRESENTATION, 0)?) {
        (1, 0) => {}
        (1, n) => return Err(DicomError::field(tags::REPRESENTATION, n, Problem::Must("0 in a segmentation"))),
        (n, _) => return Err(DicomError::field(tags::SAMPLES, n, Problem::Must("1 in a segmentation"))),
    }
    let allocated = data.whole(tags::BITS_ALLOCATED)?;
    let allocated = allocated.ok_or_else(|| DicomError::missing(tags::BITS_ALLOCATED, "the bits per pixel"))?;
    if ![1, 8, 16].contains(&allocated) {
        return Err(DicomError::field(tags::BITS_ALLOCATED, allocated, Problem::Must("1, 8 or 16 in a segmentation")));
    }
    let stored = whole(tags::BITS_STORED, allocated)?;
    if stored != allocated {
        let must = "equal to BitsAllocated (0028,0100) in a segmentation";
        return Err(DicomError::field(tags::BITS_STORED, stored, Problem::Must(must)));
    }
    Ok(allocated as usize)
}

fn values(data: &DataSet, labelmap: bool, bits: usize) -> Result<Values, DicomError> {
    let kind = data.text(tags::SEGMENTATION_TYPE);
    match (kind.as_deref(), bits) {
        (Some("LABELMAP"), 8 | 16) => Ok(Values::Labelmap),
        (Some("BINARY"), 1 | 8) if !labelmap => Ok(Values::Binary),
        (Some("FRACTIONAL"), 8) if !labelmap => {
            let most = data.whole(tags::MAXIMUM_FRACTION)?;
            let most = most.ok_or_else(|| DicomError::missing(tags::MAXIMUM_FRACTION, "the value of a full voxel"))?;
            match u16::try_from(most).ok().filter(|n| (1..=255).contains(n)) {
                Some(most) => Ok(Values::Fractional(most)),
                None => Err(DicomError::field(tags::MAXIMUM_FRACTION, most, Problem::Must("1 to 255"))),
            }
        }
        (None, _) => Err(DicomError::missing(tags::SEGMENTATION_TYPE, "the meaning of the pixels")),
        (Some(other), _) => {
            let must = if labelmap {
                "LABELMAP (8 or 16 bits) in a label map segmentation"
            } else {
                "BINARY (1 or 8 bits), FRACTIONAL (8 bits) or LABELMAP (8 or 16 bits)"
            };
            Err(DicomError::field(tags::SEGMENTATION_TYPE, format!("{other} with {bits} bits"), Problem::Must(must)))
        }
    }
}

fn segments(data: &DataSet) -> Result<Vec<LabelFacts>, DicomError> {
    let mut segments: Vec<LabelFacts> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for item in data.items(tags::SEGMENTS) {
        let number = item.whole(tags::SEGMENT_NUMBER)?;
        let number = number.ok_or_else(|| DicomError::missing(tags::SEGMENT_NUMBER, "the label of the segment"))?;
        if !(0..=65535).contains(&number) || !seen.insert(number) {
            let must = "from 0 to 65535 and different for each segment";
            return Err(DicomError::field(tags::SEGMENT_NUMBER, number, Problem::Must(must)));
        }
        let algorithm = [tags::ALGORITHM_TYPE, tags::ALGORITHM_NAME].iter().filter_map(|tag| item.text(*tag));
        let algorithm = algorithm.collect::<Vec<_>>().join(", ");
        segments.push(LabelFacts {
            label: number as u32,
            channel: None,
            number,
            name: item.text(tags::SEGMENT_LABEL).unwrap_or_default(),
            description: item.text(tags::SEGMENT_DESCRIPTION),
            category: code(item, tags::SEGMENT_CATEGORY),
            property: code(item, tags::SEGMENT_PROPERTY),
            algorithm: (!algorithm.is_empty()).then_some(algorithm),
            tracking_id: item.text(tags::TRACKING_ID),
            tracking_uid: item.text(tags::TRACKING_UID),
        });
    }
    Ok(segments)
}

fn code(item: &DataSet, tag: Tag) -> Option<Code> {
    let item = item.item(tag)?;
    let text = |tag| item.text(tag).unwrap_or_default();
    Some(Code { value: text(tags::CODE_VALUE), scheme: text(tags::CODE_SCHEME), meaning: text(tags::CODE_MEANING) })
}
