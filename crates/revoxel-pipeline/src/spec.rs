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

/// A pipeline file: inputs, steps and outputs.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PipelineSpec {
    /// Version of the file format; 1.
    pub(crate) version: u32,
    /// The purpose of the pipeline.
    #[serde(default)]
    pub(crate) description: String,
    /// Values that replace `${name}` elsewhere in the file; override one with `--set vars.name=value`.
    #[serde(default)]
    #[allow(dead_code, reason = "replaced in the text before this type is made; here for the schema")]
    pub(crate) vars: Option<serde_json::Map<String, Value>>,
    /// Where the cases come from: a list (a table .csv or .tsv with a column for each input, or a dataset.json of
    /// nnU-Net, the Medical Segmentation Decathlon or MONAI), or the DICOM series of folders. Without this field, cases
    /// are found by the paths of the inputs.
    #[serde(default)]
    #[schemars(with = "Option<crate::cases::CasesSchema>")]
    #[allow(dead_code, reason = "read with its places; here for the schema")]
    pub(crate) cases: Option<Value>,
    /// The volumes of a case, by key.
    #[schemars(with = "std::collections::BTreeMap<String, InputSpec>")]
    pub(crate) inputs: IndexMap<String, InputSpec>,
    /// The steps in order: one transform each, as `- name: { parameters }`.
    #[serde(default)]
    pub(crate) steps: Vec<Value>,
    /// The files to write, by key of the volume.
    #[schemars(with = "std::collections::BTreeMap<String, OutputSpec>")]
    pub(crate) outputs: IndexMap<String, OutputSpec>,
    /// How to restore predictions, by name; `revoxel invert` uses it.
    #[serde(default)]
    #[schemars(with = "std::collections::BTreeMap<String, RestoreSpec>")]
    pub(crate) restore: IndexMap<String, RestoreSpec>,
    /// Path of the trace of a case, relative to the output folder. `{case}` is replaced by the name of the case, and
    /// with `copies` `{copy}` by the number of the copy.
    pub(crate) trace: String,
    /// Which neighbouring steps may share one interpolation.
    #[serde(default)]
    pub(crate) fuse: Fuse,
    /// Seed of random steps, combined with the name of the case and the position of the step. Default: 0.
    #[serde(default)]
    pub(crate) seed: u64,
    /// How often each case is run, each time with other random draws. `{copy}` in output paths is replaced by the
    /// number of the copy, from 0. Only for pipelines with random steps.
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
    /// Kind of its values: image, label, probability or logit.
    #[schemars(with = "KindSchema")]
    pub(crate) kind: String,
    /// Path relative to the data folder, or a list of paths, one for each channel. `{case}` is the name of the case;
    /// other names in braces, such as `{sub}`, are parts of it. Parts in brackets, such as `[ses-{ses}/]`, may be absent.
    /// `*` stands for any text, and must match one file. `{channel}` makes each matching file a channel. With `cases`, a
    /// name in braces is a column of the list; default: the column named like the input. DICOM series have no path.
    #[serde(default)]
    #[schemars(with = "Option<crate::cases::PathsSchema>")]
    #[allow(dead_code, reason = "read with its place; here for the schema")]
    pub(crate) path: Option<Value>,
    /// Whether a case may lack this input.
    #[serde(default)]
    pub(crate) optional: bool,
    /// Whether it must lie on the grid of the first image of the case, or may have its own grid.
    #[serde(default)]
    pub(crate) grid: GridRule,
    /// The labels that its maps may contain besides 0: a list, or names with their labels. A map with any other label
    /// is refused, and so are steps that name any other label. Without this field, labels that steps name must occur in
    /// some map. A name with one label is written into outputs that hold names of labels (NIfTI, NRRD).
    #[serde(default)]
    #[schemars(with = "Option<LabelsSchema>")]
    #[allow(dead_code, reason = "read with their places; here for the schema")]
    pub(crate) labels: Option<Value>,
    /// What to do with NaN or infinite values: `error` refuses the case and names the first one, `keep` keeps them, and
    /// a number replaces them. Labels cannot use `keep`.
    #[serde(default)]
    #[schemars(with = "Option<NonFiniteSchema>")]
    #[allow(dead_code, reason = "read with its place; here for the schema")]
    pub(crate) non_finite: Option<Value>,
    /// The single channel (or frame) to read, from 0. Default: all channels.
    #[serde(default)]
    pub(crate) channel: Option<usize>,
    /// Which series of a DICOM folder or archive: its number in the list of `revoxel info`, its UID, its description
    /// with `*` for any text, or a map of fields. Exactly one series must match.
    #[serde(default)]
    #[schemars(with = "Option<SeriesSchema>")]
    #[allow(dead_code, reason = "read with its place; here for the schema")]
    pub(crate) series: Option<Value>,
    /// Which volume of a DICOM series with several volumes: an attribute from the list of `revoxel info`, such as
    /// `kernel B30f` or `phase`, with `*` for any text.
    #[serde(default)]
    pub(crate) select: Option<String>,
    /// What to do with DICOM images of different quantities at the same positions.
    #[serde(default)]
    pub(crate) frames: FramesRule,
    /// What to do with DICOM images that lack the rescale of the other images in their series.
    #[serde(default)]
    pub(crate) rescale: RescaleRule,
    /// What to do if the last frame of a DICOM series lacks slices.
    #[serde(default)]
    pub(crate) incomplete: IncompleteRule,
    /// What to do with unevenly spaced DICOM slices.
    #[serde(default)]
    pub(crate) slices: SliceRule,
    /// What to do if DICOM slices are missing.
    #[serde(default)]
    pub(crate) missing: MissingRule,
    /// Whether headers may name data files outside their own folder (NRRD, MetaImage): only for files that can be
    /// trusted.
    #[serde(default)]
    pub(crate) allow_outside: bool,
    /// What to do with complex voxels.
    #[serde(default)]
    pub(crate) complex: ComplexRule,
    /// The voxel size in mm (x, y, z) of TIFF, PNG and JPEG files, which do not store it.
    #[serde(default)]
    pub(crate) spacing: Option<[f64; 3]>,
    /// For DICOM segmentations and structure sets: the input whose slices the labels are put on, with its `slices` and
    /// `missing` unless they are given here. Default: the series that they refer to, searched in the same folder or
    /// archive.
    #[serde(default)]
    pub(crate) reference: Option<String>,
    /// For DICOM segmentations and structure sets: the segments or structures to read, by name or number. Structures
    /// become the labels 1, 2, … in this order; segments keep their numbers.
    #[serde(default, deserialize_with = "names_or_numbers")]
    #[schemars(with = "Vec<NameOrNumber>")]
    pub(crate) structures: Vec<String>,
    /// For FRACTIONAL DICOM segmentations: the smallest fraction that gives a voxel the label of the segment. Default:
    /// 0.5.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1))]
    pub(crate) threshold: Option<f64>,
    /// What to do if segments or structures of a DICOM file overlap.
    #[serde(default)]
    pub(crate) overlap: OverlapRule,
}

/// An output.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutputSpec {
    /// Path relative to the output folder; `{case}` is replaced by the name of the case.
    pub(crate) path: String,
    /// The voxel type; default: unchanged. Whole numbers round half to even and saturate. Only .npy files can store
    /// float16.
    #[serde(default)]
    #[schemars(with = "Option<DtypeSchema>")]
    pub(crate) dtype: Option<String>,
}
