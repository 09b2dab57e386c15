//! Whether the inputs that parameters name are there, and whether what they are asked for fits them.

use revoxel_core::{Dtype, Kind};
use revoxel_transforms::params::{Interpolation, Padding, PerKey};
use revoxel_transforms::{Resampling, Sources, Transform};

use crate::error::{Fault, Place};
use crate::model::InputState;
use crate::node::{Data, Node};

/// Inputs that are named inside parameters.
pub(super) fn check_references(
    name: &str,
    transform: &Transform,
    params: &Node,
    place: Place,
    inputs: &[InputState],
) -> Result<(), Fault> {
    let known = |key: &str| inputs.iter().any(|i| i.key == key);
    let at = |path: &[&str]| params.locate(&path.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>(), false);
    let unknown = |field: &str, key: &str| Err(unknown_input(at(&[field]), key, inputs));
    match transform.sources() {
        Sources::Nothing => {}
        Sources::Grid { of, .. } => {
            let field = if params.child("source").is_some() { "source" } else { "reference" };
            if !known(of) {
                return unknown(field, of);
            }
        }
        Sources::Voxels { of, beside, also } => {
            let also = also.iter().map(|key| ("also", key.as_str()));
            let all = also.chain([("source", of)]).chain(beside.map(|key| ("image", key)));
            if let Some((field, key)) = all.into_iter().find(|(_, key)| !known(key)) {
                return unknown(field, key);
            }
        }
        Sources::Mask(keys) => {
            if let Some(key) = keys.iter().find(|key| !known(key)) {
                return unknown("nonzero_of", key);
            }
        }
    }
    if matches!(transform, Transform::Value(_)) {
        return Ok(());
    }
    let (resampling, padding) = (transform.resampling(), transform.padding());
    let named = [
        ("interpolation", resampling.interpolation.map(|p| p.keys().collect::<Vec<_>>())),
        ("padding", resampling.padding.map(|p| p.keys().collect())),
        ("value", padding.value.map(|p| p.keys().collect())),
    ];
    for (field, keys) in named {
        for key in keys.unwrap_or_default() {
            if !known(key) {
                let mut place = params.locate(&[field.to_owned(), key.to_owned()], true);
                if place == Place::default() {
                    place = at(&[field]);
                }
                return Err(unknown_input(place, key, inputs));
            }
        }
    }
    label_values(name, (&resampling, padding.value), params, place, inputs)?;
    averaged_labels(name, &resampling, params, place, inputs)
}

/// Values that labels cannot have, where they are to stand beyond a label map.
fn label_values(
    name: &str,
    (resampling, value): (&Resampling<'_>, Option<&PerKey<f64>>),
    params: &Node,
    place: Place,
    inputs: &[InputState],
) -> Result<(), Fault> {
    for input in inputs.iter().filter(|i| i.kind == Kind::Label) {
        let outside = match resampling.padding.and_then(|p| p.for_key(&input.key)) {
            Some(Padding::Value(value)) => Some(value),
            _ => None,
        };
        for field in ["value", "padding"] {
            rounded(name, field, params, &input.key)?;
        }
        let named = [("value", value.and_then(|v| v.for_key(&input.key))), ("padding", outside)];
        for (field, value) in named {
            let Some(value) = value.filter(|value| value.fract() != 0.0) else { continue };
            let found = params.locate(&[field.to_owned(), input.key.clone()], false);
            let place = if found == Place::default() { place } else { found };
            let problem =
                format!("{name}: {field}: {value} is not a label of {:?}: labels are whole numbers", input.key);
            return Err(Fault::new(place, problem));
        }
    }
    Ok(())
}

/// A whole number for a label map that double precision would round to another one.
fn rounded(name: &str, field: &str, params: &Node, key: &str) -> Result<(), Fault> {
    let Some(node) = params.child(field).and_then(|given| given.child(key)) else { return Ok(()) };
    let Data::Number(number) = &node.data else { return Ok(()) };
    let whole = number.as_i64().map(i128::from).or(number.as_u64().map(i128::from));
    match whole {
        Some(whole) if !Dtype::F64.holds_whole(whole) => {
            let problem =
                format!("{name}: {field}: {whole} is not exact in double precision and would become another label");
            Err(Fault::new(node.place, problem).help("use a label up to 2^53 (9007199254740992)"))
        }
        _ => Ok(()),
    }
}

/// Splines along one axis of volumes that have none along the others: they need coefficients, which are made for all.
pub(super) fn check_splines(
    name: &str,
    transform: &Transform,
    params: &Node,
    keys: &[String],
    inputs: &[InputState],
) -> Result<(), Fault> {
    let Transform::Spatial(transform) = transform else { return Ok(()) };
    let resampling = transform.resampling();
    if resampling.separate.is_none_or(|s| s.interpolation != Interpolation::Cubic) {
        return Ok(());
    }
    for input in inputs.iter().filter(|i| i.kind != Kind::Label && keys.contains(&i.key)) {
        let asked = resampling.interpolation.and_then(|i| i.get(&input.key)).map(|named| named.0);
        let plane = asked.unwrap_or(Interpolation::default_for(input.kind));
        if plane != Interpolation::Cubic {
            let place = params.locate(&["through_plane".to_owned()], false);
            let problem = format!(
                "{name}: through_plane: cubic needs interpolation: cubic within the plane too, and {:?} has {plane}",
                input.key
            );
            return Err(Fault::new(place, problem));
        }
    }
    Ok(())
}

/// Interpolations that would average labels.
fn averaged_labels(
    name: &str,
    resampling: &Resampling<'_>,
    params: &Node,
    place: Place,
    inputs: &[InputState],
) -> Result<(), Fault> {
    let Some(interpolation) = resampling.interpolation else { return Ok(()) };
    for input in inputs.iter().filter(|i| i.kind != Kind::Label) {
        if let Some(named) = interpolation.for_key(&input.key)
            && named.0.weighs_labels()
        {
            let found = params.locate(&["interpolation".to_owned(), input.key.clone()], false);
            let place = if found == Place::default() { place } else { found };
            let problem = format!(
                "{name}: {} is for labels, and {:?} is of kind {}: use nearest, linear or cubic",
                named.0, input.key, input.kind
            );
            return Err(Fault::new(place, problem));
        }
    }
    for input in inputs.iter().filter(|i| i.kind == Kind::Label) {
        if let Some(named) = interpolation.for_key(&input.key)
            && named.0.averages()
        {
            let found = params.locate(&["interpolation".to_owned(), input.key.clone()], false);
            let place = if found == Place::default() { place } else { found };
            let problem = format!(
                "{name}: {} would average the labels of {:?}; use nearest, label or label_nearest",
                named.0, input.key
            );
            return Err(Fault::new(place, problem));
        }
    }
    Ok(())
}

pub(super) fn unknown_input(place: Place, key: &str, inputs: &[InputState]) -> Fault {
    let known: Vec<&str> = inputs.iter().map(|i| i.key.as_str()).collect();
    let fault = Fault::new(place, format!("there is no input {key:?}"));
    let near = revoxel_transforms::params::closest(key, known.iter().copied());
    fault.help(
        near.map_or_else(|| format!("inputs are: {}", known.join(", ")), |near| format!("did you mean {near:?}?")),
    )
}
