//! Pages that are one volume.

use std::path::{Path, PathBuf};

use revoxel_core::{Affine, Frame, Grid};

use super::decode::{self, Page, failed};
use super::{NAME, PictureError, folder, sidecar};
use crate::file::{failed_to_read, length_of};
use crate::{Facts, FileInfo, ReadError, ReadOptions, Warning};

/// Everything that reading the voxels needs.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) info: FileInfo,
    /// The files, in the order of the slices.
    pub(super) files: Vec<PathBuf>,
    /// The file that says the voxel size.
    pub(super) sidecar: Option<PathBuf>,
    /// What each page holds.
    pub(super) page: Page,
    /// Bytes of all files.
    pub(super) length: u64,
}

impl Parsed {
    /// Reads and checks the headers of a file, or of all files of a folder.
    pub(super) fn open(path: &Path, options: &ReadOptions) -> Result<Self, ReadError> {
        let files = match path.is_dir() {
            true => folder::list(path).map_err(failed_to_read(path))?.unwrap_or_default(),
            false => vec![path.to_owned()],
        };
        let (mut first, mut slices, mut length) = (None, 0usize, 0u64);
        for file in &files {
            length = length.saturating_add(length_of(file)?);
            for page in decode::headers(file)? {
                let first: &Page = first.get_or_insert(page);
                if page != *first {
                    let (found, first) = (page.text(), first.text());
                    return Err(failed(file, PictureError::Unlike { found, first }));
                }
                slices += 1;
            }
        }
        let page = first.ok_or_else(|| failed(path, PictureError::Decode("there is no picture in it".to_owned())))?;
        let (spacing, sidecar) = sidecar::spacing(path, options)?;
        let shape = [page.width, page.height, slices];
        let affine = Frame::Lps.affine_to_ras(&Affine::scaling(spacing));
        let grid = Grid::new(shape, affine).map_err(|e| failed(path, PictureError::Decode(e.to_string())))?;
        let grid = if slices == 1 { grid.planar() } else { grid };
        let facts = Facts { colour: page.channels >= 3, ..Facts::default() };
        let jump = folder::jump(&files).map(|[before, after]| Warning::Jump { before, after });
        let value = format!("not said, spacing is {spacing:?} mm (x, y, z)");
        let info = FileInfo {
            format: NAME,
            grid,
            stored: page.dtype,
            dtype: page.dtype,
            channels: page.channels,
            facts,
            warnings: [Warning::UnknownFrame { field: "orientation", value }].into_iter().chain(jump).collect(),
            slices: None,
        };
        Ok(Self { info, files, sidecar, page, length })
    }

    /// Bytes of the voxels.
    pub(super) fn bytes(&self) -> u64 {
        let values = (self.info.grid.voxel_count() as u64).saturating_mul(self.info.channels as u64);
        values.saturating_mul(self.info.dtype.size() as u64)
    }
}
