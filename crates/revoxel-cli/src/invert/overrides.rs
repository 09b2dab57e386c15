//! What the options say of a prediction, and how they override its entry of `restore`.

use revoxel_core::{Dtype, Kind, StoredDtype};
use revoxel_invert::{Activation, Regions, Values};
use revoxel_resample::Interpolation;
use revoxel_runner::prediction::ArrayAxes;
use revoxel_runner::restore::Restoration;

use super::super::failure::{Failure, Outcome};

/// Headings of the options in the help.
pub(super) const OUTPUT: &str = "Output";
pub(super) const PREDICTION: &str = "Prediction";
pub(super) const RESTORING: &str = "Restoring";

/// What was typed comes before what the pipeline says. Options that contradict each other say so.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub(super) struct Overrides {
    /// The input whose grid to restore [default: the image].
    #[arg(long, help_heading = RESTORING, value_name = "KEY")]
    pub(super) volume: Option<String>,
    /// Kind of values: label, probability, logit or image [default: label for whole numbers of at least -1 in one
    /// channel].
    #[arg(long, help_heading = PREDICTION)]
    kind: Option<Kind>,
    /// nearest, linear, cubic, label or label_nearest [default: nearest for labels, linear for other kinds].
    #[arg(long, help_heading = RESTORING)]
    interpolation: Option<Interpolation>,
    /// Activation of logits before they are averaged: softmax, sigmoid, or none to average logits.
    #[arg(long, help_heading = PREDICTION)]
    activation: Option<Activation>,
    /// Write a label map of the channel with the highest value; at a tie the first of them.
    #[arg(long, help_heading = RESTORING, conflicts_with = "regions")]
    argmax: bool,
    /// Write a label map of overlapping regions: the label of each channel; later channels paint over earlier ones
    /// (regions_class_order of nnU-Net).
    #[arg(long, help_heading = RESTORING, value_delimiter = ',', value_name = "LABEL,LABEL,…")]
    regions: Vec<u16>,
    /// With --regions: a voxel belongs to a region above this probability [default: 0.5].
    #[arg(long, help_heading = RESTORING, value_name = "P", requires = "regions")]
    threshold: Option<f64>,
    /// Also undo the recorded changes of values, so that an image gets the units of its source.
    #[arg(long, help_heading = RESTORING)]
    values: bool,
    /// With --values: where values were clipped, write the clipping limit instead of failing.
    #[arg(long, help_heading = RESTORING, requires = "values")]
    clamp: bool,
    /// Order of an array's axes: xyz, zyx, cxyz or czyx; for 2-D also xy, yx, cxy or cyx [default: the only order that
    /// fits the shape].
    #[arg(long, help_heading = PREDICTION)]
    pub(super) axes: Option<ArrayAxes>,
    /// Ignore the prediction's header, and assume the grid on which the pipeline ended.
    #[arg(long, help_heading = PREDICTION)]
    assume_grid: bool,
    /// Value of voxels that the model did not see, in the units of the result [default: background of the kind].
    #[arg(long, help_heading = RESTORING, value_name = "VALUE", allow_negative_numbers = true, value_parser = fill)]
    fill: Option<f64>,
    /// Voxel type to write, also float16 in an .npy file [default: for labels the smallest that holds them].
    #[arg(long, help_heading = OUTPUT)]
    pub(super) dtype: Option<StoredDtype>,
}

impl Overrides {
    /// Whether they say what the values are, or how these become labels: other than that of a trace that is meant.
    pub(super) fn decides(&self) -> bool {
        self.argmax || !self.regions.is_empty() || self.kind.is_some_and(|kind| kind != Kind::Label)
    }

    /// Overrides what a trace says.
    pub(super) fn apply(&self, restoration: &mut Restoration) -> Outcome {
        let Restoration { kind, volume, dtype, recipe, names, .. } = restoration;
        if self.kind.is_some() || self.argmax || !self.regions.is_empty() {
            // What the labels of the entry are called says nothing of other labels.
            names.clear();
        }
        *kind = self.kind.or(*kind);
        *dtype = self.dtype.or(*dtype);
        if self.volume.is_some() {
            volume.clone_from(&self.volume);
        }
        recipe.interpolation = self.interpolation.or(recipe.interpolation);
        recipe.activation = self.activation.or(recipe.activation);
        recipe.fill = self.fill.or(recipe.fill);
        recipe.assume_grid = self.assume_grid;
        if self.values {
            recipe.values = if self.clamp { Values::Clamp } else { Values::Undo };
        }
        if self.argmax {
            (recipe.argmax, recipe.regions) = (true, None);
        }
        if !self.regions.is_empty() {
            let mut regions = Regions::in_order(&self.regions);
            regions.threshold = self.threshold.unwrap_or(regions.threshold);
            regions.check(None).map_err(|e| Failure::usage(format!("--regions: {e}")))?;
            (recipe.argmax, recipe.regions) = (false, Some(regions));
        }
        Ok(())
    }
}

/// A number that is what was typed: whole numbers are not rounded.
fn fill(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| format!("{text:?} is not a number"))?;
    match text.parse::<i128>() {
        Ok(whole) if !Dtype::F64.holds_whole(whole) => {
            Err(format!("{text} is not exact in double precision: it would become {value}"))
        }
        _ => Ok(value),
    }
}
