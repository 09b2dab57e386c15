//! The transform `sobel_gradients`.

use revoxel_core::{Dtype, ValueUndo, Volume, Voxels};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::filter::{Beyond, filter, floats};
use super::statistics::{Range, Statistic};
use revoxel_transforms::Channels;
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::{Axes, yes};
use revoxel_transforms::peers::{DTYPE, Peer};
use revoxel_transforms::planning::planar::axis_of;
use revoxel_transforms::transform::{ApplyError, Transform, ValueState, ValueTraits, ValueTransform};

/// Computes gradients with Sobel's filter.
///
/// # What it does
/// Makes one channel for each of `spatial_axes` (by default all; a 2-D volume has two): the change of values per voxel
/// along the axis, smoothed along the others. The filter is `kernel_size` voxels wide. With several input channels, all
/// channels for the first axis come before those for the second. `normalize_kernels: false` takes whole numbers as
/// weights (the classic −1, 0, 1 and 1, 2, 1), so gradients are larger. `normalize_gradients` scales those of an axis
/// to 0 … 1. `padding_mode` sets the values beyond the volume: `zeros`, `reflect` (mirrored at the outermost voxels),
/// `replicate` (the closest voxel) or `circular`. The result is float32.
///
/// # YAML
/// ```yaml
/// sobel_gradients: { spatial_axes: [0, 1] }
/// ```
///
/// # Inverse
/// The values are lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SobelGradients {
    /// Width of the filter in voxels: an odd number, 3 to 31.
    #[serde(default = "three")]
    kernel_size: usize,
    /// The axes, 0 to 2. Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spatial_axes: Option<Axes>,
    /// Use weights that give the change per voxel; if false, whole numbers.
    #[serde(default = "yes")]
    normalize_kernels: bool,
    /// Scale the gradients of an axis to 0 … 1.
    #[serde(default)]
    normalize_gradients: bool,
    /// Values beyond the volume.
    #[serde(default = "reflect")]
    padding_mode: Beyond,
}

const fn three() -> usize {
    3
}

const fn reflect() -> Beyond {
    Beyond::Reflect
}

impl Define for SobelGradients {
    const NAME: &'static str = "sobel_gradients";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[Peer::imported("SobelGradientsd")
        .same(&["kernel_size", "spatial_axes", "normalize_kernels", "normalize_gradients", "padding_mode"])
        .ignored(&[DTYPE])
        .notes("It rounds the gradients of whole numbers to whole numbers.")];

    fn check(&self) -> Result<(), Invalid> {
        if self.kernel_size.is_multiple_of(2) || !(3..=31).contains(&self.kernel_size) {
            return Err(Invalid::new("kernel_size", format!("{}: give an odd number, 3 to 31", self.kernel_size)));
        }
        self.spatial_axes.as_ref().map_or(Ok(()), |axes| axes.resolve("spatial_axes").map(|_| ()))
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl SobelGradients {
    /// The weights that take differences, and those that smooth.
    fn taps(&self) -> [Vec<f64>; 2] {
        let all = |weights: [f64; 3], sum: f64| weights.map(|w| if self.normalize_kernels { w / sum } else { w });
        let wider = |taps: &[f64], by: [f64; 3]| {
            let mut result = vec![0.0; taps.len() + 2];
            for (i, tap) in taps.iter().enumerate() {
                by.iter().enumerate().for_each(|(j, b)| result[i + j] += tap * b);
            }
            result
        };
        let smooth = all([1.0, 2.0, 1.0], 4.0);
        [all([-1.0, 0.0, 1.0], 2.0), smooth]
            .map(|first| (3..self.kernel_size).step_by(2).fold(first.to_vec(), |taps, _| wider(&taps, smooth)))
    }
}

impl ValueTransform for SobelGradients {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let (values, shape, count) = (floats(&volume), volume.grid().shape(), volume.grid().axes());
        let numbers = self.spatial_axes.as_ref().map_or_else(|| (0..count as i64).collect(), |axes| axes.0.0.clone());
        let axes = numbers.into_iter().map(|number| axis_of("spatial_axes", number, volume.grid()));
        let axes = axes.collect::<Result<Vec<usize>, _>>()?;
        let [differences, smooth] = self.taps();
        let mut all = Vec::with_capacity(values.len() * axes.len());
        for along in axes {
            let mut gradient = values.clone();
            for axis in 0..count {
                let taps = if axis == along { &differences } else { &smooth };
                filter(&mut gradient, shape, axis, taps, self.padding_mode);
            }
            if self.normalize_gradients
                && let Some([low, high]) = Range.of(&gradient)
            {
                // One value everywhere becomes 1, or stays where it is not above 0.
                let (low, extent) =
                    if low < high { (low, high - low) } else { (0.0, if low > 0.0 { low } else { 1.0 }) };
                gradient.iter_mut().for_each(|v| *v = ((f64::from(*v) - low) / extent) as f32);
            }
            all.append(&mut gradient);
        }
        let undo = ValueUndo::Lost { reason: "sobel_gradients made gradients of values".to_owned() };
        Ok((volume.with_voxels(Voxels::from(all))?, undo))
    }

    fn traits(&self) -> ValueTraits {
        ValueTraits::MIXED
    }

    fn after(&self, before: &ValueState) -> ValueState {
        let axes = self.spatial_axes.as_ref().and_then(|a| a.resolve("spatial_axes").ok()).map_or(3, |axes| axes.len());
        // Of a 2-D volume there are less.
        let exact = self.spatial_axes.is_some();
        let made = |before: &Channels| Channels { exact: before.exact && exact, ..Channels::all(before.count * axes) };
        ValueState { channels: before.channels.as_ref().map(made), ..before.changed_to(Dtype::F32) }
    }
}
