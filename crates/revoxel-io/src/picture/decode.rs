//! Pages of TIFF, PNG and JPEG files.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use revoxel_core::{Dtype, Voxel, Voxels};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::page::{Page, failed, undecodable};
use super::tiff_pages::TiffPages;
use super::turn::Turn;
use super::{PictureError, exif};
use crate::ReadError;
use crate::open::failed_to_read;

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Tiff,
    Png,
    Jpeg,
}

impl Kind {
    /// The format of a file with these first bytes.
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
        Self::of(&first).ok_or_else(|| failed(path, PictureError::Decode("not a TIFF, PNG or JPEG file".to_owned())))
    }
}

/// The facts of a file before its pixels are decoded.
#[derive(Debug, Default)]
pub(super) struct Headers {
    /// The content of each page, as shown, and how it is turned for that.
    pub(super) pages: Vec<(Page, Turn)>,
    /// Pages that are thumbnails or masks.
    pub(super) aside: usize,
    /// TIFF's ImageDescription, of the first page.
    pub(super) description: Option<Vec<u8>>,
    /// An invalid value of TIFF's Orientation.
    pub(super) odd_orientation: Option<u64>,
    /// The orientation in EXIF, which is not applied.
    pub(super) asked: Option<u16>,
}

/// The content of the pages of a file; nothing is decoded.
pub(super) fn headers(path: &Path) -> Result<Headers, ReadError> {
    let mut headers = Headers::default();
    match Kind::of_file(path)? {
        Kind::Tiff => {
            let mut pages = TiffPages::open(path, 0)?;
            while pages.advance()? {
                if headers.pages.is_empty() {
                    headers.description = pages.description()?;
                }
                headers.pages.push(pages.page()?);
                let odd = pages.orientation()?.filter(|value| Turn::of(*value).is_none());
                headers.odd_orientation = headers.odd_orientation.or(odd);
            }
            headers.aside = pages.aside;
            if headers.pages.is_empty() {
                return Err(failed(path, PictureError::OnlyAside(pages.aside)));
            }
        }
        Kind::Png => {
            headers.pages.push((open_png(path, 1 << 20)?.1, Turn::NONE));
            let block = File::open(path).and_then(|file| exif::of_png(BufReader::new(file)));
            headers.asked = block.map_err(failed_to_read(path))?.and_then(|block| exif::orientation(&block));
        }
        Kind::Jpeg => {
            let (decoder, page) = open_jpeg(path)?;
            headers.pages.push((page, Turn::NONE));
            headers.asked = decoder.exif().and_then(|block| exif::orientation(block));
        }
    }
    Ok(headers)
}

/// Decodes at most `most` pages of a file, and passes on the samples of each, with interleaved channels.
pub(super) fn pages<T: Voxel>(
    path: &Path,
    expected: &Page,
    most: usize,
    visit: &mut dyn FnMut(&[T]),
) -> Result<(), ReadError> {
    let bytes = expected.values().saturating_mul(expected.dtype.size());
    let mut show = |(page, turn): (Page, Turn), samples: Voxels| {
        let fits = samples.len() == expected.values() && samples.dtype() == expected.dtype && page == *expected;
        if !fits || T::DTYPE != expected.dtype {
            let (found, first) = (format!("has {}", page.text()), format!("the first page has {}", expected.text()));
            return Err(failed(path, PictureError::Unlike { found, first }));
        }
        let bytes = samples.bytes();
        let copied;
        let samples = match bytemuck::try_cast_slice::<u8, T>(bytes) {
            Ok(samples) => samples,
            Err(_) => {
                copied = bytemuck::pod_collect_to_vec::<u8, T>(bytes);
                &copied
            }
        };
        match turn {
            Turn::NONE => visit(samples),
            _ => visit(&turn.apply(samples, [page.width, page.height], page.channels)),
        }
        Ok(())
    };
    match Kind::of_file(path)? {
        Kind::Tiff => {
            let mut pages = TiffPages::open(path, bytes)?;
            let mut left = most;
            while left > 0 && pages.advance()? {
                let page = pages.page()?;
                show(page, pages.samples()?)?;
                left -= 1;
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
            show((page, Turn::NONE), samples)
        }
        Kind::Jpeg => {
            let (mut decoder, page) = open_jpeg(path)?;
            let samples = if page == *expected {
                decoder.decode().map_err(|e| undecodable(path)(e.to_string()))?
            } else {
                Vec::new()
            };
            show((page, Turn::NONE), samples.into())
        }
    }
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
        _ => return refuse("PNG files with less than 8 bits per sample"),
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
        _ => return Err(failed(path, PictureError::Unsupported("JPEG files with colours other than grey and RGB"))),
    };
    let page = Page { width: usize::from(info.width), height: usize::from(info.height), channels, dtype: Dtype::U8 };
    Ok((if channels == 1 { open(ColorSpace::Luma)? } else { decoder }, page))
}
