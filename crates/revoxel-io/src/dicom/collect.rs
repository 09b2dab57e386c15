//! Finding the files: in a folder, beside a file, in an archive.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use revoxel_core::parallel;

use super::group::NamedImage;
use super::image::ImageFile;
use super::input::{Source, Stream};
use super::labels::file::LabelFile;
use super::parse;
use super::problem::DicomError;
use super::report::{SkipReason, Skipped};
use crate::archive::{self, ArchiveError, Packing, Want};
use crate::open::{failed_to_read, length_of};
use crate::{Limits, ReadError, ReadOptions};

/// Everything that was found.
#[derive(Debug)]
pub(super) struct FolderContents {
    pub(super) root: PathBuf,
    pub(super) packing: Option<Packing>,
    pub(super) files: Vec<NamedImage>,
    /// Segmentations and structure sets.
    pub(super) labels: Vec<LabelFile>,
    pub(super) skipped: Vec<Skipped>,
    /// The requested file, if it was one.
    pub(super) focus: Option<PathBuf>,
    /// Files with the instance UID of another file that are not copies of it.
    pub(super) equal_instances: usize,
}

/// Why a file is not among the images.
pub(super) enum NotAnImage {
    Out(SkipReason),
    Labels(Box<LabelFile>),
    Unreadable(DicomError),
}

/// Examines everything under a path.
pub(super) fn collect(path: &Path, options: &ReadOptions) -> Result<FolderContents, ReadError> {
    let limits = &options.limits;
    let metadata = fs::metadata(path).map_err(failed_to_read(path))?;
    if metadata.is_dir() {
        if let Some(files) = options.series.as_ref().and_then(|choice| choice.files.as_ref()) {
            return listed(path, files, limits);
        }
        let mut skipped = Vec::new();
        let paths = walk(path, true, &mut skipped)?;
        return Ok(found(path, paths, skipped, limits));
    }
    if !metadata.is_file() {
        return Err(ReadError::NotAFile { path: path.to_owned() });
    }
    match Packing::sniff(path).map_err(failed_to_read(path))? {
        Some(packing) => members(path, packing, limits),
        None => beside(path, limits),
    }
}

/// A folder's images.
fn found(root: &Path, paths: Vec<PathBuf>, mut skipped: Vec<Skipped>, limits: &Limits) -> FolderContents {
    let scanned = parallel::map(paths.into_iter(), |path| (scan(&path, limits), path));
    let (mut files, mut labels) = (Vec::with_capacity(scanned.len()), Vec::new());
    for (result, path) in scanned {
        sort_in(result, path, 0, (&mut files, &mut labels), &mut skipped);
    }
    let files = without_localizers(files, &mut skipped);
    FolderContents { root: root.to_owned(), packing: None, files, labels, skipped, focus: None, equal_instances: 0 }
}

/// The images and labels among some files of a folder.
fn listed(root: &Path, files: &[PathBuf], limits: &Limits) -> Result<FolderContents, ReadError> {
    let found = found(root, files.to_vec(), Vec::new(), limits);
    // What is known to be an image is not left out.
    let lost = found.skipped.iter().find(|skipped| skipped.reason != SkipReason::Localizer);
    match lost {
        Some(Skipped { path, reason }) => {
            let reason = Box::new(DicomError::NoImage(reason.to_string()));
            Err(ReadError::Dicom { path: path.clone(), reason })
        }
        None => Ok(found),
    }
}

fn sort_in(
    result: Result<ImageFile, NotAnImage>,
    path: PathBuf,
    member: usize,
    (files, labels): (&mut Vec<NamedImage>, &mut Vec<LabelFile>),
    skipped: &mut Vec<Skipped>,
) {
    match result {
        Ok(file) => files.push(NamedImage { path, member, file }),
        Err(NotAnImage::Labels(file)) => labels.push(file.at(path, member)),
        Err(NotAnImage::Out(reason)) => skipped.push(Skipped { path, reason }),
        Err(NotAnImage::Unreadable(e)) => skipped.push(Skipped { path, reason: SkipReason::Unreadable(e.to_string()) }),
    }
}

/// Leaves out images for planning, if there are others.
fn without_localizers(files: Vec<NamedImage>, skipped: &mut Vec<Skipped>) -> Vec<NamedImage> {
    if files.iter().all(|named| named.file.localizer || named.file.content.is_err()) {
        return files;
    }
    let (localizers, others): (Vec<NamedImage>, Vec<NamedImage>) = files.into_iter().partition(|n| n.file.localizer);
    skipped.extend(localizers.into_iter().map(|n| Skipped { path: n.path, reason: SkipReason::Localizer }));
    others
}

/// Files, in the order of their names. Links to folders are not followed: they could lead in a circle.
fn walk(root: &Path, deep: bool, skipped: &mut Vec<Skipped>) -> Result<Vec<PathBuf>, ReadError> {
    let mut folders = vec![root.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(reason) if folder == root => return Err(ReadError::Io { path: folder, reason }),
            Err(reason) => {
                skipped.push(Skipped { path: folder, reason: SkipReason::Unreadable(reason.to_string()) });
                continue;
            }
        };
        for entry in entries {
            let entry = entry.map_err(failed_to_read(&folder))?;
            let path = entry.path();
            let mut kind = entry.file_type().map_err(failed_to_read(&path))?;
            if kind.is_symlink() {
                match fs::metadata(&path) {
                    Ok(target) if target.is_file() => kind = target.file_type(),
                    _ => {
                        skipped.push(Skipped { path, reason: SkipReason::Link });
                        continue;
                    }
                }
            }
            if kind.is_file() {
                files.push(path);
            } else if kind.is_dir() && deep {
                folders.push(path);
            } else if !kind.is_dir() {
                skipped.push(Skipped { path, reason: SkipReason::NotRegular });
            }
        }
    }
    files.sort();
    Ok(files)
}

/// The header of one file.
pub(super) fn scan(path: &Path, limits: &Limits) -> Result<ImageFile, NotAnImage> {
    let io = |e: io::Error| NotAnImage::Unreadable(DicomError::Io(e.to_string()));
    let mut file = File::open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    image(&mut file, length, limits.most_decoded(length))
}

fn image(source: &mut dyn Source, length: u64, limit: u64) -> Result<ImageFile, NotAnImage> {
    match parse::parse(source, Some(length), limit) {
        Ok(header) => {
            let length = header.deflated_from.is_none().then_some(length);
            if let Some(file) = LabelFile::of(&header, length) {
                return Err(NotAnImage::Labels(Box::new(file)));
            }
            ImageFile::new(header, length).map_err(NotAnImage::Out)
        }
        Err(DicomError::NotDicom) => Err(NotAnImage::Out(SkipReason::NotDicom)),
        Err(error) => Err(NotAnImage::Unreadable(error)),
    }
}

/// The series to which a file belongs; a file of several frames is a series of its own.
fn beside(path: &Path, limits: &Limits) -> Result<FolderContents, ReadError> {
    let fail = |reason| ReadError::Dicom { path: path.to_owned(), reason: Box::new(reason) };
    let mut all = FolderContents {
        root: path.to_owned(),
        packing: None,
        files: Vec::new(),
        labels: Vec::new(),
        skipped: Vec::new(),
        focus: Some(path.to_owned()),
        equal_instances: 0,
    };
    let file = match scan(path, limits) {
        Ok(file) => file,
        Err(NotAnImage::Labels(file)) => {
            all.labels.push(file.at(path.to_owned(), 0));
            return Ok(all);
        }
        Err(NotAnImage::Unreadable(error)) => return Err(fail(error)),
        Err(NotAnImage::Out(SkipReason::NotDicom)) => return Err(fail(DicomError::NotDicom)),
        Err(NotAnImage::Out(reason)) => return Err(fail(DicomError::NoImage(reason.to_string()))),
    };
    let single = |file: &ImageFile| file.content.as_ref().map_or(true, |c| c.stored().1 == 1);
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let named = NamedImage { path: path.to_owned(), member: 0, file };
    if named.file.localizer || named.file.content.is_err() || !single(&named.file) || named.file.series.is_empty() {
        all.files.push(named);
        return Ok(all);
    }
    let paths = walk(folder, false, &mut Vec::new())?;
    let others = paths.into_iter().filter(|p| p.file_name() != path.file_name()).collect();
    let others = found(folder, others, Vec::new(), limits);
    let series = named.file.series.clone();
    let same = |n: &NamedImage| n.file.series == series && single(&n.file);
    all.files.extend(others.files.into_iter().filter(same));
    all.files.push(named);
    all.files.sort_by(|a, b| a.path.file_name().cmp(&b.path.file_name()));
    Ok(all)
}

/// An archive's images.
fn members(path: &Path, packing: Packing, limits: &Limits) -> Result<FolderContents, ReadError> {
    let (mut files, mut labels, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
    let limit = limits.most_decoded(length_of(path)?);
    archive::visit(path, packing, limits, Want::Heads, &mut |member| {
        let shown = member.shown(path);
        let result = image(&mut Stream(member.read), member.size, limit);
        if member.link {
            // The path that a link holds is no image: the archive is damaged where it is one.
            if matches!(result, Ok(_) | Err(NotAnImage::Labels(_))) {
                let reason = format!("{}: a link contains an image", member.name);
                let reason = ArchiveError::Damaged { members: member.index, reason };
                return Err(ReadError::Archive { path: path.to_owned(), reason });
            }
            skipped.push(Skipped { path: shown, reason: SkipReason::Link });
            return Ok(());
        }
        sort_in(result, shown, member.index, (&mut files, &mut labels), &mut skipped);
        Ok(())
    })?;
    let root = path.to_owned();
    let files = without_localizers(files, &mut skipped);
    Ok(FolderContents { root, packing: Some(packing), files, labels, skipped, focus: None, equal_instances: 0 })
}
