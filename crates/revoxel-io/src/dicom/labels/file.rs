//! A file of labels.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::dataset::DataSet;
use super::super::parse::Header;
use super::super::problem::{DicomError, Problem};
use super::super::tags;
use super::facts::LabelFacts;
use super::segmentation::Segmentation;

/// SOP class of segmentations.
const SEGMENTATION: &str = "1.2.840.10008.5.1.4.1.1.66.4";
/// SOP class of label map segmentations.
const LABELMAP: &str = "1.2.840.10008.5.1.4.1.1.66.7";
/// SOP class of structure sets.
const STRUCTURES: &str = "1.2.840.10008.5.1.4.1.1.481.3";

/// Whether an object of this class and modality may hold labels.
pub(in crate::dicom) fn may_be_labels(class: &str, modality: &str) -> bool {
    [SEGMENTATION, LABELMAP, STRUCTURES].contains(&class) || ["SEG", "RTSTRUCT"].contains(&modality)
}

/// A segmentation or a structure set, according to its header.
#[derive(Clone, Debug)]
pub(in crate::dicom) struct LabelFile {
    pub(super) path: PathBuf,
    /// The number of the member in its archive.
    pub(super) member: usize,
    pub(super) series: String,
    pub(super) instance: Option<String>,
    pub(super) modality: String,
    pub(super) description: String,
    /// SeriesNumber.
    pub(super) number: Option<i64>,
    /// The frames of reference of structures, by their numbers.
    pub(super) frames: BTreeMap<i64, String>,
    pub(super) frame_of_reference: Option<String>,
    /// The series to which it refers.
    pub(super) references: Vec<String>,
    /// Its content, or why it is invalid.
    pub(super) content: Result<Content, DicomError>,
}

/// The content of a file of labels.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Segmentation(Box<Segmentation>),
    /// Structures; their contours are read when they are needed.
    Structures(Vec<LabelFacts>),
}

impl LabelFile {
    /// The content of a header; `None` if it contains no labels. A segmentation is recognised by its class, its
    /// modality and SegmentationType.
    pub(in crate::dicom) fn of(header: &Header, length: Option<u64>) -> Option<Self> {
        let data = &header.data;
        let class = data.text(tags::SOP_CLASS).or(header.class.clone()).unwrap_or_default();
        let modality = data.text(tags::MODALITY).unwrap_or_default();
        let labelmap = class == LABELMAP;
        let named = data.text(tags::SEGMENTATION_TYPE).is_some() || (modality == "SEG" && header.pixels.is_some());
        let content = if class == STRUCTURES || (modality == "RTSTRUCT" && header.pixels.is_none()) {
            structures(data).map(Content::Structures)
        } else if labelmap || class == SEGMENTATION || named {
            Segmentation::new(header, labelmap, length).map(|s| Content::Segmentation(Box::new(s)))
        } else {
            return None;
        };
        let frames = data.item(tags::REFERENCED_FRAMES);
        let of_structures = structure_frames(data);
        // The sequence may be absent; what all structures say is then what the file says.
        let common = of_structures.values().next().filter(|first| of_structures.values().all(|f| f == *first)).cloned();
        Some(Self {
            path: PathBuf::new(),
            member: 0,
            series: data.text(tags::SERIES_UID).unwrap_or_default(),
            instance: data.text(tags::SOP_INSTANCE),
            modality,
            description: data.text(tags::SERIES_DESCRIPTION).unwrap_or_default(),
            frame_of_reference: data
                .text(tags::FRAME_OF_REFERENCE)
                .or_else(|| frames.and_then(|f| f.text(tags::FRAME_OF_REFERENCE)))
                .or(common),
            number: data.whole(tags::SERIES_NUMBER).ok().flatten(),
            frames: of_structures,
            references: references(data),
            content,
        })
    }

    /// The same, with its name.
    pub(in crate::dicom) fn at(self, path: PathBuf, member: usize) -> Self {
        Self { path, member, ..self }
    }

    /// Its file.
    pub(in crate::dicom) fn path(&self) -> &Path {
        &self.path
    }

    /// The series to which it refers.
    pub(in crate::dicom) fn references(&self) -> &[String] {
        &self.references
    }

    /// Its frame of reference.
    pub(in crate::dicom) fn frame_of_reference(&self) -> Option<&String> {
        self.frame_of_reference.as_ref()
    }

    /// A description of the object.
    pub(super) fn what(&self) -> &'static str {
        match &self.content {
            Ok(Content::Segmentation(s)) => match s.values {
                super::segmentation::Values::Labelmap => "label map segmentation (SEG)",
                _ => "segmentation (SEG)",
            },
            Ok(Content::Structures(_)) => "structure set (RTSTRUCT)",
            Err(_) if self.modality == "RTSTRUCT" => "structure set (RTSTRUCT)",
            Err(_) => "segmentation (SEG)",
        }
    }

    /// Its format.
    pub(super) fn format(&self) -> &'static str {
        match self.content {
            Ok(Content::Structures(_)) => "DICOM RTSTRUCT",
            _ => "DICOM SEG",
        }
    }

    /// Its segments or structures.
    pub(super) fn labels(&self) -> &[LabelFacts] {
        match &self.content {
            Ok(Content::Segmentation(s)) => &s.segments,
            Ok(Content::Structures(all)) => all,
            Err(_) => &[],
        }
    }
}

/// The structures of a structure set, according to its header.
fn structures(data: &DataSet) -> Result<Vec<LabelFacts>, DicomError> {
    let mut all: Vec<LabelFacts> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for item in data.items(tags::STRUCTURES) {
        let number = item.whole(tags::STRUCTURE_NUMBER)?;
        let number = number.ok_or_else(|| DicomError::missing(tags::STRUCTURE_NUMBER, "the link to the contours"))?;
        if !seen.insert(number) {
            let problem = Problem::Must("different for each structure");
            return Err(DicomError::field(tags::STRUCTURE_NUMBER, number, problem));
        }
        all.push(LabelFacts {
            label: 1,
            number,
            name: item.text(tags::STRUCTURE_NAME).unwrap_or_default(),
            description: item.text(tags::STRUCTURE_DESCRIPTION),
            algorithm: item.text(tags::STRUCTURE_ALGORITHM),
            ..LabelFacts::default()
        });
    }
    Ok(all)
}

/// The frames of reference of the structures.
fn structure_frames(data: &DataSet) -> BTreeMap<i64, String> {
    let one = |item: &DataSet| Some((item.whole(tags::STRUCTURE_NUMBER).ok()??, item.text(tags::STRUCTURE_FRAME)?));
    data.items(tags::STRUCTURES).iter().filter_map(one).collect()
}

/// The series to which segments or structures refer, each once.
fn references(data: &DataSet) -> Vec<String> {
    let studies = data.items(tags::REFERENCED_FRAMES).iter().flat_map(|item| item.items(tags::RT_REFERENCED_STUDY));
    let series = studies.flat_map(|item| item.items(tags::RT_REFERENCED_SERIES));
    let all = data.items(tags::REFERENCED_SERIES).iter().chain(series);
    let mut uids: Vec<String> = all.filter_map(|item| item.text(tags::SERIES_UID)).collect();
    uids.sort();
    uids.dedup();
    uids
}
