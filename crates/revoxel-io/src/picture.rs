//! Pictures as slices: TIFF files with one or more pages, and folders of TIFF, PNG or JPEG files. They are only read.
//!
//! Such files do not state the voxel size: a sidecar or the caller must, or they are refused. Nor do they state
//! directions: columns are assumed to run to the left of the patient, rows to the back, slices upwards (LPS).
//!
//! `folder` lists the files, `names` groups them into series, `sidecar` finds the voxel size, `decode` reads pages
//! (`tiff_pages` those of TIFF), `turn` applies Orientation, `layout` decides which pages are channels or frames,
//! `exif` finds the orientation in EXIF, `parsed` checks that the pages form one volume.

pub mod problem;

mod decode;
mod exif;
mod folder;
mod layout;
mod names;
mod page;
mod parsed;
mod sidecar;
mod tiff_pages;
mod turn;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use revoxel_core::{Kind, Volume, Voxel, Voxels, dispatch_dtype};

use crate::format::Wrote;
use crate::{Facts, FileInfo, Format, Loaded, ReadError, ReadOptions, WriteError, buffer};

pub use problem::PictureError;

/// The format.
#[derive(Clone, Copy, Debug, Default)]
pub struct Picture;

/// The name of the format.
pub(crate) const NAME: &str = "TIFF, PNG, JPEG";

impl Format for Picture {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Empty: pictures are not written.
    fn extensions(&self) -> &'static [&'static str] {
        &[]
    }

    fn recognises(&self, path: &Path, first_bytes: &[u8]) -> bool {
        decode::Kind::of(first_bytes).is_some() || (first_bytes.is_empty() && folder::is_of_pictures(path))
    }

    fn says_spacing(&self) -> bool {
        false
    }

    fn info(&self, path: &Path, options: &ReadOptions) -> Result<FileInfo, ReadError> {
        Ok(parsed::Parsed::open(path, options)?.info)
    }

    fn read(&self, path: &Path, kind: Kind, options: &ReadOptions) -> Result<Loaded, ReadError> {
        let parsed = parsed::Parsed::open(path, options)?;
        let bytes = parsed.bytes();
        options.limits.check_volume(path, bytes, false)?;
        options.limits.check_expansion(path, parsed.length, bytes)?;
        let voxels = dispatch_dtype!(parsed.info.dtype, T => typed::<T>(path, &parsed)?);
        // The number of values was derived from the grid; this cannot fail.
        let volume = Volume::new(voxels, parsed.info.grid, kind, parsed.info.channels)
            .map_err(|_| ReadError::Memory { path: path.to_owned(), bytes })?;
        Ok(Loaded { volume, info: parsed.info })
    }

    fn parts(&self, path: &Path, options: &ReadOptions) -> Result<Vec<PathBuf>, ReadError> {
        let parsed = parsed::Parsed::open(path, options)?;
        let files = parsed.files.into_iter().chain(parsed.sidecar);
        Ok(files.filter(|file| file != path).collect())
    }

    fn write(&self, path: &Path, _: &Path, _: &Volume, _: &Facts) -> Result<Wrote, WriteError> {
        Err(WriteError::CannotWrite { path: path.to_owned(), format: NAME })
    }
}

/// The values of all pages, page after page, with the samples of a pixel and channels separated.
fn typed<T: Voxel>(path: &Path, parsed: &parsed::Parsed) -> Result<Voxels, ReadError>
where
    Voxels: From<Vec<T>>,
{
    let [width, height, slices] = parsed.info.grid.shape();
    let (samples, layout, page) = (parsed.page.channels, parsed.layout, width * height);
    let no_memory = || ReadError::Memory { path: path.to_owned(), bytes: parsed.bytes() };
    let mut values: Vec<T> = buffer::zeroed(page * slices * parsed.info.channels).ok_or_else(no_memory)?;
    // Slices of the files before.
    let mut before = 0;
    for file in &parsed.files {
        let mut number = 0;
        let most = (slices - before) * layout.channels * layout.frames;
        decode::pages::<T>(file, &parsed.page, most, &mut |pixels| {
            let (channel, rest) = (number % layout.channels, number / layout.channels);
            let (slice, frame) = ((before + rest) % slices, (before + rest) / slices);
            for sample in 0..samples {
                let channel = sample + samples * (channel + layout.channels * frame);
                let start = (channel * slices + slice) * page;
                let from = pixels.iter().skip(sample).step_by(samples);
                values[start..start + page].iter_mut().zip(from).for_each(|(to, from)| *to = *from);
            }
            number += 1;
        })?;
        before += layout.slices(number);
    }
    match before == slices {
        true => Ok(values.into()),
        false => Err(page::failed(path, PictureError::Decode("pages disappeared while the file was read".to_owned()))),
    }
}
