//! Steps, as resolved.

mod keys;
mod references;

use keys::{meant_for_labels, step_keys, take_keys};
use references::{check_references, check_splines};
use revoxel_core::{Dtype, StoredDtype};
use revoxel_transforms::Registry;

use crate::error::{Fault, Place};
use crate::model::{InputState, ReadFile, Step};
use crate::node::{Data, Node};
use crate::{files, labels};

/// The voxel type of an output.
pub(crate) fn stored_dtype(path: &str, name: Option<&str>) -> Result<Option<StoredDtype>, Fault> {
    let Some(name) = name else { return Ok(None) };
    let dtype = name
        .parse::<StoredDtype>()
        .map_err(|e| Fault::new(Place::default(), e.to_string()).meant(name, Dtype::ALL.iter().map(|d| d.name())))?;
    if dtype == StoredDtype::Half && !path.ends_with(".npy") {
        let problem = format!("only .npy files can store {}, and the path is {path}", dtype.name());
        return Err(Fault::new(Place::default(), problem));
    }
    Ok(Some(dtype))
}

/// A step, with its transform.
pub(crate) fn resolve_step(
    node: &Node,
    inputs: &[InputState],
    registry: &Registry,
    read: &ReadFile<'_>,
) -> Result<Step, Fault> {
    let shape = "a step is one transform with its parameters, such as: - spacing: { pixdim: [1, 1, 1] }";
    let (name, name_place, mut params) = match &node.data {
        Data::Map(map) => match &map[..] {
            [(key, params)] => (&key.name, key.place, params.clone()),
            [_, (second, _), ..] => {
                return Err(Fault::new(second.place, format!("a second key {:?} in one step", second.name)).help(shape));
            }
            [] => return Err(Fault::new(node.place, "an empty step").help(shape)),
        },
        Data::Text(name) => (name, node.place, Node { place: node.place, data: Data::Null }),
        _ => return Err(Fault::new(node.place, "not a step").help(shape)),
    };
    let Some(definition) = registry.get(name) else {
        let fault = Fault::new(name_place, format!("there is no transform {name:?}"));
        return Err(match registry.closest(name) {
            Some(near) => fault.help(format!("did you mean {near:?}?")),
            None => fault.help("`revoxel transforms` lists them"),
        });
    };
    if !matches!(params.data, Data::Map(_) | Data::Null) {
        let problem = format!("{name} takes named parameters: write them in braces or on separate lines");
        return Err(Fault::new(params.place, problem));
    }
    let wanted = take_keys(&mut params)?;
    meant_for_labels(&mut params, wanted.as_deref(), inputs);
    files::read_into(&mut params, name, definition.files, read)?;
    let built = (definition.build)(params.json()).map_err(|error| {
        let of_key = error.problem.starts_with("unknown field");
        let place = if error.path.is_empty() { name_place } else { params.locate(&error.path, of_key) };
        Fault { place, problem: format!("{name}: {}", error.problem), help: error.help }
    })?;
    let keys = step_keys(definition, &built.transform, wanted, name_place, inputs)?;
    check_references(name, &built.transform, &params, name_place, inputs)?;
    check_splines(name, &built.transform, &params, &keys, inputs)?;
    let labels = labels::sought(&built.transform, &params);
    Ok(Step {
        name: definition.name,
        class: definition.class,
        params: built.params,
        transform: built.transform,
        keys,
        labels,
        place: name_place,
    })
}
