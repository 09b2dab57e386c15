//! Choosing one series of those that were found.

use super::collect::Found;
use super::group::Group;
use super::labels;
use super::problem::DicomError;
use super::report::{DicomScan, SeriesReport, SkipReason};
use super::warning::DicomWarning;
use crate::{ReadError, ReadOptions};

/// The number of the group that the options choose.
pub(super) fn choose(found: &Found, groups: &[Group], options: &ReadOptions) -> Result<usize, ReadError> {
    let fail = |reason| ReadError::Dicom { path: found.root.clone(), reason: Box::new(reason) };
    if groups.is_empty() {
        let files = found.files.len() + found.skipped.len();
        return Err(fail(DicomError::NoImages { files, skipped: skipped(found) }));
    }
    if let Some(focus) = &found.focus {
        let holds = |g: &Group| {
            found.files[g.example].path == *focus || g.planes.iter().any(|id| found.files[id.file].path == *focus)
        };
        if let Some(group) = groups.iter().position(holds) {
            return Ok(group);
        }
    }
    let all: Vec<usize> = (0..groups.len()).collect();
    let fitting = match &options.series {
        None => all.clone(),
        Some(asked) => {
            let asked = asked.trim();
            let by_number = asked.parse::<usize>().ok().and_then(|n| n.checked_sub(1)).filter(|n| *n < groups.len());
            match by_number {
                Some(group) => vec![group],
                None => all.iter().copied().filter(|g| found.files[groups[*g].example].file.series == asked).collect(),
            }
        }
    };
    let list = |of: &[usize]| of.iter().map(|g| line(&groups[*g].report(g + 1, &found.files))).collect::<String>();
    match (fitting[..].len(), &options.series) {
        (1, _) => Ok(fitting[0]),
        (0, asked) => {
            let asked = asked.clone().unwrap_or_default();
            Err(fail(DicomError::NoSuchSeries { asked, list: list(&all) }))
        }
        (count, _) => Err(fail(DicomError::SeveralSeries { count, list: list(&fitting) })),
    }
}

/// What people choose from.
fn line(series: &SeriesReport) -> String {
    let SeriesReport { number, uid, modality, description, slices, frames, images, size, .. } = series;
    let what = match (frames, slices) {
        (1, _) => format!("{images} slice(s)"),
        _ => format!("{slices} slice(s) × {frames} frames"),
    };
    let part = series.part.as_ref().map_or(String::new(), |p| format!(", {p}"));
    let problem = series.problem.as_ref().map_or(String::new(), |p| format!("\n     no even volume: {p}"));
    format!("\n  {number}: {modality} {description:?}, {what} of {}×{}, {uid}{part}{problem}", size[0], size[1])
}

/// Why files were skipped, for people.
fn skipped(found: &Found) -> String {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for skipped in &found.skipped {
        let text = match &skipped.reason {
            SkipReason::Unreadable(why) => format!("unreadable, such as {}: {why}", skipped.path.display()),
            SkipReason::Copy(_) => "copies".to_owned(),
            other => other.to_string(),
        };
        let kind = |t: &str| t.split(", such as").next().unwrap_or_default().to_owned();
        match counts.iter_mut().find(|(t, _)| kind(t) == kind(&text)) {
            Some((_, count)) => *count += 1,
            None => counts.push((text, 1)),
        }
    }
    let text = counts.iter().map(|(text, count)| format!("{count} {text}")).collect::<Vec<_>>().join("; ");
    if text.is_empty() { text } else { format!(" ({text})") }
}

/// What is worth a remark about files that were left out.
pub(super) fn remarks(found: &Found) -> Vec<DicomWarning> {
    let reasons = || found.skipped.iter();
    let count = |is: fn(&SkipReason) -> bool| reasons().filter(|s| is(&s.reason)).count();
    let mut remarks = Vec::new();
    if let Some(first) = reasons().find(|s| is_damaged(&s.reason)) {
        let first = format!("{}: {}", first.path.display(), first.reason);
        remarks.push(DicomWarning::Unreadable { count: count(is_damaged), first });
    }
    match count(|r| matches!(r, SkipReason::Localizer)) {
        0 => {}
        n => remarks.push(DicomWarning::Localizers(n)),
    }
    match count(|r| matches!(r, SkipReason::Copy(_))) {
        0 => {}
        n => remarks.push(DicomWarning::Copies(n)),
    }
    remarks
}

/// Whether a file that was left out may have been a slice: damaged, or cut off before its pixels.
fn is_damaged(reason: &SkipReason) -> bool {
    match reason {
        SkipReason::Unreadable(_) => true,
        // Classes that are known to hold no slices have names here.
        SkipReason::NoPixels(class) => class.starts_with(char::is_numeric),
        _ => false,
    }
}

/// Everything that was found, for people and programs.
pub(super) fn report(found: Found, groups: &[Group]) -> DicomScan {
    let series = groups.iter().enumerate().map(|(i, g)| g.report(i + 1, &found.files)).collect();
    let labels = labels::report(&found, groups.len());
    DicomScan { path: found.root, series, labels, skipped: found.skipped }
}
