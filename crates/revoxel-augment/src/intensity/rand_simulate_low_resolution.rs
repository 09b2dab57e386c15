//! The transform `rand_simulate_low_resolution`.

use revoxel_core::{Dtype, Grid, Sampling, ValueUndo, Volume};
use revoxel_resample::{How, Interpolation, ResampleError, execute};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::planning::{resample_onto, same_extent};
use crate::random::{Drawn, Draws, RandomTransform, Span, probability, tenth};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::Named;
use revoxel_transforms::peers::Argument::Fixed;
use revoxel_transforms::peers::Peer;
use revoxel_transforms::transform::{ApplyError, Transform, ValueTraits, ValueTransform};

/// Simulates larger voxels at random.
///
/// # What it does
/// Applied with probability `prob`; all inputs of the step get the same draw. Interpolates the volume onto round(n ·
/// zoom) voxels over the same extent and back onto its own grid, with one zoom for all axes drawn from `zoom_range`.
/// `downsample_mode` is the interpolation there, `upsample_mode` the one back. Beyond the outermost centres the closest
/// voxel continues. The grid does not change; the result is float32.
///
/// # YAML
/// ```yaml
/// rand_simulate_low_resolution: { prob: 0.25, zoom_range: [0.5, 1] }
/// ```
///
/// # Inverse
/// The details are lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandSimulateLowResolution {
    /// Probability of the change, 0 to 1.
    #[serde(default = "tenth")]
    prob: f64,
    /// Interpolation onto the larger voxels: nearest, linear or cubic.
    #[serde(default = "nearest")]
    downsample_mode: Named<Interpolation>,
    /// Interpolation back: nearest, linear or cubic.
    #[serde(default = "linear")]
    upsample_mode: Named<Interpolation>,
    /// Smallest and largest fraction of the number of voxels along each axis, above 0 to 1.
    #[serde(default = "half")]
    zoom_range: Span,
}

const fn nearest() -> Named<Interpolation> {
    Named(Interpolation::Nearest)
}

const fn linear() -> Named<Interpolation> {
    Named(Interpolation::Linear)
}

const fn half() -> Span {
    Span([0.5, 1.0])
}

impl Define for RandSimulateLowResolution {
    const NAME: &'static str = "rand_simulate_low_resolution";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[Peer::monai("RandSimulateLowResolutiond")
        .same(&["prob", "upsample_mode", "zoom_range"])
        .others(&[Fixed("downsample_mode", "\"nearest-exact\"")])
        .notes(
            "For each large voxel its default `nearest` takes the voxel at the lower faces instead of the one in \
             the centre, which moves the content by up to half a large voxel.",
        )];

    fn check(&self) -> Result<(), Invalid> {
        probability(self.prob)?;
        self.zoom_range.check("zoom_range", 0.001, 1.0)?;
        for (field, Named(mode)) in [("downsample_mode", self.downsample_mode), ("upsample_mode", self.upsample_mode)] {
            if !matches!(mode, Interpolation::Nearest | Interpolation::Linear | Interpolation::Cubic) {
                return Err(Invalid::new(
                    field,
                    format!("{} is for labels: use nearest, linear or cubic", mode.name()),
                ));
            }
        }
        Ok(())
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for RandSimulateLowResolution {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        if !draws.chance(self.prob) {
            return Drawn::nothing();
        }
        let zoom = self.zoom_range.draw(draws);
        let coarse = Coarse { zoom, down: self.downsample_mode.0, up: self.upsample_mode.0 };
        Drawn::value(coarse, json!({ "zoom": zoom }))
    }
}

/// What was drawn.
#[derive(Debug)]
struct Coarse {
    zoom: f64,
    down: Interpolation,
    up: Interpolation,
}

impl ValueTransform for Coarse {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let grid = *volume.grid();
        let shape = grid.shape().map(|n| ((n as f64 * self.zoom).round_ties_even() as usize).max(1));
        let floats = if volume.dtype() == Dtype::F32 { volume } else { volume.cast(Dtype::F32) };
        let coarse = sampled(&floats, same_extent(&grid, shape).map_err(ResampleError::from)?, self.down)?;
        let back = sampled(&coarse, grid, self.up)?;
        let reason = format!("rand_simulate_low_resolution left {shape:?} voxels");
        Ok((floats.with_voxels(back.into_voxels())?, ValueUndo::Lost { reason }))
    }

    fn traits(&self) -> ValueTraits {
        ValueTraits { mixes_voxels: true, ..ValueTraits::default() }
    }
}

/// The volume on another grid over the same extent.
fn sampled(volume: &Volume, to: Grid, interpolation: Interpolation) -> Result<Volume, ResampleError> {
    let mut pass = Sampling::identity(*volume.grid());
    for op in resample_onto(volume.grid(), to) {
        pass.push(&op)?;
    }
    execute(volume, &pass, &How::border(interpolation))
}
