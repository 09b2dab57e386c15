//! What `convert` says of DICOM segmentations and structure sets.

use std::path::PathBuf;

use revoxel_core::Kind;
use revoxel_io::{LabelOptions, OverlapPolicy, Threshold};

use super::Failure;

/// How DICOM segmentations and structure sets become labels.
#[derive(Debug, clap::Args)]
pub(super) struct SegmentArgs {
    /// With --kind label: where the series is that a DICOM segmentation or structure set refers to, a folder or an archive.
    /// By default it is looked for in the same folder or archive.
    #[arg(long, value_name = "PATH")]
    reference: Option<PathBuf>,
    /// With --kind label: a segment or structure that is read, by name or number; once for each. Structures become the
    /// labels 1, 2, … in this order; segments keep their numbers.
    #[arg(long = "structure", value_name = "NAME")]
    structures: Vec<String>,
    /// With --kind label: the least part of a segment that makes a voxel the segment's, in a FRACTIONAL segmentation; 0.5
    /// by default.
    #[arg(long, value_name = "FRACTION", value_parser = threshold)]
    threshold: Option<Threshold>,
    /// With --kind label: what to do where segments or structures overlap: error, or channels (one for each).
    #[arg(long, value_parser = overlap, default_value = "error")]
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
    pub(super) fn options(&self, kind: Kind) -> Result<LabelOptions, Failure> {
        let found = LabelOptions {
            reference: self.reference.clone(),
            structures: self.structures.clone(),
            threshold: self.threshold.unwrap_or_default(),
            overlap: self.overlap,
        };
        match kind != Kind::Label && found != LabelOptions::default() {
            true => Err(Failure::usage("--reference, --structure, --threshold and --overlap need --kind label")),
            false => Ok(found),
        }
    }
}
