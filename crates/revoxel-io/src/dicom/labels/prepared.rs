//! A label object before its voxels are read.

use std::path::PathBuf;

use revoxel_core::Dtype;

use super::super::collect::FolderContents;
use super::super::facts::DicomFacts;
use super::super::plan::{Plan, SliceFrom};
use super::super::warning::DicomWarning;
use super::error::LabelsError;
use super::facts::LabelFacts;
use super::file::LabelFile;
use super::listing::short_list;
use crate::series::fits;
use crate::{Facts, FileInfo, OverlapPolicy, ReadError, ReadOptions, Warning};

/// The slices onto which labels go.
pub(super) struct Slices {
    pub(super) plan: Plan,
    /// Columns and rows.
    pub(super) size: [usize; 2],
    /// The files of the series.
    pub(super) files: Vec<PathBuf>,
    /// Its UID; `None` for the object's own slices.
    pub(super) uid: Option<String>,
}

/// A label object with its grid.
pub(super) struct Prepared {
    pub(super) info: FileInfo,
    pub(super) plan: Plan,
    pub(super) labels: Vec<LabelFacts>,
    pub(super) size: [usize; 2],
    pub(super) files: Vec<PathBuf>,
}

impl Prepared {
    pub(super) fn new(
        file: &LabelFile,
        mut labels: Vec<LabelFacts>,
        slices: Slices,
        stored: Dtype,
        warnings: Vec<DicomWarning>,
        options: &ReadOptions,
    ) -> Self {
        let mut channels = 1;
        if options.labels.overlap == OverlapPolicy::Channels {
            channels = labels.len();
            labels.iter_mut().enumerate().for_each(|(i, l)| (l.label, l.channel) = (1, Some(i)));
        }
        let most = labels.iter().map(|l| l.label).max().unwrap_or(0);
        let Slices { plan, size, files, uid } = slices;
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let dicom = DicomFacts {
            series_uid: text(&file.series),
            description: text(&file.description),
            modality: text(&file.modality),
            frame_of_reference: file.frame_of_reference.clone(),
            reference: uid,
            labels: labels.clone(),
            ..DicomFacts::default()
        };
        let info = FileInfo {
            format: file.format(),
            grid: plan.grid,
            stored,
            dtype: if most > 255 { Dtype::U16 } else { Dtype::U8 },
            channels,
            facts: Facts { dicom: Some(dicom), ..Facts::default() },
            warnings: warnings.into_iter().map(Warning::Dicom).collect(),
            slices: plan.stack.clone(),
        };
        Self { info, plan, labels, size, files }
    }

    /// The index in the grid of each slice of the stack.
    pub(super) fn slots(&self) -> Vec<usize> {
        let mut slots = vec![0; self.plan.slices.len()];
        for (slot, from) in self.plan.slices.iter().enumerate() {
            if let SliceFrom::Stack(number) = from {
                slots[*number] = slot;
            }
        }
        slots
    }

    /// Checks that the volume is within the limits, and that the files may decode to this many bytes of pixels.
    pub(super) fn check_limits(
        &self,
        found: &FolderContents,
        file: &LabelFile,
        pixels: u64,
        options: &ReadOptions,
    ) -> Result<(), ReadError> {
        let limits = &options.limits;
        let counts = [self.size[0], self.size[1], self.plan.slices.len(), self.info.channels, self.info.dtype.size()];
        let bytes = counts.iter().fold(1u64, |n, f| n.saturating_mul(*f as u64));
        limits.check_volume(&file.path, bytes, false)?;
        let own = if found.packing.is_some() { &found.root } else { &file.path };
        let length = |path: &PathBuf| std::fs::metadata(path).map_or(0, |m| m.len());
        let there = [own].into_iter().chain(&self.files).map(length).fold(0u64, u64::saturating_add);
        limits.check_expansion(&file.path, there, bytes)?;
        limits.check_expansion(&file.path, length(own), pixels)
    }
}

/// The requested segments or structures, in that order; all if none is requested. A name is compared literally, else
/// as a number (`#1` is always a number), else as a pattern with `*`, ignoring case.
pub(super) fn asked(all: &[LabelFacts], wanted: &[String]) -> Result<Vec<LabelFacts>, LabelsError> {
    if wanted.is_empty() {
        return Ok(all.to_vec());
    }
    let mut chosen: Vec<LabelFacts> = Vec::new();
    for name in wanted {
        let those = |is: &dyn Fn(&LabelFacts) -> bool| all.iter().filter(|l| is(l)).collect::<Vec<_>>();
        let mut fitting = those(&|l| l.name == *name);
        let number: Option<i64> = name.strip_prefix('#').unwrap_or(name).parse().ok();
        let numbered = those(&|l| number == Some(l.number));
        match (&fitting[..], &numbered[..]) {
            ([], _) => fitting = numbered,
            ([named], [other]) if named.number != other.number => {
                return Err(LabelsError::NameOrNumber { asked: name.clone(), named: named.number });
            }
            _ => {}
        }
        if fitting.is_empty() {
            fitting = those(&|l| fits(name, &l.name));
        }
        match &fitting[..] {
            [only] if chosen.iter().any(|l| l.number == only.number) => return Err(LabelsError::Twice(name.clone())),
            [only] => chosen.push((*only).clone()),
            [] => {
                let list = short_list(&all.iter().map(|l| l.name.as_str()).collect::<Vec<_>>());
                return Err(LabelsError::NoSuchStructure { asked: name.clone(), list });
            }
            several => {
                let list = several.iter().map(|l| l.number.to_string()).collect::<Vec<_>>().join(", ");
                return Err(LabelsError::Ambiguous { asked: name.clone(), count: several.len(), list });
            }
        }
    }
    Ok(chosen)
}
