//! Files that earlier runs made of a case, and that may go when it is made again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use revoxel_invert::Trace;
use revoxel_pipeline::Pipeline;

use crate::dataset::Case;
use crate::files::read_text;
use crate::identity::digest;
use crate::places::place;
use crate::preflight::{all_outputs_of, outputs_of};
use crate::restore::inside;

/// The cases of a dataset, whichever of them are run. A file at the place of one of their outputs is theirs, even if a
/// trace says that an earlier run made it of another case.
#[derive(Debug, Default)]
pub struct Owners {
    cases: Vec<Case>,
    /// The number of the case by the place of each of its files.
    places: OnceLock<HashMap<PathBuf, usize>>,
}

impl Owners {
    /// The owners of files: these cases.
    pub const fn new(cases: Vec<Case>) -> Self {
        Self { cases, places: OnceLock::new() }
    }

    /// Whether another case than this one writes a file under `out`.
    fn others_have(&self, case: &Case, file: &Path, pipeline: &Pipeline, out: &Path) -> bool {
        let files =
            |(number, case)| all_outputs_of(pipeline, case, out).into_iter().map(move |file| (place(&file), number));
        let places = self.places.get_or_init(|| self.cases.iter().enumerate().flat_map(files).collect());
        places.get(&place(file)).is_some_and(|number| self.cases[*number].name != case.name)
    }
}

/// The files that an earlier run made of a case, by the trace at its place, as far as they are still what the trace says
/// and no other case has its outputs there.
pub(crate) fn made_before(case: &Case, trace: &Path, pipeline: &Pipeline, owners: &Owners, out: &Path) -> Vec<PathBuf> {
    let trace = read_text(trace).ok().and_then(|text| Trace::from_json(&text).ok());
    // What a trace of another case lists is that case's.
    let trace = trace.filter(|trace| trace.case == case.name.case && trace.copy == case.name.copy);
    // What is written again takes the place of what is there.
    let written = outputs_of(pipeline, case, out);
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
    files.retain(|(file, hash)| {
        !written.contains(file) && is_as_it_was(file, hash) && !owners.others_have(case, file, pipeline, out)
    });
    files.into_iter().map(|(file, _)| file).collect()
}
