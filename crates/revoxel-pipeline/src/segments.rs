//! What an input says of DICOM segmentations and structure sets.

use revoxel_core::Kind;

use crate::error::Fault;
use crate::model::Segments;
use crate::node::Node;
use crate::spec::InputSpec;

/// What an input says of segmentations.
pub(crate) fn resolve(key: &str, input: &InputSpec, kind: Kind, document: &Node) -> Result<Segments, Fault> {
    let found = Segments {
        reference: input.reference.clone(),
        structures: input.structures.clone(),
        threshold: input.threshold,
        overlap: input.overlap,
    };
    let place = |field: &str| document.locate(&["inputs", key, field].map(ToOwned::to_owned), false);
    if kind != Kind::Label && found != Segments::default() {
        let problem = "reference, structures, threshold and overlap need `kind: label`";
        return Err(Fault::new(place("kind"), problem));
    }
    if let Some(threshold) = found.threshold.filter(|t| !(*t > 0.0 && *t <= 1.0)) {
        return Err(Fault::new(place("threshold"), format!("threshold: {threshold} must be above 0 and at most 1")));
    }
    Ok(found)
}

/// That references name other inputs.
pub(crate) fn check_references<'a>(
    inputs: impl Iterator<Item = (&'a str, &'a Segments)> + Clone,
    document: &Node,
) -> Result<(), Fault> {
    for (key, segments) in inputs.clone() {
        let Some(reference) = &segments.reference else { continue };
        let place = document.locate(&["inputs", key, "reference"].map(ToOwned::to_owned), false);
        let others = || inputs.clone().map(|(other, _)| other).filter(|other| *other != key);
        if !others().any(|key| key == reference) {
            let problem =
                format!("there is no other input {reference:?}: name the input whose slices the labels are put on");
            return Err(Fault::new(place, problem).meant(reference, others()));
        }
    }
    Ok(())
}
