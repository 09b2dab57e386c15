//! What is done to predictions on their way back: what the pipeline recorded in the trace, as far as the caller does
//! not say otherwise.

use std::path::{Component, Path};

use revoxel_core::{Dtype, Kind, LostLabel, StoredDtype, Volume, Voxel, dispatch};
use revoxel_invert::{
    CombinedPrediction, Decision, Ensemble, InvertError, Inverted, MemberHead, Recipe, RestorePlace, RestoreRecord,
    RestoreStepRecord, Trace, check_label_fill,
};
use revoxel_io::{LabelName, LabelNames};
use revoxel_transforms::{ApplyError, Registry, Transform, ValueTransform};

use crate::engine::finite::guarded;
use crate::engine::no_long_labels;
use crate::problem::Setting;

/// Why a record cannot be followed, or a prediction not restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The trace has no record of that name.
    #[error("the trace has no restore entry {name:?}; it has {known}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// Several records.
    #[error("the trace has several restore entries ({known}): choose one, or none")]
    Ambiguous {
        /// Their names.
        known: String,
    },
    /// A recorded value that makes no sense.
    #[error("restore.{name}.{field}: {problem}")]
    Record {
        /// Name of the entry.
        name: String,
        /// The field.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A step failed.
    #[error("restore.{name}, step {number} ({transform}): {error}")]
    Step {
        /// Name of the entry.
        name: String,
        /// Number of the step, from 1.
        number: usize,
        /// Name of the transform.
        transform: String,
        /// Why.
        error: Box<ApplyError>,
    },
    /// A label that the voxel type does not hold.
    #[error(transparent)]
    Label(#[from] revoxel_core::LostLabel),
    /// A prediction does not fit.
    #[error("{name}: {error}")]
    Prediction {
        /// What it is called.
        name: String,
        /// Why.
        error: Box<InvertError>,
    },
    /// A step needs scores, but the prediction has none.
    #[error(
        "restore.{name}, step {number} ({transform}) works on scores, and the prediction is a label map: pass the scores \
         of the model, or leave the entry out"
    )]
    NoScores {
        /// Name of the entry.
        name: String,
        /// Number of the step, from 1.
        number: usize,
        /// Name of the transform.
        transform: String,
    },
    /// A label map that is not of the entry.
    #[error("{prediction}: restore.{name} paints no label {label}, and this label map has it: is it of another model?")]
    NotPainted {
        /// Name of the entry.
        name: String,
        /// The prediction.
        prediction: String,
        /// The label.
        label: i128,
    },
    /// Predictions cannot be brought back.
    #[error(transparent)]
    Invert(#[from] InvertError),
}

impl RestoreError {
    /// What a caller can set, of what the message speaks of.
    pub fn settings(&self) -> Vec<Setting> {
        match self {
            Self::Ambiguous { .. } | Self::NoScores { .. } => vec![Setting::Restore],
            Self::Prediction { error, .. } => error.setting().map(Setting::Prediction).into_iter().collect(),
            Self::Invert(error) => error.setting().map(Setting::Prediction).into_iter().collect(),
            _ => Vec::new(),
        }
    }
}

/// What is to be done with predictions.
#[derive(Debug, Default)]
pub struct Restoration {
    /// Name of the trace's entry that is followed.
    pub name: Option<String>,
    /// What the values are, where anybody says.
    pub kind: Option<Kind>,
    /// The volume whose grid they go back to, where the entry says.
    pub volume: Option<String>,
    /// How they become a result.
    pub recipe: Recipe,
    /// Where the result is written, relative to an output folder, where the entry says.
    pub path: Option<String>,
    /// Voxel type of the result, where the entry says.
    pub dtype: Option<StoredDtype>,
    /// Whether the predictions are labels already, so that nothing is decided.
    pub labels_already: bool,
    /// The labels that the entry would paint, where the predictions are labels already.
    painted: Option<Vec<i128>>,
    /// The names of the labels of the result, where the entry gives any.
    pub names: LabelNames,
    steps: Vec<Step>,
}

/// A path as it stands in a trace, if it stays in the folder that it is relative to: nobody knows who wrote the trace.
pub(crate) fn inside(path: &str) -> Result<String, String> {
    let stays = |c: Component<'_>| matches!(c, Component::Normal(_) | Component::CurDir);
    // A path of another system is looked at too: C:\\ and \\\\ are roots there.
    let foreign = path.contains('\\') || path.ends_with('/') || path.as_bytes().get(1) == Some(&b':');
    if path.is_empty() || path.contains('\0') || foreign || !Path::new(path).components().all(stays) {
        let help = "use a relative path without `..` in the trace, or name the output file";
        return Err(format!("{path:?} leads out of the output folder: {help}"));
    }
    Ok(path.to_owned())
}

#[derive(Debug)]
struct Step {
    number: usize,
    name: String,
    model: bool,
    transform: Box<dyn ValueTransform>,
}

impl Restoration {
    /// The names of the labels of a result: those of the entry, else those in the file of the only prediction, if that keeps its
    /// numbers.
    pub fn names_with(&self, predictions: &[&Path]) -> LabelNames {
        let own = self.recipe.decision() == Decision::Channels && self.keeps_numbers();
        match predictions {
            [path] if own && self.names.is_empty() => {
                revoxel_io::info(path).map(|info| info.facts.label_names()).unwrap_or_default()
            }
            _ => self.names.clone(),
        }
    }

    /// What a trace says: its entry `wanted`, or the only one; nothing for `none` or a trace without entries. Its steps are
    /// transforms of the registry.
    ///
    /// # Errors
    /// Where there are several entries, none of that name, or the entry makes no sense.
    pub fn of(trace: &Trace, wanted: Option<&str>, registry: &Registry) -> Result<Self, RestoreError> {
        let known = || trace.restore.keys().cloned().collect::<Vec<_>>().join(", ");
        let (name, record) = match wanted {
            Some("none") => return Ok(Self::default()),
            Some(name) => trace.restore.get_key_value(name).ok_or_else(|| RestoreError::Unknown {
                name: name.to_owned(),
                known: if trace.restore.is_empty() { "none".to_owned() } else { known() },
            })?,
            None => match trace.restore.iter().next() {
                None => return Ok(Self::default()),
                Some(_) if trace.restore.len() > 1 => return Err(RestoreError::Ambiguous { known: known() }),
                Some(only) => only,
            },
        };
        Self::read(name, record, registry)
    }

    fn read(name: &str, record: &RestoreRecord, registry: &Registry) -> Result<Self, RestoreError> {
        let named = |(name, label): (&String, &i64)| (*label, LabelName { name: name.clone(), color: None });
        let error = |field: &str, problem: String| RestoreError::Record {
            name: name.to_owned(),
            field: field.to_owned(),
            problem,
        };
        if let Some(regions) = &record.recipe.regions {
            regions.check(None).map_err(|e| error("regions", e))?;
        }
        let recipe = Recipe {
            // A step does what the activation of that name does: no channel is the background then.
            overlap: record.steps.iter().any(|s| s.transform == "activations" && s.params["sigmoid"] == true),
            ..record.recipe.clone()
        };
        let step = |(position, step): (usize, &RestoreStepRecord)| {
            let field = format!("steps[{position}]");
            let problem = |problem: String| error(&field, problem);
            let Some(definition) = registry.get(&step.transform) else {
                return Err(problem(format!("this program has no transform {:?}", step.transform)));
            };
            let built = (definition.build)(step.params.clone()).map_err(|e| problem(e.to_string()))?;
            let Transform::Value(transform) = built.transform else {
                return Err(problem(format!(
                    "{} changes the grid: only steps that change values are possible",
                    step.transform
                )));
            };
            let model = step.place == RestorePlace::Model;
            Ok(Step { number: position + 1, name: step.transform.clone(), model, transform })
        };
        Ok(Self {
            name: Some(name.to_owned()),
            kind: Some(record.kind),
            volume: record.volume.clone(),
            recipe,
            path: record.path.as_deref().map(|path| inside(path).map_err(|e| error("path", e))).transpose()?,
            dtype: record.dtype,
            labels_already: false,
            painted: None,
            names: record.labels.iter().filter(|(_, label)| **label != 0).map(named).collect(),
            steps: record.steps.iter().enumerate().map(step).collect::<Result<_, _>>()?,
        })
    }

    /// The same for predictions that are label maps: what the entry decides is decided already.
    ///
    /// # Errors
    /// Where a step works on scores.
    pub fn for_label_maps(mut self) -> Result<Self, RestoreError> {
        if let Some(step) = self.steps.iter().find(|step| step.model && !self.recipe.decide_in_model) {
            let (name, transform) = (self.name.clone().unwrap_or_default(), step.name.clone());
            return Err(RestoreError::NoScores { name, number: step.number, transform });
        }
        let recipe = self.recipe;
        self.painted = recipe.regions.map(|regions| regions.paint.iter().map(|p| i128::from(p.label)).collect());
        self.recipe = Recipe {
            interpolation: recipe.interpolation.filter(|interpolation| !interpolation.averages()),
            activation: None,
            argmax: false,
            regions: None,
            decide_in_model: false,
            overlap: false,
            ..recipe
        };
        (self.kind, self.labels_already) = (Some(Kind::Label), true);
        Ok(self)
    }

    /// Checks that a label map has no other labels than those that the entry would paint.
    ///
    /// # Errors
    /// Where it has: the first of them.
    pub fn check_label_map(&self, prediction: &str, volume: &Volume) -> Result<(), RestoreError> {
        let Some(painted) = &self.painted else { return Ok(()) };
        let other = dispatch!(volume.voxels(), v => {
            v.iter().filter_map(|value| value.whole()).find(|label| *label != 0 && !painted.contains(label))
        });
        match other {
            None => Ok(()),
            Some(label) => Err(RestoreError::NotPainted {
                name: self.name.clone().unwrap_or_default(),
                prediction: prediction.to_owned(),
                label,
            }),
        }
    }

    /// Whether labels of a prediction are the same numbers in the result.
    pub fn keeps_numbers(&self) -> bool {
        self.steps.is_empty() && self.recipe.values.is_keep()
    }

    /// Takes predictions together and does the steps on the model's grid. `predictions` is asked for one after another,
    /// so that not all of them are held at once.
    ///
    /// # Errors
    /// Where a prediction cannot be had or does not fit, or a step fails.
    pub fn take<E: From<RestoreError>>(
        &self,
        predictions: impl IntoIterator<Item = Result<Member, E>>,
    ) -> Result<(CombinedPrediction, Kind), E> {
        let mut all = Ensemble::new(self.recipe.clone());
        let mut kind = None;
        for member in predictions {
            let Member { name, trace, volume, prediction, weights } = member?;
            kind.get_or_insert(prediction.kind());
            let record =
                trace.volume(&volume).map_err(|e| InvertError::Trace { place: name.clone(), problem: e.to_string() });
            let record = record.map_err(RestoreError::from)?;
            let added = all.add(&name, record, prediction, &weights);
            added.map_err(|error| RestoreError::Prediction { name, error: Box::new(error) })?;
        }
        if self.steps.iter().any(|s| s.model) {
            all = all.on_model(|volume| self.steps(true, volume))?;
        }
        Ok((all.ready().map_err(RestoreError::from)?, kind.unwrap_or(Kind::Image)))
    }

    /// Finds what [`take`](Self::take) would refuse in predictions whatever their values are.
    ///
    /// # Errors
    /// The first prediction that does not fit.
    pub fn check_heads(&self, heads: &[MemberHead<'_>]) -> Result<(), RestoreError> {
        // What steps on the model's grid make of the values is not known here.
        let interpolation = self.recipe.interpolation.filter(|_| !self.steps.iter().any(|step| step.model));
        let recipe = Recipe { interpolation, ..self.recipe.clone() };
        recipe.check_heads(heads).map_err(|(at, error)| RestoreError::Prediction {
            name: heads.get(at).map_or_else(String::new, |head| head.name.to_owned()),
            error: Box::new(error),
        })
    }

    /// Brings what [`take`](Self::take) gave back, and does the steps on the native grid.
    ///
    /// # Errors
    /// Where a pass or a step fails.
    pub fn bring_back(&self, taken: CombinedPrediction) -> Result<Inverted, RestoreError> {
        let mut inverted = taken.whole()?;
        inverted.volume = self.steps(false, inverted.volume)?;
        Ok(inverted)
    }

    /// Checks what is known of the labels before voxels are resampled: those that are painted, and the fill. `written`
    /// is the type that the result is written in, where one was asked for.
    ///
    /// # Errors
    /// Where the fill is no label, or the type does not hold what is put into the result.
    pub fn check_labels(&self, written: Option<StoredDtype>) -> Result<(), RestoreError> {
        let (decision, fill) = (self.recipe.decision(), self.recipe.fill);
        let gives_labels = decision != Decision::Channels || self.kind == Some(Kind::Label);
        if !gives_labels {
            return Ok(());
        }
        fill.map_or(Ok(()), check_label_fill)?;
        let changed = |place: bool| self.steps.iter().any(|s| s.model == place);
        if let Some(written) = written.filter(|_| !changed(false)) {
            written.check_labels(fill)?;
            if let Some(regions) = &self.recipe.regions
                && !changed(true)
            {
                written.check_labels(regions.paint.iter().map(|p| f64::from(p.label)))?;
            }
        }
        Ok(())
    }

    /// Whether the result can be written slab by slab: no step needs the whole of it.
    pub fn can_stream(&self, taken: &CombinedPrediction) -> bool {
        taken.can_stream() && self.steps.iter().all(|s| s.model)
    }

    fn steps(&self, model: bool, volume: Volume) -> Result<Volume, RestoreError> {
        self.steps.iter().filter(|s| s.model == model).try_fold(volume, |volume, step| {
            let failed = |error: ApplyError| RestoreError::Step {
                name: self.name.clone().unwrap_or_default(),
                number: step.number,
                transform: step.name.clone(),
                error: error.into(),
            };
            let transform = &step.transform;
            no_long_labels(&volume, &**transform).map_err(failed)?;
            let done = guarded(volume, transform.traits().mixes_voxels, |volume| transform.apply(volume));
            done.map(|(volume, _)| volume).map_err(failed)
        })
    }
}

/// The voxels as they are wanted, or for label maps in the smallest type that holds the labels: unsigned where none is
/// below 0.
///
/// # Errors
/// Where a label would change.
pub fn volume_as(volume: Volume, wanted: Option<StoredDtype>) -> Result<Volume, LostLabel> {
    let own = |volume: &Volume| match volume.kind() {
        Kind::Label => {
            let (low, high) = volume.voxels().whole_range().unwrap_or_default();
            // What does not fit is named below.
            Dtype::smallest_for_whole(low.min(0), high.max(0)).unwrap_or(Dtype::I64)
        }
        _ => volume.dtype(),
    };
    let stored = wanted.unwrap_or_else(|| StoredDtype::Plain(own(&volume)));
    if volume.kind() == Kind::Label {
        stored.check_label_map(volume.voxels())?;
    }
    Ok(volume.cast(stored.in_memory()))
}

/// A prediction with its trace.
#[derive(Debug)]
pub struct Member {
    /// What errors call it.
    pub name: String,
    /// The trace of its run.
    pub trace: std::sync::Arc<Trace>,
    /// The volume of the trace whose grid it goes back to.
    pub volume: String,
    /// The prediction.
    pub prediction: Volume,
    /// Its weight, or one for each of its channels.
    pub weights: Vec<f64>,
}
