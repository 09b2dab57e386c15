//! Pages of TIFF files.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use revoxel_core::{Dtype, Voxels};
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError, TiffResult};

use super::PictureError;
use super::page::{Page, failed, undecodable};
use super::turn::Turn;
use crate::ReadError;
use crate::open::{failed_to_read, length_of};

/// The maximum length of a description; OME-XML of large datasets is long.
const MOST_DESCRIPTION: u64 = 16 << 20;

/// The pages of a file, one after the other, without thumbnails and masks.
pub(super) struct TiffPages<'a> {
    path: &'a Path,
    decoder: Decoder<BufReader<File>>,
    begun: bool,
    /// Thumbnails and masks so far.
    pub(super) aside: usize,
}

impl<'a> TiffPages<'a> {
    /// Opens a file whose images may have at most so many bytes.
    pub(super) fn open(path: &'a Path, bytes: usize) -> Result<Self, ReadError> {
        let file = BufReader::new(File::open(path).map_err(failed_to_read(path))?);
        let mut limits = Limits::default();
        limits.decoding_buffer_size = bytes.saturating_add(1 << 16);
        limits.intermediate_buffer_size = bytes.saturating_mul(2).saturating_add(1 << 20);
        let decoder = Decoder::new(file).map_err(|e| undecodable(path)(e.to_string()))?.with_limits(limits);
        Ok(Self { path, decoder, begun: false, aside: 0 })
    }

    /// Goes to the next page; `false` after the last.
    pub(super) fn advance(&mut self) -> Result<bool, ReadError> {
        loop {
            let is_aside = match self.begun {
                false => is_aside(&mut self.decoder),
                true if self.decoder.more_images() => self.forward(),
                true => return Ok(false),
            };
            self.begun = true;
            if !is_aside.map_err(|e| undecodable(self.path)(e.to_string()))? {
                return Ok(true);
            }
            self.aside += 1;
        }
    }

    /// Goes to the next directory; returns whether it is left out. If so, it need not be a decodable image.
    fn forward(&mut self) -> TiffResult<bool> {
        let before = self.decoder.ifd_pointer();
        let Err(error) = self.decoder.next_image() else { return is_aside(&mut self.decoder) };
        match self.decoder.ifd_pointer().filter(|pointer| before != Some(*pointer)) {
            Some(pointer) => {
                let directory = self.decoder.read_directory(pointer)?;
                let mut tags = self.decoder.read_directory_tags(&directory);
                match says_aside(&mut |tag| tags.find_tag_unsigned(tag))? {
                    true => Ok(true),
                    false => Err(error),
                }
            }
            None => Err(error),
        }
    }

    /// The content of the page, as shown, and how it is turned for that.
    pub(super) fn page(&mut self) -> Result<(Page, Turn), ReadError> {
        let path = self.path;
        let decoder = &mut self.decoder;
        let refuse = |what| Err(failed(path, PictureError::Unsupported(what)));
        let fail = |e: TiffError| undecodable(path)(e.to_string());
        let (width, height) = decoder.dimensions().map_err(fail)?;
        let (bits, channels) = match decoder.colortype().map_err(fail)? {
            ColorType::Gray(bits) => (bits, 1),
            ColorType::GrayA(bits) => (bits, 2),
            ColorType::RGB(bits) => (bits, 3),
            ColorType::RGBA(bits) => (bits, 4),
            ColorType::Palette(_) => return refuse("TIFF files with a palette"),
            _ => return refuse("TIFF files with colours other than grey and RGB"),
        };
        let formats = decoder.find_tag_unsigned_vec::<u16>(Tag::SampleFormat).map_err(fail)?;
        let format = formats.and_then(|formats| formats.first().copied()).unwrap_or(1);
        let planes = decoder.find_tag_unsigned::<u16>(Tag::PlanarConfiguration).map_err(fail)?;
        if planes == Some(2) && channels > 1 {
            return refuse("TIFF files with colours in separate planes");
        }
        // The decoder turns values round so that black is zero, which floats do not survive.
        if self.is_inverted()? && format != 1 {
            return refuse(
                "TIFF files with PhotometricInterpretation 0 (white is zero) and values other than unsigned integers",
            );
        }
        let dtype = match (format, bits) {
            (1, 8) => Dtype::U8,
            (1, 16) => Dtype::U16,
            (1, 32) => Dtype::U32,
            (1, 64) => Dtype::U64,
            (2, 8) => Dtype::I8,
            (2, 16) => Dtype::I16,
            (2, 32) => Dtype::I32,
            (2, 64) => Dtype::I64,
            (3, 32) => Dtype::F32,
            (3, 64) => Dtype::F64,
            _ => return refuse("TIFF files with voxel types other than 8, 16, 32 and 64 bits"),
        };
        let turn = self.orientation()?.and_then(Turn::of).unwrap_or(Turn::NONE);
        let [width, height] = turn.size([width as usize, height as usize]);
        Ok((Page { width, height, channels, dtype }, turn))
    }

    /// Whether the decoder turns the values of the page round, as PhotometricInterpretation says that white is zero.
    fn is_inverted(&mut self) -> Result<bool, ReadError> {
        let value = self.decoder.find_tag_unsigned::<u16>(Tag::PhotometricInterpretation);
        Ok(value.map_err(|e| undecodable(self.path)(e.to_string()))? == Some(0))
    }

    /// The value of Orientation.
    pub(super) fn orientation(&mut self) -> Result<Option<u64>, ReadError> {
        let value = self.decoder.find_tag_unsigned::<u64>(Tag::Orientation);
        value.map_err(|e| undecodable(self.path)(e.to_string()))
    }

    /// The ImageDescription of the page.
    pub(super) fn description(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        let length = length_of(self.path)?;
        let mut tags = self.decoder.image_ifd();
        let Some(entry) = tags.find_entry(Tag::ImageDescription) else { return Ok(None) };
        let mut text = vec![0; entry.count().min(length).min(MOST_DESCRIPTION) as usize];
        let read = tags.find_tag_bytes(Tag::ImageDescription, &mut text, 0);
        let read = read.map_err(|e| undecodable(self.path)(e.to_string()))?.unwrap_or(0);
        text.truncate(read);
        let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
        text.truncate(end);
        Ok(Some(text))
    }

    /// The samples of the page, as stored.
    pub(super) fn samples(&mut self) -> Result<Voxels, ReadError> {
        let is_inverted = self.is_inverted()?;
        let samples = self.decoder.read_image().map_err(|e| undecodable(self.path)(e.to_string()))?;
        // How values are shown says nothing about what they are.
        fn stored<T: Copy + std::ops::Not<Output = T>>(mut values: Vec<T>, is_inverted: bool) -> Voxels
        where
            Voxels: From<Vec<T>>,
        {
            if is_inverted {
                values.iter_mut().for_each(|value| *value = !*value);
            }
            values.into()
        }
        Ok(match samples {
            DecodingResult::U8(v) => stored(v, is_inverted),
            DecodingResult::U16(v) => stored(v, is_inverted),
            DecodingResult::U32(v) => stored(v, is_inverted),
            DecodingResult::U64(v) => stored(v, is_inverted),
            DecodingResult::I8(v) => v.into(),
            DecodingResult::I16(v) => v.into(),
            DecodingResult::I32(v) => v.into(),
            DecodingResult::I64(v) => v.into(),
            DecodingResult::F32(v) => v.into(),
            DecodingResult::F64(v) => v.into(),
            DecodingResult::F16(_) => {
                return Err(failed(self.path, PictureError::Unsupported("TIFF files with 16-bit floats")));
            }
        })
    }
}

fn is_aside(decoder: &mut Decoder<BufReader<File>>) -> TiffResult<bool> {
    says_aside(&mut |tag| decoder.find_tag_unsigned(tag))
}

/// Whether a page is of reduced resolution or a mask: bits 0 and 2 of NewSubfileType, or SubfileType 2.
fn says_aside(find: &mut dyn FnMut(Tag) -> TiffResult<Option<u64>>) -> TiffResult<bool> {
    Ok(find(Tag::NewSubfileType)?.is_some_and(|bits| bits & 0b101 != 0) || find(Tag::SubfileType)? == Some(2))
}
