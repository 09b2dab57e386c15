//! Cases from DICOM series: what the headers below the data folder say.

mod folders;
mod keywords;
mod listed;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use revoxel_core::Kind;
use revoxel_io::dicom_index::{self, DicomIndex, IndexedLabels, IndexedSeries, SeriesSort};
use revoxel_io::{ReadOptions, SeriesChoice};
use revoxel_pipeline::{CaseName, DicomCases, Grouping, Input, Pipeline};

use super::text::shortened;
use super::{Case, DatasetError, OwnSeries};
use crate::limits::options;
use crate::uneven::read_options;
use folders::{Found, Pattern};
use keywords::{Keywords, told_apart};

pub(super) use listed::Folders;

/// The cases of the DICOM series below a folder.
///
/// # Errors
/// Where a folder cannot be listed, a keyword does not exist, no series is left, or cases have no names.
pub(super) fn cases(pipeline: &Pipeline, dicom: &DicomCases, folder: &Path) -> Result<Vec<Case>, DatasetError> {
    let fault = |problems: Vec<String>| DatasetError::Dicom { folder: folder.to_owned(), problems };
    dicom_index::check_supported(folder).map_err(|e| fault(vec![e.to_string()]))?;
    let keywords = Keywords::of(pipeline, dicom).map_err(|e| DatasetError::Pipeline(Box::new(e)))?;
    let pattern = Pattern::new(&dicom.folders);
    let Found { files, links } = pattern.files(folder)?;
    let count = files.len();
    let index = DicomIndex::of(folder, files, &keywords.all, &options()).map_err(|e| fault(vec![e.to_string()]))?;
    tell(&index, &links);
    let chosen = chosen(&index, &keywords);
    if chosen.is_empty() {
        let what = match index.series.is_empty() {
            true => format!("none of the {count} files in the folders {:?} is a DICOM image", dicom.folders),
            false => format!("no series has what `where` asks for: there are {}", shown(index.series.iter())),
        };
        return Err(fault(vec![format!("no cases: {what}")]));
    }
    let (mut named, mut groups, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for (key, group) in groups_of(dicom.group, chosen).map_err(fault)? {
        match keywords.name_of(&group) {
            Ok(name) => {
                // What tells cases of one name apart; patients have nothing more.
                let uid = if dicom.group == Grouping::Patient { String::new() } else { key };
                named.push((name, uid));
                groups.push(group);
            }
            Err(problem) => {
                problems.push(format!("{} {key} ({}): {problem}", dicom.group.name(), place_of(folder, &group)));
            }
        }
    }
    if !problems.is_empty() {
        return Err(fault(shortened(problems)));
    }
    if !keywords.named {
        told_apart(&mut named);
    }
    let dataset = Dataset::new(pipeline, dicom.group, folder, &pattern, &index);
    let cases = named.into_iter().zip(&groups).map(|((name, _), group)| dataset.case(name, group)).collect();
    dataset.tell_unused();
    Ok(cases)
}

/// The series that may be cases.
fn chosen<'a>(index: &'a DicomIndex, keywords: &Keywords<'_>) -> Vec<&'a IndexedSeries> {
    let asked: Vec<&IndexedSeries> = index.series.iter().filter(|series| keywords.take(series)).collect();
    let planning = keywords.asks_for_image_type();
    let is_left = |series: &&IndexedSeries| match series.sort {
        SeriesSort::Volume => false,
        SeriesSort::Localizer => !planning,
        SeriesSort::Unplaced => true,
    };
    let (left, kept): (Vec<&IndexedSeries>, Vec<&IndexedSeries>) = asked.into_iter().partition(is_left);
    for (sort, why) in [
        (SeriesSort::Localizer, "all images are for planning (LOCALIZER)"),
        (SeriesSort::Unplaced, "no image has a position in the patient"),
    ] {
        let those = || left.iter().filter(|series| series.sort == sort);
        if let Some(first) = those().next().and_then(|series| series.files.first()) {
            tracing::warn!("{} series left out, because {why}, such as {}", those().count(), first.display());
        }
    }
    kept
}

/// Says what was passed over.
fn tell(index: &DicomIndex, links: &[PathBuf]) {
    if let Some((first, why)) = index.unreadable.first() {
        let count = counted(index.unreadable.len(), "DICOM file", "DICOM files");
        tracing::warn!("{count} cannot be read, such as {}: {why}", first.display());
    }
    if let Some(first) = index.without_series.first() {
        let count = counted(index.without_series.len(), "DICOM image is", "DICOM images are");
        tracing::warn!("{count} of no series (no SeriesInstanceUID), such as {}", first.display());
    }
    let twice: Vec<(&String, &Vec<(String, PathBuf)>)> =
        index.names.iter().filter(|(_, names)| names.len() > 1).collect();
    if let Some((patient, names)) = twice.first() {
        let count = counted(twice.len(), "PatientID has", "PatientIDs have");
        let in_files: Vec<String> =
            names.iter().take(2).map(|(name, path)| format!("{name:?} in {}", path.display())).collect();
        tracing::warn!(
            "{count} several PatientNames, such as {patient:?}: {}: if these are different patients, correct PatientID",
            in_files.join(", ")
        );
    }
    if let Some(first) = links.first() {
        let count = counted(links.len(), "link", "links");
        tracing::warn!("{count} to folders not followed, such as {}", first.display());
    }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// The series of each case, by what tells cases apart: in the order of their first files.
fn groups_of(group: Grouping, all: Vec<&IndexedSeries>) -> Result<Vec<(String, Vec<&IndexedSeries>)>, Vec<String>> {
    let mut groups: Vec<(String, Vec<&IndexedSeries>)> = Vec::new();
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    let mut problems = Vec::new();
    for series in all {
        let (key, keyword) = match group {
            Grouping::Series => (&series.uid, "SeriesInstanceUID"),
            Grouping::Study => (&series.study, "StudyInstanceUID"),
            Grouping::Patient => (&series.patient, "PatientID"),
        };
        if key.is_empty() {
            let first = series.files.first().map_or_else(String::new, |file| file.display().to_string());
            problems
                .push(format!("{first}: it has no {keyword}, by which `group: {}` puts series together", group.name()));
            continue;
        }
        let number = *numbers.entry(key.clone()).or_insert_with(|| {
            groups.push((key.clone(), Vec::new()));
            groups.len() - 1
        });
        groups[number].1.push(series);
    }
    if problems.is_empty() { Ok(groups) } else { Err(shortened(problems)) }
}

/// Series in a list for people.
fn shown<'a>(series: impl Iterator<Item = &'a IndexedSeries>) -> String {
    const MOST: usize = 8;
    let all: Vec<String> =
        series.map(|s| format!("{} {:?} ({} files, {})", s.modality, s.description, s.files.len(), s.uid)).collect();
    match all.len() {
        0 => "none".to_owned(),
        count if count > MOST => format!("{}, … and {} more", all[..MOST].join(", "), count - MOST),
        _ => all.join(", "),
    }
}

/// Where the files of series lie, for people.
fn place_of(folder: &Path, group: &[&IndexedSeries]) -> String {
    let root = common_folder(group.iter().flat_map(|series| &series.files));
    let relative = root.strip_prefix(folder).unwrap_or(&root);
    if relative.as_os_str().is_empty() { ".".to_owned() } else { relative.display().to_string() }
}

/// The folder that holds all of these files.
fn common_folder<'a>(files: impl Iterator<Item = &'a PathBuf>) -> PathBuf {
    let folder = |file: &'a PathBuf| file.parent().unwrap_or(Path::new(""));
    let common = |a: &'a Path, b: &'a Path| a.ancestors().find(|a| b.starts_with(a)).unwrap_or(Path::new(""));
    files.map(folder).reduce(common).unwrap_or(Path::new("")).to_owned()
}

/// The series and label objects of a dataset, and how inputs take them.
struct Dataset<'a> {
    pipeline: &'a Pipeline,
    group: Grouping,
    folder: &'a Path,
    pattern: &'a Pattern,
    /// Label objects, by the series that they belong to.
    labels: BTreeMap<&'a str, Vec<&'a IndexedLabels>>,
    /// Label objects that belong to no series.
    unused: Vec<&'a IndexedLabels>,
    index: &'a DicomIndex,
}

impl<'a> Dataset<'a> {
    fn new(
        pipeline: &'a Pipeline,
        group: Grouping,
        folder: &'a Path,
        pattern: &'a Pattern,
        index: &'a DicomIndex,
    ) -> Self {
        let (labels, unused) = (BTreeMap::new(), Vec::new());
        let mut dataset = Self { pipeline, group, folder, pattern, labels, unused, index };
        let known: BTreeSet<&str> = index.series.iter().map(|series| series.uid.as_str()).collect();
        for object in &index.labels {
            let mut uids: Vec<&'a str> =
                object.references.iter().filter_map(|uid| known.get(uid.as_str()).copied()).collect();
            if uids.is_empty() {
                // As within a folder, the frame of reference decides where no series does; but not between several.
                let same = |series: &&IndexedSeries| {
                    object.frame_of_reference.is_some() && series.frame_of_reference == object.frame_of_reference
                };
                let volumes = index.series.iter().filter(|series| series.sort == SeriesSort::Volume);
                uids = volumes.filter(same).map(|series| series.uid.as_str()).collect();
                uids.truncate(if uids.len() > 1 { 0 } else { 1 });
            }
            if uids.is_empty() {
                dataset.unused.push(object);
            }
            for uid in uids {
                dataset.labels.entry(uid).or_default().push(object);
            }
        }
        dataset
    }

    /// Says which label objects belong to no series, if labels are read.
    fn tell_unused(&self) {
        let reads = self.pipeline.inputs.iter().any(|input| input.kind == Kind::Label);
        if let Some(first) = self.unused.first().filter(|_| reads) {
            let count = counted(self.unused.len(), "segmentation or structure set", "segmentations or structure sets");
            tracing::warn!("{count} of no series that was found, such as {}", first.path.display());
        }
    }

    /// The case of these series.
    fn case(&self, name: CaseName, group: &[&IndexedSeries]) -> Case {
        let mut case = Case::new(name);
        // Labels go onto the series of other inputs.
        let (labels, images): (Vec<&Input>, Vec<&Input>) =
            self.pipeline.inputs.iter().partition(|input| input.kind == Kind::Label);
        for input in images {
            match self.series_of(input, group) {
                Ok(Some(series)) => self.give(&mut case, input, series),
                Ok(None) if input.optional => {}
                Ok(None) => case.problems.push(format!(
                    "{}: none of its series is the one that `series` of this input asks for: {}",
                    input.key,
                    shown(group.iter().copied())
                )),
                Err(problem) => case.problems.push(format!("{}: {problem}", input.key)),
            }
        }
        for input in labels {
            match self.labels_of(input, &case) {
                Ok(Some(path)) => case.add(&input.key, vec![path]),
                Ok(None) if input.optional => {}
                Ok(None) => case.problems.push(format!(
                    "{}: no segmentation or structure set in the folders {:?} refers to the series of {}; set \
                     `optional: true` if cases may lack it",
                    input.key,
                    self.folders(),
                    input.segments.reference.as_deref().unwrap_or_default()
                )),
                Err(problem) => case.problems.push(format!("{}: {problem}", input.key)),
            }
        }
        case
    }

    fn folders(&self) -> &str {
        match &self.pipeline.cases {
            Some(revoxel_pipeline::CaseSource::Dicom(dicom)) => &dicom.folders,
            _ => "",
        }
    }

    /// The series that an input reads.
    fn series_of<'s>(&self, input: &Input, group: &[&'s IndexedSeries]) -> Result<Option<&'s IndexedSeries>, String> {
        if self.group == Grouping::Series {
            return Ok(group.first().copied());
        }
        let files: Vec<PathBuf> = group.iter().flat_map(|series| series.files.clone()).collect();
        let root = common_folder(files.iter());
        let uid = dicom_index::choose_series(&root, &among(input, files)).map_err(|e| e.to_string())?;
        Ok(uid.and_then(|uid| group.iter().copied().find(|series| series.uid == uid)))
    }

    /// Gives a case the files of a series.
    fn give(&self, case: &mut Case, input: &Input, series: &IndexedSeries) {
        let root = common_folder(series.files.iter());
        let folders: BTreeSet<&Path> = series.files.iter().filter_map(|file| file.parent()).collect();
        let named = || folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ");
        if let Some(contradiction) = &series.contradiction {
            case.problems.push(format!(
                "{}: the files of the series {} are not of one patient and study: {contradiction}",
                input.key, series.uid
            ));
        } else if folders.len() > 1 {
            match self.pattern.covers(root.strip_prefix(self.folder).unwrap_or(Path::new(""))) {
                true => tracing::warn!(
                    "case {}: the files of its series lie in {} folders ({}) and are read as one series",
                    case.name,
                    folders.len(),
                    named()
                ),
                false => case.problems.push(format!(
                    "{}: the files of the series {} lie in several folders ({}), and `dicom` does not take all folders \
                     below {}, where more of them may lie: end its pattern with `**`",
                    input.key,
                    series.uid,
                    named(),
                    root.display()
                )),
            }
        }
        case.add(&input.key, vec![root]);
        let own = OwnSeries { uid: series.uid.clone(), files: Some(series.files.clone().into()) };
        case.series.insert(input.key.clone(), own);
    }

    /// The label object that an input reads.
    fn labels_of(&self, input: &Input, case: &Case) -> Result<Option<PathBuf>, String> {
        let series = input.segments.reference.as_ref().and_then(|key| case.series.get(key));
        let Some(all) = series.and_then(|series| self.labels.get(series.uid.as_str())) else { return Ok(None) };
        let files: Vec<PathBuf> = all.iter().map(|object| object.path.clone()).collect();
        let chosen = match &files[..] {
            [only] if input.series.is_none() => Some(only.clone()),
            _ => {
                let root = common_folder(files.iter());
                dicom_index::choose_labels(&root, &among(input, files)).map_err(|e| e.to_string())?
            }
        };
        let object = all.iter().find(|object| chosen.as_ref() == Some(&object.path));
        let of = series.and_then(|own| self.index.series.iter().find(|series| series.uid == own.uid));
        if let Some((object, of)) = object.zip(of) {
            same_patient(object, of)?;
        }
        Ok(chosen)
    }
}

/// Refuses labels of another patient than that of their series. A PatientID that is absent contradicts none.
fn same_patient(labels: &IndexedLabels, series: &IndexedSeries) -> Result<(), String> {
    let (one, other) = (&labels.patient, &series.patient);
    if one == other || one.is_empty() || other.is_empty() {
        return Ok(());
    }
    let first = series.files.first().map_or_else(String::new, |file| file.display().to_string());
    Err(format!(
        "PatientID is {one:?} in {} and {other:?} in {first}, to whose series it refers: if both are of one patient, \
         write the same PatientID into both; if not, remove the labels from the folders",
        labels.path.display()
    ))
}

/// How an input is chosen among files.
fn among(input: &Input, files: Vec<PathBuf>) -> ReadOptions {
    let mut options = read_options(input, None);
    options.series = Some(SeriesChoice { files: Some(files.into()), ..options.series.unwrap_or_default() });
    options
}
