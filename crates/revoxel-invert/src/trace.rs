//! The trace file: what happened to the volumes of a case.

mod size;

use std::collections::BTreeMap;

use revoxel_core::{Dtype, Fidelity, Grid, GridOp, Kind, Step, StoredDtype, ValueUndo};
use revoxel_resample::{Applied, Interpolation, Separate, Through, Ties};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::by_name;
use crate::record::{GridRecord, OpRecord, SampledRecord, TiesRecord, UndoRecord};
use crate::restore::RestoreRecord;
use crate::schema;
use crate::setting::Setting;

/// The name of the file format, its first field.
pub const SCHEMA: &str = "revoxel-trace";
/// The version that is written; every version up to it can be read.
pub const VERSION: u32 = 1;

/// What happened to the volumes of one case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trace {
    /// Always `revoxel-trace`.
    #[schemars(extend("const" = SCHEMA))]
    pub schema: String,
    /// Version of the format.
    #[schemars(range(min = 1, max = VERSION))]
    pub version: u32,
    /// Program that wrote it, with its version.
    pub tool: String,
    /// Version of the program's results: with the same number, the same files and pipeline give the same voxels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub results: Option<u32>,
    /// Name of the case.
    pub case: String,
    /// Number of this copy of the case, from 0, if the pipeline makes copies with different random draws.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<u32>,
    /// What the other placeholders of its paths stand for, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// The pipeline.
    pub pipeline: PipelineRecord,
    /// The volumes, by key.
    pub volumes: BTreeMap<String, VolumeTrace>,
    /// How to restore predictions, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub restore: BTreeMap<String, RestoreRecord>,
}

/// Which pipeline was run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PipelineRecord {
    /// File name without its folder.
    pub name: String,
    /// BLAKE3 of the pipeline's canonical form.
    pub hash: String,
    /// Seed of its random steps, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Whether inputs of equal shape were put on one grid regardless of their headers (`run --snap`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub snap: bool,
    /// The pipeline itself, as a document in the form of a pipeline file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Value>,
}

/// A file that belongs to another one: the values of a header, or a slice of a series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PartRecord {
    /// Its path, relative to the folder of the other one.
    pub path: String,
    /// BLAKE3 of it.
    pub hash: String,
}

/// What happened to one volume.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VolumeTrace {
    /// Kind of its values.
    #[serde(with = "by_name")]
    #[schemars(schema_with = "schema::kind")]
    pub kind: Kind,
    /// Where it came from.
    pub source: SourceRecord,
    /// The grid it was put on before the first step, if that differs from the grid of the source (noise or a wrong
    /// header, snapped to the grid of another input).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapped: Option<GridRecord>,
    /// Which of two equally close voxels an interpolation chooses, forwards and on the way back. Default: the upper
    /// one.
    #[serde(with = "TiesRecord", default = "upper", skip_serializing_if = "is_upper")]
    #[schemars(with = "TiesRecord")]
    pub ties: Ties,
    /// The steps, in order.
    pub steps: Vec<TraceStep>,
    /// What came out.
    pub result: ResultRecord,
}

const fn upper() -> Ties {
    Ties::Upper
}

fn is_upper(ties: &Ties) -> bool {
    *ties == Ties::Upper
}

/// Where a volume came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourceRecord {
    /// Path as the pipeline found it, relative to the data folder.
    pub path: String,
    /// Name of the file format.
    pub format: String,
    /// BLAKE3 of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// The other files that it was read from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PartRecord>,
    /// A digest of names, sizes and modification times of all these files: if it is unchanged, so are the files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamp: Option<String>,
    /// Its grid.
    pub grid: GridRecord,
    /// Voxel type.
    #[serde(with = "by_name")]
    #[schemars(schema_with = "schema::plain_dtype")]
    pub dtype: Dtype,
    /// Channels or frames.
    #[schemars(range(min = 1))]
    pub channels: usize,
    /// Other header fields worth restoring, named as in the format.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub facts: Value,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TraceStep {
    /// Name of the transform.
    pub transform: String,
    /// All its parameters, as resolved.
    pub params: Value,
    /// Grid before the step.
    pub before: GridRecord,
    /// Grid after the step.
    pub after: GridRecord,
    /// The ops from the grid before to the grid after.
    pub ops: Vec<OpRecord>,
    /// Whether the ops can be undone without loss.
    #[serde(with = "by_name")]
    #[schemars(schema_with = "schema::fidelity")]
    pub fidelity: Fidelity,
    /// The interpolation, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "by_name::optional")]
    #[schemars(schema_with = "schema::interpolation")]
    pub interpolation: Option<Interpolation>,
    /// The rule for interpolating the coarsest axis differently, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separate: Option<SeparateRecord>,
    /// Other properties of the sampling that differ from the defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampled: Option<SampledRecord>,
    /// How to undo the change of values, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<UndoRecord>,
}

/// The rule for interpolating the coarsest axis differently.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SeparateRecord {
    /// Applies only if the largest voxel size, before or after, is more than this many times the smallest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// The interpolation along that axis.
    #[serde(with = "by_name")]
    #[schemars(schema_with = "schema::separate")]
    pub interpolation: Interpolation,
    /// The requested voxel size (mm) along the axes after the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixdim: Option<[f64; 3]>,
}

impl From<Separate> for SeparateRecord {
    fn from(rule: Separate) -> Self {
        Self { threshold: rule.threshold, interpolation: rule.interpolation, pixdim: rule.pixdim }
    }
}

impl SeparateRecord {
    /// The rule.
    ///
    /// # Errors
    /// If the interpolation chooses among labels: these have a rule of their own.
    pub fn rule(&self) -> Result<Separate, String> {
        if self.interpolation.weighs_labels() {
            return Err(format!("interpolation {}: expected nearest, linear or cubic", self.interpolation));
        }
        Ok(Separate { threshold: self.threshold, interpolation: self.interpolation, pixdim: self.pixdim })
    }
}

/// What came out of the pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResultRecord {
    /// Path of the output relative to the output folder, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// BLAKE3 of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// The other file of two.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PartRecord>,
    /// Its grid: the grid that a prediction must lie on.
    pub grid: GridRecord,
    /// Voxel type.
    #[serde(with = "by_name")]
    #[schemars(schema_with = "schema::stored_dtype")]
    pub dtype: StoredDtype,
}

/// Why a text is not a trace, or a trace cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// Not JSON, or not the fields of a trace.
    #[error("not a trace: {0}")]
    Json(#[from] serde_json::Error),
    /// JSON of something else.
    #[error("not a trace: the field \"schema\" is {0:?}, expected {SCHEMA:?}")]
    Schema(String),
    /// Written by a newer program.
    #[error("the trace has version {0}, and this program reads versions up to {VERSION}: use a newer revoxel")]
    Newer(u32),
    /// A version that never existed.
    #[error("not a trace: the field \"version\" is 0, and versions begin with 1")]
    Version,
    /// A recorded value that makes no sense.
    #[error("volume {key:?}, {place}: {problem}")]
    Record {
        /// Key of the volume.
        key: String,
        /// Field.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
    /// No volume of that name.
    #[error("the trace has no volume {key:?}; available: {known}")]
    UnknownVolume {
        /// The name asked for.
        key: String,
        /// The names there are.
        known: String,
    },
    /// Several images whose values were changed differently.
    #[error("the values of several images were changed differently ({known}): choose one")]
    OtherValues {
        /// Their names.
        known: String,
    },
    /// Several images with different grids.
    #[error("the trace has several images on different grids ({known}): choose one")]
    Ambiguous {
        /// Their names.
        known: String,
    },
}

impl TraceError {
    /// What a caller can set, of what the message speaks of.
    pub const fn setting(&self) -> Option<Setting> {
        match self {
            Self::OtherValues { .. } | Self::Ambiguous { .. } => Some(Setting::Volume),
            _ => None,
        }
    }
}

/// What says how the rest of a trace is to be read. Not of a type yet: what is wrong with it has a message of its own.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Start {
    schema: Option<Value>,
    version: Option<Value>,
}

impl Trace {
    /// Reads and checks a trace.
    ///
    /// # Errors
    /// If the text is not a trace, is of a newer version, or contradicts itself.
    pub fn from_json(text: &str) -> Result<Self, TraceError> {
        // The version comes before the fields: a newer trace may have others.
        let Start { schema, version } = serde_json::from_str(text)?;
        let schema = schema.as_ref().and_then(Value::as_str).unwrap_or_default();
        if schema != SCHEMA {
            return Err(TraceError::Schema(schema.to_owned()));
        }
        match version.as_ref().and_then(Value::as_u64) {
            Some(v) if v > u64::from(VERSION) => return Err(TraceError::Newer(v.try_into().unwrap_or(u32::MAX))),
            Some(0) => return Err(TraceError::Version),
            _ => {}
        }
        let trace: Self = serde_json::from_str(text)?;
        for key in trace.volumes.keys() {
            trace.steps(key)?;
        }
        size::check(&trace)?;
        Ok(trace)
    }

    /// The trace as text. Numbers come back exactly.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// A volume by key.
    ///
    /// # Errors
    /// If no volume has that name.
    pub fn volume(&self, key: &str) -> Result<&VolumeTrace, TraceError> {
        self.volumes.get(key).ok_or_else(|| TraceError::UnknownVolume {
            key: key.to_owned(),
            known: self.volumes.keys().cloned().collect::<Vec<_>>().join(", "),
        })
    }

    /// The volume whose grid a prediction belongs to where nobody says: the only one, or the image; several images
    /// must agree in where they come from and where they end.
    ///
    /// # Errors
    /// If that is ambiguous, or there is no volume.
    pub fn main_volume(&self) -> Result<&str, TraceError> {
        let images: Vec<&String> = self.volumes.iter().filter(|(_, v)| v.kind == Kind::Image).map(|(k, _)| k).collect();
        let candidates = if images.is_empty() { self.volumes.keys().collect() } else { images };
        let Some(first) = candidates.first() else {
            return Err(TraceError::UnknownVolume { key: String::new(), known: "none".to_owned() });
        };
        let ends = |key: &str| (&self.volumes[key].source.grid, &self.volumes[key].result.grid);
        if candidates.iter().any(|k| ends(k) != ends(first)) {
            let known = candidates.iter().map(|k| k.as_str()).collect::<Vec<_>>().join(", ");
            return Err(TraceError::Ambiguous { known });
        }
        Ok(first)
    }

    /// The same for values: all images must also agree in how theirs are undone.
    ///
    /// # Errors
    /// If they do not, and those of [`main_volume`](Self::main_volume).
    pub fn main_values(&self) -> Result<&str, TraceError> {
        let key = self.main_volume()?;
        let undos = |volume: &VolumeTrace| -> Vec<UndoRecord> {
            let undoes = |undo: &&UndoRecord| undo.undo().map_or(true, |undo| !undo.is_nothing());
            volume.steps.iter().filter_map(|step| step.values.as_ref()).filter(undoes).cloned().collect()
        };
        let main = &self.volumes[key];
        let others = || self.volumes.iter().filter(|(_, volume)| volume.kind == main.kind);
        if others().all(|(_, volume)| undos(volume) == undos(main)) {
            return Ok(key);
        }
        let known = others().map(|(key, _)| key.as_str()).collect::<Vec<_>>().join(", ");
        Err(TraceError::OtherValues { known })
    }

    /// The grid ops of a volume with the grids before and after each, checked against each other.
    ///
    /// # Errors
    /// If a grid is invalid, an op contradicts the grids, or the chain is broken.
    pub fn steps(&self, key: &str) -> Result<Vec<Step>, TraceError> {
        self.volume(key)?.geometry().map_err(|(place, problem)| TraceError::Record {
            key: key.to_owned(),
            place,
            problem,
        })
    }
}

impl VolumeTrace {
    /// The grid ops with the grids before and after each; the place and the problem where they make no sense.
    pub(crate) fn geometry(&self) -> Result<Vec<Step>, (String, String)> {
        let grid = |place: &str, record: &GridRecord| record.grid().map_err(|e| (place.to_owned(), e.to_string()));
        let source = grid("source.grid", &self.source.grid)?;
        let mut current = match &self.snapped {
            Some(record) => grid("snapped", record)?,
            None => source,
        };
        if current.shape() != source.shape() {
            return Err(("snapped".to_owned(), format!("shape {:?}, source {:?}", current.shape(), source.shape())));
        }
        let mut steps = Vec::new();
        for (number, step) in self.steps.iter().enumerate() {
            let place = |field: &str| format!("steps[{number}] ({}).{field}", step.transform);
            let before = grid(&place("before"), &step.before)?;
            if before != current {
                return Err((place("before"), "must be the grid after the previous step".to_owned()));
            }
            let after = grid(&place("after"), &step.after)?;
            for (position, op) in step.ops.iter().enumerate() {
                let op: GridOp = op.op().map_err(|e| (place("ops"), e))?;
                if let GridOp::Reslice { from, to, .. } = &op {
                    let count = from.as_ref().map_or(0, |s| s.count());
                    if !steps.is_empty() || to.is_some() || count != current.shape()[2] {
                        let problem = "reslice must be the first op, with one position per slice";
                        return Err((place("ops"), problem.to_owned()));
                    }
                }
                let last = position + 1 == step.ops.len();
                let target = if last { Ok(after) } else { op.after(&current) };
                let target = target.map_err(|e| (place("ops"), e.to_string()))?;
                steps.push(Step::recorded(op, current, target).map_err(|e| (place("ops"), e.to_string()))?);
                current = target;
            }
            if current != after {
                return Err((place("after"), "differs from the grid before, but there is no op".to_owned()));
            }
        }
        if grid("result.grid", &self.result.grid)? != current {
            return Err(("result.grid".to_owned(), "must be the grid after the last step".to_owned()));
        }
        Ok(steps)
    }

    /// The rule by which the coarsest axis was interpolated in another way, and the position of its op among the ops
    /// of all steps.
    pub(crate) fn separate(&self) -> Result<Option<(usize, Separate)>, (String, String)> {
        let mut position = 0;
        for (number, step) in self.steps.iter().enumerate() {
            let resamples = |op: &OpRecord| matches!(op, OpRecord::Resample { .. });
            if let (Some(record), Some(at)) = (&step.separate, step.ops.iter().position(resamples)) {
                let problem = |e: String| (format!("steps[{number}] ({}).separate", step.transform), e);
                return Ok(Some((position + at, record.rule().map_err(problem)?)));
            }
            position += step.ops.len();
        }
        Ok(None)
    }

    /// The grid that the volume came from, bit for bit.
    ///
    /// # Errors
    /// If it is not a valid grid.
    pub fn native(&self) -> Result<Grid, revoxel_core::GridError> {
        self.source.grid.grid()
    }
}

/// The axis of the model's grid that is interpolated in another way on the way back, by the rule of one of the steps.
pub(crate) fn through_of(steps: &[Step], separate: Option<(usize, Separate)>) -> Option<Through> {
    let (position, rule) = separate?;
    let step = steps.get(position)?;
    let through = rule.back(step.before().nominal_spacing(), step.after().nominal_spacing())?;
    let axis = steps[position + 1..].iter().fold(through.axis, |axis, later| match later.op() {
        GridOp::Reorient(turn) => (0..3).find(|a| turn.source(*a) == axis).unwrap_or(axis),
        _ => axis,
    });
    Some(Through { axis, ..through })
}

impl TraceStep {
    /// The record of a step that made `ops` from `before`.
    ///
    /// # Errors
    /// If an op has no result.
    pub fn spatial(
        transform: &str,
        params: Value,
        before: &Grid,
        ops: &[GridOp],
    ) -> Result<(Self, Grid), revoxel_core::GridError> {
        let (mut after, mut fidelity) = (*before, Fidelity::Exact);
        for op in ops {
            fidelity = fidelity.max(op.fidelity(&after));
            after = op.after(&after)?;
        }
        let step = Self {
            transform: transform.to_owned(),
            params,
            before: before.into(),
            after: (&after).into(),
            ops: ops.iter().map(OpRecord::from).collect(),
            fidelity,
            interpolation: None,
            separate: None,
            sampled: None,
            values: None,
        };
        Ok((step, after))
    }

    /// The record, with how the ops were executed.
    #[must_use]
    pub fn sampled(self, applied: &Applied) -> Self {
        let sampled = SampledRecord::from(applied);
        Self {
            interpolation: applied.interpolation,
            separate: applied.separate.map(Into::into),
            sampled: (sampled != SampledRecord::default()).then_some(sampled),
            ..self
        }
    }

    /// The record of a step that left a volume on `grid` as it was.
    pub fn nothing(transform: &str, params: Value, grid: &Grid) -> Self {
        Self { values: None, ..Self::value(transform, params, grid, &ValueUndo::nothing()) }
    }

    /// The record of a step that changed values on `grid`.
    pub fn value(transform: &str, params: Value, grid: &Grid, undo: &ValueUndo) -> Self {
        Self {
            transform: transform.to_owned(),
            params,
            before: grid.into(),
            after: grid.into(),
            ops: Vec::new(),
            fidelity: Fidelity::Exact,
            interpolation: None,
            separate: None,
            sampled: None,
            values: Some(undo.into()),
        }
    }
}
