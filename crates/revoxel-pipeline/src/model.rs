//! A pipeline as resolved.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use revoxel_core::{Kind, StoredDtype};
use revoxel_invert::RestoreRecord;
use revoxel_transforms::{Class, Content, LabelSet, Names, Registry, Transform};
use serde_json::{Value, json};

use crate::cases::CaseSource;
use crate::error::Place;
use crate::non_finite::NonFiniteRule;
use crate::rules::{ComplexRule, Fuse, MissingRule, OverlapRule, SliceRule};
use crate::series::{FramesRule, IncompleteRule, RescaleRule, SeriesRule};
use crate::template::{CaseName, Template};

/// A pipeline, ready to run.
#[derive(Debug)]
pub struct Pipeline {
    /// Name of the file, without its folder.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Where the cases come from; `None` where they are found by the paths of the inputs.
    pub cases: Option<CaseSource>,
    /// The volumes of a case, in the order of the file.
    pub inputs: Vec<Input>,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// What is written, in the order of the file.
    pub outputs: Vec<Output>,
    /// How to proceed with predictions, in the order of the file.
    pub restore: Vec<Restore>,
    /// Where the trace is written.
    pub trace: Template,
    /// Which steps are executed in one pass.
    pub fuse: Fuse,
    /// What random steps draw from.
    pub seed: u64,
    /// How often each case is run with other draws; `None` where once, without a number.
    pub copies: Option<u32>,
    /// The transforms that it may name.
    pub registry: Registry,
    pub(crate) file: String,
    pub(crate) text: Arc<str>,
    /// The document with everything that was set and read.
    pub(crate) document: Value,
    /// The document, if it is the same pipeline when it is read again; found out when it is asked for.
    pub(crate) portable: OnceLock<Option<Value>>,
}

/// A volume of a case.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its key.
    pub key: String,
    /// What its values mean.
    pub kind: Kind,
    /// Where it is, relative to the data folder.
    pub path: Template,
    /// Where its further channels are, where each is a file of its own.
    pub more_paths: Vec<Template>,
    /// Whether a case may lack it.
    pub optional: bool,
    /// Whether it may lie on a grid of its own.
    pub own_grid: bool,
    /// The labels that its maps may hold, where it declares them.
    pub labels: Option<LabelSet>,
    /// The names of labels that it declares, by label; none of the background, 0.
    pub names: BTreeMap<i64, String>,
    /// The document that declares both, where the pipeline itself does not.
    pub labels_from: Option<PathBuf>,
    /// What to do where its files hold values that are not finite.
    pub non_finite: NonFiniteRule,
    /// The one channel of its files that is taken.
    pub channel: Option<usize>,
    /// Which series of a DICOM folder or archive.
    pub series: Option<SeriesRule>,
    /// Which volume of a series that holds several.
    pub select: Option<String>,
    /// What to do with images of different quantities at the same places.
    pub frames: FramesRule,
    /// What to do with images without a rescale that others have.
    pub rescale: RescaleRule,
    /// What to do with a last frame that lacks slices.
    pub incomplete: IncompleteRule,
    /// What to do with slices that lie unevenly.
    pub slices: SliceRule,
    /// What to do where slices are missing.
    pub missing: MissingRule,
    /// Whether headers may name files of values outside their own folder.
    pub allow_outside: bool,
    /// What to do with complex voxels.
    pub complex: ComplexRule,
    /// The voxel size in mm (x, y, z) of pictures, which do not say it.
    pub spacing: Option<[f64; 3]>,
    /// How DICOM segmentations and structure sets become its labels.
    pub segments: Segments,
}

impl Input {
    /// All its paths: of the only file, or of the file of each channel.
    pub fn paths(&self) -> impl Iterator<Item = &Template> {
        std::iter::once(&self.path).chain(&self.more_paths)
    }
}

/// What a step is resolved by, of a volume before it.
#[derive(Clone, Debug)]
pub(crate) struct InputState {
    pub(crate) key: String,
    /// What its values mean: a step may make labels of probabilities.
    pub(crate) kind: Kind,
    /// Whether a step made it a one-hot map of kind probability.
    pub(crate) one_hot: bool,
}

/// A step.
#[derive(Debug)]
pub struct Step {
    /// Name of the transform.
    pub name: &'static str,
    /// What the transform works on.
    pub class: Class,
    /// All its parameters, as resolved.
    pub params: Value,
    /// The transform.
    pub transform: Transform,
    /// The inputs that it applies to, in the order of the file.
    pub keys: Vec<String>,
    pub(crate) labels: Vec<LabelReference>,
    pub(crate) place: Place,
}

/// A file that is written for each case.
#[derive(Clone, Debug)]
pub struct Output {
    /// Key of the volume.
    pub key: String,
    /// Where it is written, relative to the output folder.
    pub path: Template,
    /// The voxel type, where the file gives one.
    pub dtype: Option<StoredDtype>,
    pub(crate) place: Place,
}

/// Reads a file into parameters of the step that names it; the error is a message.
pub type ReadFile<'a> = dyn Fn(Content, &str) -> Result<serde_json::Map<String, Value>, String> + 'a;

/// A label that a parameter of a step names, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LabelReference {
    pub(crate) label: f64,
    pub(crate) names: Names,
    pub(crate) place: Place,
}

/// How to proceed with a prediction, as resolved.
#[derive(Debug)]
pub struct Restore {
    /// Its name.
    pub name: String,
    /// Where the result is written, relative to the output folder.
    pub path: Option<Template>,
    /// The steps; which of them are done on the model's grid is in the record.
    pub steps: Vec<Step>,
    pub(crate) record: RestoreRecord,
    pub(crate) place: Place,
}

impl Restore {
    /// What a trace says of it.
    pub fn record(&self, case: &CaseName) -> RestoreRecord {
        RestoreRecord { path: self.path.as_ref().map(|p| p.path(case)), ..self.record.clone() }
    }

    /// The input whose grid predictions go back to, where the pipeline says.
    pub fn volume(&self) -> Option<&str> {
        self.record.volume.as_deref()
    }

    pub(crate) fn canonical(&self) -> Value {
        let path = self.path.as_ref().map(|p| p.text().to_owned());
        json!(RestoreRecord { path, ..self.record.clone() })
    }
}

/// How DICOM segmentations and structure sets become labels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Segments {
    /// The input onto whose slices they go; `None` for the series that they refer to.
    pub reference: Option<String>,
    /// Those that are read, by name or number; all where none is named.
    pub structures: Vec<String>,
    /// The least fraction that counts, above 0 and at most 1.
    pub threshold: Option<f64>,
    /// What to do where they overlap.
    pub overlap: OverlapRule,
}

impl Segments {
    pub(crate) fn canonical(&self) -> Value {
        let Self { reference, structures, threshold, overlap } = self;
        json!({ "reference": reference, "structures": structures, "threshold": threshold, "overlap": overlap })
    }
}
