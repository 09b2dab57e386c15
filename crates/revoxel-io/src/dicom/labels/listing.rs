//! Lists of segmentations and structure sets.

use super::super::collect::FolderContents;
use super::super::report::LabelsReport;
use super::file::LabelFile;

/// A list of all segmentations and structure sets; `images` come before them.
pub(in crate::dicom) fn lines(found: &FolderContents, images: usize) -> String {
    lines_of(found, images, 0..found.labels.len())
}

/// Some of them.
pub(super) fn lines_of(found: &FolderContents, images: usize, indices: impl Iterator<Item = usize>) -> String {
    let line = |i: usize| {
        let file = &found.labels[i];
        let names = file.labels().iter().map(|l| l.name.as_str()).collect::<Vec<_>>();
        let uid = file.instance.as_deref().unwrap_or(&file.series);
        format!("\n  {}: {} {:?}, {}, {uid}", images + i + 1, file.what(), file.description, short_list(&names))
    };
    indices.map(line).collect()
}

/// The first few names.
pub(super) fn short_list(names: &[&str]) -> String {
    const MOST: usize = 12;
    let shown = names.iter().take(MOST).map(|n| format!("{n:?}")).collect::<Vec<_>>().join(", ");
    if names.len() > MOST { format!("{shown}, … ({} in all)", names.len()) } else { shown }
}

/// A report of all segmentations and structure sets.
pub(in crate::dicom) fn report(found: &FolderContents, images: usize) -> Vec<LabelsReport> {
    let report = |(i, file): (usize, &LabelFile)| LabelsReport {
        number: images + i + 1,
        path: file.path.clone(),
        what: file.what(),
        uid: file.series.clone(),
        instance: file.instance.clone(),
        modality: file.modality.clone(),
        description: file.description.clone(),
        frame_of_reference: file.frame_of_reference.clone(),
        references: file.references.clone(),
        labels: file.labels().to_vec(),
        problem: file.content.as_ref().err().map(ToString::to_string),
    };
    found.labels.iter().enumerate().map(report).collect()
}
