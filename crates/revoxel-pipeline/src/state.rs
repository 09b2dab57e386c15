//! What is known of the volumes between two steps, and how a step changes it.
//!
//! The text of a pipeline, the channels of a case's files, the labels of its maps and the grids of its headers are
//! known at different times. Whoever checks or plans starts with what is known then, and all of them advance it by the
//! same function.

mod volume;

use std::collections::BTreeMap;

use revoxel_core::{Agreement, Grid, Kind, Relation};
use revoxel_transforms::{
    ApplyError, Channels, Class, Evidence, KnownGrid, LabelSet, Outline, PlanError, Sources, SpatialTransform,
    ValueTransform,
};

use crate::drawn::{PlainChange, PlainStep};
use crate::error::Fault;
use crate::key_plan::KeyPlan;
use crate::model::{Input, InputState, Step};
use crate::rules::Fuse;
pub(crate) use volume::{VolumeState, binary};

/// What label maps of an input hold, as far as they were looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct SeenLabels {
    /// The labels.
    pub labels: LabelSet,
    /// The channels, of the map that has the most.
    pub channels: usize,
}

impl Default for SeenLabels {
    /// No label, in one channel.
    fn default() -> Self {
        Self { labels: LabelSet::default(), channels: 1 }
    }
}

/// What is known of the volumes of a case, by key.
#[derive(Clone, Debug)]
pub(crate) struct VolumeStates(BTreeMap<String, VolumeState>);

/// What a step does to the volumes that it applies to.
pub(crate) struct Advance {
    /// By key.
    pub(crate) volumes: Vec<(String, KeyPlan)>,
    /// The first volume for which a copy of a case has no patch, and why.
    pub(crate) skipped: Option<KeyError>,
}

/// Why a step cannot be done, with the key of the volume.
pub(crate) type KeyError = (String, PlanError);

impl VolumeStates {
    /// Before the first step, from what the inputs declare.
    pub(crate) fn of_text(inputs: &[Input]) -> Self {
        Self::of_files(inputs, &BTreeMap::new())
    }

    /// Before the first step of a case whose files have so many channels, by key.
    pub(crate) fn of_files(inputs: &[Input], channels: &BTreeMap<String, usize>) -> Self {
        let known = |i: &Input| VolumeState::new(i.kind, i.labels.clone(), channels.get(&i.key).copied());
        Self(inputs.iter().map(|i| (i.key.clone(), known(i))).collect())
    }

    /// Before the first step, where the maps of inputs have the channels and, of those that declare nothing, hold the
    /// labels of `seen`. An input that declares nothing and is not in `seen` has no maps.
    pub(crate) fn of_maps(inputs: &[Input], seen: &BTreeMap<String, SeenLabels>) -> Self {
        let known = |i: &Input| {
            let seen = seen.get(&i.key);
            let labels = i.labels.as_ref().or_else(|| seen.map(|s| &s.labels));
            let there = i.kind != Kind::Label || labels.is_some();
            VolumeState { there, ..VolumeState::new(i.kind, labels.cloned(), seen.map(|s| s.channels)) }
        };
        Self(inputs.iter().map(|i| (i.key.clone(), known(i))).collect())
    }

    /// Before the first step of a case with these volumes.
    pub(crate) fn of_grids(volumes: &BTreeMap<String, KnownGrid>) -> Self {
        Self(volumes.iter().map(|(key, known)| (key.clone(), VolumeState::on_grid(*known))).collect())
    }

    /// A prediction of this kind.
    pub(crate) fn of_prediction(key: &str, kind: Kind) -> Self {
        Self(BTreeMap::from([(key.to_owned(), VolumeState::new(kind, None, None))]))
    }

    /// What is known of a volume.
    pub(crate) fn get(&self, key: &str) -> Option<&VolumeState> {
        self.0.get(key)
    }

    /// What is known of each volume after the last step, and the number of passes, all of them executed; `None` where
    /// its grid is not known.
    pub(crate) fn settled(self) -> impl Iterator<Item = (String, Option<(KnownGrid, usize)>)> {
        self.0.into_iter().map(|(key, state)| (key, state.settled()))
    }

    /// The grid of each volume; `None` where it is not known.
    pub(crate) fn grids(&self) -> BTreeMap<String, Option<Grid>> {
        self.0.iter().map(|(key, state)| (key.clone(), state.grid())).collect()
    }

    /// What is known of the grid of each volume whose grid is not known.
    pub(crate) fn outlines(&self) -> BTreeMap<String, Outline> {
        self.0.iter().filter_map(|(key, state)| Some((key.clone(), state.outline?))).collect()
    }

    /// What the values of each volume mean, and how many channels it has, where that is known.
    pub(crate) fn ends(&self) -> BTreeMap<String, (Kind, Option<usize>)> {
        self.0.iter().map(|(key, state)| (key.clone(), (state.kind, state.count))).collect()
    }

    /// What steps are resolved by, of these inputs in their order.
    pub(crate) fn states<'a>(&self, keys: impl Iterator<Item = &'a str>) -> Vec<InputState> {
        let state = |key: &str| self.0.get(key).map(|state| (key.to_owned(), state));
        keys.filter_map(state).map(|(key, s)| InputState { key, kind: s.kind, one_hot: s.made_one_hot }).collect()
    }

    /// What a prediction becomes when it is resampled on its way back.
    pub(crate) fn mix(&mut self) {
        self.0.values_mut().for_each(VolumeState::mix);
    }

    /// Makes a volume a label map of one channel that holds these, or the numbers of its channels.
    pub(crate) fn decide(&mut self, key: &str, painted: Option<LabelSet>) {
        let channels = || self.0.get(key).filter(|known| known.kind != Kind::Label).and_then(VolumeState::numbers);
        let labels = painted.or_else(|| channels().cloned());
        let certain = labels.clone().unwrap_or_default();
        let channels = Some(Channels::all(1));
        let before = VolumeState::new(Kind::Label, None, None);
        let state = VolumeState { one_hot: false, channels, labels, certain, changed: true, ..before };
        self.0.insert(key.to_owned(), state);
    }

    /// Adds labels to those of the volumes; `None` for unknown labels.
    pub(crate) fn add(&mut self, labels: Option<&LabelSet>) {
        for known in self.0.values_mut() {
            known.certain.extend(labels.into_iter().flat_map(LabelSet::iter));
            known.labels = known.labels.take().zip(labels).map(|(all, more)| all.iter().chain(more.iter()).collect());
        }
    }

    /// Carries what is known through a step. `plain` is what the step does; `None` where that depends on chance. What
    /// is not known stays so, and refuses nothing.
    ///
    /// # Errors
    /// Where the step cannot be done, with the key of the volume.
    pub(crate) fn advance(
        &mut self,
        step: &Step,
        plain: Option<&PlainStep<'_>>,
        fuse: Fuse,
    ) -> Result<Advance, KeyError> {
        let grids = self.grids();
        let keys: Vec<&String> = step.keys.iter().filter(|key| self.0.contains_key(*key)).collect();
        let first = keys.first().map(|key| key.as_str());
        let change = plain.map(PlainStep::change);
        if let (Some(key), Some(PlainChange::Spatial(transform))) = (first, change) {
            self.look(transform).map_err(|error| (key.to_owned(), error))?;
        }
        let reference = plain.and_then(|plain| plain.reference(first));
        let mut done = Advance { volumes: Vec::new(), skipped: None };
        for key in keys {
            let planned = match change {
                None => self.undrawn(step, key),
                Some(PlainChange::Nothing) => Ok(self.kept(key, false)),
                Some(PlainChange::Value(transform)) => self.value(step, transform, &grids, key),
                Some(PlainChange::Spatial(transform)) => self.spatial(transform, &grids, key, reference, fuse),
            };
            let Some(state) = self.0.get_mut(key) else { continue };
            let plan = match planned {
                Err(error @ PlanError::NoPatch { .. }) => {
                    done.skipped.get_or_insert((key.clone(), error));
                    state.lose(None);
                    KeyPlan::unknown(grids[key], None)
                }
                planned => planned.map_err(|error| (key.clone(), error))?,
            };
            state.by_case &= plan.after.is_none();
            done.volumes.push((key.clone(), KeyPlan { by_case: state.by_case, ..plan }));
        }
        Ok(done)
    }

    /// [`advance`](Self::advance) where no grids are known and no case is named.
    ///
    /// # Errors
    /// Where the step cannot be done, at its place.
    pub(crate) fn pass(&mut self, step: &Step) -> Result<(), Fault> {
        let fault = |(key, error)| Fault::new(step.place, format!("{}: {key:?}: {error}", step.name));
        self.advance(step, step.plain().as_ref(), Fuse::default()).map(|_| ()).map_err(fault)
    }

    /// Where voxels are looked at, the pass that waits is executed.
    fn settle(&mut self, key: &str) -> Result<(), PlanError> {
        self.0.get_mut(key).map_or(Ok(()), VolumeState::settle)
    }

    /// The voxels that a transform looks at before a step.
    fn look(&mut self, transform: &dyn SpatialTransform) -> Result<(), PlanError> {
        transform.sources().voxel_keys().try_for_each(|key| self.settle(key))
    }

    /// A step that draws, where nobody knows for which case.
    fn undrawn(&mut self, step: &Step, key: &str) -> Result<KeyPlan, PlanError> {
        let Some(state) = self.0.get_mut(key) else { return Ok(KeyPlan::unknown(None, None)) };
        let before = state.grid();
        if step.class == Class::Spatial {
            state.moved(key, &step.transform.padding(), &step.transform.resampling());
            state.lose(None);
            state.by_case = true;
            return Ok(KeyPlan::unknown(before, None));
        }
        state.settle()?;
        state.forget_values();
        Ok(self.kept(key, true))
    }

    fn value(
        &mut self,
        step: &Step,
        transform: &dyn ValueTransform,
        grids: &BTreeMap<String, Option<Grid>>,
        key: &str,
    ) -> Result<KeyPlan, PlanError> {
        for other in transform.sources().keys() {
            on_one_grid(grids, key, other)?;
            self.settle(other)?;
        }
        let Some(state) = self.0.get_mut(key) else { return Ok(KeyPlan::unknown(None, None)) };
        state.settle()?;
        state.fits(transform)?;
        state.change_values(transform, &step.labels);
        Ok(self.kept(key, true))
    }

    /// The plan of a step that moves no voxel of a volume.
    fn kept(&self, key: &str, changes_values: bool) -> KeyPlan {
        let state = self.0.get(key);
        let outline = state.and_then(|state| state.outline);
        KeyPlan { outline, ..KeyPlan::in_place(state.and_then(VolumeState::grid), changes_values) }
    }

    /// The plan of a spatial transform; little is known after it where the grid of the volume, or that of the
    /// `reference`, is not.
    fn spatial(
        &mut self,
        transform: &dyn SpatialTransform,
        grids: &BTreeMap<String, Option<Grid>>,
        key: &str,
        reference: Option<&str>,
        fuse: Fuse,
    ) -> Result<KeyPlan, PlanError> {
        let missing = |other: &str| PlanError::MissingInput(other.to_owned());
        let evident = reference.map(|other| grids.get(other).ok_or_else(|| missing(other))).transpose()?;
        has_room(transform, grids)?;
        let Some(state) = self.0.get_mut(key) else { return Ok(KeyPlan::unknown(None, None)) };
        let before = state.grid();
        state.moved(key, &transform.padding(), &transform.resampling());
        let evidence = Evidence { observed: None, reference: evident.and_then(Option::as_ref) };
        let ops = match before.filter(|_| evident.is_none_or(Option::is_some)) {
            None => Err(PlanError::DependsOnVoxels(key.to_owned())),
            Some(grid) => transform.plan(&grid, &evidence),
        };
        match ops {
            Err(PlanError::DependsOnVoxels(_)) => {
                let known = state.outline().and_then(|outline| transform.outline(outline));
                state.lose(known);
                Ok(KeyPlan::unknown(before, known))
            }
            ops => state.planned(key, transform, ops?, fuse),
        }
    }
}

/// Refuses an input that a step looks at besides the volume and that lies elsewhere.
fn on_one_grid(grids: &BTreeMap<String, Option<Grid>>, key: &str, other: &str) -> Result<(), PlanError> {
    let of = |key: &str| grids.get(key).copied().flatten();
    let Some((ours, theirs)) = of(key).zip(of(other)) else { return Ok(()) };
    let relation = Relation::between(&ours, &theirs);
    if matches!(relation.agreement, Agreement::Identical | Agreement::Noise) {
        return Ok(());
    }
    let (ours, theirs, corner_mm) = (ours.shape(), theirs.shape(), relation.worst_corner_mm);
    Err(Box::new(ApplyError::OtherGrid { key: other.to_owned(), theirs, ours, corner_mm }).into())
}

/// Refuses what finds no room in the input that it looks at, and a second input that lies elsewhere than that one.
fn has_room(transform: &dyn SpatialTransform, grids: &BTreeMap<String, Option<Grid>>) -> Result<(), PlanError> {
    let Sources::Voxels { of, beside, .. } = transform.sources() else { return Ok(()) };
    beside.map_or(Ok(()), |beside| on_one_grid(grids, of, beside))?;
    grids.get(of).copied().flatten().map_or(Ok(()), |grid| transform.fits(&grid))
}
