//! What a pipeline will do to the volumes of a case, from their grids alone.

use std::collections::BTreeMap;

use revoxel_core::{Dtype, Grid, Kind};
use revoxel_transforms::{KnownGrid, Outline, PlanError};

pub use crate::key_plan::KeyPlan;
use crate::model::Pipeline;
use crate::state::VolumeStates;

/// The predicted steps of a case.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The steps, in order.
    pub steps: Vec<PlannedStep>,
    /// The grid of each volume at the end; `None` where it depends on voxels.
    pub result: BTreeMap<String, Option<Grid>>,
    /// What is known of each volume at the end; `None` where its grid depends on voxels.
    pub volumes: BTreeMap<String, Option<PlannedVolume>>,
    /// What the values of each volume mean at the end, and how many channels it has, where that is known.
    pub ends: BTreeMap<String, (Kind, Option<usize>)>,
    /// What is known of the grids that depend on voxels, at the end.
    pub outlines: BTreeMap<String, Outline>,
    /// Why the case is left out, where that is known without its voxels: a copy for which there is no patch.
    pub skipped: Option<PlanFailure>,
}

/// What is known of a volume after the last step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlannedVolume {
    /// Where its voxels lie.
    pub grid: Grid,
    /// What its values mean.
    pub kind: Kind,
    /// Its channels, where they are known.
    pub channels: Option<usize>,
    /// Its voxel type, where it is known: a step that changes values may give any.
    pub dtype: Option<Dtype>,
    /// How many passes over its voxels there were.
    pub passes: usize,
}

/// What a step does to each volume that it applies to.
#[derive(Clone, Debug)]
pub struct PlannedStep {
    /// Name of the transform.
    pub name: &'static str,
    /// By key.
    pub volumes: Vec<(String, KeyPlan)>,
}

/// A step that cannot be planned for a volume.
#[derive(Clone, Debug, thiserror::Error)]
#[error("step {} ({name}), {key}: {error}", .step + 1)]
pub struct PlanFailure {
    /// Position of the step, from 0.
    pub step: usize,
    /// Name of the transform.
    pub name: &'static str,
    /// Key of the volume.
    pub key: String,
    /// Why.
    pub error: Box<PlanError>,
}

impl Pipeline {
    /// Plans the steps for volumes on these grids. No voxel is needed: what depends on voxels is said to. Random
    /// steps are drawn for the case of this name; without one, what they do is not known.
    ///
    /// # Errors
    /// The first step that cannot be done.
    pub fn plan(&self, grids: &BTreeMap<String, Grid>, case: Option<&str>) -> Result<Plan, PlanFailure> {
        let known = |(key, grid): (&String, &Grid)| {
            let kind = self.input(key).map_or(Kind::Image, |i| i.kind);
            (key.clone(), KnownGrid { grid: *grid, kind, channels: None, dtype: None })
        };
        self.plan_volumes(&grids.iter().map(known).collect(), case)
    }

    /// [`plan`](Self::plan) for volumes of which more than the grid may be known.
    ///
    /// # Errors
    /// The first step that cannot be done.
    pub fn plan_volumes(&self, volumes: &BTreeMap<String, KnownGrid>, case: Option<&str>) -> Result<Plan, PlanFailure> {
        let mut states = VolumeStates::of_grids(volumes);
        let (mut steps, mut skipped) = (Vec::new(), None);
        for (number, (step, plain)) in self.drawn_for(case).enumerate() {
            let failure = |(key, error)| PlanFailure { step: number, name: step.name, key, error: Box::new(error) };
            let done = states.advance(step, plain.as_ref(), self.fuse).map_err(failure)?;
            skipped = skipped.or(done.skipped.map(failure));
            steps.push(PlannedStep { name: step.name, volumes: done.volumes });
        }
        let (result, outlines, ends) = (states.grids(), states.outlines(), states.ends());
        Ok(Plan {
            steps,
            result,
            ends,
            outlines,
            volumes: states.settled().map(|(key, end)| (key, end.map(planned))).collect(),
            skipped,
        })
    }
}

fn planned((KnownGrid { grid, kind, channels, dtype }, passes): (KnownGrid, usize)) -> PlannedVolume {
    PlannedVolume { grid, kind, channels, dtype, passes }
}
