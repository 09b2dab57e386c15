//! What runs leave in an output folder about themselves, in `.revoxel/`: how each was started, and which cases failed or were
//! left out.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use revoxel_invert::SourceRecord;
use revoxel_pipeline::CaseName;
use serde::{Deserialize, Serialize};

use crate::files::{FileError, at, make_folder_of, read_text, remove, write_text};
use crate::{RESULTS, TOOL, stop};

/// The folder, below the output folder.
pub const FOLDER: &str = ".revoxel";

/// How a run was started, and how it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The program and its version.
    pub program: String,
    /// The number of its results.
    pub results: u32,
    /// The arguments of the program.
    pub command: Vec<String>,
    /// The pipeline.
    pub pipeline: PipelineText,
    /// The data folder.
    pub data: PathBuf,
    /// Whether inputs of the same shape were put on one grid.
    pub snap: bool,
    /// Whether lists of cases may name files outside the data folder.
    pub allow_outside: bool,
    /// The cases that were asked for; none, and no copies, for all.
    pub cases: Vec<String>,
    /// Single copies of cases that were asked for, besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<(String, u32)>,
    /// The part of the cases, and how many parts there are.
    pub shard: Option<(usize, usize)>,
    /// What the parts were made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
    /// The machine.
    pub host: String,
    /// When it was started.
    pub started: String,
    /// When it ended; `None` where it has not, or was killed.
    pub ended: Option<String>,
    /// The signal that stopped it, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interrupted: Option<String>,
    /// How many cases it ran.
    pub done: usize,
    /// How many of its cases failed.
    pub failed: usize,
}

/// What parts are made of: the names of the cases and their voxels. The same basis gives the same parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// How many cases.
    pub cases: usize,
    /// A hash of their names and voxels.
    pub hash: String,
}

/// A pipeline as it was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PipelineText {
    /// The file.
    pub path: PathBuf,
    /// The hash of what it does.
    pub hash: String,
    /// Its text.
    pub text: String,
    /// What was set on the command line.
    pub set: Vec<String>,
}

/// A case that failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailedCase {
    /// Its name.
    pub case: String,
    /// Which copy of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<u32>,
    /// The hash of the pipeline; empty in old records.
    #[serde(default)]
    pub pipeline: String,
    /// Why.
    pub problem: String,
    /// The machine.
    pub host: String,
    /// When.
    pub time: String,
}

/// A case that a step left out: it has no outputs, and is done all the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Its name.
    pub case: String,
    /// Which copy of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<u32>,
    /// The number of the program's results.
    pub results: u32,
    /// The hash of the pipeline.
    pub pipeline: String,
    /// What random steps drew from.
    pub seed: Option<u64>,
    /// Whether inputs of the same shape were put on one grid.
    pub snap: bool,
    /// Its inputs, by key.
    pub sources: BTreeMap<String, SourceRecord>,
    /// Why it was left out.
    pub why: String,
    /// When.
    pub time: String,
}

/// Now, as text: UTC to the millisecond, so that runs have an order.
pub fn now() -> String {
    DateTime::<Utc>::from(SystemTime::now()).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The name of this machine.
pub fn host() -> String {
    let kernel = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let named = ["HOSTNAME", "COMPUTERNAME"].iter().find_map(|name| std::env::var(name).ok());
    kernel.or(named).map(|name| name.trim().to_owned()).unwrap_or_default()
}

impl RunRecord {
    /// The record of a run that begins.
    pub fn begun(pipeline: PipelineText, data: PathBuf) -> Self {
        Self {
            program: TOOL.to_owned(),
            results: RESULTS,
            command: std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect(),
            pipeline,
            data,
            snap: false,
            allow_outside: false,
            cases: Vec::new(),
            copies: Vec::new(),
            shard: None,
            basis: None,
            host: host(),
            started: now(),
            ended: None,
            interrupted: None,
            done: 0,
            failed: 0,
        }
    }

    /// Whether all cases were asked for.
    pub fn is_of_all(&self) -> bool {
        self.cases.is_empty() && self.copies.is_empty()
    }

    /// Whether another run was of the same pipeline and data folder.
    pub fn is_like(&self, other: &Self) -> bool {
        self.pipeline.hash == other.pipeline.hash && self.data == other.data
    }

    /// Whether another run was one of the parts that this one is a part of.
    pub fn is_beside(&self, other: &Self) -> bool {
        let parts = |run: &Self| run.shard.map(|(_, parts)| parts);
        let asked = |run: &Self| (run.cases.clone(), run.copies.clone());
        self.is_like(other) && asked(self) == asked(other) && self.shard != other.shard && parts(self) == parts(other)
    }

    /// The file, without its ending. Each part of a run has one of its own.
    fn name(&self) -> String {
        self.shard.map_or("run".to_owned(), |(part, parts)| format!("run-{part}-of-{parts}"))
    }

    /// Writes the record into an output folder.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn write(&self, out: &Path) -> Result<(), FileError> {
        let path = self.place(out);
        make_folder_of(&path)?;
        write_json(&path, self)
    }

    fn place(&self, out: &Path) -> PathBuf {
        out.join(FOLDER).join(format!("{}.json", self.name()))
    }

    /// Replaces the record of a run that a signal stopped, while the program [stands still](stop::Still): no other file
    /// can be begun then.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn write_stopped(&self, out: &Path, _still: &stop::Still) -> Result<(), FileError> {
        let path = self.place(out);
        // What is left of it, if the program is killed now, goes with the other partial files of a run.
        let partial = path.with_file_name(format!(".revoxel-{}.partial", std::process::id()));
        let text = json_of(&path, self)?;
        fs::write(&partial, text).map_err(at(&partial))?;
        fs::rename(&partial, &path).map_err(at(&path))
    }

    /// Makes place for this record: that of another pipeline or dataset gets another name, and of the same one the cases
    /// that it was asked for are asked for still. A part has the cases that it was asked for last.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn after_earlier(mut self, out: &Path) -> Result<Self, FileError> {
        let path = self.place(out);
        let Some(earlier) = path.exists().then(|| read::<Self>(&path)).flatten() else { return Ok(self) };
        if !self.is_like(&earlier) {
            let hash = earlier.pipeline.hash.trim_start_matches("blake3:");
            let kept = path.with_file_name(format!("{}-{}.json", self.name(), hash.get(..8).unwrap_or(hash)));
            fs::rename(&path, &kept).map_err(at(&kept))?;
        } else if self.shard.is_some() {
            // The parts are those of the cases that this one is asked for.
        } else if earlier.is_of_all() || self.is_of_all() {
            (self.cases, self.copies) = (Vec::new(), Vec::new());
        } else {
            self.cases.splice(0..0, earlier.cases);
            self.cases.sort();
            self.cases.dedup();
            self.copies.splice(0..0, earlier.copies);
            self.copies.sort();
            self.copies.dedup();
        }
        Ok(self)
    }
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), FileError> {
    let text = json_of(path, value)?;
    stop::uninterrupted(|| write_text(path, &text))
}

fn json_of(path: &Path, value: &impl Serialize) -> Result<String, FileError> {
    let text = serde_json::to_string_pretty(value).map_err(|e| at(path)(std::io::Error::other(e)))?;
    Ok(format!("{text}\n"))
}

/// The records of the runs into an output folder, the latest first; those that cannot be read are left out.
pub fn runs(out: &Path) -> Vec<RunRecord> {
    let entries = fs::read_dir(out.join(FOLDER)).into_iter().flatten().filter_map(Result::ok);
    let is_run = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        name.starts_with("run") && name.ends_with(".json")
    };
    let records = entries.map(|entry| entry.path()).filter(is_run).filter_map(|path| read(&path));
    let mut records: Vec<RunRecord> = records.collect();
    records.sort_by(|a, b| b.started.cmp(&a.started));
    records
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Option<T> {
    let text = read_text(path).ok()?;
    let read = serde_json::from_str(&text);
    read.inspect_err(|e| tracing::warn!("{}: ignored, because it is not a record of a run: {e}", path.display())).ok()
}

/// The folder of cases that failed, below [`FOLDER`].
pub const FAILED: &str = "failed";
/// The folder of cases that were left out, below [`FOLDER`].
pub const LEFT_OUT: &str = "left-out";

fn place_of(out: &Path, folder: &str, name: &CaseName) -> PathBuf {
    let copy = name.copy.map_or_else(String::new, |copy| format!(".{copy}"));
    out.join(FOLDER).join(folder).join(format!("{}{copy}.json", name.case))
}

/// How often a record is written whose folder others remove.
const TRIES: usize = 100;

/// Records that a case failed with a pipeline of this hash.
///
/// # Errors
/// Where the system refuses.
pub fn failed(out: &Path, name: &CaseName, pipeline: &str, problem: &str) -> Result<(), FileError> {
    let (case, copy, problem) = (name.case.clone(), name.copy, problem.to_owned());
    let record = FailedCase { case, copy, pipeline: pipeline.to_owned(), problem, host: host(), time: now() };
    forget(&place_of(out, LEFT_OUT, name))?;
    write_record(&place_of(out, FAILED, name), &record)
}

/// Records that a step left a case out.
///
/// # Errors
/// Where the system refuses.
pub fn left_out(out: &Path, name: &CaseName, record: &LeftOut) -> Result<(), FileError> {
    forget(&place_of(out, FAILED, name))?;
    write_record(&place_of(out, LEFT_OUT, name), record)
}

/// What is recorded of a case that was left out, where it was.
pub fn was_left_out(out: &Path, name: &CaseName) -> Option<LeftOut> {
    let path = place_of(out, LEFT_OUT, name);
    let record = path.exists().then(|| read::<LeftOut>(&path)).flatten();
    record.filter(|record| record.case == name.case && record.copy == name.copy)
}

fn write_record(path: &Path, record: &impl Serialize) -> Result<(), FileError> {
    let write = || make_folder_of(path).and_then(|()| write_json(path, record));
    // Another part removes the folder where it was empty a moment ago.
    let is_gone = |result: &Result<(), FileError>| {
        // While it is made it may be there, and not be there right after.
        let passing = [std::io::ErrorKind::NotFound, std::io::ErrorKind::AlreadyExists];
        result.as_ref().is_err_and(|error| passing.contains(&error.error.kind()))
    };
    let mut written = write();
    for _ in 0..TRIES {
        if !is_gone(&written) {
            break;
        }
        written = write();
    }
    written
}

/// Removes the records that a case failed, or was left out: it was not this time.
///
/// # Errors
/// Where the system refuses.
pub fn succeeded(out: &Path, name: &CaseName) -> Result<(), FileError> {
    [FAILED, LEFT_OUT].iter().try_for_each(|folder| forget(&place_of(out, folder, name)))
}

fn forget(path: &Path) -> Result<(), FileError> {
    if path.exists() {
        remove(path)?;
        // The folder goes with its last record.
        let _ = path.parent().map(fs::remove_dir);
    }
    Ok(())
}

/// Why a case failed with a pipeline of this hash, where it did.
pub fn failure(out: &Path, name: &CaseName, pipeline: &str) -> Option<FailedCase> {
    let path = place_of(out, FAILED, name);
    let failed = path.exists().then(|| read::<FailedCase>(&path)).flatten();
    failed.filter(|failed| failed.pipeline.is_empty() || failed.pipeline == pipeline)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(case: usize) -> CaseName {
        CaseName::alone(format!("c{case}"))
    }

    #[test]
    fn failures_of_one_part_outlive_the_successes_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for case in 0..300 {
                    failed(out, &name(case), "a", "no disk").unwrap();
                    assert_eq!(failure(out, &name(case), "a").unwrap().problem, "no disk");
                    succeeded(out, &name(case)).unwrap();
                }
            });
            scope.spawn(|| {
                for case in 300..600 {
                    failed(out, &name(case), "a", "no server").unwrap();
                    succeeded(out, &name(case)).unwrap();
                }
            });
        });
        failed(out, &name(1), "a", "late").unwrap();
        assert!(failure(out, &name(1), "b").is_none());
    }
}
