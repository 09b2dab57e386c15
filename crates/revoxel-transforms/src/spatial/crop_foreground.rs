//! The transform `crop_foreground`.

use revoxel_core::{Grid, GridOp, IndexBox, Volume, Voxel, dispatch};
use revoxel_resample::PadMode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define, Invalid};
use crate::params::{IntVector, Named, OnEmpty, PerKey, RealVector};
use crate::peers::Argument::{Listed, PadBy, PadWith, Renamed};
use crate::peers::{LAZY, Peer};
use crate::planning::boxes::{carried, foreground};
use crate::planning::planar::{by_axis, sizes};
use crate::planning::{constant_only, divisible, window};
use crate::transform::{
    Evidence, NamedLabel, Observed, Outline, PaddingRule, PlanError, Sources, SpatialTransform, Transform,
};

/// Crops to the foreground of an input.
///
/// # What it does
/// Finds the box around the foreground voxels of `source`, adds a margin, and crops every input to the box. A rule
/// defines the foreground: `above`, `below`, `between`, `labels` or `nonzero`; without a rule, voxels above 0 are
/// foreground. A voxel is foreground if any channel satisfies the rule. Inputs on other grids are cropped to the same
/// world region.
///
/// A box that extends beyond the volume is padded; `allow_smaller: true` clips it to the volume instead. `k_divisible`
/// enlarges the box to multiples of a number.
///
/// ```text
/// [ 0 0 0 0 0 0 ]
/// [ 0 0 a b 0 0 ]   margin 1    [ 0 0 0 0 ]
/// [ 0 0 0 c 0 0 ]     ──►       [ 0 a b 0 ]
/// [ 0 0 0 0 0 0 ]               [ 0 0 c 0 ]
///                               [ 0 0 0 0 ]
/// ```
///
/// # YAML
/// ```yaml
/// crop_foreground: { source: image, above: -500, margin: 8 }
/// ```
/// ```yaml
/// crop_foreground: { source: label, labels: [1, 2], margin_mm: 20, k_divisible: 16, on_empty: keep }
/// ```
///
/// # Inverse
/// Restores the previous grid: exact inside the box, the kind's fill outside it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CropForeground {
    /// The input that defines the foreground.
    source: String,
    /// Values above this are foreground.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    above: Option<f64>,
    /// Values below this are foreground.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    below: Option<f64>,
    /// Values between these two, both included, are foreground.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    between: Option<[f64; 2]>,
    /// Values equal to one of these are foreground.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    labels: Option<Vec<f64>>,
    /// Nonzero values are foreground.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nonzero: Option<bool>,
    /// Voxels of the source to add on each side, for all axes or by axis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    margin: Option<IntVector>,
    /// Millimetres to add on each side, for all axes or by axis of the source; rounded up to whole voxels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    margin_mm: Option<RealVector>,
    /// Enlarge the box to multiples of this, for all axes or by axis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    k_divisible: Option<IntVector>,
    /// Clip a box that extends beyond the volume, before `k_divisible`; by default it is padded.
    #[serde(default)]
    allow_smaller: bool,
    /// What to do without any foreground.
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

const fn constant() -> Named<PadMode> {
    Named(PadMode::Constant)
}

impl Define for CropForeground {
    const NAME: &'static str = "crop_foreground";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[Peer::imported("CropForegroundd")
        .same(&["margin", "k_divisible", "allow_smaller"])
        .others(&[
            Renamed("source_key", "source"),
            Listed("select_fn"),
            PadBy("mode", "mode"),
            PadWith("value"),
            PadWith("constant_values"),
        ])
        .ignored(&[LAZY, ("start_coord_key", &[]), ("end_coord_key", &[])])
        .notes(
            "Without any foreground MONAI returns an empty volume; here that is an error, unless `on_empty` says \
             otherwise. Its `channel_indices` is not supported: all channels count.",
        )];

    fn check(&self) -> Result<(), Invalid> {
        let given = [
            self.above.is_some(),
            self.below.is_some(),
            self.between.is_some(),
            self.labels.is_some(),
            self.nonzero.is_some(),
        ];
        if given.into_iter().filter(|g| *g).count() > 1 {
            return Err(Invalid::new("", "give only one of above, below, between, labels and nonzero"));
        }
        if self.nonzero == Some(false) {
            return Err(Invalid::new("nonzero", "false selects nothing: leave it out, or use another rule"));
        }
        if let Some([low, high]) = self.between
            && low > high
        {
            return Err(Invalid::new("between", format!("{low} is larger than {high}")));
        }
        if self.labels.as_ref().is_some_and(Vec::is_empty) {
            return Err(Invalid::new("labels", "the list is empty: name at least one label"));
        }
        if self.margin.is_some() && self.margin_mm.is_some() {
            return Err(Invalid::new("margin_mm", "give margin (voxels) or margin_mm, not both"));
        }
        if let Some(margin) = &self.margin {
            margin.by_axis("margin")?;
            negative("margin", margin.0.iter().map(|m| *m as f64))?;
        }
        if let Some(margin) = &self.margin_mm {
            margin.by_axis("margin_mm")?;
            negative("margin_mm", margin.0.iter().copied())?;
        }
        self.k_divisible.as_ref().map_or(Ok(()), |k| k.by_axis("k_divisible"))?;
        constant_only(self.mode.0, self.value.as_ref())
    }

    fn transform(self) -> Transform {
        Transform::Spatial(Box::new(self))
    }
}

fn negative(field: &'static str, mut margin: impl Iterator<Item = f64>) -> Result<(), Invalid> {
    let wrong = margin.find(|m| !(0.0..1e6).contains(m));
    wrong.map_or(Ok(()), |m| Err(Invalid::new(field, format!("{m} is not a margin: use 0 or more"))))
}

impl SpatialTransform for CropForeground {
    fn plan(&self, grid: &Grid, evidence: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        let observed = evidence.observed.ok_or_else(|| PlanError::DependsOnVoxels(self.source.clone()))?;
        let Some(region) = observed.region else { return Ok(Vec::new()) };
        let mut region = carried(&region, &observed.grid, grid);
        if self.allow_smaller {
            region = region.intersect(&grid.index_box());
        }
        if let Some(k) = &self.k_divisible {
            let k = sizes("k_divisible", k, grid)?;
            let size = [0, 1, 2].map(|a| divisible(region.shape[a] as i64, k[a]));
            let start = [0, 1, 2].map(|a| region.start[a] - (size[a] - region.shape[a] as i64) / 2);
            region = IndexBox { start, shape: size.map(|s| s as usize) };
        }
        if region.intersect(&grid.index_box()).is_empty() {
            return Err(PlanError::NothingLeft { start: region.start, end: region.end(), shape: grid.shape() });
        }
        Ok(window(grid.shape(), region.start, region.end()))
    }

    fn outline(&self, before: Outline) -> Option<Outline> {
        Some(before.cropped(|grid| self.plan(grid, &Evidence::default())))
    }

    fn observe(&self, source: &Volume, _: Option<&Volume>) -> Result<Observed, PlanError> {
        let grid = *source.grid();
        let bounds = dispatch!(source.voxels(), v => foreground(v, &grid, |x| self.selects(x.to_f64())));
        let region = self.on_empty.resolve(bounds, || self.rule())?;
        let margin = match (&self.margin, &self.margin_mm) {
            (Some(voxels), _) => by_axis("margin", voxels, &grid, 0, |m| m == 0)?,
            (None, Some(mm)) => {
                let mm = by_axis("margin_mm", mm, &grid, 0.0, |m| m == 0.0)?;
                let spacing = grid.spacing();
                [0, 1, 2].map(|a| (mm[a] / spacing[a] - 1e-6).ceil().max(0.0) as i64)
            }
            (None, None) => [0; 3],
        };
        let region = region.map(|r| {
            let end = r.end();
            IndexBox::from_bounds([0, 1, 2].map(|a| r.start[a] - margin[a]), [0, 1, 2].map(|a| end[a] + margin[a]))
        });
        Ok(Observed { grid, region })
    }

    fn padding(&self) -> PaddingRule<'_> {
        PaddingRule { mode: self.mode.0, value: self.value.as_ref() }
    }

    fn named_labels(&self) -> Vec<NamedLabel> {
        NamedLabel::list("labels", self.labels.iter().flatten().copied())
    }

    fn sources(&self) -> Sources<'_> {
        Sources::voxels(&self.source)
    }
}

impl CropForeground {
    fn selects(&self, value: f64) -> bool {
        match (self.above, self.below, self.between, &self.labels, self.nonzero) {
            (Some(low), ..) => value > low,
            (_, Some(high), ..) => value < high,
            (_, _, Some([low, high]), ..) => (low..=high).contains(&value),
            (_, _, _, Some(labels), _) => labels.contains(&value),
            (_, _, _, _, Some(_)) => value != 0.0,
            _ => value > 0.0,
        }
    }

    /// The rule, for people.
    fn rule(&self) -> String {
        let rule = match (self.above, self.below, self.between, &self.labels, self.nonzero) {
            (Some(low), ..) => format!("above {low}"),
            (_, Some(high), ..) => format!("below {high}"),
            (_, _, Some([low, high]), ..) => format!("between {low} and {high}"),
            (_, _, _, Some(labels), _) => format!("labels {labels:?}"),
            (_, _, _, _, Some(_)) => "nonzero".to_owned(),
            _ => "above 0".to_owned(),
        };
        format!("{rule} in {:?}", self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::{Affine, Kind};

    fn crop(json: serde_json::Value) -> CropForeground {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn foreground_of_any_channel_counts_and_margins_are_added() {
        let grid = Grid::new([5, 4, 3], Affine::scaling([1.0, 2.0, 4.0])).unwrap();
        let mut values = vec![0i16; 120];
        values[2 + 5 * (1 + 4)] = 7;
        values[60 + 3 + 5 * 2] = 9;
        let volume = Volume::new(values.into(), grid, Kind::Image, 2).unwrap();
        let t = |json| crop(json).observe(&volume, None).map(|o| o.region);
        let region = |start, shape| Ok(Some(IndexBox { start, shape }));
        assert_eq!(t(serde_json::json!({ "source": "i" })), region([2, 1, 0], [2, 2, 2]));
        assert_eq!(
            t(serde_json::json!({ "source": "i", "above": 8, "margin": [1, 0, 2] })),
            region([2, 2, -2], [3, 1, 5])
        );
        assert_eq!(
            t(serde_json::json!({ "source": "i", "labels": [7], "margin_mm": 3 })),
            region([-1, -1, 0], [7, 5, 3])
        );
        assert_eq!(t(serde_json::json!({ "source": "i", "below": 0, "on_empty": "keep" })), Ok(None));
        let error = t(serde_json::json!({ "source": "i", "between": [20, 30] })).unwrap_err();
        assert!(error.to_string().contains("between 20 and 30 in \"i\""), "{error}");
    }
}
