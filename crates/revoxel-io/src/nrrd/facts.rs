//! Facts only in NRRD headers, kept to be written again.

use serde::{Deserialize, Serialize};

/// Facts of an NRRD header. Facts about axes are written again only if shape and channels are still those of
/// [`axes`](Self::axes).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NrrdFacts {
    /// The encoding of the values, as in the standard. `raw` is written as `raw`, any other as `gzip`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// The space of the file, if its axes are not those of `left-posterior-superior`; it is written again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
    /// The axes of the file, fastest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub axes: Vec<NrrdAxis>,
    /// The directions in space (RAS) of the three components of vectors and tensors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measurement_frame: Option<[[f64; 3]; 3]>,
    /// Fields that are kept unchanged (`sample units`, unknown ones, …), in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<(String, String)>,
    /// Key/value pairs (`key:=value`), unescaped, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub key_values: Vec<(String, String)>,
}

/// An axis of an NRRD file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NrrdAxis {
    /// Samples along it.
    pub size: usize,
    /// Whether it is an axis of the grid, not of channels.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub space: bool,
    /// Its kind (`domain`, `list`, `vector`, …), as the header spells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Its unit, if the header gives units per axis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Whether its samples are `cell`s or `node`s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub center: Option<String>,
    /// The thickness of a sample, as opposed to the distance of samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thickness: Option<f64>,
}
