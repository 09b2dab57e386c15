//! What several tests need.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use revoxel_core::{Grid, Kind, Volume, Voxel, dispatch};
use revoxel_invert::{PipelineRecord, ResultRecord, SCHEMA, SourceRecord, Trace, TraceStep, VERSION, VolumeTrace};
use revoxel_resample::Ties;
use revoxel_runner::engine::{Engine, Processed};
use serde_json::{Value, json};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// The values of a volume.
pub(crate) fn values(volume: &Volume) -> Vec<f64> {
    dispatch!(volume.voxels(), v => v.iter().map(|x| x.to_f64()).collect())
}

/// A pipeline file with these inputs and steps.
pub(crate) fn pipeline_text(inputs: &[(&str, Kind)], steps: &[Value]) -> String {
    let input = |(key, kind): &(&str, Kind)| {
        ((*key).to_owned(), json!({ "kind": kind.name(), "path": format!("{{case}}/{key}.nii"), "grid": "own" }))
    };
    let inputs: serde_json::Map<String, Value> = inputs.iter().map(input).collect();
    // JSON is YAML.
    json!({ "version": 1, "inputs": inputs, "steps": steps, "outputs": {}, "trace": "{case}.json" }).to_string()
}

/// Runs steps on volumes in memory.
pub(crate) fn run_steps(volumes: Vec<(&str, Volume)>, steps: &[Value]) -> Result<Vec<(String, Processed)>, String> {
    run_drawing(volumes, steps, 0, "")
}

/// Runs steps on volumes in memory, drawing from a seed for a case.
pub(crate) fn run_drawing(
    volumes: Vec<(&str, Volume)>,
    steps: &[Value],
    seed: u64,
    case: &str,
) -> Result<Vec<(String, Processed)>, String> {
    let inputs: Vec<(&str, Kind)> = volumes.iter().map(|(key, volume)| (*key, volume.kind())).collect();
    let text = pipeline_text(&inputs, steps);
    let registry = revoxel::registry();
    let mut pipeline =
        revoxel_pipeline::Pipeline::parse("test.yaml", &text, &[], &registry).map_err(|e| e.to_string())?;
    pipeline.seed = seed;
    let volumes = volumes.into_iter().map(|(key, volume)| (key.to_owned(), volume)).collect();
    let mut engine = Engine::new(volumes, pipeline.fuse);
    engine.run(pipeline.drawn(case)).map_err(|e| e.to_string())?;
    let results = engine.finish(&Default::default()).map_err(|e| e.to_string())?;
    Ok(results.into_iter().collect())
}

/// What a trace says of a volume, as another program reads it: of what it came (kind, channels, grid) and what became of
/// it.
pub(crate) fn traced(
    (kind, channels, native): (Kind, usize, &Grid),
    result: &Grid,
    steps: &[TraceStep],
) -> VolumeTrace {
    let source = SourceRecord {
        parts: Vec::new(),
        stamp: None,
        path: String::new(),
        format: String::new(),
        hash: None,
        grid: native.into(),
        dtype: revoxel_core::Dtype::F32,
        channels,
        facts: Value::Null,
    };
    let result = ResultRecord {
        path: None,
        hash: None,
        parts: Vec::new(),
        grid: result.into(),
        dtype: revoxel_core::StoredDtype::Plain(revoxel_core::Dtype::F32),
    };
    let record = VolumeTrace { kind, source, snapped: None, ties: Ties::Alternate, steps: steps.to_vec(), result };
    let trace = Trace {
        results: None,
        schema: SCHEMA.to_owned(),
        version: VERSION,
        tool: String::new(),
        case: String::new(),
        copy: None,
        fields: BTreeMap::new(),
        pipeline: PipelineRecord {
            name: String::new(),
            hash: String::new(),
            seed: Some(0),
            snap: false,
            document: None,
        },
        volumes: BTreeMap::from([("image".to_owned(), record)]),
        restore: BTreeMap::new(),
    };
    Trace::from_json(&trace.to_json()).unwrap().volume("image").unwrap().clone()
}

/// A folder for a test, and the program run in it.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

/// What the program said.
#[derive(Debug)]
pub(crate) struct Said {
    /// Its exit code.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Place {
    /// A new empty folder.
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a text.
    pub(crate) fn text(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Writes a volume.
    pub(crate) fn volume(&self, name: &str, volume: &Volume) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        revoxel_io::write(&path, volume, &revoxel_io::Facts::default()).unwrap();
        path
    }

    /// Reads a volume.
    pub(crate) fn read(&self, name: &str, kind: Kind) -> Volume {
        revoxel_io::read(self.path(name), kind).unwrap().volume
    }

    /// Runs the program in the folder.
    pub(crate) fn revoxel(&self, arguments: &[&str]) -> Said {
        self.revoxel_with(&arguments.iter().map(OsStr::new).collect::<Vec<_>>())
    }

    /// The same with arguments that need be no text.
    pub(crate) fn revoxel_with(&self, arguments: &[&OsStr]) -> Said {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_revoxel-under-test"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env("NO_COLOR", "1")
            .env_remove("REVOXEL_LOG")
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// All files under the folder, relative, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        fn walk(folder: &Path, root: &Path, found: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                // What runs say of themselves has times in it.
                if path.file_name().is_some_and(|name| name == ".revoxel") {
                    continue;
                }
                if path.is_dir() {
                    walk(&path, root, found);
                } else {
                    found.push(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
                }
            }
        }
        let mut found = Vec::new();
        walk(self.folder.path(), self.folder.path(), &mut found);
        found.sort();
        found
    }
}

impl Said {
    /// The one JSON document on standard output.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// Asserts success.
    pub(crate) fn good(self) -> Self {
        self.told(0)
    }

    /// Asserts an exit code.
    pub(crate) fn told(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    /// Asserts an exit code and that standard error has all of these parts. Line breaks of the display are ignored.
    pub(crate) fn bad(&self, code: i32, parts: &[&str]) {
        let plain = |text: &str| text.split_whitespace().filter(|w| *w != "│").collect::<Vec<_>>().join(" ");
        let said = plain(&self.err);
        assert_eq!(self.code, code, "{self:?}");
        for part in parts {
            assert!(said.contains(&plain(part)), "{part:?} is not in {}", self.err);
        }
        // With --json the error is a document too, and nothing else is.
        let is_error = || self.json().as_object().is_some_and(|document| document.contains_key("error"));
        assert!(self.out.is_empty() || is_error(), "{self:?}");
    }
}

/// The folder of real scans, or `None` with a printed line where it is not there.
pub(crate) fn real_data() -> Option<PathBuf> {
    let path = std::env::var_os("REVOXEL_TEST_DATA").map_or_else(|| root().join("../shared/data"), PathBuf::from);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: no real scans (set REVOXEL_TEST_DATA to their folder)");
    None
}
