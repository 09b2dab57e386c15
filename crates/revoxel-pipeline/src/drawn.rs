//! The steps of a case: what random steps draw is decided here, and nowhere behind it.

use std::borrow::Cow;

use revoxel_transforms::{Change, Drawn, Draws, Sources, SpatialTransform, Transform, ValueTransform};
use serde_json::Value;

use crate::model::{Pipeline, Step};

/// A step as it is done to one case, without chance.
#[derive(Debug)]
pub struct PlainStep<'a> {
    step: &'a Step,
    /// What a random step drew.
    drawn: Option<Drawn>,
}

/// What a step does.
#[derive(Clone, Copy, Debug)]
pub enum PlainChange<'a> {
    /// The volumes stay as they are.
    Nothing,
    /// Voxels move.
    Spatial(&'a dyn SpatialTransform),
    /// Values change.
    Value(&'a dyn ValueTransform),
}

impl Pipeline {
    /// The steps of the case of this name. What a step draws depends on the seed, this name and its own position.
    pub fn drawn(&self, case: &str) -> impl Iterator<Item = PlainStep<'_>> {
        self.drawn_for(Some(case)).filter_map(|(_, plain)| plain)
    }

    /// Each step with what it does, which is not known of a random step where no case is named.
    pub(crate) fn drawn_for(&self, case: Option<&str>) -> impl Iterator<Item = (&Step, Option<PlainStep<'_>>)> {
        self.steps.iter().enumerate().map(move |(number, step)| (step, step.drawn(self.seed, case, number)))
    }
}

impl Step {
    /// What the step does as number `number` (from 0).
    fn drawn(&self, seed: u64, case: Option<&str>, number: usize) -> Option<PlainStep<'_>> {
        let Transform::Random(random) = &self.transform else { return self.plain() };
        Some(PlainStep { step: self, drawn: Some(random.draw(&mut Draws::new(seed, case?, number))) })
    }

    /// What the step does in every case; `None` where it draws.
    pub(crate) fn plain(&self) -> Option<PlainStep<'_>> {
        (!self.is_random()).then_some(PlainStep { step: self, drawn: None })
    }

    /// Whether the step draws.
    pub(crate) const fn is_random(&self) -> bool {
        matches!(self.transform, Transform::Random(_))
    }
}

impl<'a> PlainStep<'a> {
    /// Name of the transform, as the pipeline has it.
    pub const fn name(&self) -> &'static str {
        self.step.name
    }

    /// The inputs that it applies to, in the order of the file.
    pub fn keys(&self) -> &'a [String] {
        &self.step.keys
    }

    /// All its parameters, as resolved, with what was drawn: what a trace records.
    pub fn params(&self) -> Cow<'a, Value> {
        let params = &self.step.params;
        self.drawn.as_ref().map_or(Cow::Borrowed(params), |drawn| Cow::Owned(drawn.params(params)))
    }

    /// What it does.
    pub fn change(&self) -> PlainChange<'_> {
        match (&self.step.transform, self.drawn.as_ref().map(|drawn| &drawn.change)) {
            (Transform::Spatial(transform), _) | (_, Some(Change::Spatial(transform))) => {
                PlainChange::Spatial(&**transform)
            }
            (Transform::Value(transform), _) | (_, Some(Change::Value(transform))) => PlainChange::Value(&**transform),
            (Transform::Random(_), _) => PlainChange::Nothing,
        }
    }

    /// The volume whose grid a spatial change gets as evidence. What was drawn knows no grid: it is planned on that of
    /// `first`, the first of the step's inputs that the case has, so that all of them move alike.
    pub fn reference<'s>(&'s self, first: Option<&'s str>) -> Option<&'s str> {
        match (&self.drawn, self.change()) {
            (Some(_), PlainChange::Spatial(_)) => first,
            (None, PlainChange::Spatial(transform)) => match transform.sources() {
                Sources::Grid { of, .. } => Some(of),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether what it leaves out of a volume was meant to be left out.
    pub const fn takes_part(&self) -> bool {
        self.drawn.is_some()
    }
}
