//! Rotates, shears, moves and scales about the middle of the volume, sometimes.
//!
//! # What it does
//! With the probability `prob`, samples the volume on a grid of the same shape that is rotated, sheared, moved and
//! scaled about its middle by amounts drawn from ranges, for all inputs of the step alike. The affine follows: the
//! patient stays where he is in the world, and lies turned in the array.
//!
//! Each range is a list, by axis, of numbers (`r` stands for −r to r) or pairs of lowest and highest; axes beyond
//! the end of the list are left alone. `rotate_range` is in radians, `shear_range` has up to six factors (axis 0 by
//! 1, 0 by 2, 1 by 0, 1 by 2, 2 by 0, 2 by 1), `translate_range` is in voxels, and `scale_range` is added to 1. The
//! amounts say where a voxel of the result is taken from: a scale above 1 makes the patient smaller.
//!
//! # YAML
//! ```yaml
//! rand_affine: { prob: 0.5, rotate_range: [0.2, 0.2, 0.2], scale_range: [0.1, 0.1, 0.1], padding: minimum }
//! ```
//! ```yaml
//! rand_affine: { prob: 1, translate_range: [[-10, 10], [0, 5]], shear_range: [0.1] }
//! ```
//!
//! # Inverse
//! Sampling back onto the grid before; lossy in values, bit-exact in geometry. The trace has the amounts.
//!
//! # Same as
//! MONAI `RandAffined(prob, rotate_range, shear_range, translate_range, scale_range)`, where a single number instead of
//! a list means axis 0 only (here a list is required) and the default `padding_mode` is reflection, as here. Its
//! `spatial_size` has no counterpart: crop or pad in a step of its own.

use revoxel_core::{Grid, GridOp};
use revoxel_resample::Interpolation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::definition::{Class, Define, Invalid};
use crate::params::{Named, Padding, PerKey, is_false};
use crate::planning::resample;
use crate::random::{Drawn, Draws, Moves, RandomTransform, Ranges, centred, probability, sampled, tenth};
use crate::transform::{Evidence, PlanError, Resampling, SpatialTransform, Transform};

/// Parameters of `rand_affine`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandAffine {
    /// How likely the change is, 0 to 1.
    #[serde(default = "tenth")]
    prob: f64,
    /// Radians about axis 0, 1, 2: a list of numbers or pairs.
    #[serde(default)]
    rotate_range: Ranges,
    /// Shear factors, up to six: a list of numbers or pairs.
    #[serde(default)]
    shear_range: Ranges,
    /// Voxels along axis 0, 1, 2: a list of numbers or pairs.
    #[serde(default)]
    translate_range: Ranges,
    /// What is added to a scale of 1 along axis 0, 1, 2: a list of numbers or pairs above −1.
    #[serde(default)]
    scale_range: Ranges,
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

impl Define for RandAffine {
    const NAME: &'static str = "rand_affine";
    const SOURCE: &'static str = include_str!("rand_affine.rs");
    const CLASS: Class = Class::Spatial;

    fn check(&self) -> Result<(), Invalid> {
        probability(self.prob)?;
        self.rotate_range.check("rotate_range", 3, -1e3, 1e3)?;
        self.shear_range.check("shear_range", 6, -1e3, 1e3)?;
        self.translate_range.check("translate_range", 3, -1e6, 1e6)?;
        self.scale_range.check("scale_range", 3, -1.0, 1e3)
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for RandAffine {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        if !draws.chance(self.prob) {
            return Drawn::nothing();
        }
        let ranges = [&self.rotate_range, &self.shear_range, &self.translate_range, &self.scale_range];
        let moves = Moves::draw(ranges, draws);
        let (interpolation, padding) = (self.interpolation.clone(), self.padding.clone());
        let moved = Moved { moves: moves.clone(), interpolation, padding, anti_alias: self.anti_alias };
        Drawn::spatial(moved, moves.values(json!({})))
    }

    fn anti_alias(&self) -> bool {
        self.anti_alias
    }

    fn resampling(&self) -> Resampling<'_> {
        sampled(self.interpolation.as_ref(), self.padding.as_ref())
    }
}

/// What was drawn.
#[derive(Debug)]
struct Moved {
    moves: Moves,
    interpolation: Option<PerKey<Named<Interpolation>>>,
    padding: Option<PerKey<Padding>>,
    anti_alias: bool,
}

impl SpatialTransform for Moved {
    fn anti_alias(&self) -> bool {
        self.anti_alias
    }

    fn plan(&self, grid: &Grid, _: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        resample(grid, centred(grid, &self.moves.map_of(grid))?)
    }

    fn resampling(&self) -> Resampling<'_> {
        sampled(self.interpolation.as_ref(), self.padding.as_ref())
    }
}
