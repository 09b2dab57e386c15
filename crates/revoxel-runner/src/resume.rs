//! Which cases an earlier run has done, and why others have to be done again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use revoxel_core::Kind;
use revoxel_invert::{ResultRecord, SourceRecord, Trace};
use revoxel_pipeline::{CaseSource, Pipeline};

use crate::RESULTS;
use crate::dataset::Case;
use crate::files::{FileError, at, read_text};
use crate::identity::{Identity, digest};
use crate::journal;
use crate::preflight::{Strictness, outputs_of};
use crate::reading::options_of;

/// Where a case stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// All that a run would make of it is there.
    Done,
    /// A step left it out, for this reason: a run would make nothing of it.
    LeftOut(String),
    /// Nothing of it is there.
    New,
    /// What is there is not what a run would make, for this reason.
    Again(String),
}

/// Where a case stands. It is done where its trace is there and whole, the pipeline, the seed, the program's results and
/// the inputs are what they were, and every output has the content that the trace says.
pub fn standing(pipeline: &Pipeline, case: &Case, (data, out): (&Path, &Path), strictness: Strictness) -> Standing {
    let path = out.join(pipeline.trace.path(&case.name));
    if !path.exists() {
        let begun = outputs_of(pipeline, case, out).iter().any(|output| output.exists());
        if begun {
            return Standing::Again("it has outputs but no trace, as after an interrupted run".to_owned());
        }
        let Some(record) = journal::was_left_out(out, &case.name) else { return Standing::New };
        let origin = Origin {
            results: Some(record.results),
            hash: &record.pipeline,
            seed: record.seed,
            snap: record.snap,
            sources: record.sources.iter().collect(),
        };
        return match origin.differs(pipeline, case, data, strictness) {
            Some(why) => Standing::Again(why),
            None => Standing::LeftOut(record.why),
        };
    }
    // A pipe in its place would be waited for.
    if !path.is_file() {
        return Standing::Again(format!("{} is not a file", path.display()));
    }
    match other(pipeline, case, (data, out), strictness, &path) {
        Some(why) => Standing::Again(why),
        None => Standing::Done,
    }
}

/// Why what is there is not what a run would make.
fn other(
    pipeline: &Pipeline,
    case: &Case,
    (data, out): (&Path, &Path),
    strictness: Strictness,
    path: &Path,
) -> Option<String> {
    let trace = match read_text(path)
        .map_err(|e| e.to_string())
        .and_then(|t| Trace::from_json(&t).map_err(|e| e.to_string()))
    {
        Ok(trace) => trace,
        Err(problem) => return Some(format!("its trace cannot be read: {problem}")),
    };
    if trace.case != case.name.case || trace.copy != case.name.copy {
        return Some(format!("its trace is of another case, {}", trace.case));
    }
    let origin = Origin {
        results: trace.results,
        hash: &trace.pipeline.hash,
        seed: trace.pipeline.seed,
        snap: trace.pipeline.snap,
        sources: trace.volumes.iter().map(|(key, volume)| (key, &volume.source)).collect(),
    };
    if let Some(why) = origin.differs(pipeline, case, data, strictness) {
        return Some(why);
    }
    for (key, volume) in &trace.volumes {
        if let Some(input) = pipeline.input(key).filter(|input| input.kind != volume.kind) {
            return Some(format!("the kind of {key} was {} and is now {}", volume.kind, input.kind.name()));
        }
    }
    let outputs = pipeline.outputs.iter().filter_map(|o| Some((o, &trace.volumes.get(&o.key)?.result)));
    outputs.into_iter().find_map(|(output, result)| changed(&output.path.path(&case.name), result, out))
}

/// What something was made of, as a record says.
struct Origin<'a> {
    results: Option<u32>,
    hash: &'a str,
    seed: Option<u64>,
    snap: bool,
    sources: BTreeMap<&'a String, &'a SourceRecord>,
}

impl Origin<'_> {
    /// What is not so any more, if anything.
    fn differs(&self, pipeline: &Pipeline, case: &Case, data: &Path, strictness: Strictness) -> Option<String> {
        if self.results != Some(RESULTS) {
            let before = self.results.map_or("an older version".to_owned(), |n| format!("a version with results {n}"));
            return Some(format!("it was made by {before} of the program, and this version gives results {RESULTS}"));
        }
        // A seed is a part of the pipeline, and of the more use to be named.
        let seed = pipeline.is_random().then_some(pipeline.seed);
        if self.seed != seed {
            let shown = |seed: Option<u64>| seed.map_or("none".to_owned(), |seed| seed.to_string());
            return Some(format!("the seed was {} and is now {}", shown(self.seed), shown(seed)));
        }
        if self.hash != format!("blake3:{}", pipeline.hash()) {
            // A document of a dataset may declare labels, or have declared some.
            let open = pipeline
                .inputs
                .iter()
                .any(|i| i.kind == Kind::Label && (i.labels.is_none() || i.labels_from.is_some()));
            let or = match &pipeline.cases {
                Some(CaseSource::List(list)) if open && list.from.ends_with(".json") => {
                    format!(", or the labels that {} declares", list.from)
                }
                _ => String::new(),
            };
            return Some(format!("the pipeline has changed{or}"));
        }
        if self.snap != strictness.snap {
            let said =
                if strictness.snap { "without snapping, and now with it" } else { "with snapping, and now without it" };
            return Some(format!("it was run {said}"));
        }
        let keys: BTreeSet<&String> = case.inputs.keys().collect();
        if keys != self.sources.keys().copied().collect() {
            let list = |keys: Vec<&String>| keys.into_iter().cloned().collect::<Vec<_>>().join(", ");
            let (then, now) = (list(self.sources.keys().copied().collect()), list(keys.into_iter().collect()));
            return Some(format!("its inputs were {then} and are now {now}"));
        }
        for (key, file) in &case.inputs {
            let (Some(input), source) = (pipeline.input(key), self.sources[key]) else { continue };
            if source.path != file.strip_prefix(data).unwrap_or(file).to_string_lossy() {
                return Some(format!("{key} was {} and is now {}", source.path, file.display()));
            }
            match Identity::is_still(source, case, key, &options_of(pipeline, input, case)) {
                Ok(true) => {}
                Ok(false) => return Some(format!("{} has changed", file.display())),
                Err(problem) => return Some(problem.to_string()),
            }
        }
        None
    }
}

/// What has happened to an output.
fn changed(relative: &str, result: &ResultRecord, out: &Path) -> Option<String> {
    if result.path.as_deref() != Some(relative) {
        return Some(format!("its trace does not name {relative}"));
    }
    let path = out.join(relative);
    let folder = path.parent().unwrap_or(out);
    let named: Vec<PathBuf> = result.parts.iter().map(|part| folder.join(&part.path)).collect();
    let beside = revoxel_io::written_beside(&path);
    if named.len() != usize::from(!beside.is_empty()) || !named.iter().all(|part| beside.contains(part)) {
        return Some(format!("its trace does not name the second file of {relative}"));
    }
    let parts = result.parts.iter().map(|part| (folder.join(&part.path), Some(&part.hash)));
    [(path.clone(), result.hash.as_ref())].into_iter().chain(parts).find_map(|(path, hash)| match content(&path) {
        Err(_) if !path.exists() => Some(format!("{} is missing", path.display())),
        Err(problem) => Some(problem.to_string()),
        Ok(now) if hash != Some(&now) => Some(format!("{} has changed since it was written", path.display())),
        Ok(_) => None,
    })
}

/// The content of a file; a pipe in its place would be waited for.
fn content(path: &Path) -> Result<String, FileError> {
    match path.exists() && !path.is_file() {
        true => Err(at(path)(std::io::Error::other("not a file"))),
        false => digest(path),
    }
}
