//! Converts the frames of a segmentation to voxels.

use std::collections::{BTreeSet, HashMap};

use revoxel_core::{Dtype, Kind, Voxel};

use super::super::collect::FolderContents;
use super::super::fill;
use super::super::problem::DicomError;
use super::super::warning::DicomWarning;
use super::canvas::Canvas;
use super::error::LabelsError;
use super::facts::LabelFacts;
use super::file::LabelFile;
use super::find::{Candidate, Candidates, candidates};
use super::frames::Frames;
use super::listing::short_list;
use super::own;
use super::prepared::{Prepared, Slices, asked};
use super::segmentation::{Segmentation, Values};
use super::target::{Placed, Target};
use super::warning::LabelsWarning;
use crate::{OverlapPolicy, ReadError, ReadOptions};

/// The frames to read, with their positions.
pub(super) type PlacedFrames = Vec<(usize, Placed)>;

/// The grid of a segmentation, and its frames on it.
pub(super) fn prepare(
    found: &FolderContents,
    file: &LabelFile,
    segmentation: &Segmentation,
    options: &ReadOptions,
) -> Result<(Prepared, PlacedFrames), ReadError> {
    let fail = |reason: DicomError| ReadError::Dicom { path: file.path.clone(), reason: Box::new(reason) };
    let mut labels = asked(file.labels(), &options.labels.structures).map_err(|e| fail(e.into()))?;
    let channels = options.labels.overlap == OverlapPolicy::Channels;
    check_background(segmentation, &labels).map_err(|e| fail(e.into()))?;
    if let Some(background) = labels.iter().find(|l| l.label == 0 && !options.labels.structures.is_empty()) {
        return Err(fail(LabelsError::Background(background.name.clone()).into()));
    }
    labels.retain(|l| l.label != 0);
    if labels.is_empty() && (channels || segmentation.values != Values::Labelmap) {
        return Err(fail(LabelsError::Empty.into()));
    }
    let is_asked = |number: &usize| match segmentation.frames[*number].segment {
        Some(segment) => labels.iter().any(|l| l.number == segmentation.segments[segment].number),
        None => true,
    };
    let numbers: Vec<usize> = (0..segmentation.frames.len()).filter(is_asked).collect();
    let mut warnings = Vec::new();
    let onto = onto(found, file, (segmentation, &labels), &numbers, options, &mut warnings)?;
    check_repeated(segmentation, &numbers, &onto.placed).map_err(|e| fail(e.into()))?;
    if let Values::Fractional(_) = segmentation.values {
        warnings.push(DicomWarning::Labels(LabelsWarning::Threshold { threshold: options.labels.threshold.get() }));
    }
    let stored = if segmentation.bits == 16 { Dtype::U16 } else { Dtype::U8 };
    let frames = numbers.into_iter().zip(onto.placed).collect();
    Ok((Prepared::new(file, labels, onto.slices, stored, warnings, options), frames))
}

/// Checks that label 0 has one meaning.
fn check_background(segmentation: &Segmentation, labels: &[LabelFacts]) -> Result<(), LabelsError> {
    match (segmentation.padding, labels.iter().find(|l| l.label == 0)) {
        (Some(padding), Some(zero)) => Err(LabelsError::TwoBackgrounds { name: zero.name.clone(), padding }),
        _ => Ok(()),
    }
}

/// Checks that no two frames of a segment have the same position.
fn check_repeated(segmentation: &Segmentation, numbers: &[usize], placed: &[Placed]) -> Result<(), LabelsError> {
    let mut seen = HashMap::new();
    for (number, place) in numbers.iter().zip(placed) {
        let segment = segmentation.frames[*number].segment;
        if let Some(first) = seen.insert((segment, place.slice), *number) {
            let what = segment.map_or("the label map".to_owned(), |s| {
                let segment = &segmentation.segments[s];
                format!("segment {} {:?}", segment.number, segment.name)
            });
            return Err(LabelsError::Repeated { first: first + 1, second: number + 1, what });
        }
    }
    Ok(())
}

/// The slices onto which frames go, and their positions.
struct Onto {
    slices: Slices,
    placed: Vec<Placed>,
}

/// The grid of the series to which the frames refer; their own grid if the series is missing or they do not lie on it.
fn onto(
    found: &FolderContents,
    file: &LabelFile,
    (segmentation, labels): (&Segmentation, &[LabelFacts]),
    numbers: &[usize],
    options: &ReadOptions,
    warnings: &mut Vec<DicomWarning>,
) -> Result<Onto, ReadError> {
    let fail = |reason: DicomError| ReadError::Dicom { path: file.path.clone(), reason: Box::new(reason) };
    let frame_size = [segmentation.format.columns, segmentation.format.rows];
    let place = |target: &Target| -> Result<Vec<Placed>, String> {
        let one = |i: &usize| {
            let placed = target.place(&segmentation.frames[*i].plane, frame_size);
            placed.map_err(|why| format!("frame {}: {why}", i + 1))
        };
        numbers.iter().map(one).collect()
    };
    let Candidates { all, broken } = candidates(found, file, options)?;
    let series = if file.references.is_empty() { "unnamed".to_owned() } else { file.references.join(", ") };
    let given = options.labels.reference.as_ref().map(|path| path.display().to_string());
    let mut misfit = None;
    let mut fitting: Vec<(Candidate, Vec<Placed>)> = Vec::new();
    for candidate in all {
        match place(&candidate.target) {
            Ok(placed) => fitting.push((candidate, placed)),
            Err(why) => _ = misfit.get_or_insert(why),
        }
    }
    let grid = |c: &Candidate| c.plan.as_ref().ok().map(|p| p.grid);
    let same = fitting.windows(2).all(|w| grid(&w[0].0) == grid(&w[1].0));
    if !same {
        let list = fitting.iter().map(|(c, _)| format!("\n  {}", c.line)).collect();
        return Err(fail(LabelsError::SeveralReferences { count: fitting.len(), list }.into()));
    }
    if let Some((candidate, placed)) = fitting.into_iter().next() {
        let odd = candidate.warnings(file, labels, &series);
        let Candidate { uid, target, plan, files, .. } = candidate;
        let refused = |e: DicomError| fail(LabelsError::Reference { uid: uid.clone(), why: e.to_string() }.into());
        let plan = plan.map_err(refused)?;
        warnings.extend(plan.warnings.iter().cloned().chain(odd));
        let slices = Slices { plan, size: target.size(), files, uid: Some(uid) };
        return Ok(Onto { slices, placed });
    }
    if let (Some(reference), why) = (given, misfit.as_ref()) {
        let broken = broken.map(|(uid, why)| format!("series {uid}: {why}"));
        let none = || format!("it contains no series that the labels refer to ({series})");
        let why = why.cloned().or(broken).unwrap_or_else(none);
        return Err(fail(LabelsError::Misfit { reference, why }.into()));
    }
    if let (None, Some((uid, why))) = (&misfit, broken) {
        return Err(fail(LabelsError::Reference { uid, why }.into()));
    }
    let planes: Vec<_> = numbers.iter().map(|i| &segmentation.frames[*i].plane).collect();
    let no_grid = |what: &str, why: String| {
        fail(LabelsError::NoGrid { what: what.to_owned(), why, series: series.clone() }.into())
    };
    let (target, plan) = own::grid_of(&planes, frame_size).map_err(|why| no_grid("the segmentation", why))?;
    let placed = place(&target).map_err(|why| no_grid("the segmentation", why))?;
    warnings.extend(plan.warnings.iter().cloned());
    warnings.push(DicomWarning::Labels(match misfit {
        Some(why) => LabelsWarning::OtherGrid { why },
        None => LabelsWarning::NoReference { series },
    }));
    Ok(Onto { slices: Slices { plan, size: frame_size, files: Vec::new(), uid: None }, placed })
}

/// The voxels of all labels.
pub(super) fn paint<T: Voxel + PartialEq>(
    found: &FolderContents,
    file: &LabelFile,
    segmentation: &Segmentation,
    (prepared, placed): (&Prepared, &PlacedFrames),
    options: &ReadOptions,
) -> Result<(Vec<T>, Vec<DicomWarning>), ReadError> {
    let fail = |reason: LabelsError| ReadError::Dicom { path: file.path.clone(), reason: Box::new(reason.into()) };
    let [columns, rows] = prepared.size;
    let (plane, slices) = (columns * rows, &prepared.plan.slices);
    // Bits of a frame become two bytes each for a moment; frames come one by one.
    prepared.check_limits(found, file, segmentation.bytes_of(segmentation.frames.len() as u64), options)?;
    let labels = &prepared.labels;
    let channels = options.labels.overlap == OverlapPolicy::Channels;
    let bytes = (plane * slices.len() * size_of::<T>()) as u64;
    let canvas = Canvas::<T>::new(plane * slices.len(), labels, channels);
    let mut canvas = canvas.ok_or_else(|| ReadError::Memory { path: file.path.clone(), bytes })?;
    let slots = prepared.slots();
    let archive = found.packing.map(|packing| (found.root.as_path(), packing));
    let frames = Frames::open(file, segmentation, archive, &options.limits)?;
    let meaning = Meaning::new(segmentation, labels);
    let (mut values, mut undescribed) = (Vec::new(), BTreeSet::new());
    for (number, placed) in placed {
        frames.read(*number, &mut values)?;
        let first = (slots[placed.slice] * plane) as i64;
        let segment = segmentation.frames[*number].segment;
        let label = segment.and_then(|s| labels.iter().position(|l| l.number == segmentation.segments[s].number));
        check_values(segmentation.values, *number, &values).map_err(fail)?;
        for (row, line) in values.chunks(segmentation.format.columns).enumerate() {
            let (at, step) = placed.row(row, columns);
            match (segmentation.values, label) {
                (Values::Binary, Some(label)) => canvas.paint(first + at, step, line.iter().map(|v| *v != 0), label),
                (Values::Fractional(most), Some(label)) => {
                    let least = options.labels.threshold.get();
                    let enough = |v: &u16| *v > 0 && f64::from(*v) / f64::from(most) >= least;
                    canvas.paint(first + at, step, line.iter().map(enough), label);
                }
                _ => {
                    for (i, value) in line.iter().enumerate() {
                        match meaning.of[usize::from(*value)] {
                            Meaning::NONE => {}
                            Meaning::UNKNOWN => _ = undescribed.insert(*value),
                            label => canvas.label(first + at + i as i64 * step, label),
                        }
                    }
                }
            }
        }
    }
    if !undescribed.is_empty() && options.labels.structures.is_empty() {
        return Err(fail(LabelsError::Undescribed(first_few(&undescribed))));
    }
    let nowhere = labels.iter().enumerate().filter(|(i, l)| l.label != 0 && canvas.voxels_of(*i) == 0);
    let nowhere: Vec<&str> = nowhere.map(|(_, l)| l.name.as_str()).collect();
    let warnings = match nowhere.is_empty() {
        true => Vec::new(),
        false => vec![DicomWarning::Labels(LabelsWarning::NoVoxel(short_list(&nowhere)))],
    };
    let mut values = canvas.finish(labels).map_err(fail)?;
    fill::fill(&mut values, plane, slices, Kind::Label);
    Ok((values, warnings))
}

/// The meaning of the values of a label map.
struct Meaning {
    /// The label of each value, as a position in the list.
    of: Vec<usize>,
}

impl Meaning {
    /// No label, or one that was not chosen.
    const NONE: usize = usize::MAX;
    /// A value that the header does not describe.
    const UNKNOWN: usize = usize::MAX - 1;

    fn new(segmentation: &Segmentation, labels: &[LabelFacts]) -> Self {
        let mut of = vec![Self::UNKNOWN; 1 << 16];
        let described = segmentation.segments.iter().map(|s| s.number);
        let nothing = [Some(0), segmentation.padding.map(i64::from)].into_iter().flatten();
        described.chain(nothing).for_each(|number| of[number as usize] = Self::NONE);
        labels.iter().enumerate().for_each(|(i, l)| of[l.number as usize] = i);
        Self { of }
    }
}

fn first_few(values: &BTreeSet<u16>) -> String {
    let shown = values.iter().take(12).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if values.len() > 12 { format!("{shown}, … ({} values)", values.len()) } else { shown }
}

/// Checks that the pixels match the segmentation's header.
fn check_values(kind: Values, frame: usize, values: &[u16]) -> Result<(), LabelsError> {
    let most = match kind {
        Values::Binary => 1,
        Values::Fractional(most) => most,
        Values::Labelmap => return Ok(()),
    };
    let frame = frame + 1;
    match (values.iter().copied().find(|v| *v > most), kind) {
        (None, _) => Ok(()),
        (Some(value), Values::Binary) => Err(LabelsError::NotBinary { frame, value }),
        (Some(value), _) => Err(LabelsError::Fraction { frame, value, most }),
    }
}
