//! Attributes that may tell two passes of the scanner apart, besides those that make frames.

use super::tags::{self, Tag};

/// One of them.
pub(super) struct Condition {
    pub(super) name: &'static str,
    pub(super) tag: Tag,
    /// Whether the two halves of one stack may differ in it.
    pub(super) in_time: bool,
}

const fn kind(name: &'static str, tag: Tag) -> Condition {
    Condition { name, tag, in_time: false }
}

const fn moment(name: &'static str, tag: Tag) -> Condition {
    Condition { name, tag, in_time: true }
}

/// Attributes that tell passes apart where each part alone is an even stack. Nothing else is concluded from them: many
/// of them may have another value in every image.
pub(super) const CONDITIONS: &[Condition] = &[
    kind("sequence", tags::SEQUENCE_NAME),
    kind("scanning sequence", tags::SCANNING_SEQUENCE),
    kind("sequence variant", tags::SEQUENCE_VARIANT),
    kind("scan options", tags::SCAN_OPTIONS),
    kind("repetition time", tags::REPETITION_TIME),
    kind("contrast agent", tags::CONTRAST_AGENT),
    kind("phase encoding direction", tags::PHASE_DIRECTION),
    kind("filter", tags::FILTER),
    kind("reconstruction diameter", tags::RECONSTRUCTION_DIAMETER),
    kind("modality", tags::MODALITY),
    kind("protocol", tags::PROTOCOL),
    kind("series description", tags::SERIES_DESCRIPTION),
    kind("derivation", tags::DERIVATION),
    kind("slice thickness", tags::SLICE_THICKNESS),
    moment("series time", tags::SERIES_TIME),
    moment("acquisition time", tags::ACQUISITION_TIME),
    moment("acquisition time", tags::ACQUISITION_DATE_TIME),
    moment("trigger time", tags::TRIGGER_TIME),
    moment("tube current", tags::TUBE_CURRENT),
];
