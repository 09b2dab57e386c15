//! The label object to read, and the series to which it refers.

use std::path::{Path, PathBuf};

use revoxel_core::Kind;

use super::super::collect::{self, FolderContents};
use super::super::copies::sorted_out;
use super::super::group::{Group, format};
use super::super::plan::{Plan, plan};
use super::super::problem::DicomError;
use super::super::select;
use super::super::warning::DicomWarning;
use super::error::LabelsError;
use super::facts::LabelFacts;
use super::file::LabelFile;
use super::frames::bytes_of;
use super::listing::{lines, lines_of};
use super::target::Target;
use super::warning::LabelsWarning;
use crate::series::fits;
use crate::{LabelOptions, Limits, ReadError, ReadOptions, SeriesChoice};

/// The label object to read, as a position in the list of found objects; `None` if a series of images is to be read.
/// `images` is the number of these in the list of choices.
pub(in crate::dicom) fn chosen(
    found: &FolderContents,
    kind: Option<Kind>,
    options: &ReadOptions,
    images: usize,
) -> Result<Option<usize>, ReadError> {
    let refuse = |index: usize| {
        let file: &LabelFile = &found.labels[index];
        let error = LabelsError::NoImage { what: file.what() };
        ReadError::Dicom { path: file.path.clone(), reason: Box::new(error.into()) }
    };
    let wanted = |index: usize| match kind {
        None | Some(Kind::Label) if options.select.is_some() => {
            let path = found.labels[index].path.clone();
            Err(ReadError::Dicom { path, reason: Box::new(LabelsError::Select.into()) })
        }
        None | Some(Kind::Label) => Ok(Some(index)),
        Some(_) => Err(refuse(index)),
    };
    let none = || {
        let asked = options.series.as_ref().map(ToString::to_string).unwrap_or_default();
        let reason = DicomError::NoSuchSeries { asked: format!("series {asked:?}"), list: lines(found, images) };
        ReadError::Dicom { path: found.focus.clone().unwrap_or_else(|| found.root.clone()), reason: Box::new(reason) }
    };
    if let Some(focus) = &found.focus {
        let Some(index) = found.labels.iter().position(|l| l.path == *focus) else { return Ok(None) };
        let asked = options.series.as_ref().is_none_or(|asked| is_asked(found, index, asked, images, kind));
        return if asked { wanted(index) } else { Err(none()) };
    }
    let only_labels = found.files.is_empty() && !found.labels.is_empty();
    let all: Vec<usize> = (0..found.labels.len()).collect();
    let asked = options.series.as_ref();
    let mut fitting: Vec<usize> = match asked {
        // A pattern that fits a series of images too is meant for that, where images are asked for.
        Some(asked) => all.into_iter().filter(|i| is_asked(found, *i, asked, images, kind)).collect(),
        None if kind == Some(Kind::Label) || only_labels => all,
        None => return Ok(None),
    };
    without_copies(found, &mut fitting, &options.limits);
    match &fitting[..] {
        // Images would be read as labels where labels are there.
        [] if only_labels || (kind == Some(Kind::Label) && asked.is_some()) => Err(none()),
        [] => Ok(None),
        [only] => wanted(*only),
        [first, ..] if kind.is_some_and(|k| k != Kind::Label) => Err(refuse(*first)),
        several => {
            let list = lines_of(found, images, several.iter().copied());
            let error = LabelsError::Several { count: several.len(), list };
            Err(ReadError::Dicom { path: found.root.clone(), reason: Box::new(error.into()) })
        }
    }
}

/// Keeps one of several files that are equal byte for byte.
fn without_copies(found: &FolderContents, fitting: &mut Vec<usize>, limits: &Limits) {
    let archive = found.packing.map(|packing| (found.root.as_path(), packing));
    let content = |index: usize| {
        let bytes = bytes_of(&found.labels[index], archive, u64::MAX, limits).ok()?;
        bytes.part(0, bytes.length()).ok()
    };
    let mut kept: Vec<usize> = Vec::new();
    for index in std::mem::take(fitting) {
        let same = |other: &usize| {
            let pair = [*other, index].map(|i| &found.labels[i].instance);
            pair[0].is_some() && pair[0] == pair[1] && content(*other).is_some_and(|c| Some(c) == content(index))
        };
        if !kept.iter().any(same) {
            kept.push(index);
        }
    }
    *fitting = kept;
}

/// Whether a segmentation or structure set is the chosen one.
fn is_asked(found: &FolderContents, index: usize, asked: &SeriesChoice, images: usize, kind: Option<Kind>) -> bool {
    let file = &found.labels[index];
    let patterns = kind.is_none_or(|kind| kind == Kind::Label);
    let is = |uid: &String| file.series == *uid || file.instance.as_ref() == Some(uid);
    let described = |pattern: &String| patterns && fits(pattern, &file.description);
    let named = |name: &String| match name.parse::<usize>() {
        Ok(number) => number == images + index + 1,
        Err(_) => is(name) || described(name),
    };
    let (name, uid) = (asked.name.as_ref(), asked.uid.as_ref());
    (patterns || name.is_some() || uid.is_some())
        && name.is_none_or(named)
        && uid.is_none_or(is)
        && asked.description.as_ref().is_none_or(described)
        && asked.modality.as_ref().is_none_or(|modality| fits(modality, &file.modality))
        && asked.number.is_none_or(|number| file.number == Some(number))
        && asked.min_slices.is_none()
        && *asked != SeriesChoice { largest: true, ..SeriesChoice::default() }
}

/// A series onto which labels may go.
pub(super) struct Candidate {
    pub(super) uid: String,
    pub(super) target: Target,
    /// The plan according to the options, which may refuse uneven slices.
    pub(super) plan: Result<Plan, DicomError>,
    pub(super) files: Vec<PathBuf>,
    pub(super) line: String,
    /// Whether the labels refer to this series. Otherwise it shares their frame of reference, or it is the only one in
    /// the reference that the caller named.
    pub(super) named: bool,
    /// Its frame of reference.
    pub(super) frame: Option<String>,
}

impl Candidate {
    /// Warnings about the labels of a file on this series; `refers` names the series to which they refer.
    pub(super) fn warnings(&self, file: &LabelFile, labels: &[LabelFacts], refers: &str) -> Vec<DicomWarning> {
        let other =
            (!self.named).then(|| LabelsWarning::OtherSeries { refers: refers.to_owned(), used: self.uid.clone() });
        // A structure may say another frame than its file.
        let own = labels.iter().map(|l| file.frames.get(&l.number).or(file.frame_of_reference.as_ref()));
        let mut apart: Vec<String> =
            own.flatten().filter(|own| self.frame.as_ref().is_some_and(|f| f != *own)).cloned().collect();
        apart.sort();
        apart.dedup();
        let series = self.frame.clone().unwrap_or_default();
        let frames = apart.into_iter().map(|labels| LabelsWarning::OtherFrame { labels, series: series.clone() });
        other.into_iter().chain(frames).map(DicomWarning::Labels).collect()
    }
}

/// Where the labels are, and which series may be used.
pub(super) struct Candidates {
    pub(super) all: Vec<Candidate>,
    /// A series to which the labels refer but which cannot be used: its name and the reason.
    pub(super) broken: Option<(String, String)>,
}

/// The series to which a label object may refer: by its UID, else by the frame of reference.
pub(super) fn candidates(
    found: &FolderContents,
    file: &LabelFile,
    options: &ReadOptions,
) -> Result<Candidates, ReadError> {
    let LabelOptions { reference, reference_series, reference_select, .. } = options.labels.clone();
    let plain = ReadOptions { series: reference_series, select: reference_select, ..options.clone() };
    let mut found = match (&reference, &found.focus) {
        (Some(path), _) => collect::collect(path, &plain)?,
        (None, None) => again(&found.root, &plain)?,
        (None, Some(file)) => again(folder_of(file), &plain)?,
    };
    let groups = sorted_out(&mut found, &plain)?;
    let groups: Vec<&Group> = select::fitting(&found, &groups, &plain).into_iter().map(|g| &groups[g]).collect();
    let uid = |g: &Group| found.files[g.example].file.series.as_str();
    let by_name: Vec<&Group> = groups.iter().copied().filter(|g| file.references.iter().any(|r| r == uid(g))).collect();
    let frame = |g: &Group| found.files[g.example].file.frame_of_reference.as_ref();
    let by_frame = || {
        groups
            .iter()
            .copied()
            .filter(|g| file.frame_of_reference.is_some() && frame(g) == file.frame_of_reference.as_ref())
    };
    let named = !by_name.is_empty();
    let mut fitting = if named { by_name } else { by_frame().collect() };
    if let (true, [only]) = (fitting.is_empty() && reference.is_some(), &groups[..]) {
        fitting.push(*only);
    }
    let (mut all, mut broken) = (Vec::new(), None);
    for group in fitting {
        let stack = match &group.stack {
            Ok(stack) => stack,
            Err((_, error)) => {
                broken.get_or_insert((uid(group).to_owned(), error.to_string()));
                continue;
            }
        };
        let Some(format) = group.planes.first().and_then(|id| format(&found.files, *id)) else { continue };
        let size = [format.columns, format.rows];
        let mut files: Vec<PathBuf> = group.planes.iter().map(|id| found.files[id.file].path.clone()).collect();
        files.sort();
        files.dedup();
        if found.packing.is_some() {
            files = vec![found.root.clone()];
        }
        let report = group.report(0, &found.files);
        all.push(Candidate {
            uid: uid(group).to_owned(),
            target: Target::new(stack.in_plane, size, stack.positions.clone()),
            plan: plan(stack, size, options),
            files,
            line: format!("{} {:?}, {} slices, {}", report.modality, report.description, report.slices, report.uid),
            named,
            frame: frame(group).cloned(),
        });
    }
    Ok(Candidates { all, broken })
}

/// Collects everything under a path again.
fn again(path: &Path, options: &ReadOptions) -> Result<FolderContents, ReadError> {
    collect::collect(path, options)
}

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
