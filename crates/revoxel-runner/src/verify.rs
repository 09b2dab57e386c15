//! Whether the files that traces name are still what they were when they were written.

use std::fs;
use std::path::{Component, Path, PathBuf};

use rayon::prelude::*;
use revoxel_invert::{SCHEMA, Trace};

use crate::files::read_text;
use crate::identity::digest;
use crate::journal;

/// A trace and its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The trace, relative to the output folder.
    pub trace: PathBuf,
    /// The case, with its copy; empty where the trace cannot be read.
    pub case: String,
    /// How many files were read.
    pub files: usize,
    /// What is wrong.
    pub problems: Vec<String>,
}

/// The traces under a folder, sorted.
///
/// # Errors
/// Where the folder cannot be listed.
pub fn traces(out: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![out.to_owned()];
    fs::read_dir(out)?;
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok) {
            let path = entry.path();
            // Links are not followed: they could lead in a circle.
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && entry.file_name() != journal::FOLDER => open.push(path),
                Ok(kind) if kind.is_file() && path.extension().is_some_and(|e| e == "json") => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Reads the files of a trace; `None` for a JSON file that is no trace.
pub fn verify(out: &Path, path: &Path) -> Option<Verified> {
    let relative = path.strip_prefix(out).unwrap_or(path).to_owned();
    let mut verified = Verified { trace: relative, case: String::new(), files: 0, problems: Vec::new() };
    let text = match read_text(path) {
        Ok(text) => text,
        Err(error) => {
            verified.problems.push(error.to_string());
            return Some(verified);
        }
    };
    if !text.contains(SCHEMA) {
        return None;
    }
    let trace = match Trace::from_json(&text) {
        Ok(trace) => trace,
        Err(error) => {
            verified.problems.push(format!("{}: {error}", path.display()));
            return Some(verified);
        }
    };
    verified.case = trace.copy.map_or_else(|| trace.case.clone(), |copy| format!("{}/{copy}", trace.case));
    let mut files: Vec<(PathBuf, Option<&String>)> = Vec::new();
    for volume in trace.volumes.values() {
        let Some(relative) = &volume.result.path else { continue };
        let path_of = Path::new(relative);
        if path_of.components().any(|c| !matches!(c, Component::Normal(_) | Component::CurDir)) {
            verified.problems.push(format!("{}: it names {relative:?}, outside its folder", path.display()));
            continue;
        }
        let file = out.join(relative);
        let folder = file.parent().unwrap_or(out).to_owned();
        files.push((file, volume.result.hash.as_ref()));
        files.extend(volume.result.parts.iter().map(|part| (folder.join(&part.path), Some(&part.hash))));
    }
    verified.files = files.len();
    let wrong = |(file, hash): &(PathBuf, Option<&String>)| match digest(file) {
        _ if !file.exists() => Some(format!("{} is missing", file.display())),
        Err(error) => Some(error.to_string()),
        Ok(now) if *hash != Some(&now) => Some(format!("{} has changed since it was written", file.display())),
        Ok(_) => None,
    };
    verified.problems.extend(files.par_iter().filter_map(wrong).collect::<Vec<_>>());
    Some(verified)
}
