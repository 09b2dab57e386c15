//! Which images can share a volume.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::format::{Number, Photometric, PixelFormat};
use super::image::ImageFile;
use super::plane::Plane;
use super::problem::DicomError;
use super::report::{Geometry, SeriesReport, SkipReason, Skipped};
use super::stack::{Stack, Uneven, stack};
use super::vector::{norm, sub};

/// Orientations that differ by less are the same, rad.
const SAME_DIRECTION: f64 = 1e-3;
/// Pixel sizes that differ by less are the same, relative.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// The stack, or why there is none and where.
    pub(super) stack: Result<Stack, (Option<PathBuf>, DicomError)>,
}

/// What images of one volume have in common, but for tolerances.
#[derive(PartialEq, Eq, Hash)]
struct Exact<'a> {
    series: &'a str,
    frame_of_reference: Option<&'a str>,
    size: [usize; 2],
    number: Number,
    photometric: Photometric,
    stack: Option<&'a str>,
}

/// The plane of an image.
pub(super) fn plane(files: &[NamedImage], id: PlaneId) -> Option<&Plane> {
    files[id.file].file.content.as_ref().ok().and_then(|c| c.planes.get(id.frame))
}

/// The format of a file that holds planes.
pub(super) fn format(files: &[NamedImage], id: PlaneId) -> Option<&PixelFormat> {
    files[id.file].file.content.as_ref().ok().map(|c| &c.format)
}

/// Leaves out files that are copies of others.
pub(super) fn without_copies(files: Vec<NamedImage>, skipped: &mut Vec<Skipped>) -> Vec<NamedImage> {
    let mut seen: HashMap<String, PathBuf> = HashMap::new();
    let mut kept = Vec::with_capacity(files.len());
    for named in files {
        if let Some(uid) = &named.file.instance {
            if let Some(first) = seen.get(uid) {
                let reason = SkipReason::Copy(first.display().to_string());
                skipped.push(Skipped { path: named.path, reason });
                continue;
            }
            seen.insert(uid.clone(), named.path.clone());
        }
        kept.push(named);
    }
    kept
}

/// Sorts images into groups, ordered by series number, UID, and size.
pub(super) fn groups(files: &[NamedImage]) -> Vec<Group> {
    let mut clusters: HashMap<Exact<'_>, Vec<Vec<PlaneId>>> = HashMap::new();
    let mut broken: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, named) in files.iter().enumerate() {
        match &named.file.content {
            Err(_) => _ = broken.entry(&named.file.series).or_insert(index),
            Ok(content) => {
                for (frame, plane) in content.planes.iter().enumerate() {
                    let alike = clusters.entry(exact(&named.file, &content.format, plane)).or_default();
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
    let mut members: Vec<Vec<PlaneId>> = clusters.into_values().flatten().collect();
    let key = |file: usize| (files[file].file.series_number.unwrap_or(i64::MAX), &files[file].file.series);
    members.sort_by(|a, b| {
        key(a[0].file).cmp(&key(b[0].file)).then(b.len().cmp(&a.len())).then(a[0].file.cmp(&b[0].file))
    });
    let mut groups: Vec<Group> = Vec::new();
    for planes in members {
        let example = planes[0].file;
        // A damaged file spoils the (largest part of the) series that it belongs to.
        let stack = match broken.remove(files[example].file.series.as_str()) {
            Some(file) => Err(fault(files, file)),
            None => {
                let all: Vec<&Plane> = planes.iter().filter_map(|id| plane(files, *id)).collect();
                stack(&all, &|i| file_name(&files[planes[i].file].path)).map_err(|e| (None, e))
            }
        };
        groups.push(Group { planes, example, part: None, stack });
    }
    for file in broken.into_values() {
        groups.push(Group { planes: Vec::new(), example: file, part: None, stack: Err(fault(files, file)) });
    }
    groups.sort_by(|a, b| key(a.example).cmp(&key(b.example)));
    name_parts(files, &mut groups);
    groups
}

fn fault(files: &[NamedImage], file: usize) -> (Option<PathBuf>, DicomError) {
    let error = files[file].file.content.as_ref().err().cloned().unwrap_or(DicomError::NotDicom);
    (Some(files[file].path.clone()), error)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn exact<'a>(file: &'a ImageFile, format: &PixelFormat, plane: &'a Plane) -> Exact<'a> {
    Exact {
        series: &file.series,
        frame_of_reference: file.frame_of_reference.as_deref(),
        size: [format.columns, format.rows],
        number: format.number,
        photometric: format.photometric,
        stack: plane.stack.as_deref(),
    }
}

/// Whether two images lie in parallel planes with the same pixels.
fn parallel(a: &Plane, b: &Plane) -> bool {
    let same = |a: [f64; 3], b: [f64; 3]| norm(sub(a, b)) < SAME_DIRECTION;
    let spacing = a.spacing.iter().zip(&b.spacing).all(|(a, b)| (a - b).abs() <= SAME_SPACING * a);
    spacing && same(a.row, b.row) && same(a.column, b.column)
}

/// Where a series falls into parts, says how each differs.
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
            let text = differing.iter().map(|c| traits[*c].clone()).collect::<Vec<_>>().join(", ");
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
        format!("frame of reference {}", files[group.example].file.frame_of_reference.as_deref().unwrap_or("none")),
        format!("stack {}", plane.stack.as_deref().unwrap_or("none")),
    ]
}

impl Group {
    /// What people are told.
    pub(super) fn report(&self, number: usize, files: &[NamedImage]) -> SeriesReport {
        let file = &files[self.example].file;
        let of_group: HashSet<usize> = self.planes.iter().map(|id| id.file).chain([self.example]).collect();
        let size = file.content.as_ref().map_or([0, 0], |c| [c.format.columns, c.format.rows]);
        let stack = self.stack.as_ref().ok();
        let problem = match &self.stack {
            Ok(stack) => stack.problem().map(|e| e.to_string()),
            Err((Some(path), error)) => Some(format!("{}: {error}", path.display())),
            Err((None, error)) => Some(error.to_string()),
        };
        SeriesReport {
            number,
            uid: file.series.clone(),
            series_number: file.series_number,
            modality: file.modality.clone(),
            description: file.description.clone(),
            part: self.part.clone(),
            files: of_group.len(),
            images: self.planes.len(),
            slices: stack.map_or(self.planes.len(), |s| s.positions.len()),
            frames: stack.map_or(1, |s| s.frames.len()),
            size,
            transfer_syntax: file.syntax.map_or(file.syntax_uid.clone(), |s| s.name.to_owned()),
            geometry: stack.map(|s| geometry(s, size)),
            problem,
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
