//! One file: its content, or why it is left out.

use super::dataset::DataSet;
use super::dose;
use super::format::{Photometric, PixelFormat};
use super::mosaic::{self, Tiling};
use super::parse::{Header, PixelElement};
use super::plane::{Groups, Plane};
use super::problem::{DicomError, Problem};
use super::report::SkipReason;
use super::syntax::{Coding, TransferSyntax, class_name};
use super::table::{self, Palette, Table};
use super::tags;
use crate::counted::counted;

/// Bytes after the pixels are not padding if they are more than this and more than the pixels.
const MOST_PADDING: u64 = 64 << 10;

/// Bytes of a compressed frame besides its pixels: headers of fragments and of the codec, an entry of the offset
/// table.
const FRAGMENTS: u64 = 8 << 10;

/// A file with one or more images.
#[derive(Clone, Debug)]
pub(super) struct ImageFile {
    pub(super) series: String,
    /// What distinguishes series without a UID.
    pub(super) study: String,
    /// PatientID, StudyInstanceUID.
    pub(super) patient_and_study: [Option<String>; 2],
    pub(super) instance: Option<String>,
    pub(super) series_number: Option<i64>,
    pub(super) modality: String,
    pub(super) description: String,
    pub(super) patient_position: Option<String>,
    pub(super) frame_of_reference: Option<String>,
    /// WindowCenter, WindowWidth.
    pub(super) window: Option<[f64; 2]>,
    /// PixelPaddingValue, as stored.
    pub(super) padding: Option<f64>,
    /// Columns and rows, if given; also for a file that cannot be read.
    pub(super) size: [usize; 2],
    /// The number of images that it declares.
    pub(super) images: usize,
    /// An image for planning (scout, topogram).
    pub(super) localizer: bool,
    pub(super) syntax_uid: String,
    pub(super) syntax: Option<&'static TransferSyntax>,
    pub(super) deflated_from: Option<u64>,
    pub(super) pixels: PixelElement,
    /// The pixels and their positions, or why they are not part of a volume.
    pub(super) content: Result<Content, DicomError>,
}

/// The images of a file.
#[derive(Clone, Debug)]
pub(super) struct Content {
    /// For a mosaic, the format of a tile.
    pub(super) format: PixelFormat,
    /// Set if the images are tiles of one picture.
    pub(super) tiling: Option<Tiling>,
    pub(super) palette: Option<Palette>,
    /// Replaces slope and intercept.
    pub(super) table: Option<Table>,
    /// One for each frame.
    pub(super) planes: Vec<Plane>,
}

impl Content {
    /// The format of what a file stores, and how many: its images, or the picture whose tiles they are.
    pub(super) fn stored(&self) -> (PixelFormat, usize) {
        match self.tiling {
            Some(tiling) => (tiling.picture(&self.format), 1),
            None => (self.format, self.planes.len()),
        }
    }
}

impl ImageFile {
    /// The content of a header; `length` is that of the file.
    pub(super) fn new(header: Header, length: Option<u64>) -> Result<Self, SkipReason> {
        let data = &header.data;
        let class = data.text(tags::SOP_CLASS).or(header.class).unwrap_or_default();
        let class = class_name(&class);
        if class == "DICOMDIR" {
            return Err(SkipReason::Dicomdir);
        }
        let Some(pixels) = header.pixels else { return Err(SkipReason::NoPixels(class.to_owned())) };
        if data.text(tags::ROWS).is_none() && data.numbers(tags::ROWS).is_ok_and(|n| n.is_none()) {
            return Err(SkipReason::NoPixels(class.to_owned()));
        }
        let image_type = data.text(tags::IMAGE_TYPE).unwrap_or_default();
        let text = |tag| data.text(tag);
        let window = data.key(tags::WINDOW_CENTRE).zip(data.key(tags::WINDOW_WIDTH)).map(|(c, w)| [c, w]);
        let mut file = Self {
            series: text(tags::SERIES_UID).unwrap_or_default(),
            study: [tags::STUDY_UID, tags::PATIENT_ID, tags::SERIES_NUMBER]
                .map(|tag| data.text(tag).unwrap_or_default())
                .join("\\"),
            patient_and_study: [text(tags::PATIENT_ID), text(tags::STUDY_UID)],
            instance: text(tags::SOP_INSTANCE),
            series_number: data.key(tags::SERIES_NUMBER).map(|n| n as i64),
            modality: text(tags::MODALITY).unwrap_or_default(),
            description: text(tags::SERIES_DESCRIPTION).unwrap_or_default(),
            patient_position: text(tags::PATIENT_POSITION),
            frame_of_reference: text(tags::FRAME_OF_REFERENCE),
            window,
            padding: None,
            size: [tags::COLUMNS, tags::ROWS].map(|tag| data.key(tag).map_or(0, |n| n.clamp(0.0, 65535.0) as usize)),
            images: data.key(tags::FRAMES).map_or(1, |n| n.clamp(1.0, 1e9) as usize),
            localizer: image_type.split('\\').any(|part| part.trim() == "LOCALIZER"),
            syntax_uid: header.syntax_uid,
            syntax: header.syntax,
            deflated_from: header.deflated_from,
            pixels,
            content: Err(DicomError::NotDicom),
        };
        file.content = file.check(data, class, &image_type, length);
        Ok(file)
    }

    /// The maximum bytes from the beginning of the file that reading its pixels needs; compressed pixels are at most
    /// slightly larger than uncompressed ones.
    pub(super) fn most_bytes(&self) -> u64 {
        let Ok(content) = &self.content else { return self.pixels.offset };
        let (format, frames) = content.stored();
        let (frame, frames) = (format.frame_bytes() as u64, frames as u64);
        let pixels = match self.pixels.length {
            Some(_) => (format.stored_bytes() as u64).saturating_mul(frames),
            None => {
                frame.saturating_mul(2).saturating_add(FRAGMENTS).saturating_mul(frames).saturating_add(MOST_PADDING)
            }
        };
        self.pixels.offset.saturating_add(pixels)
    }

    fn check(
        &mut self,
        data: &DataSet,
        class: &str,
        image_type: &str,
        length: Option<u64>,
    ) -> Result<Content, DicomError> {
        let frames = data.key(tags::FRAMES).unwrap_or(1.0);
        if frames <= 1.0 && data.items(tags::FRAME_GROUPS).is_empty() && data.item(tags::SHARED_GROUPS).is_none() {
            // What has no place is set aside, whatever its pixels are.
            for tag in [tags::POSITION, tags::ORIENTATION] {
                if data.text(tag).is_none() {
                    return Err(DicomError::missing(tag, "the position and orientation of the image in the patient"));
                }
            }
        }
        let mut format = PixelFormat::from_data(data, &self.pixels)?;
        self.padding = padding(data, &format);
        if self.syntax.is_some_and(|s| s.big_endian) && self.pixels.words && format.sample_bytes() == 1 {
            let problem = Problem::Unsupported("big-endian byte order for 8-bit pixels in 16-bit words");
            return Err(DicomError::field(tags::BITS_ALLOCATED, 8, problem));
        }
        let frames = frame_count(data)?;
        format.shared_colours = self.shares_colours(data, &format, frames);
        if format.shared_colours && format.columns % 2 == 1 {
            return Err(DicomError::field(
                tags::COLUMNS,
                format.columns,
                Problem::Must("even in uncompressed YBR_FULL_422"),
            ));
        }
        self.check_length(&format, frames, length)?;
        let mut palette = None;
        if matches!(format.photometric, Photometric::Palette { .. }) {
            let tables = Palette::new(data, &format)?;
            format.photometric = Photometric::Palette { wide: tables.is_wide() };
            palette = Some(tables);
        }
        let table = table::modality(data, &format)?;
        if mosaic::is_mosaic(data, image_type) && frames == 1 {
            let (tiling, format, planes) = mosaic::tiles(data, &format)?;
            return Ok(Content { format, tiling: Some(tiling), palette, table, planes });
        }
        let planes = match class {
            "RTDOSE" => dose::planes(data, frames)?,
            _ => planes(data, frames)?,
        };
        Ok(Content { format, tiling: None, palette, table, planes })
    }

    /// Whether uncompressed YBR_FULL_422 really is subsampled. Decompressed files often keep the name with all
    /// samples.
    fn shares_colours(&self, data: &DataSet, format: &PixelFormat, frames: u64) -> bool {
        let raw = self.syntax.is_some_and(|s| s.coding == Coding::Raw);
        let named = data.text(tags::PHOTOMETRIC).is_some_and(|name| name == "YBR_FULL_422");
        let two_thirds = (format.frame_bytes() as u64).saturating_mul(frames) / 3 * 2;
        raw && named && self.pixels.length.is_some_and(|length| length == two_thirds.next_multiple_of(2))
    }

    /// Checks that the file can contain the pixels.
    fn check_length(&self, format: &PixelFormat, frames: u64, file: Option<u64>) -> Result<(), DicomError> {
        let PixelElement { tag, offset, length, .. } = self.pixels;
        let what = || {
            format!(
                "{}×{}×{frames}, {} each",
                format.columns,
                format.rows,
                counted(format.samples * format.sample_bytes(), "byte", "bytes")
            )
        };
        let needed = (format.stored_bytes() as u64).saturating_mul(frames);
        match length {
            Some(length) => {
                if self.syntax.is_some_and(|s| s.coding != Coding::Raw) {
                    let problem = Problem::Must("of undefined length in a compressed transfer syntax");
                    return Err(DicomError::field(tag, format!("{length} bytes"), problem));
                }
                check_stored(&self.pixels, length, needed, &what, file)?;
            }
            None => {
                // Each frame has at least one fragment, which has a header of 8 bytes.
                let there = file.map_or(u64::MAX, |file| file.saturating_sub(offset) / 8);
                if frames > there {
                    let must = "at most the number of fragments of PixelData (7FE0,0010)";
                    return Err(DicomError::field(tags::FRAMES, frames, Problem::Must(must)));
                }
            }
        }
        Ok(())
    }
}

/// NumberOfFrames; 1 if absent.
pub(super) fn frame_count(data: &DataSet) -> Result<u64, DicomError> {
    match data.whole(tags::FRAMES)? {
        None => Ok(1),
        Some(n) if (1..=i64::from(i32::MAX)).contains(&n) => Ok(n as u64),
        Some(n) => Err(DicomError::field(tags::FRAMES, n, Problem::Must("at least 1"))),
    }
}

/// Checks that `length` bytes of uncompressed pixels match the `needed` bytes to read; `what` describes them.
pub(super) fn check_stored(
    pixels: &PixelElement,
    length: u64,
    needed: u64,
    what: &dyn Fn() -> String,
    file: Option<u64>,
) -> Result<(), DicomError> {
    let PixelElement { tag, offset, .. } = *pixels;
    if let Some(file) = file.filter(|file| offset.saturating_add(length) > *file) {
        return Err(DicomError::field(tag, "truncated", Problem::PastEnd { length, offset, file }));
    }
    if length < needed {
        let problem = Problem::TooShort { what: what(), needed };
        return Err(DicomError::field(tag, format!("{length} bytes"), problem));
    }
    // Some padding is common.
    if length - needed >= needed.max(MOST_PADDING) {
        let problem = Problem::TooLong { what: what(), needed };
        return Err(DicomError::field(tag, format!("{length} bytes"), problem));
    }
    Ok(())
}

fn planes(data: &DataSet, frames: u64) -> Result<Vec<Plane>, DicomError> {
    let groups = data.items(tags::FRAME_GROUPS);
    let shared = data.item(tags::SHARED_GROUPS);
    if groups.is_empty() && frames > 1 {
        let need = "the position of each frame (older kinds of files with several frames, such as those of nuclear medicine \
                    and ultrasound, have none and are not read: convert them with dcm2niix, or export them as an enhanced \
                    object)";
        return Err(DicomError::missing(tags::FRAME_GROUPS, need));
    }
    if !groups.is_empty() && groups.len() as u64 != frames {
        let value = format!("{} items", groups.len());
        return Err(DicomError::field(tags::FRAME_GROUPS, value, Problem::FrameGroups(frames)));
    }
    if groups.is_empty() {
        return Ok(vec![Plane::new(Groups { frame: None, shared, root: data })?]);
    }
    groups.iter().map(|frame| Plane::new(Groups { frame: Some(frame), shared, root: data })).collect()
}

/// PixelPaddingValue; its sign is that of the pixels, whatever the file says about it.
fn padding(data: &DataSet, format: &PixelFormat) -> Option<f64> {
    let value = data.key(tags::PADDING)?;
    let super::format::Number::Int { bits, signed } = format.number else { return Some(value) };
    let bits = f64::from(bits).exp2();
    match (signed, value) {
        (true, v) if v >= bits / 2.0 => Some(v - bits),
        (false, v) if v < 0.0 => Some(v + bits),
        _ => Some(value),
    }
}
