//! What is to be done with predictions: the section `restore` as written and as resolved.

mod undo;

use revoxel_core::Kind;
use revoxel_invert::{
    Activation, Paint, Regions, RestorePlace, RestoreRecord, RestoreStepRecord, Values, check_label_fill,
};
use revoxel_transforms::params::Interpolation;
use revoxel_transforms::{Class, LabelSet, Registry, Sources, Transform, ValueState};

use crate::error::{Fault, Place};
use crate::labels;
use crate::model::{Input, InputState, ReadFile, Restore, Step};
use crate::node::{Data, Node};
use crate::restore_spec::{RestoreSpec, ValuesSpec};
use crate::state::VolumeStates;
use crate::steps::{resolve_step, stored_dtype};
use crate::template::Template;

/// Checks what is to be done with a prediction.
pub(crate) fn resolve(
    name: &str,
    spec: &RestoreSpec,
    document: &Node,
    (inputs, steps): (&[Input], &[Step]),
    registry: &Registry,
    read: &ReadFile<'_>,
) -> Result<Restore, Fault> {
    let place = |path: &[&str], of_key| {
        let path = ["restore", name].iter().chain(path).map(|s| (*s).to_owned()).collect::<Vec<_>>();
        document.locate(&path, of_key)
    };
    let fault = |field: &str, problem: String| Fault::new(place(&[field], false), format!("{field}: {problem}"));
    let kind: Kind = spec.kind.parse().map_err(|e: revoxel_core::kind::KindError| {
        Fault::new(place(&["kind"], false), e.to_string()).meant(&spec.kind, Kind::ALL.iter().map(|k| k.name()))
    })?;
    if let Some(key) = &spec.volume
        && !inputs.iter().any(|i| i.key == *key)
    {
        let fault = Fault::new(place(&["volume"], false), format!("there is no input {key:?}"));
        return Err(fault.meant(key, inputs.iter().map(|i| i.key.as_str())));
    }
    let interpolation = spec.interpolation.as_deref().map(str::parse::<Interpolation>).transpose();
    let interpolation = interpolation.map_err(|e| {
        let fault = Fault::new(place(&["interpolation"], false), e.to_string());
        fault.meant(&e.0, Interpolation::ALL.iter().map(|i| i.name()))
    })?;
    let activation: Option<Activation> =
        spec.activation.as_deref().map(str::parse).transpose().map_err(|e| fault("activation", e))?;
    if activation.is_some_and(|a| a != Activation::None) && kind != Kind::Logit {
        return Err(fault("activation", format!("only logits have an activation, and the kind is {kind}")));
    }
    let regions = spec.regions.as_ref().map(|r| Regions {
        threshold: r.threshold,
        paint: r.paint.iter().map(|p| Paint { channel: p.channel, label: p.label }).collect(),
    });
    if let Some(regions) = &regions {
        regions.check(None).map_err(|e| fault("regions", e))?;
    }
    let decides = match (spec.argmax, &regions) {
        (true, Some(_)) => {
            return Err(fault("regions", "argmax and regions exclude each other: keep one of them".to_owned()));
        }
        (true, None) => Some("argmax"),
        (false, Some(_)) => Some("regions"),
        (false, None) => None,
    };
    if let Some(field) = decides
        && !matches!(kind, Kind::Probability | Kind::Logit)
    {
        return Err(fault(field, format!("expected probabilities or logits, and the kind is {kind}")));
    }
    if spec.values.is_some_and(|v| v != ValuesSpec::Keep) && !matches!(kind, Kind::Image | Kind::Label) {
        return Err(fault("values", format!("only images and labels can be undone, and the kind is {kind}")));
    }
    let steps_node = document.child("restore").and_then(|r| r.child(name)).and_then(|r| r.child("steps"));
    let undoes = spec.values.is_some_and(|v| v != ValuesSpec::Keep);
    if undoes {
        undo::check(inputs, steps, spec.volume.as_deref(), kind).map_err(|undo::Refused { problem, help }| {
            Fault::new(place(&["values"], false), format!("values: {problem}")).help(help)
        })?;
    }
    let decision = Decision {
        decides: decides.is_some(),
        painted: regions.as_ref().map(|r| r.paint.iter().map(|p| f64::from(p.label)).collect()),
        on_the_way: (!undoes).then(|| spec.fill.into_iter().collect()),
        mixes: interpolation.is_none_or(Interpolation::averages),
    };
    // An activation of this entry comes before its steps.
    let active = activation.is_some_and(|a| a != Activation::None);
    let resolved = resolve_steps(steps_node, if active { Kind::Probability } else { kind }, &decision, registry, read)?;
    let carried = if active && resolved.carried == Kind::Probability { kind } else { resolved.carried };
    if let Some(chosen) = interpolation.filter(|i| i.averages() && carried == Kind::Label) {
        let step = resolved.steps.iter().rev().find(|(_, place)| *place == RestorePlace::Model);
        let why = step.filter(|_| kind != Kind::Label).map_or(String::new(), |(step, _)| {
            format!(", which are made before resampling because {} is a step in: model", step.name)
        });
        let problem = format!("{chosen} would average labels{why}; use nearest, label or label_nearest");
        return Err(fault("interpolation", problem));
    }
    if let Some(chosen) = interpolation.filter(|i| i.weighs_labels() && carried != Kind::Label) {
        let problem = format!(
            "{chosen} is for labels, and the resampled values are of kind {carried}: use nearest, linear or cubic"
        );
        return Err(fault("interpolation", problem));
    }
    let gives_labels = carried == Kind::Label || decides.is_some();
    if let Some(fill) = spec.fill.filter(|_| gives_labels)
        && check_label_fill(fill).is_err()
    {
        let problem = format!("{fill} is not a label: the result is a label map, and labels are whole numbers");
        return Err(fault("fill", problem));
    }
    let dtype = spec.output.as_ref().map(|o| stored_dtype(&o.path, o.dtype.as_deref())).transpose();
    let dtype = dtype.map_err(|fault| Fault { place: place(&["output", "dtype"], false), ..fault })?.flatten();
    let changed_after = resolved.steps.iter().any(|(_, place)| *place == RestorePlace::Native);
    if let (Some(fill), Some(dtype)) = (spec.fill.filter(|_| gives_labels && !changed_after), dtype)
        && dtype.check_labels([fill]).is_err()
    {
        return Err(fault("fill", format!("the dtype of the output, {dtype}, cannot store label {fill}")));
    }
    if let Some(lost) = dtype.and_then(|dtype| resolved.reach.lost(PREDICTION, dtype)) {
        return Err(labels::lost(&lost, place(&["output", "dtype"], false)));
    }
    let path = spec.output.as_ref().map(|o| Template::new(&o.path)).transpose();
    let path = path.map_err(|e| Fault::new(place(&["output", "path"], false), e))?;
    let records = resolved.steps.iter().map(|(step, place)| RestoreStepRecord {
        transform: step.name.to_owned(),
        params: step.params.clone(),
        place: *place,
    });
    let record = RestoreRecord {
        kind,
        volume: spec.volume.clone().or_else(|| undo::recorded(inputs).filter(|_| undoes)),
        interpolation,
        activation,
        argmax: spec.argmax,
        regions,
        decide_in_model: resolved.decide_in_model,
        values: match spec.values {
            Some(ValuesSpec::Undo) => Values::Undo,
            Some(ValuesSpec::Clamp) => Values::Clamp,
            Some(ValuesSpec::Keep) | None => Values::Keep,
        },
        fill: spec.fill,
        steps: records.collect(),
        path: None,
        dtype,
    };
    let steps = resolved.steps.into_iter().map(|(step, _)| step).collect();
    let place = place(if path.is_some() { &["output", "path"] } else { &[] }, false);
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
