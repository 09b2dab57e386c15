//! Labels that steps name, looked for in the label maps of a dataset; and maps that hold what was not declared.
//!
//! Maps are read only where a step names a label of an input that declares none, or a channel, and only until every one
//! was seen: mostly one map is enough.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use revoxel_core::{Kind, Volume};
use revoxel_io::ReadOptions;
use revoxel_pipeline::{AbsentLabel, Input, Pipeline, PipelineError, SeenLabels};
use revoxel_transforms::LabelSet;

use crate::channel;
use crate::dataset::Case;
use crate::kind_values::rounded;
use crate::memory;
use crate::non_finite::settle;
use crate::reading::options_of;
use crate::several;

/// The label maps of a dataset in which has to be looked.
#[derive(Debug)]
pub struct LabelMaps {
    /// In the order of the cases.
    files: VecDeque<Map>,
    seen: BTreeMap<String, SeenLabels>,
    read: BTreeMap<String, usize>,
    unreadable: Vec<String>,
}

/// A label map to read.
#[derive(Clone, Debug)]
struct Map {
    key: String,
    /// Its file, or the files of its channels.
    files: Vec<PathBuf>,
    options: ReadOptions,
}

/// Whether steps name labels that only label maps can confirm.
pub fn names_labels(pipeline: &Pipeline) -> bool {
    let maps = pipeline.inputs.iter().filter(|i| i.kind == Kind::Label);
    !pipeline.absent_labels(&maps.map(|i| (i.key.clone(), SeenLabels::default())).collect()).is_empty()
}

impl LabelMaps {
    /// The maps of these cases: of a dataset as a whole, since a label may be in any of them. None where there is
    /// nothing to look for.
    pub fn of(pipeline: &Pipeline, cases: &[Case]) -> Self {
        let (mut files, mut seen) = (VecDeque::new(), BTreeMap::new());
        if names_labels(pipeline) {
            for (case, key) in cases.iter().flat_map(|c| c.inputs.keys().map(move |key| (c, key))) {
                if let Some(input) = pipeline.input(key).filter(|i| i.kind == Kind::Label) {
                    let options = options_of(pipeline, input, case);
                    files.push_back(Map { key: key.clone(), files: case.files(key).cloned().collect(), options });
                    seen.entry(key.clone()).or_insert_with(SeenLabels::default);
                }
            }
        }
        Self { files, seen, read: BTreeMap::new(), unreadable: Vec::new() }
    }

    /// How many maps there are at most to read.
    pub fn count(&self) -> usize {
        self.files.len()
    }

    /// Reads maps until every label that a step names was seen; how many. `tell` hears how many were read by then.
    ///
    /// Maps that cannot be read are left out: their cases fail for themselves.
    ///
    /// # Errors
    /// The first label that is in no map, at its place in the pipeline.
    pub fn check(mut self, pipeline: &Pipeline, tell: &dyn Fn(usize)) -> Result<usize, PipelineError> {
        let mut most = 1;
        loop {
            let absent = pipeline.absent_labels(&self.seen);
            let batch = self.next(pipeline, &absent, most);
            if batch.is_empty() {
                return self.verdict(pipeline, &absent);
            }
            let look = |(Map { key, files, options }, input): (Map, &Input)| {
                let path = files.first().cloned().unwrap_or_default();
                let seen = |volume: &Volume| SeenLabels { labels: LabelSet::of(volume), channels: volume.channels() };
                let files: Vec<&PathBuf> = files.iter().collect();
                let found = several::read_files(&files, input, &options).map_err(|e| e.to_string());
                let found = found.and_then(|mut loaded| {
                    loaded.volume = channel::take(input, &path, loaded.volume).map_err(|e| e.to_string())?;
                    settle(input, &path, &mut loaded.volume).map_err(|e| e.to_string())?;
                    // Maps that hold no labels fail with their cases.
                    Ok(seen(&rounded(loaded.volume).1))
                });
                (key, path, found)
            };
            let found: Vec<(String, PathBuf, Result<SeenLabels, String>)> = batch.into_par_iter().map(look).collect();
            for (key, path, labels) in found {
                match labels {
                    Ok(SeenLabels { labels, channels }) => {
                        tracing::info!(key, "{} holds {labels}", path.display());
                        let seen = self.seen.entry(key.clone()).or_default();
                        seen.labels.extend(labels.iter());
                        seen.channels = seen.channels.max(channels);
                        *self.read.entry(key).or_default() += 1;
                    }
                    Err(error) => self.unreadable.push(error),
                }
            }
            tell(self.read.values().sum());
            most = rayon::current_num_threads().max(1);
        }
    }

    /// The maps to read next: only of inputs in which something is missing still, and no more at once than memory has
    /// room for.
    fn next<'a>(&mut self, pipeline: &'a Pipeline, absent: &[AbsentLabel], most: usize) -> Vec<(Map, &'a Input)> {
        let (mut batch, mut bytes, room) = (Vec::new(), 0u64, memory::default_budget() / 2);
        while batch.len() < most {
            let Some(map) = self.files.front() else { break };
            let wanted = absent.iter().any(|a| a.keys.contains(&map.key));
            if let Some(input) = pipeline.input(&map.key).filter(|_| wanted) {
                match several::info_of(&map.files.iter().collect::<Vec<_>>(), &map.options) {
                    Ok(info) => {
                        let voxels = (info.grid.voxel_count() * info.channels) as u64;
                        bytes += voxels * info.dtype.size() as u64;
                        if bytes > room && !batch.is_empty() {
                            break;
                        }
                        batch.push((map.clone(), input));
                    }
                    Err(error) => self.unreadable.push(error.to_string()),
                }
            }
            self.files.pop_front();
        }
        batch
    }

    /// What is to be said when there is nothing more to read.
    fn verdict(&self, pipeline: &Pipeline, absent: &[AbsentLabel]) -> Result<usize, PipelineError> {
        // Where no map could be read nothing is known.
        let read = |a: &AbsentLabel| a.keys.iter().filter_map(|key| self.read.get(key)).sum::<usize>();
        let absent: Vec<&AbsentLabel> = absent.iter().filter(|a| read(a) > 0).collect();
        let Some((first, others)) = absent.split_first() else {
            if let Some(problem) = self.unreadable.first() {
                tracing::warn!("labels named by steps were not all checked: {problem}");
            }
            return Ok(self.read.values().sum());
        };
        let mut held = LabelSet::default();
        let keys: Vec<String> =
            first.keys.iter().filter(|k| self.read.contains_key(*k)).map(|k| format!("{k:?}")).collect();
        first.keys.iter().filter_map(|k| self.seen.get(k)).for_each(|seen| held.extend(seen.labels.iter()));
        let noun = first.noun();
        let (label, keys, read) = (first.label, keys.join(" and "), read(first));
        let maps = if read == 1 { "the label map".to_owned() } else { format!("the {read} label maps") };
        let hold = match (noun, read) {
            ("channel", 1) => "has",
            ("channel", _) => "have",
            (_, 1) => "holds",
            _ => "hold",
        };
        let mut problem = if first.changed {
            format!(
                "{}: {keys} cannot have {noun} {label} here: {maps} {hold} {held}, which earlier steps turn into {}",
                first.name, first.possible
            )
        } else {
            format!("{}: no {noun} {label} in {maps} of {keys}, which {hold} {}", first.name, first.possible)
        };
        if let Some(why) = self.unreadable.first() {
            problem.push_str(&format!(" ({} could not be read: {why})", self.unreadable.len()));
        }
        let mut help = "correct the number, or declare `labels:` on the input if it may be absent".to_owned();
        if !others.is_empty() {
            let place = |a: &&AbsentLabel| format!("{} (line {}, column {})", a.label, a.place().0, a.place().1);
            let list: Vec<String> = others.iter().map(place).collect();
            help.push_str(&format!(". Also missing: {}", list.join(", ")));
        }
        Err(pipeline.label_error(first, problem, help))
    }
}

/// A label map holds what its input does not declare.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{path}: the label map holds {found}, but {}", declared_by(key, declared, from.as_deref()))]
pub struct UndeclaredLabels {
    /// The file.
    pub path: PathBuf,
    /// The input.
    pub key: String,
    /// What it holds that is not declared.
    pub found: String,
    /// What is declared.
    pub declared: LabelSet,
    /// The document of the dataset that declares it; `None` of the pipeline.
    pub from: Option<PathBuf>,
}

fn declared_by(key: &str, declared: &LabelSet, from: Option<&Path>) -> String {
    match from {
        None => format!("`labels:` of {key:?} declares {declared}: correct the map, or add the labels to `labels:`"),
        Some(from) => format!(
            "{} declares {declared}: correct the map, or add the labels there, or to `labels:` of the input {key:?}, \
             which counts instead",
            from.display()
        ),
    }
}

/// Compares a label map with what its input declares.
///
/// # Errors
/// Where it holds anything else.
pub(crate) fn check_declared(input: &Input, path: &Path, volume: &Volume) -> Result<(), UndeclaredLabels> {
    let Some(declared) = &input.labels else { return Ok(()) };
    const MOST: usize = 16;
    let found: Vec<String> =
        LabelSet::of(volume).iter().filter(|label| !declared.has(*label)).map(|label| label.to_string()).collect();
    if found.is_empty() {
        return Ok(());
    }
    let more = if found.len() > MOST { format!(", … ({} values)", found.len()) } else { String::new() };
    let found = format!("{}{more}", found[..found.len().min(MOST)].join(", "));
    let (path, key, from) = (path.to_owned(), input.key.clone(), input.labels_from.clone());
    Err(UndeclaredLabels { path, key, found, declared: declared.clone(), from })
}
