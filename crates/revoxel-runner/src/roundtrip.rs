//! What preprocessing costs: the labels of each case to the model's grid and back, against the labels themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use revoxel_core::{Kind, Relation};
use revoxel_invert::Values;
use revoxel_pipeline::Pipeline;

use crate::dataset::Case;
use crate::in_memory::{Source, process};
use crate::preflight::{Checked, Strictness};
use crate::restore::{Member, Restoration, RestoreError};
use crate::score::{Row, Scoring, rows_of};
use crate::several;

/// What a label input of a case loses.
#[derive(Clone, Debug, PartialEq)]
pub struct Loss {
    /// The key of the input.
    pub key: String,
    /// Its labels: what came back first, then the source.
    pub rows: Vec<Row>,
    /// The share of the scan's voxels that the model never sees.
    pub unseen: f64,
    /// How far the farthest corner of what came back lies from the scan's, mm.
    pub corner_mm: f64,
}

/// What became of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct RoundTrip {
    /// The case.
    pub case: String,
    /// What its labels lose; empty if a step left the case out.
    pub losses: Vec<Loss>,
    /// Why a step left it out.
    pub skipped: Option<String>,
}

/// Takes the labels of a case to the model's grid and back. Nothing is written. If steps give labels other numbers, that
/// is undone.
///
/// # Errors
/// Where a file, a step or the way back fails.
pub fn round_trip(pipeline: &Pipeline, checked: &Checked, scoring: Scoring) -> Result<RoundTrip, String> {
    let case: &Case = &checked.case;
    let told = |error: &dyn std::fmt::Display| error.to_string();
    let mut sources: BTreeMap<String, Source> = BTreeMap::new();
    let mut labels = BTreeMap::new();
    for input in pipeline.inputs.iter().filter(|input| case.inputs.contains_key(&input.key)) {
        let loaded = several::read(pipeline, input, case).map_err(|e| told(&e))?;
        if input.kind == Kind::Label {
            labels.insert(input.key.clone(), loaded.volume.clone());
        }
        sources.insert(input.key.clone(), loaded.into());
    }
    let strictness = Strictness { snap: checked.snap, memory: Some(u64::MAX) };
    let mut outcome = process(pipeline, &case.name, sources, strictness).map_err(|e| told(&e))?;
    let mut trip = RoundTrip { case: case.name.to_string(), losses: Vec::new(), skipped: outcome.skipped.take() };
    if trip.skipped.is_some() {
        return Ok(trip);
    }
    let trace = Arc::new(outcome.trace);
    for (key, source) in labels {
        let Some(prediction) = outcome.volumes.remove(&key) else { continue };
        let changed = trace.volume(&key).is_ok_and(|volume| volume.steps.iter().any(|step| step.values.is_some()));
        let mut restoration = Restoration::default();
        restoration.kind = Some(Kind::Label);
        restoration.recipe.values = if changed { Values::Undo } else { Values::Keep };
        let name = format!("{key} on the model's grid");
        let member = Member { name, trace: trace.clone(), volume: key.clone(), prediction, weights: vec![1.0] };
        let (taken, _) = restoration.take([Ok::<_, RestoreError>(member)]).map_err(|e| format!("{key}: {e}"))?;
        let unseen = taken.unseen().map_err(|e| told(&e))? as f64 / taken.grid().voxel_count() as f64;
        let back = restoration.bring_back(taken).map_err(|e| format!("{key}: {e}"))?.volume;
        let corner_mm = Relation::between(back.grid(), source.grid()).worst_corner_mm;
        let rows = rows_of(&trip.case, &back, &source.with_kind(Kind::Label), scoring);
        trip.losses.push(Loss { rows: rows.map_err(|e| format!("{key}: {e}"))?, key, unseen, corner_mm });
    }
    Ok(trip)
}
