//! Choosing one of the found series.

use std::path::Path;

use super::collect::FolderContents;
use super::group::{Group, plane};
use super::labels::listing;
use super::problem::DicomError;
use super::report::{DicomScan, SeriesReport, SkipReason, Skipped};
use super::warning::DicomWarning;
use crate::counted::counted;
use crate::series::fits;
use crate::{ReadError, ReadOptions};

/// The number of the group that the options choose.
pub(super) fn choose(found: &FolderContents, groups: &[Group], options: &ReadOptions) -> Result<usize, ReadError> {
    let fail = |reason| ReadError::Dicom { path: found.root.clone(), reason: Box::new(reason) };
    if groups.is_empty() {
        let files = found.files.len() + found.skipped.len();
        return Err(fail(DicomError::NoImages { files, skipped: skipped(found) }));
    }
    let all = in_question(found, groups);
    let fitting = fitting(found, groups, options);
    let list = |of: &[usize]| of.iter().map(|g| line(&groups[*g].report(g + 1, &found.files))).collect::<String>();
    match fitting[..] {
        [only] => Ok(only),
        [] => Err(fail(DicomError::NoSuchSeries {
            asked: asked(options),
            list: list(&all) + &listing::lines(found, groups.len()),
        })),
        [first, ..] => {
            let uid = |g: usize| &found.files[groups[g].example].file.series;
            let of_one = fitting.iter().all(|g| uid(*g) == uid(first));
            let mut quantities = fitting.iter().filter_map(|g| quantity(found, &groups[*g]));
            let next = quantities.next();
            let mixed = of_one && quantities.any(|other| Some(other) != next);
            let count = fitting.len();
            let asked = match asked(options) {
                nothing if nothing.is_empty() => nothing,
                choice => format!(" matching {choice}"),
            };
            Err(fail(DicomError::SeveralSeries { count, asked, of_one, quantities: mixed, list: list(&fitting) }))
        }
    }
}

/// A description of the choice in the options.
fn asked(options: &ReadOptions) -> String {
    let named = options.series.as_ref().map(ToString::to_string).filter(|choice| !choice.is_empty());
    let series = named.map(|choice| format!("series {choice:?}"));
    let part = options.select.as_ref().map(|part| format!("volume {part:?}"));
    [series, part].into_iter().flatten().collect::<Vec<_>>().join(" with ")
}

/// The groups that contain the requested file; all groups if a folder was requested.
fn in_question(found: &FolderContents, groups: &[Group]) -> Vec<usize> {
    let holds = |g: &Group, file: &Path| {
        found.files[g.example].path == file || g.planes.iter().any(|id| found.files[id.file].path == file)
    };
    let is_asked = |g: &usize| found.focus.as_ref().is_none_or(|file| holds(&groups[*g], file));
    (0..groups.len()).filter(is_asked).collect()
}

/// The groups that the options allow.
pub(super) fn fitting(found: &FolderContents, groups: &[Group], options: &ReadOptions) -> Vec<usize> {
    let mut fitting = in_question(found, groups);
    fitting.retain(|g| is_chosen(found, groups, *g, options));
    if options.series.as_ref().is_some_and(|choice| choice.largest) {
        let most = fitting.iter().map(|g| groups[*g].planes.len()).max().unwrap_or(0);
        fitting.retain(|g| groups[*g].planes.len() == most);
    }
    fitting
}

fn quantity<'a>(found: &'a FolderContents, group: &Group) -> Option<&'a str> {
    group.planes.first().and_then(|id| plane(&found.files, *id)).map(|p| p.quantity.as_str())
}

/// Whether a group matches the options.
fn is_chosen(found: &FolderContents, groups: &[Group], number: usize, options: &ReadOptions) -> bool {
    let group = &groups[number];
    let file = &found.files[group.example].file;
    let part = |pattern: &String| {
        // Whole words of what is said.
        let forms = [pattern.clone(), format!("* {pattern}"), format!("{pattern} *"), format!("* {pattern} *")];
        let traits = group.part.iter().flat_map(|part| part.split(", ")).chain(group.part.as_deref());
        traits.into_iter().any(|text| forms.iter().any(|form| fits(form, text)))
    };
    let named = |name: &String| {
        let by_number = name.parse::<usize>().ok().filter(|n| (1..=groups.len()).contains(n));
        match by_number {
            Some(asked) => asked == number + 1,
            None => file.series == *name || fits(name, &file.description),
        }
    };
    let series = options.series.as_ref().is_none_or(|choice| {
        let slices = group.stack.as_ref().map_or(group.planes.len(), |stack| stack.positions.len());
        choice.name.as_ref().is_none_or(named)
            && choice.uid.as_ref().is_none_or(|uid| file.series == *uid)
            && choice.description.as_ref().is_none_or(|pattern| fits(pattern, &file.description))
            && choice.modality.as_ref().is_none_or(|modality| fits(modality, &file.modality))
            && choice.number.is_none_or(|number| file.series_number == Some(number))
            && choice.min_slices.is_none_or(|least| slices >= least)
    });
    series && options.select.as_ref().is_none_or(part)
}

/// A line of the list of choices.
fn line(series: &SeriesReport) -> String {
    let SeriesReport { number, uid, modality, description, slices, frames, images, size, .. } = series;
    let series_number = series.series_number.map_or(String::new(), |n| format!(" {n}"));
    let what = match (frames, slices) {
        (1, _) => counted(*images, "slice", "slices"),
        _ => format!("{} × {frames} frames", counted(*slices, "slice", "slices")),
    };
    let part = series.part.as_ref().map_or(String::new(), |p| format!(", {p}"));
    let problem = series.problem.as_ref().map_or(String::new(), |p| format!("\n     problem: {p}"));
    format!(
        "\n  {number}: {modality}{series_number} {description:?}, {what} of {}×{}, {uid}{part}{problem}",
        size[0], size[1]
    )
}

/// A summary of why files were skipped.
fn skipped(found: &FolderContents) -> String {
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

/// The warnings about files that were left out.
pub(super) fn remarks(found: &FolderContents) -> Vec<DicomWarning> {
    let reasons = || found.skipped.iter();
    let count = |is: fn(&SkipReason) -> bool| reasons().filter(|s| is(&s.reason)).count();
    let mut remarks = Vec::new();
    let mut lost = reasons().filter(|s| is_damaged(&s.reason) || has_name_of_slice(s)).peekable();
    if let Some(first) = lost.peek().map(|first| format!("{}: {}", first.path.display(), first.reason)) {
        remarks.push(DicomWarning::Unreadable { count: lost.count(), first });
    }
    match count(|r| matches!(r, SkipReason::Localizer)) {
        0 => {}
        n => remarks.push(DicomWarning::Localizers(n)),
    }
    match count(|r| matches!(r, SkipReason::Copy(_))) {
        0 => {}
        n => remarks.push(DicomWarning::Copies(n)),
    }
    let is_unplaced = |r: &SkipReason| matches!(r, SkipReason::Unplaced(_));
    if let Some(first) = reasons().find(|s| is_unplaced(&s.reason)) {
        let count = reasons().filter(|s| is_unplaced(&s.reason)).count();
        remarks.push(DicomWarning::Unplaced { count, first: first.path.display().to_string() });
    }
    if found.equal_instances > 0 {
        remarks.push(DicomWarning::EqualInstances(found.equal_instances));
    }
    remarks
}

/// Whether a file that was left out is called like a slice.
fn has_name_of_slice(skipped: &Skipped) -> bool {
    let is_none = matches!(skipped.reason, SkipReason::NotDicom | SkipReason::Link | SkipReason::NotRegular);
    is_none && !skipped.path.is_dir() && is_name_of_slice(&skipped.path)
}

/// Whether a file is called like a slice: `.dcm` or `.ima`, or a name of digits and dots alone.
pub(super) fn is_name_of_slice(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    name.ends_with(".dcm") || name.ends_with(".ima") || name.chars().all(|c| c.is_ascii_digit() || c == '.')
}

/// Whether a file that was left out may be a slice: damaged, or cut off before its pixels.
pub(super) fn is_damaged(reason: &SkipReason) -> bool {
    match reason {
        SkipReason::Unreadable(_) => true,
        // Other classes of the standard hold no slices.
        SkipReason::NoPixels(class) => class.contains("Image Storage") || class.starts_with(char::is_numeric),
        _ => false,
    }
}

/// The report of everything that was found.
pub(super) fn report(found: FolderContents, groups: &[Group]) -> DicomScan {
    let series = groups.iter().enumerate().map(|(i, g)| g.report(i + 1, &found.files)).collect();
    let labels = listing::report(&found, groups.len());
    DicomScan { path: found.root, series, labels, skipped: found.skipped }
}
