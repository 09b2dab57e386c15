//! A pipeline as written.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::non_finite::NonFiniteSchema;
use crate::restore_spec::RestoreSpec;
use crate::rules::{ComplexRule, Fuse, GridRule, MissingRule, OverlapRule, SliceRule};
use crate::schemas::{DtypeSchema, KindSchema, LabelsSchema};
use crate::series::{FramesRule, IncompleteRule, RescaleRule, SeriesSchema};

/// A pipeline file: what goes in, what is done, what comes out.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PipelineSpec {
    /// Version of the file format; 1.
    pub(crate) version: u32,
    /// What the pipeline is for.
    #[serde(default)]
    pub(crate) description: String,
    /// Values that `${name}` stands for elsewhere in the file; `--set vars.name=value` replaces them.
    #[serde(default)]
    #[allow(dead_code, reason = "replaced in the text before this type is made; here for the schema")]
    pub(crate) vars: Option<serde_json::Map<String, Value>>,
    /// The volumes of a case, by key.
    #[schemars(with = "std::collections::BTreeMap<String, InputSpec>")]
    pub(crate) inputs: IndexMap<String, InputSpec>,
    /// What is done, in order: one transform each, as `- name: { parameters }`.
    #[serde(default)]
    pub(crate) steps: Vec<Value>,
    /// What is written, by key.
    #[schemars(with = "std::collections::BTreeMap<String, OutputSpec>")]
    pub(crate) outputs: IndexMap<String, OutputSpec>,
    /// What is to be done with predictions, by name; `revoxel invert` follows it.
    #[serde(default)]
    #[schemars(with = "std::collections::BTreeMap<String, RestoreSpec>")]
    pub(crate) restore: IndexMap<String, RestoreSpec>,
    /// Where the trace of a case is written, relative to the output folder; `{case}` stands for the case and `{copy}` for
    /// the number of its copy, where `copies` are made.
    pub(crate) trace: String,
    /// Which neighbouring steps may share one interpolation.
    #[serde(default)]
    pub(crate) fuse: Fuse,
    /// What random steps draw from, together with the name of the case and the position of the step; 0 where it is
    /// left out.
    #[serde(default)]
    pub(crate) seed: u64,
    /// How often each case is run, every time with other draws: `{copy}` in what is written stands for the number of
    /// the copy, from 0. Only for pipelines with random steps.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10000))]
    pub(crate) copies: Option<u32>,
}

/// A segment or structure.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum NameOrNumber {
    Number(i64),
    Name(String),
}

fn names_or_numbers<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let text = |value| match value {
        NameOrNumber::Number(number) => format!("#{number}"),
        NameOrNumber::Name(name) => name,
    };
    let values = Vec::<NameOrNumber>::deserialize(from)?;
    Ok(values.into_iter().map(text).collect())
}

/// An input.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InputSpec {
    /// What its values mean: image, label, probability or logit.
    #[schemars(with = "KindSchema")]
    pub(crate) kind: String,
    /// Where it is, relative to the data folder; `{case}` stands for the case.
    pub(crate) path: String,
    /// Whether a case may lack it.
    #[serde(default)]
    pub(crate) optional: bool,
    /// Whether it must lie on the grid of the case's first image, or may have its own.
    #[serde(default)]
    pub(crate) grid: GridRule,
    /// The labels that its maps may hold besides 0: a list, or names with their labels. A map with any other is refused,
    /// and so are steps that name any other. Where it is left out, labels that steps name must be in some map.
    #[serde(default)]
    #[schemars(with = "Option<LabelsSchema>")]
    #[allow(dead_code, reason = "read with their places; here for the schema")]
    pub(crate) labels: Option<Value>,
    /// What to do where its files hold NaN or infinite values: `error` refuses the case and names the first one, `keep`
    /// leaves them, and a number takes their place. Labels cannot keep them.
    #[serde(default)]
    #[schemars(with = "Option<NonFiniteSchema>")]
    #[allow(dead_code, reason = "read with its place; here for the schema")]
    pub(crate) non_finite: Option<Value>,
    /// The one channel (or frame) of its files that is taken, from 0; all of them where it is left out.
    #[serde(default)]
    pub(crate) channel: Option<usize>,
    /// Which series of a DICOM folder or archive: its number in the list that `revoxel info` prints, its UID, its
    /// description with `*` for any text, or a map of what it is like. Exactly one must fit.
    #[serde(default)]
    #[schemars(with = "Option<SeriesSchema>")]
    #[allow(dead_code, reason = "read with its place; here for the schema")]
    pub(crate) series: Option<Value>,
    /// Which volume of a DICOM series that holds several: what is said of it in the list that `revoxel info` prints, such
    /// as `kernel B30f` or `phase`, with `*` for any text.
    #[serde(default)]
    pub(crate) select: Option<String>,
    /// What to do with DICOM images of different quantities at the same places.
    #[serde(default)]
    pub(crate) frames: FramesRule,
    /// What to do with DICOM images without a rescale that others of their series have.
    #[serde(default)]
    pub(crate) rescale: RescaleRule,
    /// What to do with a last frame of a DICOM series that lacks slices.
    #[serde(default)]
    pub(crate) incomplete: IncompleteRule,
    /// What to do with DICOM slices that lie unevenly.
    #[serde(default)]
    pub(crate) slices: SliceRule,
    /// What to do where DICOM slices are missing.
    #[serde(default)]
    pub(crate) missing: MissingRule,
    /// Whether headers may name files of values outside their own folder (NRRD, MetaImage): only if they can be trusted.
    #[serde(default)]
    pub(crate) allow_outside: bool,
    /// What to do with complex voxels.
    #[serde(default)]
    pub(crate) complex: ComplexRule,
    /// The voxel size in mm (x, y, z) of TIFF, PNG and JPEG files, which do not say it.
    #[serde(default)]
    pub(crate) spacing: Option<[f64; 3]>,
    /// Of labels in a DICOM segmentation or structure set: the input onto whose slices they go, with its `slices` and
    /// `missing` where these are not given here. Where it is left out, the series that they refer to is looked for in the
    /// same folder or archive.
    #[serde(default)]
    pub(crate) reference: Option<String>,
    /// Of labels in a DICOM segmentation or structure set: the segments or structures that are read, by name or number.
    /// Structures become the labels 1, 2, … in this order; segments keep their numbers.
    #[serde(default, deserialize_with = "names_or_numbers")]
    #[schemars(with = "Vec<NameOrNumber>")]
    pub(crate) structures: Vec<String>,
    /// Of a FRACTIONAL DICOM segmentation: the least part of a segment that makes a voxel the segment's; 0.5 where it is
    /// left out.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1))]
    pub(crate) threshold: Option<f64>,
    /// What to do where segments or structures of a DICOM file overlap.
    #[serde(default)]
    pub(crate) overlap: OverlapRule,
}

/// An output.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutputSpec {
    /// Where it is written, relative to the output folder; `{case}` stands for the case.
    pub(crate) path: String,
    /// The voxel type; as it is where it is left out. Whole numbers round half to even and saturate. float16 can only be
    /// written as .npy.
    #[serde(default)]
    #[schemars(with = "Option<DtypeSchema>")]
    pub(crate) dtype: Option<String>,
}
