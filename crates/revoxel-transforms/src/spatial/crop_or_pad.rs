//! The transform `crop_or_pad`.

use revoxel_core::{Grid, GridOp, IndexBox, Volume, Voxel, dispatch};
use revoxel_resample::PadMode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define, Invalid};
use crate::params::{Named, OnEmpty, PerKey, RealVector};
use crate::peers::Argument::{Listed, Renamed};
use crate::peers::Peer;
use crate::planning::boxes::{carried, foreground};
use crate::planning::planar::{all_given, by_axis};
use crate::planning::{constant_only, finite, window};
use crate::transform::{
    Evidence, NamedLabel, Observed, Outline, PaddingRule, PlanError, Sources, SpatialTransform, Transform,
};

/// Crops and pads to a shape, in voxels or in millimetres, around the centre or around a mask.
///
/// # What it does
/// Crops axes longer than `target_shape` and pads axes shorter than it; no voxel is interpolated. The window is centred
/// on the volume. With `source`, it is centred on the box around the nonzero voxels of that input, or around its
/// `labels`; without `target_shape` it is that box. If the number of voxels to crop or pad is odd, the extra voxel is
/// at the beginning. If the centre of the box lies on a voxel and the shape needs it between two voxels, or the other
/// way round, the window begins half a voxel earlier.
///
/// ```text
/// [ a b c d e f ]   size 3   [ c d e ]
/// [ a b c ]         size 6   [ 0 0 a b c 0 ]
/// ```
///
/// # YAML
/// ```yaml
/// crop_or_pad: { target_shape: [128, 128, 64] }
/// ```
/// ```yaml
/// crop_or_pad: { target_shape: [180, 180, 150], units: mm, source: label, labels: [1, 2], only: crop }
/// ```
///
/// # Inverse
/// Restores the previous grid: exact where voxels were kept, the kind's fill where they were cropped.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CropOrPad {
    /// Size of each axis in `units`; one number applies to all axes; 0 or less keeps an axis. Default: the box of the
    /// mask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target_shape: Option<RealVector>,
    /// Unit of `target_shape`: voxels, mm or cm. Lengths are rounded to whole voxels.
    #[serde(default)]
    units: Units,
    /// The input with the mask that the window is centred on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// Values equal to one of these form the mask; by default nonzero values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    labels: Option<Vec<f64>>,
    /// Only crop, or only pad.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    only: Option<Only>,
    /// What to do if the mask is empty; keep: use the centre of the volume.
    #[serde(default)]
    on_empty: OnEmpty,
    /// Padding mode: constant, edge, reflect, symmetric, wrap, linear_ramp (down to 0); minimum, maximum, mean or
    /// median of each line; volume_minimum, volume_maximum, volume_mean or volume_median.
    #[serde(default = "constant")]
    mode: Named<PadMode>,
    /// The constant, for images or by key. Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<PerKey<f64>>,
}

/// Unit of a size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Units {
    /// Voxels.
    #[default]
    Voxels,
    /// Millimetres.
    Mm,
    /// Centimetres.
    Cm,
}

/// Which part of the step to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Only {
    /// Only crop: shorter axes stay.
    Crop,
    /// Only pad: longer axes stay.
    Pad,
}

const fn constant() -> Named<PadMode> {
    Named(PadMode::Constant)
}

impl Define for CropOrPad {
    const NAME: &'static str = "crop_or_pad";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[Peer::torchio("CropOrPad")
        .same(&["target_shape", "units", "labels"])
        .others(&[
            Renamed("padding_mode", "mode"),
            Renamed("mask_name", "source"),
            Listed("only_crop"),
            Listed("only_pad"),
        ])
        .notes(
            "An empty mask is an error, unless `on_empty: keep` selects the centre of the volume, as TorchIO \
             does. TorchIO's modes maximum, mean, median and minimum are `volume_maximum` and so on, and its \
             number is `value`. TorchIO reads the first channel of a mask; here all channels count. Its \
             `location=\"random\"` is `rand_spatial_crop`.",
        )];

    fn check(&self) -> Result<(), Invalid> {
        if self.source.is_none() {
            if self.target_shape.is_none() {
                return Err(Invalid::new("", "give target_shape, or source with a mask: one of them sets the size"));
            }
            if self.labels.is_some() {
                return Err(Invalid::new("labels", "they need source: give it, too"));
            }
            if self.on_empty != OnEmpty::Error {
                return Err(Invalid::new("on_empty", "it applies to the mask of source: give it, too"));
            }
        }
        if self.labels.as_ref().is_some_and(Vec::is_empty) {
            return Err(Invalid::new("labels", "the list is empty: name at least one label"));
        }
        if let Some(size) = &self.target_shape {
            size.by_axis("target_shape")?;
            finite("target_shape", &size.0)?;
            let wrong = |n: &&f64| self.units == Units::Voxels && n.fract() != 0.0 || **n >= 1e9;
            if let Some(n) = size.0.iter().find(wrong) {
                let problem = format!("{n} is not a number of voxels: use a whole number, or units: mm");
                return Err(Invalid::new("target_shape", problem));
            }
        }
        constant_only(self.mode.0, self.value.as_ref())
    }

    fn transform(self) -> Transform {
        Transform::Spatial(Box::new(self))
    }
}

impl SpatialTransform for CropOrPad {
    fn plan(&self, grid: &Grid, evidence: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        let region = match &self.source {
            Some(key) => {
                let observed = evidence.observed.ok_or_else(|| PlanError::DependsOnVoxels(key.clone()))?;
                observed.region.map(|region| carried(&region, &observed.grid, grid))
            }
            None => None,
        };
        let n = grid.shape().map(|n| n as i64);
        let size = self.size(grid, region.as_ref())?;
        let start = [0, 1, 2].map(|a| match &region {
            Some(region) => around(region.start[a], region.end()[a], size[a]),
            // Half of what is over, rounded up, goes to the beginning: of what is cropped and of what is padded.
            None if size[a] > n[a] => -((size[a] - n[a] + 1) / 2),
            None => (n[a] - size[a] + 1) / 2,
        });
        let end = [0, 1, 2].map(|a| start[a] + size[a]);
        let (start, end) = match self.only {
            None => (start, end),
            Some(Only::Crop) => (start.map(|s| s.max(0)), [0, 1, 2].map(|a| end[a].min(n[a]))),
            Some(Only::Pad) => (start.map(|s| s.min(0)), [0, 1, 2].map(|a| end[a].max(n[a]))),
        };
        let kept = IndexBox::from_bounds(start, end);
        if kept.intersect(&grid.index_box()).is_empty() {
            return Err(PlanError::NothingLeft { start, end, shape: grid.shape() });
        }
        let sticks_out = |a: usize| start[a] < 0 || end[a] > n[a];
        let cuts_off = |a: usize| start[a] > 0 || end[a] < n[a];
        if !(0..3).any(|a| sticks_out(a) && cuts_off(a)) {
            return Ok(window(grid.shape(), start, end));
        }
        // What pads is made of all of an axis: it is padded first.
        let low = start.map(|s| s.min(0));
        let high = [0, 1, 2].map(|a| end[a].max(n[a]));
        let all = [0, 1, 2].map(|a| (high[a] - low[a]) as usize);
        let shift = |by: [i64; 3]| [0, 1, 2].map(|a| by[a] - low[a]);
        Ok([window(grid.shape(), low, high), window(all, shift(start), shift(end))].concat())
    }

    fn outline(&self, before: Outline) -> Option<Outline> {
        // Millimetres are a number of voxels only where the size of these is known.
        let known = self.only.is_none() && (self.units == Units::Voxels || before.spacing().is_some());
        let given = || {
            let size = by_axis("target_shape", self.target_shape.as_ref()?, before.like(), 0.0, |_| true).ok()?;
            all_given(size.map(|n| if n > 0.0 { 1 } else { 0 }), before.like())?;
            let size = self.size(before.like(), None).ok()?;
            all_given(size, before.like())
        };
        Some(before.window(known.then(given).flatten()))
    }

    fn observe(&self, source: &Volume, _: Option<&Volume>) -> Result<Observed, PlanError> {
        let grid = *source.grid();
        let selects = |value: f64| self.labels.as_ref().map_or(value != 0.0, |labels| labels.contains(&value));
        let bounds = dispatch!(source.voxels(), v => foreground(v, &grid, |x| selects(x.to_f64())));
        let region = self.on_empty.resolve(bounds, || {
            let key = self.source.as_deref().unwrap_or_default();
            self.labels.as_ref().map_or(format!("nonzero in {key:?}"), |labels| format!("labels {labels:?} in {key:?}"))
        })?;
        Ok(Observed { grid, region })
    }

    fn padding(&self) -> PaddingRule<'_> {
        PaddingRule { mode: self.mode.0, value: self.value.as_ref() }
    }

    fn named_labels(&self) -> Vec<NamedLabel> {
        NamedLabel::list("labels", self.labels.iter().flatten().copied())
    }

    fn sources(&self) -> Sources<'_> {
        self.source.as_deref().map_or(Sources::Nothing, Sources::voxels)
    }
}

impl CropOrPad {
    /// Voxels of each axis.
    fn size(&self, grid: &Grid, region: Option<&IndexBox>) -> Result<[i64; 3], PlanError> {
        let n = grid.shape().map(|n| n as i64);
        let Some(size) = &self.target_shape else {
            return Ok(region.map_or(n, |region| region.shape.map(|n| n as i64)));
        };
        let voxels = self.units == Units::Voxels;
        let size = by_axis("target_shape", size, grid, 0.0, |n| n <= 0.0 || (voxels && n == 1.0))?;
        let factor = match self.units {
            Units::Voxels => None,
            Units::Mm => Some(1.0),
            Units::Cm => Some(10.0),
        };
        let spacing = grid.spacing();
        let voxels = |a: usize| factor.map_or(size[a], |mm| (size[a] * mm / spacing[a]).round_ties_even());
        let found = [0, 1, 2].map(|a| if size[a] > 0.0 { voxels(a) as i64 } else { n[a] });
        if found.iter().any(|n| !(1..=1 << 40).contains(n)) {
            return Err(PlanError::NothingLeft { start: [0; 3], end: found, shape: grid.shape() });
        }
        Ok(found)
    }
}

/// Where a window of `size` voxels begins around a box; half a voxel earlier where it does not come out even.
fn around(start: i64, end: i64, size: i64) -> i64 {
    (start + end - size).div_euclid(2)
}

#[cfg(test)]
mod tests {
    use revoxel_core::{Affine, Kind};
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_window_lies_around_the_middle_or_the_mask() {
        let grid = Grid::new([7, 6, 5], Affine::scaling([1.0, 2.0, 4.0])).unwrap();
        let mut values = vec![0u8; 210];
        (values[1 + 7 * 2], values[4 + 7 * (4 + 6)]) = (1, 2);
        let mask = Volume::new(values.into(), grid, Kind::Label, 1).unwrap();
        let t = |params: Value, expected: Option<([i64; 3], [usize; 3])>| {
            let step: CropOrPad = serde_json::from_value(params.clone()).unwrap();
            step.check().unwrap();
            let observed = step.observe(&mask, None).unwrap();
            let evidence = Evidence { observed: step.source.as_ref().map(|_| &observed), reference: None };
            let ops = step.plan(&grid, &evidence).unwrap();
            let expected = expected.map(|(start, shape)| GridOp::Window { start, shape });
            assert_eq!(ops, expected.into_iter().collect::<Vec<_>>(), "{params}");
        };
        t(json!({ "target_shape": [4, 9, 0] }), Some(([2, -2, 0], [4, 9, 5])));
        t(json!({ "target_shape": [4, 9, 0], "only": "crop" }), Some(([2, 0, 0], [4, 6, 5])));
        t(json!({ "target_shape": [4, 9, 0], "only": "pad" }), Some(([0, -2, 0], [7, 9, 5])));
        t(json!({ "target_shape": [0.5, 1.4, 1], "units": "cm" }), Some(([1, -1, 2], [5, 7, 2])));
        t(json!({ "target_shape": [7, 6, 5] }), None);
        // The box is 1 to 5, 2 to 5 and 0 to 2.
        t(json!({ "source": "m" }), Some(([1, 2, 0], [4, 3, 2])));
        t(json!({ "source": "m", "labels": [2] }), Some(([4, 4, 1], [1, 1, 1])));
        t(json!({ "source": "m", "labels": [9], "on_empty": "keep", "target_shape": 5 }), Some(([1, 1, 0], [5, 5, 5])));
        // Along axis 2 it sticks out at one end and cuts off at the other.
        let step: CropOrPad = serde_json::from_value(json!({ "source": "m", "target_shape": [3, 4, 3] })).unwrap();
        let observed = step.observe(&mask, None).unwrap();
        let ops = step.plan(&grid, &Evidence { observed: Some(&observed), reference: None }).unwrap();
        let first = GridOp::Window { start: [0, 0, -1], shape: [7, 6, 6] };
        assert_eq!(ops, [first, GridOp::Window { start: [1, 1, 0], shape: [3, 4, 3] }]);
    }
}
