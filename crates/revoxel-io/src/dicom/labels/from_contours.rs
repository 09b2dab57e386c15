//! Converts the contours of structures to voxels.

use std::collections::{BTreeMap, BTreeSet};

use revoxel_core::{Dtype, Kind, Voxel};

use super::super::bytes::Bytes;
use super::super::collect::FolderContents;
use super::super::dataset::DataSet;
use super::super::fill;
use super::super::input::Stream;
use super::super::parse;
use super::super::problem::DicomError;
use super::super::tags;
use super::super::warning::DicomWarning;
use super::canvas::Canvas;
use super::error::LabelsError;
use super::facts::LabelFacts;
use super::file::LabelFile;
use super::find::{Candidates, candidates};
use super::frames::bytes_of;
use super::listing::short_list;
use super::prepared::{Prepared, Slices, asked};
use super::raster::Raster;
use super::target::Target;
use super::warning::LabelsWarning;
use crate::{OverlapPolicy, ReadError, ReadOptions};

/// Maximum number of labels of a structure set.
const MOST_LABELS: usize = 65535;

/// The slices of the series on which structures are drawn.
pub(super) fn prepare(
    found: &FolderContents,
    file: &LabelFile,
    options: &ReadOptions,
) -> Result<(Prepared, Target), ReadError> {
    let fail = |reason: LabelsError| ReadError::Dicom { path: file.path.clone(), reason: Box::new(reason.into()) };
    let channels = options.labels.overlap == OverlapPolicy::Channels;
    let mut labels = asked(file.labels(), &options.labels.structures).map_err(fail)?;
    if options.labels.structures.is_empty() && labels.len() > 1 && !channels {
        let list = short_list(&labels.iter().map(|l| l.name.as_str()).collect::<Vec<_>>());
        return Err(fail(LabelsError::SeveralStructures { count: labels.len(), list }));
    }
    if labels.is_empty() || labels.len() > MOST_LABELS {
        return Err(fail(LabelsError::Empty));
    }
    labels.iter_mut().zip(1..).for_each(|(l, label)| l.label = label);
    let series = if file.references.is_empty() { "unnamed".to_owned() } else { file.references.join(", ") };
    let Candidates { mut all, broken } = candidates(found, file, options)?;
    let grids: Vec<_> = all.iter().map(|c| c.plan.as_ref().ok().map(|p| p.grid)).collect();
    if grids.windows(2).any(|w| w[0] != w[1]) {
        let list = all.iter().map(|c| format!("\n  {}", c.line)).collect();
        return Err(fail(LabelsError::SeveralReferences { count: all.len(), list }));
    }
    if all.is_empty() {
        let reference = options.labels.reference.as_ref().map(|path| path.display().to_string());
        return Err(fail(match (broken, reference) {
            (Some((uid, why)), _) => LabelsError::Reference { uid, why },
            (None, Some(reference)) => {
                let why = format!("it contains no series that the structures refer to ({series})");
                LabelsError::Misfit { reference, why }
            }
            (None, None) => LabelsError::NoSeries { series },
        }));
    }
    let candidate = all.swap_remove(0);
    let odd = candidate.warnings(file, &labels, &series);
    let uid = candidate.uid;
    let refused = |e: DicomError| fail(LabelsError::Reference { uid: uid.clone(), why: e.to_string() });
    let plan = candidate.plan.map_err(refused)?;
    let warnings = [plan.warnings.clone(), odd].concat();
    let slices = Slices { plan, size: candidate.target.size(), files: candidate.files, uid: Some(uid) };
    Ok((Prepared::new(file, labels, slices, Dtype::U8, warnings, options), candidate.target))
}

/// The voxels of all structures, and warnings.
pub(super) fn paint<T: Voxel + PartialEq>(
    found: &FolderContents,
    file: &LabelFile,
    (prepared, target): (&Prepared, &Target),
    options: &ReadOptions,
) -> Result<(Vec<T>, Vec<DicomWarning>), ReadError> {
    let fail = |reason: LabelsError| ReadError::Dicom { path: file.path.clone(), reason: Box::new(reason.into()) };
    prepared.check_limits(found, file, 0, options)?;
    let [columns, rows] = prepared.size;
    let (plane, slices, labels) = (columns * rows, &prepared.plan.slices, &prepared.labels);
    let bytes = (plane * slices.len() * size_of::<T>()) as u64;
    let channels = options.labels.overlap == OverlapPolicy::Channels;
    let canvas = Canvas::<T>::new(plane * slices.len(), labels, channels);
    let mut canvas = canvas.ok_or_else(|| ReadError::Memory { path: file.path.clone(), bytes })?;
    let (slots, data) = (prepared.slots(), contours(found, file, options)?);
    let mut warnings = Vec::new();
    for (number, label) in labels.iter().enumerate() {
        let drawn = Drawn::of(&data, label, target).map_err(|e| match e {
            Refused::Labels(e) => fail(e),
            Refused::Dicom(e) => ReadError::Dicom { path: file.path.clone(), reason: Box::new(e) },
        })?;
        for (slice, polygons) in &drawn.slices {
            let mut raster = Raster::new(prepared.size);
            for polygon in polygons {
                raster.add(polygon).ok_or_else(|| fail(LabelsError::Crossings(label.name.clone())))?;
            }
            for row in 0..rows {
                let first = (slots[*slice] * plane + row * columns) as i64;
                canvas.paint(first, 1, raster.row(row), number);
            }
        }
        if !drawn.slices.is_empty() && canvas.voxels_of(number) == 0 {
            warnings.push(DicomWarning::Labels(LabelsWarning::NoVoxel(format!("{:?}", label.name))));
        }
        warnings.extend(drawn.warnings.into_iter().map(DicomWarning::Labels));
    }
    let mut values = canvas.finish(labels).map_err(fail)?;
    fill::fill(&mut values, plane, slices, Kind::Label);
    Ok((values, warnings))
}

/// The attributes of a structure set with its contours.
fn contours(found: &FolderContents, file: &LabelFile, options: &ReadOptions) -> Result<DataSet, ReadError> {
    let archive = found.packing.map(|packing| (found.root.as_path(), packing));
    let bytes = bytes_of(file, archive, u64::MAX, &options.limits)?;
    let length = bytes.length();
    let limit = options.limits.most_decoded(length);
    let parsed = match bytes {
        Bytes::Disk { mut file, length } => parse::parse_contours(&mut file, Some(length), limit),
        Bytes::Memory(bytes) => parse::parse_contours(&mut Stream(&bytes[..]), Some(length), limit),
    };
    let header = parsed.map_err(|e| ReadError::Dicom { path: file.path.clone(), reason: Box::new(e) })?;
    Ok(header.data)
}

/// Why a structure cannot be drawn.
enum Refused {
    Labels(LabelsError),
    Dicom(DicomError),
}

impl From<LabelsError> for Refused {
    fn from(error: LabelsError) -> Self {
        Self::Labels(error)
    }
}

impl From<DicomError> for Refused {
    fn from(error: DicomError) -> Self {
        Self::Dicom(error)
    }
}

/// A closed line, as column and row of each point.
type Polygon = Vec<[f64; 2]>;

/// A structure on the slices.
struct Drawn {
    slices: BTreeMap<usize, Vec<Polygon>>,
    warnings: Vec<LabelsWarning>,
}

impl Drawn {
    fn of(data: &DataSet, label: &LabelFacts, target: &Target) -> Result<Self, Refused> {
        let mut drawn = Self { slices: BTreeMap::new(), warnings: Vec::new() };
        let (mut others, mut types, mut copies, mut beyond) = (0, BTreeSet::new(), 0, false);
        let (mut closed, mut number) = (0, 0);
        for item in data.items(tags::STRUCTURE_CONTOURS) {
            if item.whole(tags::REFERENCED_STRUCTURE)? != Some(label.number) {
                continue;
            }
            for contour in item.items(tags::CONTOURS) {
                number += 1;
                let kind = contour.text(tags::CONTOUR_TYPE).unwrap_or_else(|| "unknown".to_owned());
                if !["CLOSED_PLANAR", "CLOSEDPLANAR_XOR"].contains(&kind.as_str()) {
                    (others, _) = (others + 1, types.insert(kind));
                    continue;
                }
                closed += 1;
                let (slice, polygon) = polygon(contour, target).map_err(|e| match e {
                    Refused::Labels(LabelsError::Contour { why, .. }) => {
                        LabelsError::Contour { contour: number, name: label.name.clone(), why }.into()
                    }
                    other => other,
                })?;
                let size = target.size().map(|n| n as f64 - 0.5);
                beyond |= polygon.iter().any(|p| (0..2).any(|a| p[a] < -0.5 - 1e-6 || p[a] > size[a] + 1e-6));
                let there = drawn.slices.entry(slice).or_default();
                if there.iter().any(|other| is_same(other, &polygon)) {
                    copies += 1;
                } else {
                    there.push(polygon);
                }
            }
        }
        let (name, types) = (label.name.clone(), types.into_iter().collect::<Vec<_>>().join(", "));
        match (closed, others) {
            (0, 0) => drawn.warnings.push(LabelsWarning::NoContour(name.clone())),
            (0, count) => return Err(LabelsError::NoArea { name, count, types }.into()),
            (_, 0) => {}
            (_, count) => drawn.warnings.push(LabelsWarning::NoArea { name: name.clone(), count, types }),
        }
        if copies > 0 {
            drawn.warnings.push(LabelsWarning::Copies { name: name.clone(), count: copies });
        }
        if beyond {
            drawn.warnings.push(LabelsWarning::Beyond(name));
        }
        Ok(drawn)
    }
}

/// A contour on its slice.
fn polygon(contour: &DataSet, target: &Target) -> Result<(usize, Polygon), Refused> {
    let refuse = |why: String| Refused::Labels(LabelsError::Contour { contour: 0, name: String::new(), why });
    let numbers = contour.numbers(tags::CONTOUR_DATA)?.unwrap_or_default();
    let said = contour.whole(tags::CONTOUR_POINTS)?;
    let count = numbers.len() / 3;
    if numbers.len() % 3 != 0 || count < 3 {
        return Err(refuse(format!(
            "{} has {} numbers: must have three coordinates for each of three or more points",
            tags::CONTOUR_DATA,
            numbers.len()
        )));
    }
    if said.is_some_and(|said| said != count as i64) {
        let said = said.unwrap_or_default();
        return Err(refuse(format!("{} is {said}, but there are {count} points", tags::CONTOUR_POINTS)));
    }
    if let Some(offset) = contour.numbers(tags::CONTOUR_OFFSET)?.filter(|v| v.iter().any(|v| *v != 0.0)) {
        let offset = offset.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        return Err(refuse(format!("{} is {offset}: unclear whether the area is shifted by it", tags::CONTOUR_OFFSET)));
    }
    let at = |p: &[f64; 3]| p.map(|v| format!("{v:.3}")).join(", ");
    let (mut slice, mut polygon) = (None, Vec::with_capacity(count));
    for point in numbers.chunks_exact(3).map(|c| [c[0], c[1], c[2]]) {
        let found = target.slice_of(point).map_err(|mm| {
            refuse(format!("its point ({}) mm LPS is {mm:.3} mm off the nearest slice of the series", at(&point)))
        })?;
        if *slice.get_or_insert(found) != found {
            return Err(refuse(format!(
                "its point ({}) mm LPS and its first point lie on different slices",
                at(&point)
            )));
        }
        polygon.push(target.pixel(found, point));
    }
    Ok((slice.unwrap_or_default(), polygon))
}

/// Whether two contours have the same points in the same order: with any first point, in either direction, and with or
/// without a return to the first point.
fn is_same(a: &[[f64; 2]], b: &[[f64; 2]]) -> bool {
    let open = |points: &'_ [[f64; 2]]| match points {
        [first, inner @ .., last] if first == last => [&[*first], inner].concat(),
        all => all.to_vec(),
    };
    let (a, b) = (open(a), open(b));
    let count = a.len();
    if count != b.len() || count == 0 {
        return count == b.len();
    }
    let from = |start: usize| {
        let along = (0..count).all(|i| a[i] == b[(start + i) % count]);
        along || (0..count).all(|i| a[i] == b[(start + count - i) % count])
    };
    b.iter().enumerate().filter(|(_, point)| **point == a[0]).any(|(start, _)| from(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_contour_is_known_again() {
        let contour = [[0.0, 0.0], [3.0, 0.0], [3.0, 2.0], [1.0, 2.0]];
        let turned = [contour[2], contour[3], contour[0], contour[1]];
        let back = [contour[1], contour[0], contour[3], contour[2]];
        let closed = [contour[0], contour[1], contour[2], contour[3], contour[0]];
        for other in [&contour[..], &turned, &back, &closed] {
            assert!(is_same(&contour, other), "{other:?}");
        }
        assert!(!is_same(&contour, &contour[..3]));
        assert!(!is_same(&contour, &[contour[0], contour[2], contour[1], contour[3]]));
    }
}
