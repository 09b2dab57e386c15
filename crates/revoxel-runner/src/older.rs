//! Files that earlier runs made of a case, and that may go when it is made again.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use revoxel_invert::Trace;
use revoxel_pipeline::{CaseName, Pipeline};

use crate::dataset::Case;
use crate::files::read_text;
use crate::identity::digest;
use crate::places::place;
use crate::preflight::all_outputs_of;
use crate::restore::inside;

/// The cases of a dataset, whichever of them are run. A file at the place of one of their outputs is theirs, even if a
/// trace says that an earlier run made it of another case.
#[derive(Debug, Default)]
pub struct Owners {
    cases: Vec<Case>,
    places: OnceLock<HashSet<PathBuf>>,
}

impl Owners {
    /// The owners of files: these cases.
    pub const fn new(cases: Vec<Case>) -> Self {
        Self { cases, places: OnceLock::new() }
    }

    /// Whether one of the cases writes this file under `out`.
    fn have(&self, file: &Path, pipeline: &Pipeline, out: &Path) -> bool {
        let files = |case| all_outputs_of(pipeline, case, out);
        let places = || self.cases.iter().flat_map(files).map(|file| place(&file)).collect();
        self.places.get_or_init(places).contains(&place(file))
    }
}

/// The files that an earlier run made of a case, by the trace at its place, as far as they are still what the trace says
/// and no other case has its outputs there.
pub(crate) fn made_before(
    case: &CaseName,
    trace: &Path,
    pipeline: &Pipeline,
    owners: &Owners,
    out: &Path,
) -> Vec<PathBuf> {
    let trace = read_text(trace).ok().and_then(|text| Trace::from_json(&text).ok());
    // What a trace of another case lists is that case's.
    let trace = trace.filter(|trace| trace.case == case.case && trace.copy == case.copy);
    let mut files = Vec::new();
    for result in trace.iter().flat_map(|trace| trace.volumes.values()).map(|volume| &volume.result) {
        let Some(path) = result.path.as_deref().and_then(|path| inside(path).ok()) else { continue };
        let (file, folder) = (out.join(&path), Path::new(&path).parent().unwrap_or(Path::new("")));
        files.extend(result.hash.clone().map(|hash| (file, hash)));
        for part in &result.parts {
            let part_of = folder.join(&part.path);
            files.extend(inside(&part_of.to_string_lossy()).ok().map(|path| (out.join(path), part.hash.clone())));
        }
    }
    let is_as_it_was = |file: &Path, hash: &str| file.is_file() && digest(file).is_ok_and(|now| now == hash);
    files.retain(|(file, hash)| is_as_it_was(file, hash) && !owners.have(file, pipeline, out));
    files.into_iter().map(|(file, _)| file).collect()
}
