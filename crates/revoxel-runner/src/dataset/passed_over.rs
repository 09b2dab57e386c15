//! Files that look like a case and are none.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use revoxel_pipeline::{Piece, Pipeline, Template};

use super::Case;

/// Files that are called like those of an input, and that no input takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PassedOver {
    /// How many there are.
    pub count: usize,
    /// The first of them, relative to the data folder.
    pub first: Vec<PathBuf>,
}

/// How many of them are named.
const NAMED: usize = 3;
/// How many files and folders are looked at.
const MOST: usize = 200_000;

/// Looks for files whose names end like those of an input, below the folder in which the input's path begins, and that
/// no case has. Hidden files do not count, nor does anything below `out`.
pub fn passed_over(pipeline: &Pipeline, folder: &Path, cases: &[Case], out: Option<&Path>) -> PassedOver {
    let mut found = PassedOver::default();
    if pipeline.cases.is_some() {
        return found;
    }
    let taken: HashSet<&Path> = cases
        .iter()
        .flat_map(|case| case.inputs.keys().flat_map(|key| case.files(key)))
        .map(PathBuf::as_path)
        .collect();
    let mut likes: Vec<(PathBuf, Like)> = Vec::new();
    for like in pipeline.inputs.iter().flat_map(|input| input.paths()).filter_map(|path| like(path, folder)) {
        if !likes.contains(&like) {
            likes.push(like);
        }
    }
    // Folders in other folders of the list are looked through with them.
    let tops: Vec<&PathBuf> = likes.iter().map(|(top, _)| top).collect();
    let mut open: Vec<PathBuf> = Vec::new();
    for top in &tops {
        if !tops.iter().any(|other| other != top && top.starts_with(other)) && !open.contains(*top) {
            open.push((*top).clone());
        }
    }
    let out = out.and_then(|out| out.canonicalize().ok());
    let mut looked = 0;
    while let Some(place) = open.pop() {
        let Ok(entries) = fs::read_dir(&place) else { continue };
        let mut entries: Vec<fs::DirEntry> = entries.filter_map(Result::ok).collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        let mut below = Vec::new();
        for entry in entries {
            looked += 1;
            if looked > MOST {
                return found;
            }
            let (name, path) = (entry.file_name(), entry.path());
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            // Links are not followed: they could lead in a circle.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let is_out = out.as_ref().is_some_and(|out| path.canonicalize().is_ok_and(|path| path == *out));
                if !is_out && !taken.contains(path.as_path()) {
                    below.push(path);
                }
                continue;
            }
            let name = name.to_string_lossy();
            let is_other =
                |own: Option<String>| own.is_none_or(|own| !taken.contains(path.with_file_name(own).as_path()));
            let is_like = |like: &Like| like.fits(&name).is_some_and(is_other);
            let alike = likes.iter().any(|(top, like)| path.starts_with(top) && is_like(like));
            if alike && !taken.contains(path.as_path()) {
                found.count += 1;
                if found.first.len() < NAMED {
                    found.first.push(path.strip_prefix(folder).unwrap_or(&path).to_owned());
                }
            }
        }
        // The first folder is looked at next.
        open.extend(below.into_iter().rev());
    }
    found
}

/// Endings of volumes, longer ones first. Those of NIfTI are often mixed in one folder.
const OF_NIFTI: [&str; 5] = [".nii.bz2", ".nii.zst", ".nii.gz", ".nii.xz", ".nii"];
const OF_OTHERS: [&str; 10] = [".mif.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".mgz", ".mgh", ".mif", ".hdr", ".img"];

/// How the names of an input's files begin and end.
#[derive(PartialEq, Eq)]
struct Like {
    start: String,
    end: String,
}

impl Like {
    /// Whether a file is called like those of the input: it ends like them, whether in capitals or with blanks behind; or
    /// it is called like them but for another ending of volumes. In that case, what it would be called with theirs.
    fn fits(&self, name: &str) -> Option<Option<String>> {
        if name.ends_with(&self.end) {
            return Some(None);
        }
        let (name, end) = (name.trim_end().to_lowercase(), self.end.to_lowercase());
        if name.ends_with(&end) {
            return Some(None);
        }
        let without = |text: &str, endings: &[&str]| {
            endings.iter().find_map(|ending| text.strip_suffix(ending)).map(ToOwned::to_owned)
        };
        let (of_nifti, of_others) = (without(&end, &OF_NIFTI), without(&end, &OF_OTHERS));
        let is_nifti = of_nifti.is_some();
        let stem = of_nifti.or(of_others)?;
        // A file of another format must have more in common with those of the input.
        let is_special = !stem.is_empty() || !self.start.is_empty();
        let found = match without(&name, &OF_NIFTI) {
            Some(found) if is_nifti || is_special => found,
            _ => without(&name, &OF_OTHERS).filter(|_| is_special)?,
        };
        let begins = found.starts_with(&self.start.to_lowercase());
        (begins && found.ends_with(&stem)).then(|| Some(format!("{}{}", &found[..found.len() - stem.len()], self.end)))
    }
}

/// The folder in which a path with placeholders begins, and how its files are called; `None` of a path without
/// placeholders, and of folders.
fn like(template: &Template, folder: &Path) -> Option<(PathBuf, Like)> {
    if !template.has_case() {
        return None;
    }
    let components = template.components(&|_| true);
    let mut top = folder.to_owned();
    for component in &components {
        match &component[..] {
            [Piece::Text(text)] => top.push(text),
            _ => break,
        }
    }
    let name = components.last()?;
    let start = match &name[..] {
        [Piece::Text(start), _, ..] => start.clone(),
        _ => String::new(),
    };
    match name.last()? {
        Piece::Text(end) if end.contains('.') => Some((top, Like { start, end: end.clone() })),
        _ => None,
    }
}
