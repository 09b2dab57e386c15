//! Pages that form one volume.

use std::path::{Path, PathBuf};

use revoxel_core::{Affine, Frame, Grid};

use super::decode;
use super::layout::Layout;
use super::page::{Page, failed};
use super::{NAME, PictureError, folder, names, sidecar};
use crate::open::{failed_to_read, length_of};
use crate::{Facts, FileInfo, ReadError, ReadOptions, Warning};

/// Everything that reading the voxels needs.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) info: FileInfo,
    /// The files, in the order of the slices.
    pub(super) files: Vec<PathBuf>,
    /// The file that contains the voxel size.
    pub(super) sidecar: Option<PathBuf>,
    /// The content of each page, as shown.
    pub(super) page: Page,
    /// The roles of the pages of each file.
    pub(super) layout: Layout,
    /// Bytes of all files.
    pub(super) length: u64,
}

impl Parsed {
    /// Reads and checks the headers of a file, or of all files of a folder.
    pub(super) fn open(path: &Path, options: &ReadOptions) -> Result<Self, ReadError> {
        let Chosen { files, others, jump } = files(path, options)?;
        let mut found = Found::default();
        for file in &files {
            found.add(file)?;
        }
        let Some(First { page, layout, .. }) = found.first.take() else {
            return Err(failed(path, PictureError::Decode("the file contains no picture".to_owned())));
        };
        let (slices, length) = (found.slices, found.length);
        let (said, sidecar) = sidecar::spacing(path, options)?;
        // The size of a pixel goes with it where it is turned.
        let spacing = if found.swapped > 0 { [said[1], said[0], said[2]] } else { said };
        if spacing != said && found.swapped < found.pages {
            return Err(failed(path, PictureError::MixedTurns));
        }
        let shape = [page.width, page.height, slices];
        let affine = Frame::Lps.affine_to_ras(&Affine::scaling(spacing));
        let grid = Grid::new(shape, affine).map_err(|e| failed(path, PictureError::Decode(e.to_string())))?;
        let grid = if slices == 1 { grid.planar() } else { grid };
        let too_many = || failed(path, PictureError::Decode("too many channels".to_owned()));
        let channels = page.channels.checked_mul(layout.channels).and_then(|n| n.checked_mul(layout.frames));
        let channels = channels.ok_or_else(too_many)?;
        let facts = Facts {
            colour: page.channels >= 3,
            frames: Some(layout.frames).filter(|frames| *frames > 1),
            frame_spacing: layout.step.map(|(step, _)| step),
            time_unit: layout.step.and_then(|(_, unit)| unit),
            ..Facts::default()
        };
        let value = format!("not stored in pictures (spacing is {spacing:?} mm: x, y, z)");
        let mut warnings = vec![Warning::UnknownFrame { field: "orientation", value }];
        if spacing != said {
            warnings.push(Warning::SpacingTurned { columns: said[0], rows: said[1] });
        }
        warnings.extend(jump.map(|[before, after]| Warning::Jump { before, after }));
        warnings.extend(found.warnings());
        if !others.is_empty() {
            warnings.push(Warning::OtherFiles(others));
        }
        let info = FileInfo {
            format: NAME,
            grid,
            stored: page.dtype,
            dtype: page.dtype,
            channels,
            facts,
            warnings,
            slices: None,
        };
        Ok(Self { info, files, sidecar, page, layout, length })
    }

    /// Bytes of the voxels.
    pub(super) fn bytes(&self) -> u64 {
        let values = (self.info.grid.voxel_count() as u64).saturating_mul(self.info.channels as u64);
        values.saturating_mul(self.info.dtype.size() as u64)
    }
}

/// The pictures of a path.
struct Chosen {
    /// In the order of their slices.
    files: Vec<PathBuf>,
    /// Names of the folder's other files.
    others: Vec<String>,
    /// A gap in the numbers of the files.
    jump: Option<[String; 2]>,
}

fn files(path: &Path, options: &ReadOptions) -> Result<Chosen, ReadError> {
    if !path.is_dir() {
        return Ok(Chosen { files: vec![path.to_owned()], others: Vec::new(), jump: None });
    }
    let listing = folder::list(path).map_err(failed_to_read(path))?.unwrap_or_default();
    let series = names::choose(&listing.pictures, options.series.as_ref()).map_err(|e| failed(path, e))?;
    let jump = series.jump();
    Ok(Chosen { files: series.files, others: listing.others, jump })
}

/// The first page.
#[derive(Debug)]
struct First {
    page: Page,
    layout: Layout,
    file: PathBuf,
}

/// The facts of all files together.
#[derive(Debug, Default)]
struct Found {
    first: Option<First>,
    pages: usize,
    slices: usize,
    length: u64,
    /// Pages whose rows are shown as columns.
    swapped: usize,
    aside: usize,
    odd_orientation: Option<u64>,
    /// The first file with an EXIF orientation, the orientation, and the number of such files.
    asked: Option<(String, u16, usize)>,
}

impl Found {
    fn add(&mut self, file: &Path) -> Result<(), ReadError> {
        self.length = self.length.saturating_add(length_of(file)?);
        let headers = decode::headers(file)?;
        let count = headers.pages.len();
        let samples = headers.pages.first().map_or(1, |(page, _)| page.channels);
        let layout = match &headers.description {
            Some(text) => Layout::of(text, count, samples).map_err(|e| failed(file, e))?,
            None => Layout::SLICES,
        };
        for (number, (page, turn)) in headers.pages.into_iter().enumerate() {
            self.swapped += usize::from(turn.swaps());
            let first = self.first.get_or_insert_with(|| First { page, layout, file: file.to_owned() });
            if page != first.page {
                let same = first.file == file;
                let found = match count {
                    1 => format!("has {}", page.text()),
                    _ => format!("page {} has {}", number + 1, page.text()),
                };
                let name = if same { "page 1".to_owned() } else { names::name_of(&first.file) };
                let first = format!("{name} has {}", first.page.text());
                return Err(failed(file, PictureError::Unlike { found, first }));
            }
            if first.file != file
                && (layout.channels != first.layout.channels || layout.frames.max(first.layout.frames) > 1)
            {
                let text = |layout: &Layout| format!("{} channels and {} frames", layout.channels, layout.frames);
                let first = format!("{} has {}", names::name_of(&first.file), text(&first.layout));
                return Err(failed(file, PictureError::UnlikeLayout { found: text(&layout), first }));
            }
        }
        self.pages += count;
        self.slices += layout.slices(count);
        self.aside += headers.aside;
        self.odd_orientation = self.odd_orientation.or(headers.odd_orientation);
        if let Some(value) = headers.asked {
            self.asked.get_or_insert_with(|| (names::name_of(file), value, 0)).2 += 1;
        }
        Ok(())
    }

    fn warnings(&self) -> impl Iterator<Item = Warning> {
        let aside = Some(self.aside).filter(|count| *count > 0).map(Warning::PagesAside);
        let odd = self.odd_orientation.map(|value| Warning::NotApplied {
            field: "Orientation",
            value: value.to_string(),
            why: "because the standard has 1 to 8",
        });
        let asked = self.asked.clone().map(|(file, value, count)| Warning::AsksToBeTurned { file, value, count });
        aside.into_iter().chain(odd).chain(asked)
    }
}
