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
    /// Where the series is that a DICOM segmentation or structure set refers to, a folder or an archive.
    /// By default it is looked for in the same folder or archive.
    #[arg(long, help_heading = HEADING, value_name = "PATH")]
    reference: Option<PathBuf>,
    /// A segment or structure that is read, by name or number; once for each. Structures become the
    /// labels 1, 2, … in this order; segments keep their numbers.
    #[arg(help_heading = HEADING, long = "structure", value_name = "NAME")]
    structures: Vec<String>,
    /// The least part of a segment that makes a voxel the segment's, in a FRACTIONAL segmentation; 0.5
    /// by default.
    #[arg(long, help_heading = HEADING, value_name = "FRACTION", value_parser = threshold)]
    threshold: Option<Threshold>,
    /// What to do where segments or structures overlap: error, or channels (one for each).
    #[arg(long, help_heading = HEADING, value_parser = overlap, default_value = "error")]
    overlap: OverlapPolicy,
}

fn threshold(text: &str) -> Result<Threshold, String> {
    text.parse().ok().and_then(Threshold::new).ok_or_else(|| "use a number above 0 and at most 1".to_owned())
}

fn overlap(name: &str) -> Result<OverlapPolicy, String> {
    match name {
        "error" => Ok(OverlapPolicy::Error),
        "channels" => Ok(OverlapPolicy::Channels),
        _ => Err("use error or channels".to_owned()),
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
