//! What the labels of a segmentation or a structure set mean.

use serde::{Deserialize, Serialize};

/// A label of a map, and what it stands for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LabelFacts {
    /// The value of its voxels.
    pub label: u32,
    /// Its channel, from 0, if each label has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<usize>,
    /// SegmentNumber or ROINumber.
    pub number: i64,
    /// SegmentLabel or ROIName.
    pub name: String,
    /// SegmentDescription.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// SegmentedPropertyCategoryCodeSequence: tissue, structure, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Code>,
    /// SegmentedPropertyTypeCodeSequence: liver, neoplasm, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub property: Option<Code>,
    /// SegmentAlgorithmType and SegmentAlgorithmName.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// TrackingID: identifies the same object in other segmentations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking_id: Option<String>,
    /// TrackingUID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking_uid: Option<String>,
}

/// A coded concept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Code {
    /// CodeValue.
    pub value: String,
    /// CodingSchemeDesignator.
    pub scheme: String,
    /// CodeMeaning.
    pub meaning: String,
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}, {})", self.meaning, self.value, self.scheme)
    }
}
