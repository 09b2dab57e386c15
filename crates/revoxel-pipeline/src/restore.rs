//! What is to be done with predictions: the section `restore` as written and as resolved.

mod entry;
pub(crate) mod strict;
mod undo;

use entry::Entry;
use revoxel_core::Kind;
use revoxel_invert::{Activation, Recipe, RestorePlace, RestoreRecord, RestoreStepRecord};
use revoxel_transforms::params::Interpolation;
use revoxel_transforms::{Class, LabelSet, Registry, Sources, Transform, ValueState};

use crate::error::{Fault, Place};
use crate::labels;
use crate::model::{Input, InputState, ReadFile, Restore, Step};
use crate::node::{Data, Node};
use crate::restore_spec::RestoreSpec;
use crate::state::VolumeStates;
use crate::steps::resolve_step;

/// Checks what is to be done with a prediction.
pub(crate) fn resolve(
    name: &str,
    spec: &RestoreSpec,
    document: &Node,
    (inputs, steps): (&[Input], &[Step]),
    registry: &Registry,
    read: &ReadFile<'_>,
) -> Result<Restore, Fault> {
    let entry = Entry { name, spec, document };
    let kind = entry.kind()?;
    entry.check_volume(inputs)?;
    entry.check_activation(kind)?;
    entry.check_regions()?;
    let decides = entry.decides(kind)?;
    let undoes = entry.undoes(kind, inputs, steps)?;
    let Recipe { interpolation, activation, regions, fill, .. } = &spec.recipe;
    let decision = Decision {
        decides,
        painted: regions.as_ref().map(|r| r.paint.iter().map(|p| f64::from(p.label)).collect()),
        on_the_way: (!undoes).then(|| fill.iter().copied().collect()),
        mixes: interpolation.is_none_or(Interpolation::averages),
    };
    // An activation of this entry comes before its steps.
    let active = activation.is_some_and(|a| a != Activation::None);
    let before = if active { Kind::Probability } else { kind };
    let resolved = resolve_steps(entry.node("steps"), before, &decision, registry, read)?;
    let carried = if active && resolved.carried == Kind::Probability { kind } else { resolved.carried };
    if let Some(chosen) = interpolation {
        entry.check_interpolation(*chosen, kind, carried, resolved.last_in_model())?;
    }
    let dtype = entry.dtype()?;
    if carried == Kind::Label || decides {
        let changed_after = resolved.steps.iter().any(|(_, place)| *place == RestorePlace::Native);
        entry.check_label_fill(dtype.filter(|_| !changed_after))?;
    }
    if let Some(lost) = dtype.and_then(|dtype| resolved.reach.lost(PREDICTION, dtype)) {
        return Err(labels::lost(&lost, entry.place(&["output", "dtype"])));
    }
    let labels =
        entry.labels(resolved.kind(), resolved.reach.get(PREDICTION).and_then(|state| state.labels.as_ref()))?;
    let path = entry.path()?;
    let records = resolved.steps.iter().map(|(step, place)| RestoreStepRecord {
        transform: step.name.to_owned(),
        params: step.params.clone(),
        place: *place,
    });
    let record = RestoreRecord {
        kind,
        volume: spec.volume.clone().or_else(|| undo::recorded(inputs).filter(|_| undoes)),
        recipe: Recipe { decide_in_model: resolved.decide_in_model, ..spec.recipe.clone() },
        labels,
        steps: records.collect(),
        path: None,
        dtype,
    };
    let steps = resolved.steps.into_iter().map(|(step, _)| step).collect();
    let place = entry.place(if path.is_some() { &["output", "path"] } else { &[] });
    Ok(Restore { name: name.to_owned(), path, steps, record, place })
}

/// What is known of the labels of a prediction.
struct Decision {
    /// Whether they are decided at all.
    decides: bool,
    /// What regions paint. How many channels an argmax has is not known.
    painted: Option<LabelSet>,
    /// Whether the way back mixes values, where they are no labels.
    mixes: bool,
    /// What is added on the way back, where the model never saw anything; `None` where labels are exchanged.
    on_the_way: Option<LabelSet>,
}

/// Steps, where each is done, and whether labels are decided before them on the model's grid.
struct Steps {
    steps: Vec<(Step, RestorePlace)>,
    decide_in_model: bool,
    /// What is resampled on the way back.
    carried: Kind,
    /// What is known of the labels in the end.
    reach: VolumeStates,
}

fn resolve_steps(
    node: Option<&Node>,
    kind: Kind,
    decision: &Decision,
    registry: &Registry,
    read: &ReadFile<'_>,
) -> Result<Steps, Fault> {
    let reach = VolumeStates::of_prediction(PREDICTION, kind);
    let mut found = Steps { steps: Vec::new(), decide_in_model: false, carried: kind, reach };
    let nodes = match node.map(|n| &n.data) {
        Some(Data::List(nodes)) => &nodes[..],
        _ => &[],
    };
    // Labels are decided as late as the steps allow: on the native grid, but for steps of labels on the model's.
    let mut decided = false;
    let mut last = RestorePlace::Model;
    for node in nodes {
        let mut node = node.clone();
        let (place, at) = take_place(&mut node)?;
        if last == RestorePlace::Native && place == RestorePlace::Model {
            let problem = "steps in: model run before steps in: native: put them first";
            return Err(Fault::new(at, problem));
        }
        if last != place {
            found.carried = found.kind();
            found.reach.add(decision.on_the_way.as_ref());
            if decision.mixes {
                found.reach.mix();
            }
        }
        last = place;
        let undecided = decision.decides && !decided;
        if undecided && place == RestorePlace::Native {
            decided = true;
            found.put(decision, place);
        }
        let resolved = |found: &Steps| resolve_step(&node, &found.states(), registry, read);
        let step = match resolved(&found) {
            Ok(step) if !step.keys.is_empty() => step,
            _ if undecided && !decided => {
                (decided, found.decide_in_model) = (true, true);
                found.put(decision, place);
                resolved(&found)?
            }
            other => other?,
        };
        check_step(&step, found.kind())?;
        if let Transform::Value(transform) = &step.transform
            && decision.decides
            && !decided
            && transform.after(&ValueState::of(found.kind())).kind == Kind::Label
        {
            let problem = format!("{} already makes labels: leave argmax and regions out", step.name);
            return Err(Fault::new(step.place, problem));
        }
        found.reach.check(&step, Some(&node))?;
        if let Some(absent) = found.reach.absent(found.steps.len(), &step).first() {
            return Err(absent.fault("the prediction"));
        }
        found.reach.pass(&step)?;
        found.steps.push((step, place));
    }
    if last == RestorePlace::Model {
        found.carried = found.kind();
        found.reach.add(decision.on_the_way.as_ref());
    }
    if decision.decides && !decided {
        found.put(decision, RestorePlace::Native);
    }
    Ok(found)
}

/// Refuses steps that a prediction cannot take.
fn check_step(step: &Step, kind: Kind) -> Result<(), Fault> {
    let name = step.name;
    let refused = |problem| Err(Fault::new(step.place, problem));
    match &step.transform {
        Transform::Spatial(_) => {}
        _ if step.class == Class::Spatial => {}
        Transform::Random(_) => {
            return refused(format!("{name} is random, but a prediction must be restored the same way every time"));
        }
        Transform::Value(_) if step.keys.is_empty() => {
            return refused(format!("{name} does not work on values of kind {kind}"));
        }
        Transform::Value(transform) if transform.sources() != Sources::Nothing => {
            return refused(format!("{name} needs another input, but restore has only the prediction"));
        }
        Transform::Value(_) => return Ok(()),
    }
    refused(format!("{name} moves voxels, but a restored prediction must keep the grid of the source"))
}

impl Steps {
    /// What the prediction is before the next step.
    fn states(&self) -> Vec<InputState> {
        self.reach.states(std::iter::once(PREDICTION))
    }

    /// The last step that is done before resampling.
    fn last_in_model(&self) -> Option<&Step> {
        self.steps.iter().rev().find(|(_, place)| *place == RestorePlace::Model).map(|(step, _)| step)
    }

    fn kind(&self) -> Kind {
        self.states().first().map_or(Kind::Image, |state| state.kind)
    }

    /// Makes labels of the prediction. On the native grid the fill is among them.
    fn put(&mut self, decision: &Decision, place: RestorePlace) {
        self.reach.decide(PREDICTION, decision.painted.clone());
        if place == RestorePlace::Native {
            self.reach.add(decision.on_the_way.as_ref());
        }
    }
}

/// The key of the prediction.
const PREDICTION: &str = "prediction";

/// Takes `in:` out of the parameters of a step.
fn take_place(step: &mut Node) -> Result<(RestorePlace, Place), Fault> {
    let (usual, at) = (RestorePlace::Native, step.place);
    let Data::Map(outer) = &mut step.data else { return Ok((usual, at)) };
    let Some((_, Node { data: Data::Map(params), .. })) = outer.first_mut() else { return Ok((usual, at)) };
    if let Some((key, _)) = params.iter().find(|(k, _)| k.name == "keys") {
        return Err(Fault::new(key.place, "keys: restore has only the prediction; leave keys out"));
    }
    let Some(position) = params.iter().position(|(k, _)| k.name == "in") else { return Ok((usual, at)) };
    let (key, value) = params.remove(position);
    match &value.data {
        Data::Text(text) if text == "model" => Ok((RestorePlace::Model, key.place)),
        Data::Text(text) if text == "native" => Ok((RestorePlace::Native, key.place)),
        _ => Err(Fault::new(value.place, "in: expected model (before resampling) or native (after resampling)")),
    }
}

#[cfg(test)]
mod tests;
