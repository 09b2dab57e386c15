//! Whether the values of a prediction can be undone at all.

use revoxel_core::Kind;
use revoxel_transforms::{Transform, UndoRule};

use crate::model::{Input, Step};

/// Why they cannot.
pub(super) struct Refused {
    pub(super) problem: String,
    pub(super) help: String,
}

/// Refuses to undo what is lost for good, and labels that were exchanged in another volume than the one that is undone:
/// the one that is said, or the first.
pub(super) fn check(inputs: &[Input], steps: &[Step], said: Option<&str>, kind: Kind) -> Result<(), Refused> {
    if kind == Kind::Label
        && said.is_none()
        && let Some(key) = exchanged_elsewhere(inputs, steps)
    {
        return Err(Refused {
            problem: format!("the changes of the first image are undone, but labels were exchanged in {key:?}"),
            help: format!("set volume: {key}, or exchange labels with map_label_value in steps"),
        });
    }
    let Some(key) = said.or_else(|| first(inputs).map(|i| i.key.as_str())) else { return Ok(()) };
    let mut loses = steps.iter().enumerate().filter(|(_, step)| step.keys.iter().any(|k| k == key));
    match loses.find(|(_, step)| is(step, UndoRule::Lost)) {
        None => Ok(()),
        Some((number, step)) => Err(Refused {
            problem: format!("step {} ({}) always loses the values of {key:?}", number + 1, step.name),
            help: "leave out `values` (the grid is restored anyway), or leave out the step".to_owned(),
        }),
    }
}

/// The input whose changes of values are undone where none is said: the first image, or the first of all.
fn first(inputs: &[Input]) -> Option<&Input> {
    inputs.iter().find(|i| i.kind == Kind::Image).or(inputs.first())
}

/// The key of that input, where every case has it. A trace does not know the order of the file.
pub(super) fn recorded(inputs: &[Input]) -> Option<String> {
    first(inputs).filter(|i| !i.optional).map(|i| i.key.clone())
}

fn is(step: &Step, undo: UndoRule) -> bool {
    matches!(&step.transform, Transform::Value(transform) if transform.traits().undo == undo)
}

/// A label map in which a step exchanged labels, which can be undone, where the first image is another volume.
fn exchanged_elsewhere<'a>(inputs: &[Input], steps: &'a [Step]) -> Option<&'a str> {
    let of_labels = |key: &&String| inputs.iter().any(|i| i.key == **key && i.kind == Kind::Label);
    let exchanges = steps.iter().filter(|step| is(step, UndoRule::Relabels));
    let key = exchanges.flat_map(|step| &step.keys).find(of_labels)?;
    inputs.iter().any(|i| i.kind == Kind::Image).then_some(key.as_str())
}
