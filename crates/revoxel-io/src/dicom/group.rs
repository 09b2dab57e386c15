//! Which images can share a volume.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::format::{Number, Photometric, PixelFormat};
use super::image::ImageFile;
use super::passes;
use super::places::Rules;
use super::plane::Plane;
use super::problem::DicomError;
use super::report::{Geometry, SeriesReport};
use super::stack::{Stack, Uneven, stack};
use super::vector::{norm, sub};
use super::warning::DicomWarning;
use crate::{FramesPolicy, IncompletePolicy, ReadOptions};

/// Orientations that differ by less are equal, rad.
const SAME_DIRECTION: f64 = 1e-3;
/// Pixel sizes that differ by less are equal, relative.
const SAME_SPACING: f64 = 1e-4;

/// A file with an image and its name.
#[derive(Clone, Debug)]
pub(super) struct NamedImage {
    /// The file; of an archive's member, the archive's path and the member's name.
    pub(super) path: PathBuf,
    /// The number of the member in its archive.
    pub(super) member: usize,
    pub(super) file: ImageFile,
}

/// An image of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct PlaneId {
    pub(super) file: usize,
    pub(super) frame: usize,
}

/// A series, or a part of one that may be a volume.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) planes: Vec<PlaneId>,
    /// A file of the series.
    pub(super) example: usize,
    pub(super) part: Option<String>,
    /// What distinguishes the images from others of the same size and direction.
    pub(super) labels: Vec<String>,
    pub(super) warnings: Vec<DicomWarning>,
    /// The stack, or the reason and the place if the slices are not one.
    pub(super) stack: Result<Stack, (Option<PathBuf>, DicomError)>,
}

/// The properties that images of one volume share, up to tolerances.
#[derive(PartialEq, Eq, Hash)]
struct Exact<'a> {
    series: &'a str,
    /// If there is no series UID: study, patient and series number.
    study: Option<&'a str>,
    size: [usize; 2],
    photometric: Photometric,
    /// Set unless pixels are integers of one sample, which share a volume whatever their sizes.
    number: Option<Number>,
    stack: Option<&'a str>,
    /// Set unless quantities are requested as frames of one volume.
    quantity: Option<&'a str>,
}

/// The plane of an image.
pub(super) fn plane(files: &[NamedImage], id: PlaneId) -> Option<&Plane> {
    files[id.file].file.content.as_ref().ok().and_then(|c| c.planes.get(id.frame))
}

/// The format of a file that holds planes.
pub(super) fn format(files: &[NamedImage], id: PlaneId) -> Option<&PixelFormat> {
    files[id.file].file.content.as_ref().ok().map(|c| &c.format)
}

/// Sorts images into groups, in the order of series numbers, UIDs and files.
pub(super) fn groups(files: &[NamedImage], options: &ReadOptions) -> Vec<Group> {
    let quantities = quantities(files);
    let separate = options.frames == FramesPolicy::Separate;
    let differ = |series: &str| separate && quantities.get(series).is_some_and(|names| names.len() > 1);
    let mut clusters: HashMap<Exact<'_>, Vec<Vec<PlaneId>>> = HashMap::new();
    let mut broken: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, named) in files.iter().enumerate() {
        match &named.file.content {
            Err(_) => _ = broken.entry(&named.file.series).or_insert(index),
            Ok(content) => {
                for (frame, plane) in content.planes.iter().enumerate() {
                    let alike = clusters
                        .entry(exact(&named.file, &content.format, plane, differ(&named.file.series)))
                        .or_default();
                    let id = PlaneId { file: index, frame };
                    match alike
                        .iter_mut()
                        .find(|c| self::plane(files, c[0]).is_some_and(|first| parallel(first, plane)))
                    {
                        Some(cluster) => cluster.push(id),
                        None => alike.push(vec![id]),
                    }
                }
            }
        }
    }
    // A damaged file spoils the largest part of the series that it belongs to.
    let mut clusters: Vec<Vec<PlaneId>> = clusters.into_values().flatten().collect();
    clusters.sort_by_key(|planes| (planes[0].file, planes[0].frame));
    let largest = |series: &str| {
        let of_series = clusters.iter().filter(|planes| files[planes[0].file].file.series == series);
        of_series.max_by_key(|planes| planes.len()).map(|planes| planes[0])
    };
    let mut spoilt: HashMap<PlaneId, usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for (series, file) in &broken {
        match largest(series) {
            Some(first) => _ = spoilt.insert(first, *file),
            None => {
                let stack = Err(fault(files, *file));
                groups.push(Group { stack, ..Group::of(Vec::new(), *file) });
            }
        }
    }
    for planes in clusters {
        match spoilt.get(&planes[0]) {
            Some(file) => {
                let example = planes[0].file;
                groups.push(Group { stack: Err(fault(files, *file)), ..Group::of(planes, example) });
            }
            None => groups.extend(volumes(files, planes, options)),
        }
    }
    let key = |file: usize| (files[file].file.series_number.unwrap_or(i64::MAX), &files[file].file.series);
    groups.sort_by(|a, b| key(a.example).cmp(&key(b.example)));
    name_parts(files, &mut groups);
    groups
}

/// The quantities in each series. Images without one belong to the only quantity of the series.
fn quantities(files: &[NamedImage]) -> HashMap<&str, HashSet<&str>> {
    let mut found: HashMap<&str, HashSet<&str>> = HashMap::new();
    for named in files {
        let planes = named.file.content.iter().flat_map(|content| &content.planes);
        let said = planes.map(|p| p.quantity.as_str()).filter(|name| !name.is_empty());
        found.entry(&named.file.series).or_default().extend(said);
    }
    found
}

/// What the images of one series should agree in: see `ImageFile::patient_and_study`.
const PATIENT_AND_STUDY: [&str; 2] = ["PatientID (0010,0020)", "StudyInstanceUID (0020,000D)"];

/// The volumes among images in parallel planes.
fn volumes(files: &[NamedImage], planes: Vec<PlaneId>, options: &ReadOptions) -> Vec<Group> {
    let all: Vec<&Plane> = planes.iter().filter_map(|id| plane(files, *id)).collect();
    let references: Vec<Option<&str>> =
        planes.iter().map(|id| files[id.file].file.frame_of_reference.as_deref()).collect();
    let (parts, alternating) = passes::parts(&all, &references);
    let volume = |part: passes::Part| {
        let ids: Vec<PlaneId> = part.images.iter().map(|i| planes[*i]).collect();
        let own: Vec<&Plane> = part.images.iter().map(|i| all[*i]).collect();
        let name = |i: usize| file_name(&files[ids[i].file].path);
        let rules = Rules {
            drop_incomplete: options.incomplete == IncompletePolicy::Drop,
            one_position: options.frames == FramesPolicy::Stack,
        };
        let mut warnings = Vec::new();
        if let Some(what) = alternating {
            warnings.push(DicomWarning::Alternating { what });
        }
        let found: BTreeSet<Option<&str>> = part.images.iter().map(|i| references[*i]).collect();
        if found.len() > 1 {
            let without = part.images.iter().filter(|i| references[**i].is_none()).count();
            let different = found.iter().flatten().count();
            warnings.push(DicomWarning::FramesOfReference { different, without });
        }
        for (at, attribute) in PATIENT_AND_STUDY.into_iter().enumerate() {
            let of = |id: &PlaneId| files[id.file].file.patient_and_study[at].as_deref();
            let different = ids.iter().filter_map(of).collect::<BTreeSet<_>>().len();
            if different > 1 {
                warnings.push(DicomWarning::PatientOrStudy { attribute, different });
            }
        }
        let stack = match unscaled(&own) {
            Some((first, error)) => Err((Some(files[ids[first].file].path.clone()), error)),
            None => stack(&own, &name, rules).map_err(|e| (None, e)),
        };
        let example = ids[0].file;
        Group { stack, labels: part.labels, warnings, ..Group::of(ids, example) }
    };
    parts.into_iter().map(volume).collect()
}

/// The first image without a rescale if others have one, and the error about it.
fn unscaled(planes: &[&Plane]) -> Option<(usize, DicomError)> {
    // One that changes nothing is as good as none.
    let slope = planes.iter().find(|p| p.has_rescale[0] && p.slope != 1.0).map(|p| p.slope);
    let intercept = planes.iter().find(|p| p.has_rescale[1] && p.intercept != 0.0).map(|p| p.intercept);
    let lacks = |p: &Plane| (slope.is_some() && !p.has_rescale[0]) || (intercept.is_some() && !p.has_rescale[1]);
    let first = planes.iter().position(|p| lacks(p))?;
    let images = planes.iter().filter(|p| lacks(p)).count();
    let whole = || planes.iter().filter(|p| p.has_rescale == [true; 2]).map(|p| (p.slope, p.intercept));
    let common = whole().next().filter(|pair| whole().all(|other| other == *pair));
    Some((first, DicomError::NoRescale { images, of: planes.len(), common }))
}

/// Gives images without a rescale that of the others of their volume, if these share one.
pub(super) fn assume_rescale(files: &mut [NamedImage], groups: &[Group]) {
    for group in groups.iter().filter(|g| matches!(&g.stack, Err((_, DicomError::NoRescale { .. })))) {
        let Err((_, DicomError::NoRescale { common: Some((slope, intercept)), .. })) = &group.stack else { continue };
        for id in &group.planes {
            let content = files[id.file].file.content.as_mut().ok();
            let Some(plane) = content.and_then(|c| c.planes.get_mut(id.frame)) else { continue };
            if !plane.has_rescale[0] {
                plane.slope = *slope;
            }
            if !plane.has_rescale[1] {
                plane.intercept = *intercept;
            }
            plane.has_rescale = [true; 2];
        }
    }
}

fn fault(files: &[NamedImage], file: usize) -> (Option<PathBuf>, DicomError) {
    let error = files[file].file.content.as_ref().err().cloned().unwrap_or(DicomError::NotDicom);
    (Some(files[file].path.clone()), error)
}

/// The name of a file with that of its folder, because several folders may contain the same file name.
fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let folder = path.parent().and_then(Path::file_name);
    folder.map_or_else(|| name.clone(), |folder| format!("{}/{name}", folder.to_string_lossy()))
}

fn exact<'a>(file: &'a ImageFile, format: &PixelFormat, plane: &'a Plane, quantity: bool) -> Exact<'a> {
    let shares = format.samples == 1 && matches!(format.number, Number::Int { .. });
    Exact {
        series: &file.series,
        study: file.series.is_empty().then_some(file.study.as_str()),
        size: [format.columns, format.rows],
        photometric: format.photometric,
        number: (!shares).then_some(format.number),
        stack: plane.stack.as_deref(),
        quantity: quantity.then_some(plane.quantity.as_str()),
    }
}

/// Whether two images lie in parallel planes with equal pixels, and in the same unit if both give one.
fn parallel(a: &Plane, b: &Plane) -> bool {
    let same = |a: [f64; 3], b: [f64; 3]| norm(sub(a, b)) < SAME_DIRECTION;
    let spacing = a.spacing.iter().zip(&b.spacing).all(|(a, b)| (a - b).abs() <= SAME_SPACING * a);
    let unit = a.unit.as_ref().zip(b.unit.as_ref()).is_none_or(|(a, b)| a.eq_ignore_ascii_case(b));
    spacing && unit && same(a.row, b.row) && same(a.column, b.column)
}

/// If a series consists of several volumes, describes how each differs.
fn name_parts(files: &[NamedImage], groups: &mut [Group]) {
    for start in 0..groups.len() {
        let uid = &files[groups[start].example].file.series;
        let parts: Vec<usize> = (0..groups.len()).filter(|g| &files[groups[*g].example].file.series == uid).collect();
        if parts.len() < 2 || parts[0] != start {
            continue;
        }
        let traits: Vec<Vec<String>> = parts.iter().map(|g| traits(files, &groups[*g])).collect();
        let width = traits.iter().map(Vec::len).min().unwrap_or(0);
        let differing: Vec<usize> =
            (0..width).filter(|c| traits.iter().map(|t| &t[*c]).collect::<HashSet<_>>().len() > 1).collect();
        for (part, traits) in parts.iter().zip(&traits) {
            let own = differing.iter().map(|c| traits[*c].clone()).filter(|text| !text.is_empty());
            let text = own.chain(groups[*part].labels.iter().cloned()).collect::<Vec<_>>().join(", ");
            groups[*part].part = Some(text);
        }
    }
}

fn traits(files: &[NamedImage], group: &Group) -> Vec<String> {
    let Some((plane, format)) = group.planes.first().and_then(|id| plane(files, *id).zip(format(files, *id))) else {
        return Vec::new();
    };
    let round = |v: [f64; 3]| v.map(|v| format!("{v:.3}")).join(" ");
    vec![
        format!("{}×{}", format.columns, format.rows),
        format!("{} {}", format.dtype(), format.photometric.name()),
        format!("pixels {:.5}×{:.5} mm", plane.spacing[1], plane.spacing[0]),
        format!("orientation {} / {}", round(plane.row), round(plane.column)),
        if plane.quantity.is_empty() { "no quantity in ImageType".to_owned() } else { plane.quantity.clone() },
        format!("unit {}", plane.unit.as_deref().unwrap_or("none")),
        format!("stack {}", plane.stack.as_deref().unwrap_or("none")),
    ]
}

impl Group {
    /// Images that are not stacked yet.
    fn of(planes: Vec<PlaneId>, example: usize) -> Self {
        let stack = Err((None, DicomError::NotDicom));
        Self { planes, example, part: None, labels: Vec::new(), warnings: Vec::new(), stack }
    }

    /// The report.
    pub(super) fn report(&self, number: usize, files: &[NamedImage]) -> SeriesReport {
        let file = &files[self.example].file;
        let of_group: HashSet<usize> = self.planes.iter().map(|id| id.file).chain([self.example]).collect();
        let size = file.content.as_ref().map_or(file.size, |c| [c.format.columns, c.format.rows]);
        // Of a series that is refused, what its files say.
        let refused = || files.iter().filter(|named| named.file.series == file.series);
        let (count, images) = match self.planes.is_empty() {
            true => (refused().count(), refused().map(|named| named.file.images).sum()),
            false => (of_group.len(), self.planes.len()),
        };
        let stack = self.stack.as_ref().ok();
        let problem = match &self.stack {
            Ok(stack) => stack.problem().map(|e| e.to_string()),
            Err((Some(path), error)) => Some(format!("{}: {error}", path.display())),
            Err((None, error)) => Some(error.to_string()),
        };
        let error = self.stack.as_ref().map_or_else(|(_, error)| Some(error.clone()), Stack::problem);
        SeriesReport {
            number,
            uid: file.series.clone(),
            series_number: file.series_number,
            modality: file.modality.clone(),
            description: file.description.clone(),
            part: self.part.clone(),
            files: count,
            images,
            slices: stack.map_or(images, |s| s.positions.len()),
            frames: stack.map_or(1, |s| s.frames.len()),
            size,
            transfer_syntax: file.syntax.map_or(file.syntax_uid.clone(), |s| s.name.to_owned()),
            geometry: stack.map(|s| geometry(s, size)),
            notes: self.warnings.iter().map(ToString::to_string).collect(),
            problem,
            advice: error.as_ref().and_then(DicomError::advice),
            settings: error.as_ref().map_or_else(Vec::new, DicomError::settings),
        }
    }
}

fn geometry(stack: &Stack, size: [usize; 2]) -> Geometry {
    let slices = stack.positions.len();
    let missing = stack.missing();
    let affine = stack.affine(stack.complete());
    let gaps = match &stack.uneven {
        Some(Uneven::Gaps(gaps)) => gaps.clone(),
        _ => Vec::new(),
    };
    Geometry {
        shape: [size[0], size[1], slices],
        spacing: affine.spacing(),
        affine: affine.rows(),
        tilt_degrees: stack.tilt,
        gaps,
        missing,
    }
}
