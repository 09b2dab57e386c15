//! Inputs as data: what a hash is made over.

use serde_json::{Value, json};

use crate::model::{Input, Segments};
use crate::non_finite::NonFiniteRule;
use crate::rules::ComplexRule;
use crate::series::{FramesRule, IncompleteRule, RescaleRule, SeriesRule};

/// The key of an input, and its fields.
pub(super) fn input(i: &Input) -> (String, Value) {
    let mut value = json!({
        "kind": i.kind.name(),
        "path": i.path.text(),
        "optional": i.optional,
        "own_grid": i.own_grid,
        "series": i.series.as_ref().map(SeriesRule::json),
        "slices": i.slices,
        "missing": i.missing,
    });
    // Inputs that say nothing more keep the hash that they always had.
    if let Some(labels) = &i.labels {
        value["labels"] = labels.iter().map(|label| label as i64).collect();
    }
    if !i.names.is_empty() {
        value["names"] = i.names.iter().map(|(label, name)| (label.to_string(), Value::from(name.clone()))).collect();
    }
    if i.non_finite != NonFiniteRule::Error {
        value["non_finite"] = i.non_finite.json();
    }
    if let Some(channel) = i.channel {
        value["channel"] = channel.into();
    }
    if let Some(select) = &i.select {
        value["select"] = select.clone().into();
    }
    if i.frames != FramesRule::default() {
        value["frames"] = json!(i.frames);
    }
    if i.rescale != RescaleRule::default() {
        value["rescale"] = json!(i.rescale);
    }
    if i.incomplete != IncompleteRule::default() {
        value["incomplete"] = json!(i.incomplete);
    }
    if i.allow_outside {
        value["allow_outside"] = true.into();
    }
    if i.complex != ComplexRule::Error {
        value["complex"] = json!(i.complex);
    }
    if let Some(spacing) = i.spacing {
        value["spacing"] = json!(spacing);
    }
    if i.segments != Segments::default() {
        value["segments"] = i.segments.canonical();
    }
    if !i.more_paths.is_empty() {
        value["path"] = i.paths().map(|path| path.text()).collect();
    }
    (i.key.clone(), value)
}
