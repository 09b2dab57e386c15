//! DICOM series: folders, files and archives (zip, tar, tar.gz, tar.bz2) of them.
//!
//! ```text
//! collect   every file under a path, by content: parse → dataset → image (format, plane)
//! group     what can share a volume, by series and by what keeps images apart
//! passes    images of one size and direction that are several volumes all the same
//! stack     the order of the slices, gaps, tilt; split: several images at a place are frames
//! select    the one series that is read
//! plan      the grid, and where each of its slices comes from
//! labels    segmentations and structure sets, which become label maps
//! pixels    straight from the files into their place in the volume; codec: compressed ones
//! index     which series a whole dataset has, without their geometry
//! ```
//!
//! Architecture invariants: geometry comes only from ImagePositionPatient, ImageOrientationPatient and PixelSpacing,
//! never from slice thickness, instance numbers or file names. Every guess is a [`DicomWarning`]. DICOM is never
//! written.

pub mod facts;
pub mod problem;
pub mod report;
#[doc(hidden)]
pub mod testing;
pub mod warning;

mod bytes;
mod codec;
mod collect;
mod conditions;
mod convert;
mod copies;
mod csa;
mod dataset;
mod dose;
mod fill;
mod format;
mod fragments;
mod group;
mod image;
pub(crate) mod index;
mod input;
mod labels;
mod mosaic;
mod parse;
mod passes;
mod pixels;
mod places;
mod plan;
mod plane;
mod select;
mod split;
mod stack;
mod syntax;
mod table;
mod tags;
mod vector;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use revoxel_core::{Kind, Volume};

use crate::archive::Packing;
use crate::facts::TimeUnit;
use crate::format::Wrote;
use crate::{Facts, FileInfo, Format, Limits, Loaded, ReadError, ReadOptions, Warning, WriteError};
use collect::FolderContents;
use group::PlaneId;
use pixels::Request;
use plan::Plan;

pub use facts::DicomFacts;
pub use labels::error::LabelsError;
pub use labels::facts::{Code, LabelFacts};
pub use labels::warning::LabelsWarning;
pub use problem::{DicomError, Problem};
pub use report::{DicomScan, Gap, Geometry, LabelsReport, MissingSlice, SeriesReport, SkipReason, Skipped};
pub use warning::DicomWarning;

/// Whether a file with these first bytes is DICOM.
pub(crate) fn is_dicom(first_bytes: &[u8]) -> bool {
    parse::looks_like_dicom(first_bytes)
}

/// The DICOM format, for reading.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dicom;

impl Format for Dicom {
    fn name(&self) -> &'static str {
        "dicom"
    }

    fn extensions(&self) -> &'static [&'static str] {
        // Nothing is written under these; they say what a file was meant to be.
        &[]
    }

    fn holds_segments(&self) -> bool {
        true
    }

    fn recognises(&self, path: &Path, first_bytes: &[u8]) -> bool {
        path.is_dir() || parse::looks_like_dicom(first_bytes) || matches!(Packing::sniff(path), Ok(Some(_)))
    }

    fn info(&self, path: &Path, options: &ReadOptions) -> Result<FileInfo, ReadError> {
        let mut found = collect::collect(path, options)?;
        match chosen_labels(&mut found, options.kind, options)? {
            Some(index) => labels::info(&found, index, options),
            None => Ok(Series::choose(found, options)?.info(Kind::Image)),
        }
    }

    fn read(&self, path: &Path, kind: Kind, options: &ReadOptions) -> Result<Loaded, ReadError> {
        let mut found = collect::collect(path, options)?;
        if let Some(index) = chosen_labels(&mut found, Some(kind), options)? {
            return labels::read(&found, index, options);
        }
        let series = Series::choose(found, options)?;
        let mut info = series.info(kind);
        let voxels = pixels::read(&series.request(kind))?;
        info.dtype = voxels.dtype();
        let bytes = voxels.bytes().len() as u64;
        // The number of values was derived from the grid; this cannot fail.
        let volume = Volume::new(voxels, info.grid, kind, info.channels)
            .map_err(|_| ReadError::Memory { path: path.to_owned(), bytes })?;
        Ok(Loaded { volume, info })
    }

    fn parts(&self, path: &Path, options: &ReadOptions) -> Result<Vec<PathBuf>, ReadError> {
        // A folder is hashed with all that is in it; an archive is a file.
        let mut found = collect::collect(path, options)?;
        if let Some(index) = chosen_labels(&mut found, options.kind, options)? {
            return labels::parts(&found, index, options);
        }
        let single = found.packing.is_none() && !path.is_dir();
        let files = found.files.into_iter().map(|image| image.path).filter(|file| single && file != path);
        Ok(files.collect())
    }

    fn write(&self, path: &Path, _to: &Path, _volume: &Volume, _facts: &Facts) -> Result<Wrote, WriteError> {
        Err(WriteError::CannotWrite { path: path.to_owned(), format: self.name() })
    }
}

/// Lists everything under a path: every series with its geometry, or the reason why it has none, and skipped files
/// with the reason. Only headers are read.
///
/// # Errors
/// If the path cannot be read, or an archive is damaged. Damaged files are not an error: they are listed.
pub fn scan(path: impl AsRef<Path>, options: &ReadOptions) -> Result<DicomScan, ReadError> {
    let mut found = collect::collect(path.as_ref(), options)?;
    let groups = copies::sorted_out(&mut found, options)?;
    Ok(select::report(found, &groups))
}

/// The label object to read, as a position in the list of found objects; `None` for a series of images.
fn chosen_labels(
    found: &mut FolderContents,
    kind: Option<Kind>,
    options: &ReadOptions,
) -> Result<Option<usize>, ReadError> {
    let chosen = if found.labels.is_empty() {
        None
    } else {
        let images = copies::sorted_out(found, options)?.len();
        // They are counted again where a series of images is read.
        found.equal_instances = 0;
        labels::chosen(found, kind, options, images)?
    };
    if chosen.is_none() {
        options.labels.check_unused(found.focus.as_ref().unwrap_or(&found.root), "a series of images")?;
    }
    Ok(chosen)
}

/// The series to read.
struct Series {
    found: FolderContents,
    frames: Vec<Vec<PlaneId>>,
    stack: stack::Stack,
    plan: Plan,
    format: format::PixelFormat,
    example: usize,
    limits: Limits,
    warnings: Vec<DicomWarning>,
}

impl Series {
    fn choose(mut found: FolderContents, options: &ReadOptions) -> Result<Self, ReadError> {
        let mut groups = copies::sorted_out(&mut found, options)?;
        let chosen = select::choose(&found, &groups, options)?;
        let group = groups.swap_remove(chosen);
        let fail = |path: Option<std::path::PathBuf>, reason| ReadError::Dicom {
            path: path.unwrap_or_else(|| found.root.clone()),
            reason: Box::new(reason),
        };
        let stack = group.stack.map_err(|(path, error)| fail(path, error))?;
        let formats = || group.planes.iter().filter_map(|id| group::format(&found.files, *id));
        let format = formats().copied().reduce(format::PixelFormat::wider);
        let format = format.ok_or_else(|| fail(None, DicomError::NotDicom))?;
        let plan = plan::plan(&stack, [format.columns, format.rows], options).map_err(|e| fail(None, e))?;
        let warnings = group.warnings;
        let frames = stack.frames.iter().map(|f| f.iter().map(|i| group.planes[*i]).collect()).collect();
        Ok(Self { frames, stack, plan, format, example: group.example, limits: options.limits, warnings, found })
    }

    fn request(&self, kind: Kind) -> Request<'_> {
        Request {
            found: &self.found,
            frames: &self.frames,
            plan: &self.plan,
            format: self.format,
            kind,
            limits: self.limits,
        }
    }

    fn info(&self, kind: Kind) -> FileInfo {
        let frames = self.frames.len();
        let colour = self.format.channels() == 3;
        let mut warnings = select::remarks(&self.found);
        warnings.extend(self.warnings.iter().cloned());
        warnings.extend(self.plan.warnings.iter().cloned());
        if !self.found.labels.is_empty() {
            warnings.push(DicomWarning::Labels(LabelsWarning::Aside(self.found.labels.len())));
        }
        if self.format.photometric == format::Photometric::Monochrome1 {
            warnings.push(DicomWarning::Monochrome1);
        }
        FileInfo {
            format: "DICOM",
            grid: self.plan.grid,
            stored: self.format.dtype(),
            dtype: pixels::target(&self.request(kind)),
            channels: frames * self.format.channels(),
            facts: Facts {
                colour,
                frames: (colour && frames > 1).then_some(frames),
                frame_spacing: self.stack.step,
                time_unit: self.stack.step.map(|_| TimeUnit::Second),
                dicom: Some(self.facts()),
                ..Facts::default()
            },
            warnings: warnings.into_iter().map(Warning::Dicom).collect(),
            slices: self.plan.stack.clone(),
        }
    }

    fn facts(&self) -> DicomFacts {
        let file = &self.found.files[self.example].file;
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let planes = || self.frames.iter().flatten().filter_map(|id| group::plane(&self.found.files, *id));
        let scale = planes().next().map_or((1.0, 0.0), |p| (p.slope, p.intercept));
        let shared = planes().all(|p| (p.slope, p.intercept) == scale);
        DicomFacts {
            series_uid: text(&file.series),
            description: text(&file.description),
            modality: text(&file.modality),
            frame_of_reference: file.frame_of_reference.clone(),
            patient_position: file.patient_position.clone(),
            photometric: Some(self.format.photometric.name().to_owned()),
            window: file.window,
            padding: file.padding.filter(|_| shared).map(|p| p * scale.0 + scale.1),
            tilt_degrees: (self.stack.tilt > 0.0).then_some(self.stack.tilt),
            frames_by: self.stack.by.map(str::to_owned),
            frame_values: self.stack.values.clone(),
            filled_slices: self.plan.filled(),
            ..DicomFacts::default()
        }
    }
}
