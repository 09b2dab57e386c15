//! Pages of TIFF, PNG and JPEG files.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use revoxel_core::{Dtype, Voxel, Voxels};
use tiff::decoder::{Decoder as Tiff, DecodingResult, Limits as TiffLimits};
use tiff::tags::Tag;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::PictureError;
use crate::ReadError;
use crate::file::failed_to_read;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Tiff,
    Png,
    Jpeg,
}

impl Kind {
    /// What a file is that begins with these bytes.
    pub(super) fn of(first_bytes: &[u8]) -> Option<Self> {
        match first_bytes {
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Some(Self::Tiff),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            _ => None,
        }
    }

    fn of_file(path: &Path) -> Result<Self, ReadError> {
        use std::io::Read;

        let mut first = Vec::new();
        let read = File::open(path).and_then(|file| file.take(8).read_to_end(&mut first));
        read.map_err(failed_to_read(path))?;
        Self::of(&first)
            .ok_or_else(|| failed(path, PictureError::Decode("it is neither TIFF, PNG nor JPEG".to_owned())))
    }
}

/// What a page holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Grey, grey and alpha, RGB, RGB and alpha.
    pub(super) channels: usize,
    pub(super) dtype: Dtype,
}

impl Page {
    /// For messages.
    pub(super) fn text(&self) -> String {
        format!("{}×{} pixels of {} × {}", self.width, self.height, self.channels, self.dtype)
    }

    fn values(&self) -> usize {
        self.width.saturating_mul(self.height).saturating_mul(self.channels)
    }
}

pub(super) fn failed(path: &Path, reason: PictureError) -> ReadError {
    ReadError::Picture { path: path.to_owned(), reason: Box::new(reason) }
}

fn undecodable(path: &Path) -> impl Fn(String) -> ReadError + use<'_> {
    move |why| failed(path, PictureError::Decode(why))
}

/// What the pages of a file hold; nothing is decoded.
pub(super) fn headers(path: &Path) -> Result<Vec<Page>, ReadError> {
    match Kind::of_file(path)? {
        Kind::Tiff => {
            let mut decoder = open_tiff(path, 0)?;
            let mut pages = vec![tiff_page(path, &mut decoder)?];
            while decoder.more_images() {
                decoder.next_image().map_err(|e| undecodable(path)(e.to_string()))?;
                pages.push(tiff_page(path, &mut decoder)?);
            }
            Ok(pages)
        }
        Kind::Png => Ok(vec![open_png(path, 1 << 20)?.1]),
        Kind::Jpeg => Ok(vec![open_jpeg(path)?.1]),
    }
}

/// Decodes the pages of a file, at most `most` of them, and shows the samples of each, channels side by side.
pub(super) fn pages<T: Voxel>(
    path: &Path,
    expected: &Page,
    most: usize,
    visit: &mut dyn FnMut(&[T]),
) -> Result<(), ReadError> {
    let bytes = expected.values().saturating_mul(expected.dtype.size());
    let mut show = |page: &Page, samples: Voxels| {
        let fits = samples.len() == expected.values() && samples.dtype() == expected.dtype && page == expected;
        if !fits || T::DTYPE != expected.dtype {
            let (found, first) = (page.text(), expected.text());
            return Err(failed(path, PictureError::Unlike { found, first }));
        }
        let bytes = samples.bytes();
        match bytemuck::try_cast_slice::<u8, T>(bytes) {
            Ok(samples) => visit(samples),
            Err(_) => visit(&bytemuck::pod_collect_to_vec::<u8, T>(bytes)),
        }
        Ok(())
    };
    match Kind::of_file(path)? {
        Kind::Tiff => {
            let mut decoder = open_tiff(path, bytes)?;
            for number in 0..most {
                if number > 0 {
                    if !decoder.more_images() {
                        break;
                    }
                    decoder.next_image().map_err(|e| undecodable(path)(e.to_string()))?;
                }
                let page = tiff_page(path, &mut decoder)?;
                let samples = decoder.read_image().map_err(|e| undecodable(path)(e.to_string()))?;
                show(&page, of_tiff(path, samples)?)?;
            }
            Ok(())
        }
        Kind::Png => {
            let (mut reader, page) = open_png(path, bytes.saturating_mul(2).saturating_add(1 << 20))?;
            let mut samples = vec![0; bytes];
            if page == *expected {
                reader.next_frame(&mut samples).map_err(|e| undecodable(path)(e.to_string()))?;
                reader.finish().map_err(|e| undecodable(path)(e.to_string()))?;
            }
            let samples = match page.dtype {
                Dtype::U16 => {
                    Voxels::from(samples.chunks_exact(2).map(|b| u16::from_be_bytes([b[0], b[1]])).collect::<Vec<_>>())
                }
                _ => samples.into(),
            };
            show(&page, samples)
        }
        Kind::Jpeg => {
            let (mut decoder, page) = open_jpeg(path)?;
            let samples = if page == *expected {
                decoder.decode().map_err(|e| undecodable(path)(e.to_string()))?
            } else {
                Vec::new()
            };
            show(&page, samples.into())
        }
    }
}

fn open_tiff(path: &Path, bytes: usize) -> Result<Tiff<BufReader<File>>, ReadError> {
    let file = BufReader::new(File::open(path).map_err(failed_to_read(path))?);
    let mut limits = TiffLimits::default();
    limits.decoding_buffer_size = bytes.saturating_add(1 << 16);
    limits.intermediate_buffer_size = bytes.saturating_mul(2).saturating_add(1 << 20);
    Tiff::new(file).map(|decoder| decoder.with_limits(limits)).map_err(|e| undecodable(path)(e.to_string()))
}

fn tiff_page(path: &Path, decoder: &mut Tiff<BufReader<File>>) -> Result<Page, ReadError> {
    use tiff::ColorType;

    let refuse = |what| Err(failed(path, PictureError::Unsupported(what)));
    let fail = |e: tiff::TiffError| undecodable(path)(e.to_string());
    let (width, height) = decoder.dimensions().map_err(fail)?;
    let (bits, channels) = match decoder.colortype().map_err(fail)? {
        ColorType::Gray(bits) => (bits, 1),
        ColorType::GrayA(bits) => (bits, 2),
        ColorType::RGB(bits) => (bits, 3),
        ColorType::RGBA(bits) => (bits, 4),
        ColorType::Palette(_) => return refuse("TIFF files with a palette"),
        _ => return refuse("TIFF files of other colours than grey and RGB"),
    };
    let formats = decoder.find_tag_unsigned_vec::<u16>(Tag::SampleFormat).map_err(fail)?;
    let format = formats.and_then(|formats| formats.first().copied()).unwrap_or(1);
    let planes = decoder.find_tag_unsigned::<u16>(Tag::PlanarConfiguration).map_err(fail)?;
    if planes == Some(2) && channels > 1 {
        return refuse("TIFF files with colours in planes");
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
        _ => return refuse("TIFF files of other voxel types than 8, 16, 32 and 64 bits"),
    };
    Ok(Page { width: width as usize, height: height as usize, channels, dtype })
}

fn of_tiff(path: &Path, samples: DecodingResult) -> Result<Voxels, ReadError> {
    Ok(match samples {
        DecodingResult::U8(v) => v.into(),
        DecodingResult::U16(v) => v.into(),
        DecodingResult::U32(v) => v.into(),
        DecodingResult::U64(v) => v.into(),
        DecodingResult::I8(v) => v.into(),
        DecodingResult::I16(v) => v.into(),
        DecodingResult::I32(v) => v.into(),
        DecodingResult::I64(v) => v.into(),
        DecodingResult::F32(v) => v.into(),
        DecodingResult::F64(v) => v.into(),
        DecodingResult::F16(_) => return Err(failed(path, PictureError::Unsupported("TIFF files of 16-bit floats"))),
    })
}

fn open_png(path: &Path, bytes: usize) -> Result<(png::Reader<BufReader<File>>, Page), ReadError> {
    let file = BufReader::new(File::open(path).map_err(failed_to_read(path))?);
    let mut decoder = png::Decoder::new_with_limits(file, png::Limits { bytes });
    decoder.set_transformations(png::Transformations::IDENTITY);
    let reader = decoder.read_info().map_err(|e| undecodable(path)(e.to_string()))?;
    let refuse = |what| Err(failed(path, PictureError::Unsupported(what)));
    let info = reader.info();
    let channels = match info.color_type {
        png::ColorType::Grayscale => 1,
        png::ColorType::GrayscaleAlpha => 2,
        png::ColorType::Rgb => 3,
        png::ColorType::Rgba => 4,
        png::ColorType::Indexed => return refuse("PNG files with a palette"),
    };
    let dtype = match info.bit_depth {
        png::BitDepth::Eight => Dtype::U8,
        png::BitDepth::Sixteen => Dtype::U16,
        _ => return refuse("PNG files of less than 8 bits"),
    };
    if info.is_animated() {
        return refuse("animated PNG files");
    }
    let page = Page { width: info.width as usize, height: info.height as usize, channels, dtype };
    Ok((reader, page))
}

fn open_jpeg(path: &Path) -> Result<(JpegDecoder<BufReader<File>>, Page), ReadError> {
    let open = |colours| {
        let file = BufReader::new(File::open(path).map_err(failed_to_read(path))?);
        // Strict: what is cut off is an error, and not grey.
        let options = DecoderOptions::default().set_strict_mode(true).jpeg_set_out_colorspace(colours);
        let mut decoder = JpegDecoder::new_with_options(file, options);
        decoder.decode_headers().map_err(|e| undecodable(path)(format!("{e:?}")))?;
        Ok(decoder)
    };
    let decoder = open(ColorSpace::RGB)?;
    let info = decoder.info().ok_or_else(|| undecodable(path)("it has no header".to_owned()))?;
    let channels = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => 1,
        Some(ColorSpace::YCbCr | ColorSpace::RGB) => 3,
        _ => return Err(failed(path, PictureError::Unsupported("JPEG files of other colours than grey and RGB"))),
    };
    let page = Page { width: usize::from(info.width), height: usize::from(info.height), channels, dtype: Dtype::U8 };
    Ok((if channels == 1 { open(ColorSpace::Luma)? } else { decoder }, page))
}
