//! The transform `zoom`.

use revoxel_core::{Grid, GridOp};
use revoxel_resample::{Interpolation, PadMode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define, Invalid};
use crate::params::{Named, PadMethod, Padding, PerKey, RealVector, is_false, yes};
use crate::peers::Argument::{Mode, PadBy, PadWith, Special};
use crate::peers::{DTYPE, LAZY, Peer};
use crate::planning::planar::by_axis;
use crate::planning::{area_alone, centre_crop, constant_only, pad_to, resample, resized, window};
use crate::transform::{Evidence, PaddingRule, PlanError, Resampling, SpatialTransform, Transform};

/// Enlarges or shrinks by factors.
///
/// # What it does
/// Makes a grid of floor(n · `zoom`) voxels over the same extent (the outer faces stay) and interpolates onto it. With
/// `keep_size` the result is then cropped or padded around the centre to the previous shape: a zoom above 1 shows the
/// centre enlarged, and a zoom below 1 shows the whole volume with a frame of padding.
///
/// ```text
/// zoom 2:    [ a b c d ]  ──►  [ a a b b c c d d ]   keep_size ──►  [ b b c c ]
/// zoom 0.5:  [ a b c d ]  ──►  [ ab cd ]             keep_size ──►  [ ab ab cd cd ]
/// ```
///
/// # YAML
/// ```yaml
/// zoom: { zoom: 1.3 }
/// ```
/// ```yaml
/// zoom: { zoom: [0.5, 0.5, 1], keep_size: false, anti_alias: true }
/// ```
///
/// # Inverse
/// Resamples back onto the previous grid; lossy in values, bit-exact in geometry. Voxels that were cropped are filled.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Magnify {
    /// Factor of the number of voxels, for all axes or by axis; a short list repeats its last number.
    zoom: RealVector,
    /// Crop or pad to the previous shape.
    #[serde(default = "yes")]
    keep_size: bool,
    /// Padding mode: constant, edge, reflect, symmetric, wrap, linear_ramp (down to 0); minimum, maximum, mean or
    /// median of each line; volume_minimum, volume_maximum, volume_mean or volume_median.
    #[serde(default = "edge")]
    mode: Named<PadMode>,
    /// The padding constant, for images or by key. Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<PerKey<f64>>,
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

const fn edge() -> Named<PadMode> {
    Named(PadMode::Edge)
}

impl Define for Magnify {
    const NAME: &'static str = "zoom";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[Peer::imported("Zoomd")
        .same(&["zoom", "keep_size"])
        .others(&[
            PadBy("padding_mode", "mode"),
            PadWith("value"),
            PadWith("constant_values"),
            Mode,
            Special("align_corners", "align_corners"),
        ])
        .ignored(&[LAZY, DTYPE])
        .notes(
            "Its default `mode` is `area`, here `area: true`; its `nearest` shifts voxels (torch's legacy floor \
             rule), ours is `nearest-exact`. The voxel size of the result is n / floor(n · zoom) times the \
             previous one, as in MONAI's affine.",
        )];

    fn check(&self) -> Result<(), Invalid> {
        self.zoom.by_axis("zoom")?;
        if let Some(wrong) = self.zoom.0.iter().find(|z| !(**z > 0.0 && z.is_finite())) {
            return Err(Invalid::new(
                "zoom",
                format!("{wrong} is not a factor: use a number above 0, or 1 to keep an axis"),
            ));
        }
        area_alone(self.area, self.interpolation.as_ref(), self.align_corners)?;
        constant_only(self.mode.0, self.value.as_ref())
    }

    fn transform(self) -> Transform {
        Transform::Spatial(Box::new(self))
    }
}

impl SpatialTransform for Magnify {
    fn plan(&self, grid: &Grid, _: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        let (n, zoom) = (grid.shape(), by_axis("zoom", &self.zoom, grid, 1.0, |z| z == 1.0)?);
        let shape = [0, 1, 2].map(|a| (n[a] as f64 * zoom[a]).floor() as usize);
        if shape.contains(&0) {
            return Err(revoxel_core::GridError::EmptyAxis(shape).into());
        }
        let mut ops = resample(grid, resized(grid, shape, self.align_corners)?)?;
        if self.keep_size {
            let size = n.map(|n| n as i64);
            let (first, last) = centre_crop(shape, size);
            let kept = [0, 1, 2].map(|a| (last[a] - first[a]) as usize);
            let (low, high) = pad_to(kept, size, PadMethod::Symmetric);
            let shift = |by: [i64; 3]| [0, 1, 2].map(|a| first[a] + by[a]);
            ops.extend(window(shape, shift(low), shift(high)));
        }
        Ok(ops)
    }

    fn padding(&self) -> PaddingRule<'_> {
        PaddingRule { mode: self.mode.0, value: self.value.as_ref() }
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

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::Affine;

    #[test]
    fn shapes_and_places() {
        let grid = Grid::new([11, 9, 7], Affine::scaling([1.0, 2.0, 3.0])).unwrap();
        let t = |json| {
            let zoom: Magnify = serde_json::from_value(json).unwrap();
            let ops = zoom.plan(&grid, &Evidence::default()).unwrap();
            ops.iter().fold(grid, |g, op| op.after(&g).unwrap())
        };
        let free = t(serde_json::json!({ "zoom": [1.3, 0.5], "keep_size": false }));
        assert_eq!(free.shape(), [14, 4, 3]);
        assert!(
            Affine::max_abs_difference(
                &free.affine().with_translation([0.0; 3]),
                &Affine::scaling([11.0 / 14.0, 4.5, 7.0])
            ) < 1e-12
        );
        let kept = t(serde_json::json!({ "zoom": [1.3, 0.5] }));
        assert_eq!(kept.shape(), [11, 9, 7]);
        let zoom: Magnify = serde_json::from_value(serde_json::json!({ "zoom": 0.1 })).unwrap();
        assert!(matches!(zoom.plan(&grid, &Evidence::default()), Err(PlanError::Grid(_))));
    }
}
