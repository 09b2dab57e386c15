//! Predictions onto the grids of their scans, with all that the command `invert` can do.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use revoxel_core::{Dtype, Grid, Kind, Sampling, StoredDtype, Volume};
use revoxel_invert::{Activation, Decision, InvertError, Inverted, Regions, Trace, Values};
use revoxel_io::LabelNames;
use revoxel_resample::{Interpolation, all_finite};
use revoxel_runner::prediction::{PredictionError, Reading, layout, look, read, understood};
use revoxel_runner::restore::{Member, Restoration, RestoreError, volume_as};
use revoxel_runner::uneven::onto_regular;

pub use revoxel_runner::prediction::ArrayAxes;
pub use revoxel_runner::slice_places::SlicePlaces;

use crate::Error;

/// What a caller says of predictions. It comes before what the trace says (the entry of `restore` of its pipeline).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wishes {
    /// The entry of `restore` to follow, or `none`. Default: the only entry.
    pub entry: Option<String>,
    /// The volume of the trace whose grid they go back to. Default: the image.
    pub volume: Option<String>,
    /// What the values mean. Default: what the entry says, then what the volume says, then what is seen from the values.
    pub kind: Option<Kind>,
    /// The interpolation. Default: nearest for labels, linear for other kinds.
    pub interpolation: Option<Interpolation>,
    /// What is done to logits before they are averaged.
    pub activation: Option<Activation>,
    /// Make a label map of the channel with the highest value.
    pub argmax: bool,
    /// Make a label map of overlapping regions: the label of each channel, painted in this order. Empty for none.
    pub regions: Vec<u16>,
    /// A voxel belongs to a region above this probability. Default: 0.5.
    pub threshold: Option<f64>,
    /// Whether recorded changes of values are undone. Default: what the entry says.
    pub values: Option<Values>,
    /// The value of voxels that the model did not see. Default: the background of the kind.
    pub fill: Option<f64>,
    /// The voxel type of the result. Default: what the entry says; for labels the smallest that holds them.
    pub dtype: Option<Dtype>,
    /// The order of the axes of arrays. Default: the only one that fits the shape.
    pub axes: Option<ArrayAxes>,
    /// Take predictions to lie on the grid where the pipeline ended, whatever their own grid says.
    pub assume_grid: bool,
    /// Also give the mask of voxels that the model saw.
    pub coverage: bool,
    /// Of unevenly spaced slices: the even grid that the pipeline put them on, instead of the slices.
    pub regular: bool,
}

/// A prediction.
#[derive(Clone, Debug)]
pub enum Prediction {
    /// In a file: a volume, or an array without geometry.
    File(PathBuf),
    /// In memory. `kind` is what the values mean, where it is known.
    Volume {
        /// The voxels. Their own kind is not looked at.
        volume: Volume,
        /// What they mean.
        kind: Option<Kind>,
    },
}

/// The way back of the predictions of a case, made ready.
///
/// ```
/// use revoxel::restore::{Prediction, Restorer, Wishes};
/// use revoxel::{Grid, Kind, Pipeline, Volume};
///
/// let pipeline = Pipeline::parse("
/// version: 1
/// inputs: { image: { kind: image, path: '{case}.nii.gz' } }
/// steps: [{ orientation: { axcodes: PSL } }]
/// outputs: { image: { path: '{case}-out.nii.gz' } }
/// trace: '{case}.json'
/// ")?;
/// let grid = Grid::without_geometry([4, 3, 2])?;
/// let scan = Volume::new(vec![0i16; 24].into(), grid, Kind::Image, 1)?;
/// let case = pipeline.run([("image", scan)])?;
///
/// let back = Restorer::new(&case.trace, Wishes { argmax: true, ..Wishes::default() })?;
/// let logits = Volume::new(vec![0.5f32; 48].into(), *back.model(), Kind::Image, 2)?;
/// let result = back.bring_back([Prediction::Volume { volume: logits, kind: None }])?;
/// assert_eq!((result.volume.kind(), *result.volume.grid()), (Kind::Label, grid));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Restorer {
    trace: Arc<Trace>,
    wishes: Wishes,
    restoration: Restoration,
    key: String,
    model: Grid,
}

impl Restorer {
    /// What a trace and a caller say together.
    ///
    /// # Errors
    /// Where they contradict each other, or it is not clear which volume or entry is meant.
    pub fn new(trace: &Trace, wishes: Wishes) -> Result<Self, Error> {
        let mut trace = trace.clone();
        if wishes.regular && !onto_regular(&mut trace) {
            return Err(Error::Wish("no volume of the trace has unevenly spaced slices".to_owned()));
        }
        let restoration = said(&trace, &wishes)?;
        let key = match &restoration.volume {
            Some(key) => key.clone(),
            None if restoration.recipe.values != Values::Keep => trace.main_values()?.to_owned(),
            None => trace.main_volume()?.to_owned(),
        };
        let record = trace.volume(&key)?;
        let model = record.result.grid.grid().map_err(|e| Error::Wish(format!("the trace is damaged: {e}")))?;
        Ok(Self { trace: Arc::new(trace), wishes, restoration, key, model })
    }

    /// The volume of the trace whose grid predictions go back to.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The trace that is followed.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The grid that predictions lie on: where the pipeline ended.
    pub const fn model(&self) -> &Grid {
        &self.model
    }

    /// The order of the axes of an array of this shape on the model's grid, and its channels. Leading axes of length 1
    /// are batches.
    ///
    /// # Errors
    /// Where no order fits the grid, or several do and none was wished.
    pub fn axes(&self, shape: &[usize]) -> Result<(ArrayAxes, usize), Error> {
        Ok(layout(Path::new(IN_MEMORY), shape, &self.model, self.wishes.axes)?)
    }

    /// The names of the labels of a result, for its file: those of the entry, else those in the file of the only prediction, if
    /// that keeps its numbers.
    pub fn label_names(&self, predictions: &[Prediction]) -> LabelNames {
        let path = |prediction: &Prediction| match prediction {
            Prediction::File(path) => Some(path.clone()),
            Prediction::Volume { .. } => None,
        };
        let paths: Option<Vec<PathBuf>> = predictions.iter().map(path).collect();
        let paths = paths.unwrap_or_default();
        self.restoration.names_with(&paths.iter().map(PathBuf::as_path).collect::<Vec<_>>())
    }

    /// Where the slices of the source lie, if unevenly: then the affine of a result misplaces them.
    ///
    /// # Errors
    /// Where the trace is damaged.
    pub fn slice_places(&self) -> Result<Option<SlicePlaces>, Error> {
        let record = self.trace.volume(&self.key)?;
        SlicePlaces::of(record).map_err(|e| Error::Wish(format!("the trace is damaged: {e}")))
    }

    /// Brings predictions of one case back: several are averaged, label maps vote.
    ///
    /// # Errors
    /// Where a prediction cannot be read or does not fit, or a step of the entry fails.
    pub fn bring_back(mut self, predictions: impl IntoIterator<Item = Prediction>) -> Result<Inverted, Error> {
        let predictions: Vec<Prediction> = predictions.into_iter().collect();
        self.labels_already(&predictions)?;
        let wanted = self.restoration.dtype;
        self.restoration.check_labels(wanted)?;
        let members = predictions.into_iter().map(|prediction| self.member(prediction));
        let (taken, _) = self.restoration.take(members)?;
        // As in a file that is written slab by slab: whatever the voxels turn out to be, the fill is among them.
        let wanted = wanted.or_else(|| self.restoration.can_stream(&taken).then(|| StoredDtype::Plain(taken.dtype())));
        let inverted = self.restoration.bring_back(taken)?;
        let volume = volume_as(inverted.volume, wanted).map_err(RestoreError::from)?;
        let fill = self.restoration.recipe.fill;
        if fill.is_none_or(f64::is_finite) && !all_finite(volume.voxels()) {
            return Err(Error::Wish(format!(
                "values of the result exceed the range of {}: choose float64, or scale the prediction first",
                volume.dtype()
            )));
        }
        Ok(Inverted { volume, ..inverted })
    }

    /// If the pipeline decides labels from scores and all predictions are label maps, nothing is decided.
    fn labels_already(&mut self, predictions: &[Prediction]) -> Result<(), Error> {
        let Wishes { argmax, regions, kind, .. } = &self.wishes;
        let decided = *argmax || !regions.is_empty() || kind.is_some_and(|kind| kind != Kind::Label);
        if self.restoration.recipe.decision() == Decision::Channels || decided {
            return Ok(());
        }
        let mut count = 0;
        for prediction in predictions {
            let labels = match prediction {
                Prediction::File(path) => look(path, &self.model, self.wishes.axes)?.is_label_map(),
                Prediction::Volume { volume, .. } => volume.channels() == 1 && volume.dtype().is_integer(),
            };
            count += usize::from(labels);
        }
        if count > 0 && count < predictions.len() {
            return Err(Error::Wish("some predictions are label maps and others are scores: pass one sort".to_owned()));
        }
        if count > 0 {
            let entry = Restoration::of(&self.trace, self.wishes.entry.as_deref(), &crate::registry())?;
            self.restoration = entry.for_label_maps()?;
            apply(&self.wishes, &mut self.restoration)?;
        }
        Ok(())
    }

    fn member(&self, prediction: Prediction) -> Result<Member, Error> {
        let restoration = &self.restoration;
        let record = self.trace.volume(&self.key)?;
        let kind = restoration.kind.filter(|_| !restoration.labels_already);
        let argmax = restoration.recipe.decision() == Decision::Argmax;
        let reading = Reading { kind, axes: self.wishes.axes, argmax, beside: Some(record.kind) };
        let (name, prediction) = match prediction {
            Prediction::File(path) => (path.display().to_string(), read(&path, &self.model, &reading)?),
            Prediction::Volume { volume, kind } => {
                let reading = Reading { kind: reading.kind.or(kind), ..reading };
                (IN_MEMORY.to_owned(), understood(Path::new(IN_MEMORY), volume.with_kind(Kind::Image), None, &reading)?)
            }
        };
        restoration.check_label_map(&name, &prediction)?;
        let (trace, volume, weights) = (Arc::clone(&self.trace), self.key.clone(), vec![1.0]);
        Ok(Member { name, trace, volume, prediction, weights })
    }
}

/// The mask of the voxels of a scan that the model saw: 1 where it did, 0 elsewhere. `volume` is the key of a volume of the
/// trace; the image where it is not given.
///
/// # Errors
/// Where it is not clear which volume is meant, or the trace contradicts itself.
pub fn coverage(trace: &Trace, volume: Option<&str>) -> Result<Volume, Error> {
    let key = volume.map_or_else(|| trace.main_volume(), Ok)?;
    let (steps, record) = (trace.steps(key)?, trace.volume(key)?);
    let damaged = |e: revoxel_core::GridError| Error::Wish(format!("the trace is damaged: {e}"));
    let (native, model) = (record.native().map_err(damaged)?, record.result.grid.grid().map_err(damaged)?);
    let back = Sampling::inverse_of(&steps).unwrap_or(Sampling::identity(model));
    let mask = revoxel_resample::coverage(&back).map_err(InvertError::from)?;
    Ok(mask.on_grid(native).map_err(InvertError::from)?)
}

/// What errors call a prediction that is no file.
const IN_MEMORY: &str = "the prediction";

fn said(trace: &Trace, wishes: &Wishes) -> Result<Restoration, Error> {
    let mut restoration = Restoration::of(trace, wishes.entry.as_deref(), &crate::registry())?;
    apply(wishes, &mut restoration)?;
    Ok(restoration)
}

fn apply(wishes: &Wishes, restoration: &mut Restoration) -> Result<(), Error> {
    let Restoration { kind, volume, dtype, recipe, names, .. } = restoration;
    if wishes.kind.is_some() || wishes.argmax || !wishes.regions.is_empty() {
        // What the labels of the entry are called says nothing of other labels.
        names.clear();
    }
    *kind = wishes.kind.or(*kind);
    *dtype = wishes.dtype.map(StoredDtype::Plain).or(*dtype);
    if wishes.volume.is_some() {
        volume.clone_from(&wishes.volume);
    }
    recipe.interpolation = wishes.interpolation.or(recipe.interpolation);
    recipe.activation = wishes.activation.or(recipe.activation);
    recipe.fill = wishes.fill.or(recipe.fill);
    recipe.values = wishes.values.unwrap_or(recipe.values);
    (recipe.assume_grid, recipe.coverage) = (wishes.assume_grid, wishes.coverage);
    match (wishes.argmax, wishes.regions.is_empty(), wishes.threshold) {
        (true, false, _) => Err(Error::Wish("argmax and regions contradict each other: choose one".to_owned())),
        (_, true, Some(_)) => Err(Error::Wish("threshold is for regions: name their labels too".to_owned())),
        (true, true, None) => {
            (recipe.argmax, recipe.regions) = (true, None);
            Ok(())
        }
        (false, false, threshold) => {
            let mut regions = Regions::in_order(&wishes.regions);
            regions.threshold = threshold.unwrap_or(regions.threshold);
            regions.check(None).map_err(|e| Error::Wish(format!("regions: {e}")))?;
            (recipe.argmax, recipe.regions) = (false, Some(regions));
            Ok(())
        }
        (false, true, None) => Ok(()),
    }
}

impl From<PredictionError> for Error {
    fn from(error: PredictionError) -> Self {
        Self::Prediction(Box::new(error))
    }
}
