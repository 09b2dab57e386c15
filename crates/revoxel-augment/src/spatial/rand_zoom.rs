//! The transform `rand_zoom`.

use revoxel_core::{Grid, GridOp};
use revoxel_resample::{Interpolation, PadMode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::planning::{area_alone, centre_crop, pad_to, resample, resized, window};
use crate::random::{Drawn, Draws, RandomTransform, probability, tenth, within};
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::{Named, PadMethod, Padding, PerKey, RealVector, is_false, yes};
use revoxel_transforms::peers::Argument::{Mode, PadBy, Special};
use revoxel_transforms::peers::{DTYPE, LAZY, Peer};
use revoxel_transforms::transform::{Evidence, PaddingRule, PlanError, Resampling, SpatialTransform, Transform};

/// Enlarges or shrinks at random.
///
/// # What it does
/// Applied with probability `prob`; all inputs of the step get the same draw. Interpolates the volume onto floor(n ·
/// zoom) voxels over the same extent, with a zoom drawn between `min_zoom` and `max_zoom`: one zoom for all axes if
/// these are single numbers, otherwise one by axis. With `keep_size` the result is cropped or padded about its centre
/// to the previous shape. The affine follows, so every voxel keeps its place in the patient.
///
/// # YAML
/// ```yaml
/// rand_zoom: { prob: 0.3, min_zoom: 0.9, max_zoom: 1.1 }
/// ```
/// ```yaml
/// rand_zoom: { prob: 1, min_zoom: [0.8, 0.8, 1], max_zoom: [1.2, 1.2, 1], padding_mode: constant }
/// ```
///
/// # Inverse
/// Resamples back onto the previous grid; lossy in values, bit-exact in geometry. Voxels that `keep_size` cropped are
/// filled. The trace records the zoom.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandMagnify {
    /// Probability of the change, 0 to 1.
    #[serde(default = "tenth")]
    prob: f64,
    /// Smallest zoom: one number, or one per axis.
    #[serde(default = "smaller")]
    min_zoom: RealVector,
    /// Largest zoom: as many numbers as `min_zoom`.
    #[serde(default = "larger")]
    max_zoom: RealVector,
    /// Crop or pad to the previous shape.
    #[serde(default = "yes")]
    keep_size: bool,
    /// Padding mode: constant, edge, reflect, symmetric, wrap, linear_ramp (down to 0); minimum, maximum, mean or
    /// median of each line; volume_minimum, volume_maximum, volume_mean or volume_median.
    #[serde(default = "edge")]
    padding_mode: Named<PadMode>,
    /// nearest, linear, cubic, label or label_nearest, for all inputs or by key. Default: nearest for label maps,
    /// linear for other kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    interpolation: Option<PerKey<Named<Interpolation>>>,
    /// Average all voxels that a new voxel touches. Applies to inputs other than label maps that `interpolation` does
    /// not name.
    #[serde(default, skip_serializing_if = "is_false")]
    area: bool,
    /// Keep the centres of the outermost voxels in place instead of the outer faces.
    #[serde(default, skip_serializing_if = "is_false")]
    align_corners: bool,
    /// Smooth axes that get larger voxels before sampling (labels are not smoothed).
    #[serde(default, skip_serializing_if = "is_false")]
    anti_alias: bool,
}

fn smaller() -> RealVector {
    revoxel_transforms::params::Numbers(vec![0.9])
}

fn larger() -> RealVector {
    revoxel_transforms::params::Numbers(vec![1.1])
}

const fn edge() -> Named<PadMode> {
    Named(PadMode::Edge)
}

impl Define for RandMagnify {
    const NAME: &'static str = "rand_zoom";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[Peer::imported("RandZoomd")
        .same(&["prob", "min_zoom", "max_zoom", "keep_size"])
        .others(&[PadBy("padding_mode", "padding_mode"), Mode, Special("align_corners", "align_corners")])
        .ignored(&[LAZY, DTYPE])
        .notes(
            "Its default `mode` is `area`, here `area: true`. With two zooms MONAI uses the first for axes 0 and \
             1; here the last number is repeated. Its padding value is not supported: a constant is 0, or the \
             fill of the kind.",
        )];

    fn check(&self) -> Result<(), Invalid> {
        probability(self.prob)?;
        self.min_zoom.by_axis("min_zoom")?;
        self.max_zoom.by_axis("max_zoom")?;
        let (low, high) = (&self.min_zoom.0, &self.max_zoom.0);
        if low.len() != high.len() {
            let problem = format!("{} numbers, but min_zoom has {}", high.len(), low.len());
            return Err(Invalid::new("max_zoom", problem));
        }
        for (low, high) in low.iter().zip(high) {
            within("min_zoom", *low, 0.01, 100.0)?;
            within("max_zoom", *high, *low, 100.0)?;
        }
        area_alone(self.area, self.interpolation.as_ref(), self.align_corners)
    }

    fn transform(self) -> Transform {
        Transform::Random(Box::new(self))
    }
}

impl RandomTransform for RandMagnify {
    fn draw(&self, draws: &mut Draws) -> Drawn {
        if !draws.chance(self.prob) {
            return Drawn::nothing();
        }
        let zoom = self.min_zoom.0.iter().zip(&self.max_zoom.0).map(|(low, high)| draws.uniform(*low, *high));
        let zoom = revoxel_transforms::params::Numbers(zoom.collect()).repeated();
        Drawn::spatial(Zoomed { zoom, of: self.clone() }, json!({ "zoom": zoom }))
    }

    fn resampling(&self) -> Resampling<'_> {
        Resampling {
            interpolation: self.interpolation.as_ref(),
            default_padding: Padding::Border,
            area: self.area,
            samples: true,
            ..Resampling::default().smoothed(self.anti_alias)
        }
    }
}

/// What was drawn.
#[derive(Debug)]
struct Zoomed {
    zoom: [f64; 3],
    of: RandMagnify,
}

impl SpatialTransform for Zoomed {
    fn plan(&self, grid: &Grid, _: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        let (shape, axes) = (grid.shape(), grid.axes());
        let voxels = |a: usize| ((shape[a] as f64 * self.zoom[a]).floor() as usize).max(1);
        let zoomed = [0, 1, 2].map(|a| if a < axes { voxels(a) } else { shape[a] });
        let mut ops = resample(grid, resized(grid, zoomed, self.of.align_corners)?)?;
        if self.of.keep_size {
            let size = shape.map(|n| n as i64);
            let (first, last) = centre_crop(zoomed, size);
            let kept = [0, 1, 2].map(|a| (last[a] - first[a]) as usize);
            let (low, high) = pad_to(kept, size, PadMethod::Symmetric);
            let shift = |by: [i64; 3]| [0, 1, 2].map(|a| first[a] + by[a]);
            ops.extend(window(zoomed, shift(low), shift(high)));
        }
        Ok(ops)
    }

    fn padding(&self) -> PaddingRule<'_> {
        PaddingRule { mode: self.of.padding_mode.0, value: None }
    }

    fn resampling(&self) -> Resampling<'_> {
        RandomTransform::resampling(&self.of)
    }
}
