//! Resamples onto the grid of another input.
//!
//! # What it does
//! Interpolates onto the grid that the input `reference` has at this point of the pipeline. World positions stay;
//! what the reference covers and the volume does not is `padding`.
//!
//! ```text
//!  this  [ . . . . ]              [ p . . ]   p: padding
//!  reference  [ ┼ ┼ ┼ ]   ──►     [ . . . ]
//! ```
//!
//! # YAML
//! ```yaml
//! resample_to: { keys: [pet], reference: ct }
//! ```
//! ```yaml
//! resample_to: { keys: [label], reference: image, interpolation: label, padding: 0 }
//! ```
//!
//! # Inverse
//! Sampling back onto the grid before; lossy in values, bit-exact in geometry.
//!
//! # Same as
//! MONAI `ResampleToMatchd(key_dst)`, where the default padding smears the edge over empty space (`border`); here
//! it is the volume's minimum, and 0 for labels. TorchIO `Resample(reference)`; SimpleITK
//! `Resample(image, reference)`.

use revoxel_core::{Grid, GridOp};
use revoxel_resample::Interpolation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define};
use crate::params::{Named, Padding, PerKey, is_false};
use crate::planning::resample;
use crate::transform::{Evidence, Need, PlanError, Resampling, SpatialTransform, Transform};

/// Parameters of `resample_to`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResampleTo {
    /// The input whose grid is taken.
    reference: String,
    /// nearest, linear, cubic, label or label_nearest, for all inputs or by key; by default the kind decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    interpolation: Option<PerKey<Named<Interpolation>>>,
    /// What lies outside: border, reflection, zeros, minimum or a number, for all inputs or by key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    padding: Option<PerKey<Padding>>,
    /// Smooth axes that get larger voxels before they are sampled (not labels).
    #[serde(default, skip_serializing_if = "is_false")]
    anti_alias: bool,
}

impl Define for ResampleTo {
    const NAME: &'static str = "resample_to";
    const SOURCE: &'static str = include_str!("resample_to.rs");
    const CLASS: Class = Class::Spatial;

    fn transform(self) -> Transform {
        Transform::Spatial(Box::new(self))
    }
}

impl SpatialTransform for ResampleTo {
    fn plan(&self, grid: &Grid, evidence: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        let reference = evidence.reference.ok_or_else(|| PlanError::MissingInput(self.reference.clone()))?;
        Ok(resample(grid, *reference))
    }

    fn need(&self) -> Need<'_> {
        Need::Grid(&self.reference)
    }

    fn resampling(&self) -> Resampling<'_> {
        Resampling {
            interpolation: self.interpolation.as_ref(),
            padding: self.padding.as_ref(),
            default_padding: Padding::Minimum,
            ..Resampling::default()
        }
    }

    fn anti_alias(&self) -> bool {
        self.anti_alias
    }

    fn aligns(&self) -> bool {
        true
    }
}
