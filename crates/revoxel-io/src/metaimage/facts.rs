//! Facts only in MetaImage headers, kept to be written again.

use serde::{Deserialize, Serialize};

/// Facts of a MetaImage header.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MetaImageFacts {
    /// Whether the values were compressed. They are written compressed unless this says no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compressed: Option<bool>,
    /// Samples along the axes beyond the third, which are frames.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub frame_axes: Vec<usize>,
    /// Keys that are kept unchanged (`Modality`, `Comment`, unknown ones, …), in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<(String, String)>,
}
