//! The series of a dataset by their headers.
//!
//! Of each file only the attributes up to the size of the image are read. Files that may be no slice (of several
//! frames, without a position, segmentations) are read like those of a folder, so that both agree on what they are.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use revoxel_core::{Kind, parallel};

use super::collect::{self, NotAnImage};
use super::copies::sorted_out;
use super::dataset::DataSet;
use super::image::ImageFile;
use super::labels::{self, file::LabelFile};
use super::parse;
use super::problem::DicomError;
use super::report::SkipReason;
use super::select;
use super::tags::{self, Scope, Tag};
use crate::dicom_index::found::{DicomIndex, IndexedLabels, IndexedSeries, Keyword, KeywordError, SeriesSort};
use crate::{Limits, ReadError, ReadOptions};

/// Files that are looked at before their results are put together.
const TOGETHER: usize = 1 << 13;

/// What is read of every file, besides the keywords.
const ALWAYS: [Tag; 13] = [
    tags::IMAGE_TYPE,
    tags::SOP_CLASS,
    tags::MODALITY,
    tags::SERIES_DESCRIPTION,
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    tags::STUDY_UID,
    tags::SERIES_UID,
    tags::POSITION,
    tags::ORIENTATION,
    tags::FRAME_OF_REFERENCE,
    tags::FRAMES,
    tags::ROWS,
];

pub(crate) fn keyword(name: &str) -> Result<Keyword, KeywordError> {
    let wanted = tags::by_keyword(name).ok_or_else(|| KeywordError::Unknown(name.to_owned()))?;
    if wanted.tag.group() <= 2 {
        return Err(KeywordError::Meta(wanted.keyword));
    }
    match &wanted.vr {
        b"SQ" | b"OB" | b"OW" | b"OF" | b"OD" | b"OL" | b"OV" | b"UN" | b"AT" => {
            Err(KeywordError::NoText(wanted.keyword))
        }
        vr => {
            let numbers = [b"DS", b"IS", b"US", b"SS", b"UL", b"SL", b"FL", b"FD", b"UV", b"SV"];
            Ok(Keyword { name: wanted.keyword, is_number: numbers.contains(&vr), tag: wanted.tag.0 })
        }
    }
}

pub(crate) fn keywords() -> Vec<&'static str> {
    tags::keywords().filter(|name| keyword(name).is_ok()).collect()
}

/// What a file is.
enum Looked {
    Image(Box<Header>),
    Labels(Box<LabelFile>, Patient),
    Unreadable(String),
    Nothing,
}

/// Whom a header names.
struct Patient {
    id: String,
    name: String,
}

/// What the header of an image says.
struct Header {
    series: String,
    patient: Patient,
    study: String,
    frame_of_reference: Option<String>,
    modality: String,
    description: String,
    values: Vec<Option<String>>,
    localizer: bool,
    placed: bool,
}

/// What is looked for.
struct Wanted<'a> {
    scope: Scope,
    anywhere: Scope,
    keywords: &'a [Keyword],
    limits: &'a Limits,
}

pub(crate) fn of(mut files: Vec<PathBuf>, keywords: &[Keyword], limits: &Limits) -> DicomIndex {
    files.sort();
    let scope = || Scope::new(ALWAYS.into_iter().chain(keywords.iter().map(|keyword| Tag(keyword.tag))));
    let wanted = Wanted { scope: scope(), anywhere: scope().anywhere(), keywords, limits };
    let mut index = DicomIndex::default();
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    let mut files = files.into_iter().peekable();
    while files.peek().is_some() {
        let some: Vec<PathBuf> = files.by_ref().take(TOGETHER).collect();
        let looked = parallel::map(some.into_iter(), |path| (wanted.look(&path), path));
        for (looked, path) in looked {
            match &looked {
                Looked::Image(header) => named(&mut index, &header.patient, &path),
                Looked::Labels(_, patient) => named(&mut index, patient, &path),
                _ => {}
            }
            match looked {
                Looked::Image(header) if header.series.is_empty() => index.without_series.push(path),
                Looked::Image(header) => match numbers.get(&header.series) {
                    Some(number) => join(&mut index.series[*number], *header, path),
                    None => {
                        numbers.insert(header.series.clone(), index.series.len());
                        index.series.push(alone(*header, path));
                    }
                },
                Looked::Labels(file, patient) => index.labels.push(IndexedLabels {
                    patient: patient.id,
                    references: file.references().to_vec(),
                    frame_of_reference: file.frame_of_reference().cloned(),
                    path,
                }),
                Looked::Unreadable(why) => index.unreadable.push((path, why)),
                Looked::Nothing => {}
            }
        }
    }
    index
}

/// Notes what a patient is called in a file, if it is another name than before.
fn named(index: &mut DicomIndex, patient: &Patient, path: &Path) {
    let Patient { id, name } = patient;
    if index.names.get(id).is_some_and(|names| names.iter().any(|(other, _)| other == name)) {
        return;
    }
    let plain = plain_name(name);
    if id.is_empty() || plain.is_empty() {
        return;
    }
    let names = index.names.entry(id.clone()).or_default();
    if names.iter().all(|(other, _)| plain_name(other) != plain) {
        names.push((name.clone(), path.to_owned()));
    }
}

/// A name without what programs write in different ways: capital letters, blanks around its parts, empty parts at its
/// end, and the same name in other scripts.
fn plain_name(name: &str) -> String {
    let first = name.split('=').find(|group| group.chars().any(|c| c != '^' && !c.is_whitespace())).unwrap_or_default();
    let parts: Vec<String> = first.split('^').map(|part| part.trim().to_lowercase()).collect();
    parts.join("^").trim_end_matches('^').to_owned()
}

fn alone(header: Header, path: PathBuf) -> IndexedSeries {
    let sort = sort_of(&header);
    IndexedSeries {
        uid: header.series,
        patient: header.patient.id,
        study: header.study,
        frame_of_reference: header.frame_of_reference,
        modality: header.modality,
        description: header.description,
        values: header.values,
        files: vec![path],
        sort,
        contradiction: None,
    }
}

/// Adds a file to a series.
fn join(series: &mut IndexedSeries, header: Header, path: PathBuf) {
    let first = |series: &IndexedSeries| series.files.first().map_or_else(String::new, |f| f.display().to_string());
    let pairs =
        [("PatientID", &series.patient, &header.patient.id), ("StudyInstanceUID", &series.study, &header.study)];
    if series.contradiction.is_none()
        && let Some((name, one, other)) = pairs.into_iter().find(|(_, one, other)| one != other)
    {
        series.contradiction =
            Some(format!("{name} is {one:?} in {} and {other:?} in {}", first(series), path.display()));
    }
    let sort = sort_of(&header);
    // What a series is said to be, its first slice says.
    if sort == SeriesSort::Volume && series.sort != SeriesSort::Volume {
        series.values = header.values;
        series.frame_of_reference = header.frame_of_reference;
        (series.modality, series.description) = (header.modality, header.description);
        series.sort = sort;
    } else if series.sort == SeriesSort::Localizer && sort == SeriesSort::Unplaced {
        series.sort = sort;
    }
    series.files.push(path);
}

fn sort_of(header: &Header) -> SeriesSort {
    match (header.localizer, header.placed) {
        (true, _) => SeriesSort::Localizer,
        (false, true) => SeriesSort::Volume,
        (false, false) => SeriesSort::Unplaced,
    }
}

impl Wanted<'_> {
    fn look(&self, path: &Path) -> Looked {
        let data = match self.read(path, &self.scope) {
            Ok(data) => data,
            Err(DicomError::NotDicom) if select::is_name_of_slice(path) => {
                return Looked::Unreadable("not DICOM".to_owned());
            }
            Err(DicomError::NotDicom) => return Looked::Nothing,
            Err(error) => return Looked::Unreadable(error.to_string()),
        };
        if is_slice(&data) {
            let image_type = data.text(tags::IMAGE_TYPE).unwrap_or_default();
            let localizer = image_type.split('\\').any(|part| part.trim() == "LOCALIZER");
            return Looked::Image(Box::new(self.header(&data, localizer, true)));
        }
        match collect::scan(path, self.limits) {
            Ok(file) => {
                // Attributes may stand in any order in a file that breaks the rules.
                let data = match self.read(path, &self.anywhere) {
                    Ok(data) => data,
                    Err(error) => return Looked::Unreadable(error.to_string()),
                };
                Looked::Image(Box::new(self.header(&data, file.localizer, is_placed(&file))))
            }
            Err(NotAnImage::Labels(file)) => match self.read(path, &self.anywhere) {
                Ok(data) => Looked::Labels(file, patient(&data)),
                Err(error) => Looked::Unreadable(error.to_string()),
            },
            Err(NotAnImage::Out(reason)) if select::is_damaged(&reason) => Looked::Unreadable(reason.to_string()),
            Err(NotAnImage::Out(SkipReason::Unreadable(why))) => Looked::Unreadable(why),
            Err(NotAnImage::Out(_)) => Looked::Nothing,
            Err(NotAnImage::Unreadable(error)) => Looked::Unreadable(error.to_string()),
        }
    }

    fn read(&self, path: &Path, scope: &Scope) -> Result<DataSet, DicomError> {
        let io = |e: std::io::Error| DicomError::Io(e.to_string());
        let mut file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        Ok(parse::parse_scope(&mut file, Some(length), self.limits.most_decoded(length), scope)?.data)
    }

    fn header(&self, data: &DataSet, localizer: bool, placed: bool) -> Header {
        let text = |tag| data.text(tag).unwrap_or_default();
        Header {
            series: text(tags::SERIES_UID),
            patient: patient(data),
            study: text(tags::STUDY_UID),
            frame_of_reference: data.text(tags::FRAME_OF_REFERENCE),
            modality: text(tags::MODALITY),
            description: text(tags::SERIES_DESCRIPTION),
            values: self.keywords.iter().map(|keyword| data.shown(Tag(keyword.tag))).collect(),
            localizer,
            placed,
        }
    }
}

fn patient(data: &DataSet) -> Patient {
    let text = |tag| data.text(tag).unwrap_or_default();
    Patient { id: text(tags::PATIENT_ID), name: text(tags::PATIENT_NAME) }
}

/// Whether a file is an image of one frame with a position, as the attributes up to its size say.
fn is_slice(data: &DataSet) -> bool {
    let has = |tag| data.text(tag).is_some();
    let class = data.text(tags::SOP_CLASS).unwrap_or_default();
    has(tags::SERIES_UID)
        && data.key(tags::ROWS).is_some()
        && has(tags::POSITION)
        && has(tags::ORIENTATION)
        && data.key(tags::FRAMES).is_none_or(|frames| frames <= 1.0)
        && !labels::file::may_be_labels(&class, &data.text(tags::MODALITY).unwrap_or_default())
}

fn is_placed(file: &ImageFile) -> bool {
    !file.content.as_ref().is_err_and(DicomError::is_unplaced)
}

/// The one series that the options choose, by its UID; `None` if none matches.
pub(crate) fn series(root: &Path, options: &ReadOptions) -> Result<Option<String>, ReadError> {
    let mut found = collect::collect(root, options)?;
    let groups = sorted_out(&mut found, options)?;
    let uid = |group: &usize| found.files[groups[*group].example].file.series.clone();
    let mut uids: Vec<String> = select::fitting(&found, &groups, options).iter().map(uid).collect();
    uids.dedup();
    match &uids[..] {
        [] => Ok(None),
        // Reading a series reports several volumes in it.
        [only] => Ok(Some(only.clone())),
        _ => select::choose(&found, &groups, options).map(|group| Some(uid(&group))),
    }
}

/// The one label object that the options choose; `None` if none matches.
pub(crate) fn labels(root: &Path, options: &ReadOptions) -> Result<Option<PathBuf>, ReadError> {
    let found = collect::collect(root, options)?;
    match labels::chosen(&found, Some(Kind::Label), options, 0) {
        Ok(chosen) => Ok(chosen.and_then(|number| found.labels.get(number)).map(|file| file.path().to_owned())),
        Err(ReadError::Dicom { reason, .. }) if matches!(*reason, DicomError::NoSuchSeries { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_in_several_forms() {
        let same = |a: &str, b: &str| plain_name(a) == plain_name(b);
        assert!(same("Doe^Jane", "DOE^JANE^^^ ") && same("Doe ^ Jane", "doe^jane"));
        assert!(same("Yamada^Tarou=山田^太郎", "YAMADA^TAROU"));
        assert!(!same("Doe^Jane", "Doe^John") && !same("Doe^Jane", "Doe^^Jane"));
        assert!(["", "^^", " = ", "^^=^^"].iter().all(|empty| plain_name(empty).is_empty()));
    }
}
