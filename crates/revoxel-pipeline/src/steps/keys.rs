//! The inputs that a step applies to.

use revoxel_core::Kind;
use revoxel_transforms::{Class, Transform, TransformDef};

use super::references::unknown_input;
use crate::error::{Fault, Place};
use crate::model::InputState;
use crate::node::{Data, Key, Node};

/// Takes `keys:` out of the parameters of a step.
pub(super) fn take_keys(params: &mut Node) -> Result<Option<Vec<(String, Place)>>, Fault> {
    let Data::Map(map) = &mut params.data else { return Ok(None) };
    let Some(position) = map.iter().position(|(k, _)| k.name == "keys") else { return Ok(None) };
    let (_, node) = map.remove(position);
    let one = |node: &Node| match &node.data {
        Data::Text(key) => Ok((key.clone(), node.place)),
        _ => Err(Fault::new(node.place, "keys: expected the name of an input, or a list of names")),
    };
    match &node.data {
        Data::List(list) if list.is_empty() => Err(Fault::new(node.place, "keys: the list is empty")),
        Data::List(list) => list.iter().map(one).collect::<Result<_, _>>().map(Some),
        _ => one(&node).map(|key| Some(vec![key])),
    }
}

/// A number that pads is meant for images; of a step that names label maps alone it is meant for these.
pub(super) fn meant_for_labels(params: &mut Node, wanted: Option<&[(String, Place)]>, inputs: &[InputState]) {
    let Some(wanted) = wanted else { return };
    let label = |key: &str| inputs.iter().any(|i| i.key == key && i.kind == Kind::Label);
    let Data::Map(map) = &mut params.data else { return };
    if !wanted.iter().all(|(key, _)| label(key)) {
        return;
    }
    for (field, value) in map.iter_mut().filter(|(field, _)| matches!(field.name.as_str(), "value" | "padding")) {
        if matches!(value.data, Data::Number(_)) {
            let of = |key: &String| (Key { place: field.place, name: key.clone() }, value.clone());
            value.data = Data::Map(wanted.iter().map(|(key, _)| of(key)).collect());
        }
    }
}

/// The inputs that a step applies to: those it names, or those of which it makes sense.
pub(super) fn step_keys(
    definition: &TransformDef,
    transform: &Transform,
    wanted: Option<Vec<(String, Place)>>,
    name_place: Place,
    inputs: &[InputState],
) -> Result<Vec<String>, Fault> {
    let (name, kinds) = (definition.name, definition.kinds);
    let fits = |input: &InputState| kinds.contains(&input.kind) || definition.one_hot && input.one_hot;
    let not_for_labels = matches!(transform, Transform::Value(transform) if transform.traits().not_for_labels);
    let takes = |kind| definition.named_kinds.contains(&kind) && !(not_for_labels && kind == Kind::Label);
    let named = |input: &InputState| fits(input) || takes(input.kind);
    let kinds = || kinds.iter().map(|k| k.name()).collect::<Vec<_>>().join(" or ");
    let Some(wanted) = wanted else {
        let keys: Vec<String> = inputs.iter().filter(|i| fits(i)).map(|i| i.key.clone()).collect();
        if keys.is_empty() {
            return Err(Fault::new(
                name_place,
                format!("{name} works on {} volumes, and there is no such input", kinds()),
            ));
        }
        return Ok(keys);
    };
    for (key, place) in &wanted {
        let Some(input) = inputs.iter().find(|i| i.key == *key) else {
            return Err(unknown_input(*place, key, inputs));
        };
        if !named(input) {
            let problem = match definition.class {
                Class::Intensity => format!("{name} changes intensities, and {key:?} is of kind {}", input.kind),
                _ => format!("{name} works on {} volumes, and {key:?} is of kind {}", kinds(), input.kind),
            };
            return Err(Fault::new(*place, problem));
        }
    }
    Ok(inputs.iter().filter(|i| wanted.iter().any(|(k, _)| *k == i.key)).map(|i| i.key.clone()).collect())
}
