//! Options of commands that read DICOM segmentations and structure sets.

use std::path::PathBuf;

use revoxel_core::Kind;
use revoxel_io::{LabelOptions, OverlapPolicy, Threshold};

use super::failure::Failure;

/// The heading of these options.
const HEADING: &str = "DICOM segmentations and structure sets (labels)";

/// How DICOM segmentations and structure sets become labels.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct SegmentArgs {
    /// Folder or archive with the series that a segmentation or structure set refers to [default: the same folder or
    /// archive].
    #[arg(long, help_heading = HEADING, value_name = "PATH")]
    reference: Option<PathBuf>,
    /// A segment or structure to read, by name or number; repeatable. Structures become labels 1, 2, … in this order;
    /// segments keep their numbers.
    #[arg(help_heading = HEADING, long = "structure", value_name = "NAME")]
    structures: Vec<String>,
    /// In a FRACTIONAL segmentation, the lowest fraction at which a voxel belongs to a segment [default: 0.5].
    #[arg(long, help_heading = HEADING, value_name = "FRACTION", value_parser = threshold)]
    threshold: Option<Threshold>,
    /// Overlapping segments or structures: error, or channels (one for each).
    #[arg(long, help_heading = HEADING, value_parser = overlap, default_value = "error")]
    overlap: OverlapPolicy,
}

fn threshold(text: &str) -> Result<Threshold, String> {
    let threshold = text.parse().ok().and_then(Threshold::new);
    threshold.ok_or_else(|| "expected a number above 0 and at most 1".to_owned())
}

fn overlap(name: &str) -> Result<OverlapPolicy, String> {
    match name {
        "error" => Ok(OverlapPolicy::Error),
        "channels" => Ok(OverlapPolicy::Channels),
        _ => Err("expected error or channels".to_owned()),
    }
}

impl SegmentArgs {
    /// How segments and structures become labels.
    pub(super) fn options(&self) -> LabelOptions {
        LabelOptions {
            reference: self.reference.clone(),
            structures: self.structures.clone(),
            threshold: self.threshold.unwrap_or_default(),
            overlap: self.overlap,
            ..LabelOptions::default()
        }
    }

    /// The same, where something of this kind is read.
    pub(super) fn options_for(&self, kind: Kind) -> Result<LabelOptions, Failure> {
        let options = self.options();
        match kind != Kind::Label && options != LabelOptions::default() {
            true => Err(Failure::usage("--reference, --structure, --threshold and --overlap need --kind label")),
            false => Ok(options),
        }
    }
}
