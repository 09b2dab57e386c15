//! From an object of labels to a volume.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use revoxel_core::{Dtype, Kind, Volume, Voxel, Voxels};

use super::super::collect::Found;
use super::super::facts::DicomFacts;
use super::super::fill;
use super::super::plan::{Plan, SliceFrom};
use super::super::problem::DicomError;
use super::super::warning::DicomWarning;
use super::canvas::Canvas;
use super::error::LabelsError;
use super::facts::LabelFacts;
use super::file::{Content, LabelFile};
use super::find::{Candidate, Candidates, candidates, short_list};
use super::frames::Frames;
use super::own;
use super::segmentation::{Segmentation, Values};
use super::target::{Placed, Target};
use super::warning::LabelsWarning;
use crate::{Facts, FileInfo, Loaded, OverlapPolicy, ReadError, ReadOptions, Warning};

/// The header of an object of labels, as it would be read.
pub(in crate::dicom) fn info(found: &Found, index: usize, options: &ReadOptions) -> Result<FileInfo, ReadError> {
    prepare(found, &found.labels[index], options).map(|p| p.info)
}

/// Reads an object of labels.
pub(in crate::dicom) fn read(found: &Found, index: usize, options: &ReadOptions) -> Result<Loaded, ReadError> {
    let file = &found.labels[index];
    let prepared = prepare(found, file, options)?;
    let voxels = match prepared.info.dtype {
        Dtype::U8 => paint::<u8>(found, file, &prepared, options)?.into(),
        _ => paint::<u16>(found, file, &prepared, options)?.into(),
    };
    let (info, bytes) = (prepared.info, Voxels::bytes(&voxels).len() as u64);
    let volume = Volume::new(voxels, info.grid, Kind::Label, info.channels)
        .map_err(|_| ReadError::Memory { path: file.path.clone(), bytes })?;
    Ok(Loaded { volume, info })
}

/// The other files that it is read from.
pub(in crate::dicom) fn parts(found: &Found, index: usize, options: &ReadOptions) -> Result<Vec<PathBuf>, ReadError> {
    let prepared = prepare(found, &found.labels[index], options)?;
    // A folder is hashed with all that is in it; an archive is a file.
    Ok(prepared.files.into_iter().filter(|file| !file.starts_with(&found.root)).collect())
}

/// An object of labels with its grid.
struct Prepared {
    info: FileInfo,
    plan: Plan,
    labels: Vec<LabelFacts>,
    /// The frames that are read, with their place.
    frames: Vec<(usize, Placed)>,
    size: [usize; 2],
    files: Vec<PathBuf>,
}

fn prepare(found: &Found, file: &LabelFile, options: &ReadOptions) -> Result<Prepared, ReadError> {
    let fail = |reason: DicomError| ReadError::Dicom { path: file.path.clone(), reason: Box::new(reason) };
    let Content::Segmentation(segmentation) = file.content.as_ref().map_err(|e| fail(e.clone()))?;
    let mut labels = asked(file.labels(), &options.labels.structures).map_err(|e| fail(e.into()))?;
    let channels = options.labels.overlap == OverlapPolicy::Channels;
    check_background(segmentation, &labels).map_err(|e| fail(e.into()))?;
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
    let onto = onto(found, file, segmentation, &numbers, options, &mut warnings)?;
    check_repeated(segmentation, &numbers, &onto.placed).map_err(|e| fail(e.into()))?;
    if let Values::Fractional(_) = segmentation.values {
        warnings.push(DicomWarning::Labels(LabelsWarning::Threshold { threshold: options.labels.threshold.get() }));
    }
    let count = if channels { labels.len() } else { 1 };
    if channels {
        labels.iter_mut().enumerate().for_each(|(i, l)| (l.label, l.channel) = (1, Some(i)));
    }
    let most = labels.iter().map(|l| l.label).max().unwrap_or(0);
    let dtype = if most > 255 { Dtype::U16 } else { Dtype::U8 };
    let stored = if segmentation.bits == 16 { Dtype::U16 } else { Dtype::U8 };
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let dicom = DicomFacts {
        series_uid: text(&file.series),
        description: text(&file.description),
        modality: text(&file.modality),
        frame_of_reference: file.frame_of_reference.clone(),
        reference: onto.uid.clone(),
        labels: labels.clone(),
        ..DicomFacts::default()
    };
    let info = FileInfo {
        format: file.format(),
        grid: onto.plan.grid,
        stored,
        dtype,
        channels: count,
        facts: Facts { dicom: Some(dicom), ..Facts::default() },
        warnings: warnings.into_iter().map(Warning::Dicom).collect(),
        slices: onto.plan.stack.clone(),
    };
    let frames = numbers.into_iter().zip(onto.placed).collect();
    let (plan, size, files) = (onto.plan, onto.size, onto.files);
    Ok(Prepared { info, plan, labels, frames, size, files })
}

/// The segments or structures that are asked for by name or number, in that order; all where none is.
fn asked(all: &[LabelFacts], wanted: &[String]) -> Result<Vec<LabelFacts>, LabelsError> {
    if wanted.is_empty() {
        return Ok(all.to_vec());
    }
    let mut chosen: Vec<LabelFacts> = Vec::new();
    for name in wanted {
        let named: Vec<&LabelFacts> = all.iter().filter(|l| l.name == *name).collect();
        let number = || all.iter().filter(|l| name.parse() == Ok(l.number)).collect::<Vec<_>>();
        let fitting = if named.is_empty() { number() } else { named };
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

/// That label 0 has one meaning.
fn check_background(segmentation: &Segmentation, labels: &[LabelFacts]) -> Result<(), LabelsError> {
    match (segmentation.padding, labels.iter().find(|l| l.label == 0)) {
        (Some(padding), Some(zero)) => Err(LabelsError::TwoBackgrounds { name: zero.name.clone(), padding }),
        _ => Ok(()),
    }
}

/// That no two frames of a segment are at one place.
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

/// The slices that labels go onto.
struct Onto {
    plan: Plan,
    placed: Vec<Placed>,
    size: [usize; 2],
    files: Vec<PathBuf>,
    uid: Option<String>,
}

/// The grid of the series that the frames refer to; their own where it is not there or they do not lie on it.
fn onto(
    found: &Found,
    file: &LabelFile,
    segmentation: &Segmentation,
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
    let series = if file.references.is_empty() { "none is named".to_owned() } else { file.references.join(", ") };
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
        let Candidate { uid, target, plan, files, named, .. } = candidate;
        let refused = |e: DicomError| fail(LabelsError::Reference { uid: uid.clone(), why: e.to_string() }.into());
        let plan = plan.map_err(refused)?;
        warnings.extend(plan.warnings.iter().cloned());
        if !named {
            warnings.push(DicomWarning::Labels(LabelsWarning::OtherSeries { refers: series, used: uid.clone() }));
        }
        return Ok(Onto { plan, placed, size: target.size(), files, uid: Some(uid) });
    }
    if let (Some(reference), why) = (given, misfit.as_ref()) {
        let broken = broken.map(|(uid, why)| format!("series {uid}: {why}"));
        let none = || format!("it holds no series of those that the labels refer to ({series})");
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
    warnings.push(DicomWarning::Labels(match misfit {
        Some(why) => LabelsWarning::OtherGrid { why },
        None => LabelsWarning::NoReference { series },
    }));
    Ok(Onto { plan, placed, size: frame_size, files: Vec::new(), uid: None })
}

/// All labels in their voxels.
fn paint<T: Voxel + PartialEq>(
    found: &Found,
    file: &LabelFile,
    prepared: &Prepared,
    options: &ReadOptions,
) -> Result<Vec<T>, ReadError> {
    let fail = |reason: LabelsError| ReadError::Dicom { path: file.path.clone(), reason: Box::new(reason.into()) };
    let Ok(Content::Segmentation(segmentation)) = &file.content else { return Err(fail(LabelsError::Empty)) };
    let [columns, rows] = prepared.size;
    let (plane, slices) = (columns * rows, &prepared.plan.slices);
    check_limits(found, file, segmentation, prepared, size_of::<T>(), options)?;
    let labels = &prepared.labels;
    let channels = options.labels.overlap == OverlapPolicy::Channels;
    let bytes = (plane * slices.len() * size_of::<T>()) as u64;
    let canvas = Canvas::<T>::new(plane * slices.len(), labels, channels);
    let mut canvas = canvas.ok_or_else(|| ReadError::Memory { path: file.path.clone(), bytes })?;
    // Where each slice of the stack is among those of the grid.
    let mut slots = vec![0; slices.len()];
    for (slot, from) in slices.iter().enumerate() {
        if let SliceFrom::Stack(number) = from {
            slots[*number] = slot;
        }
    }
    let archive = found.packing.map(|packing| (found.root.as_path(), packing));
    let frames = Frames::open(file, segmentation, archive, &options.limits)?;
    let meaning = Meaning::new(segmentation, labels);
    let (mut values, mut undescribed) = (Vec::new(), BTreeSet::new());
    for (number, placed) in &prepared.frames {
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
    let mut values = canvas.finish(labels).map_err(fail)?;
    fill::fill(&mut values, plane, slices, Kind::Label);
    Ok(values)
}

/// What the values of a label map mean.
struct Meaning {
    /// The label of each value, as a place in the list.
    of: Vec<usize>,
}

impl Meaning {
    /// No label, or none that is asked for.
    const NONE: usize = usize::MAX;
    /// Nothing that the header describes.
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

/// That the volume is within the limits, and that the files may become so large.
fn check_limits(
    found: &Found,
    file: &LabelFile,
    segmentation: &Segmentation,
    prepared: &Prepared,
    size: usize,
    options: &ReadOptions,
) -> Result<(), ReadError> {
    let limits = &options.limits;
    let [columns, rows] = prepared.size;
    let counts = [columns, rows, prepared.plan.slices.len(), prepared.info.channels, size];
    let bytes = counts.iter().fold(1u64, |n, f| n.saturating_mul(*f as u64));
    limits.check_volume(&file.path, bytes, false)?;
    let own = if found.packing.is_some() { &found.root } else { &file.path };
    let length = |path: &PathBuf| std::fs::metadata(path).map_or(0, |m| m.len());
    let there = [own].into_iter().chain(&prepared.files).map(length).fold(0u64, u64::saturating_add);
    limits.check_expansion(&file.path, there, bytes)?;
    // Bits of a frame become two bytes each for a moment; frames come one by one.
    let frames = segmentation.bytes_of(segmentation.frames.len() as u64);
    limits.check_expansion(&file.path, length(own), frames)
}

/// That the pixels are what the segmentation says they are.
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
