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
    let mut likes: Vec<(PathBuf, String)> = Vec::new();
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
            let alike = likes.iter().any(|(top, end)| name.ends_with(end.as_str()) && path.starts_with(top));
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

/// The folder in which a path with placeholders begins, and how the names of its files end; `None` of a path without
/// placeholders, and of folders.
fn like(template: &Template, folder: &Path) -> Option<(PathBuf, String)> {
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
    match components.last()?.last()? {
        Piece::Text(end) if end.contains('.') => Some((top, end.clone())),
        _ => None,
    }
}
