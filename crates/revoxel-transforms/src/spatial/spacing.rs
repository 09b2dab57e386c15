//! The transform `spacing`.

use revoxel_core::{Affine, Grid, GridOp};
use revoxel_resample::{AntiAlias, Interpolation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define, Invalid};
use crate::params::{Boundary, Named, Padding, PerKey, RealVector, Separate, SeparateZ, is_false};
use crate::peers::Argument::{Fixed, Mode, PaddingMode, Renamed};
use crate::peers::{DTYPE, LAZY, Peer};
use crate::planning::axes::{around_corners, orthogonal};
use crate::planning::planar::by_axis;
use crate::planning::{finite, resample, rescaled, same_extent};
use crate::transform::{Evidence, Outline, PlanError, Resampling, SpatialTransform, Transform};

/// Resamples to a voxel size.
///
/// # What it does
/// Makes a grid with the voxel size `pixdim` (mm) over the same region and interpolates onto it. The `rule` sets the
/// number of voxels and the point that stays fixed. There are five rules; they differ by up to one voxel:
///
/// | rule | voxels per axis, m (from n at s mm to t mm) | stays fixed | voxel size obtained |
/// |---|---|---|---|
/// | `monai` | round((n − 1)·s/t + 1) | centre of the first voxel | t |
/// | `monai_strict` | as `monai` | as `monai`; on an oblique grid with noise, index n/2 | t |
/// | `nnunet` | round(n·s/t) | the outer faces | n·s/m |
/// | `torchio` | floor(n·s/t) | the centre of the volume | t |
/// | `center` | ceil(n·s/t) | the centre of the volume | t |
///
/// Halves round to even. Rotation, flips and shear of the grid are kept; `monai_strict` makes the axes orthogonal.
///
/// `anti_alias: true` smooths axes whose voxels become `r` times as large before sampling them, with a Gaussian of
/// sigma sqrt((r² − 1) / (8 ln 2)) voxels (Cardoso et al. 2015). The Gaussian ends after four sigmas, and the edge
/// continues beyond the volume. Labels are not smoothed.
///
/// Ties of nearest and label (positions half way between two voxels) alternate along an axis, so that label maps keep
/// their place and volume. Ties an odd number of voxels apart go to the even index; other ties go to the lower and the
/// upper voxel in turn. With `label_nearest` and along the axis of `separate_z`, the upper voxel wins, as in nnU-Net.
///
/// ```text
/// monai, 2 mm → 3 mm:   o---o---o---o---o
///                       o-----o-----o-----o
/// ```
///
/// # YAML
/// ```yaml
/// spacing: { pixdim: [1, 1, 1] }
/// ```
/// ```yaml
/// spacing: { pixdim: [0.8, 0.8, -1], rule: nnunet, interpolation: { image: cubic, label: label } }
/// ```
/// ```yaml
/// spacing:
///   pixdim: [0.8, 0.8, 3]
///   rule: nnunet
///   interpolation: { image: cubic, label: label_nearest }
///   separate_z: auto
///   through_plane: nearest
///   boundary: edge
///   clip: true
/// ```
/// ```yaml
/// spacing: { pixdim: 1, min_pixdim: 0.5, max_pixdim: [1.5, 1.5, 3], padding: reflection }
/// ```
/// ```yaml
/// spacing: { pixdim: 4, anti_alias: true }
/// ```
///
/// # Inverse
/// Resamples back onto the previous grid; lossy in values, bit-exact in geometry. With `separate_z`, predictions return
/// by the same rule.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spacing {
    /// Voxel size in mm: one number, or one per axis; a short list repeats its last number; 0 or less keeps the axis. A
    /// 2-D volume keeps its thickness.
    pixdim: RealVector,
    /// Sets the number of voxels and the point that stays fixed.
    #[serde(default)]
    rule: Rule,
    /// Axes whose voxel size lies between this (mm) and `pixdim` keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min_pixdim: Option<RealVector>,
    /// Axes whose voxel size lies between `pixdim` and this (mm) keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_pixdim: Option<RealVector>,
    /// Interpolate onto axes parallel to the world's (RAS).
    #[serde(default)]
    diagonal: bool,
    /// Interpolate onto orthogonal axes, which removes gantry tilt. The first axis keeps its direction.
    #[serde(default)]
    deshear: bool,
    /// nearest, linear, cubic, label or label_nearest, for all inputs or by key. Default: nearest for label maps,
    /// linear for other kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    interpolation: Option<PerKey<Named<Interpolation>>>,
    /// Out-of-bounds value: border (the default), reflection, zeros, minimum or a number, for all inputs or by key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    padding: Option<PerKey<Padding>>,
    /// Interpolate along the coarsest axis as `through_plane` says: true, false, or auto. Auto means true if the
    /// largest voxel size, before or else after, exceeds `anisotropy_threshold` times the smallest.
    #[serde(default, skip_serializing_if = "SeparateZ::is_never")]
    separate_z: SeparateZ,
    /// See `separate_z`. Default: 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    anisotropy_threshold: Option<f64>,
    /// Interpolation along the coarsest axis with `separate_z`: nearest (the default), linear, or cubic if the plane is
    /// cubic. Labels that are nearest in the plane are nearest along this axis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    through_plane: Option<Named<Interpolation>>,
    /// How cubic continues the volume: mirror (about the outermost centres), edge (the outermost voxels), reflect
    /// (mirrored about the outer faces) or itk (as mirror, but read up to the faces, where mirror uses the outermost
    /// centres).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    boundary: Option<Named<Boundary>>,
    /// Clip the result of cubic to the range of the values before; with `separate_z`, to that of each slice.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    clip: bool,
    /// Smooth axes that get larger voxels before sampling (labels are not smoothed).
    #[serde(default, skip_serializing_if = "is_false")]
    anti_alias: bool,
}

/// How a voxel size defines the grid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Rule {
    /// round((n − 1)·s/t + 1) voxels; the first voxel's centre stays.
    #[default]
    Monai,
    /// As `monai`, including the noise of a header, with orthogonal axes: if no corner comes first along all axes, by
    /// more than a hundred-millionth of a voxel, index n/2 of both grids coincides.
    MonaiStrict,
    /// round(n·s/t) voxels; the outer faces stay.
    Nnunet,
    /// floor(n·s/t) voxels; the centre of the volume stays.
    Torchio,
    /// ceil(n·s/t) voxels; the centre of the volume stays.
    Center,
}

impl Define for Spacing {
    const NAME: &'static str = "spacing";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[
        Peer::imported("Spacingd")
            .same(&["pixdim", "diagonal", "min_pixdim", "max_pixdim"])
            .others(&[Mode, PaddingMode, Fixed("scale_extent", "false")])
            .always(&[("rule", "\"monai_strict\"")])
            .ignored(&[
                LAZY,
                DTYPE,
                ("align_corners", &["false", "true"]),
                ("recompute_affine", &[]),
                ("ensure_same_shape", &[]),
            ])
            .notes(
                "`rule: monai` is the same without MONAI's rounding noise. Differences:\n\n\
                 - Labels are nearest by default.\n\
                 - Shear is kept unless `deshear: true`; MONAI drops it silently.\n\
                 - An oblique grid from a float32 header is orthogonal only to about 1e-8. This noise mostly makes \
                 MONAI keep the place shape / 2 instead of the first voxel: its grid then lies up to one voxel \
                 elsewhere, as its affine states. `rule: monai_strict` gives that grid.\n\
                 - Where the number of voxels is a half, MONAI's rounding noise decides: 58 voxels of 1.75 mm become \
                 67 of 1.5 mm in MONAI and with `rule: monai_strict`, and 68 with `rule: monai`.\n\
                 - Where two voxels are equally close, nearest alternates between them. In MONAI rounding noise \
                 decides, mostly for the voxel of even index (82 % of 17 824 planes in 300 grids along the axes), so \
                 that up to every tenth voxel of a label map differs where it is sampled twice as finely.\n\
                 - Its splines (`mode: 3`) are `cubic`, with `boundary: edge` for `padding_mode` border, `reflect` \
                 for reflection, and `mirror` for zeros. With zeros MONAI has no values beyond the outermost \
                 centres, here beyond the faces.\n\
                 - `scale_extent`, `recompute_affine` and `ensure_same_shape` are not supported.",
            ),
        Peer::nnunet("resample_data_or_seg_to_spacing")
            .others(&[
                Renamed("order", "interpolation"),
                Renamed("force_separate_z", "separate_z"),
                Renamed("order_z", "through_plane"),
            ])
            .always(&[("rule", "\"nnunet\""), ("boundary", "\"edge\""), ("clip", "true")])
            .notes(
                "`order: 3` is `cubic`, `None` of `force_separate_z` is `auto`, and its segmentations are \
                 `label_nearest`.",
            ),
        Peer::torchio("Resample").always(&[("rule", "\"torchio\"")]).notes(
            "TorchIO 1.2 loses a voxel to rounding noise where sizes divide evenly (10 voxels from 3.3 to 1.1 mm \
             become 29, here 30) and truncates fractions in volumes of whole numbers. For a cubic (`bspline`) it \
             mirrors the volume beyond the outermost centres, as `boundary: itk` does here. It approximates the \
             Gaussian of `antialias` (up to 0.4 %). Its `pre_affine_name` and its other interpolators \
             (`gaussian`, `lanczos`, `hamming` …) are not supported.",
        ),
    ];

    fn check(&self) -> Result<(), Invalid> {
        self.pixdim.by_axis("pixdim")?;
        if self.separate_z == SeparateZ::Never && self.through_plane.is_some() {
            return Err(Invalid::new("through_plane", "it takes effect with separate_z: auto or true"));
        }
        if self.separate_z != SeparateZ::Auto && self.anisotropy_threshold.is_some() {
            return Err(Invalid::new("anisotropy_threshold", "it takes effect with separate_z: auto"));
        }
        if let Some(threshold) = self.anisotropy_threshold.filter(|t| t.is_nan() || *t < 1.0) {
            let problem =
                format!("{threshold} must be 1 or more: it compares the largest voxel size with the smallest");
            return Err(Invalid::new("anisotropy_threshold", problem));
        }
        if self.through_plane.is_some_and(|i| i.0.weighs_labels()) {
            return Err(Invalid::new("through_plane", "use nearest, linear or cubic"));
        }
        if self.separate_z != SeparateZ::Never && (self.diagonal || self.deshear) {
            return Err(Invalid::new("separate_z", "diagonal and deshear mix the axes: leave one of them out"));
        }
        finite("pixdim", &self.pixdim.0)?;
        for (field, limit) in [("min_pixdim", &self.min_pixdim), ("max_pixdim", &self.max_pixdim)] {
            let Some(limit) = limit else { continue };
            limit.by_axis(field)?;
            finite(field, &limit.0)?;
        }
        match self.rule {
            Rule::MonaiStrict if self.separate_z != SeparateZ::Never => {
                return Err(Invalid::new(
                    "separate_z",
                    "rule: monai_strict mixes the axes of oblique grids: leave one of them out",
                ));
            }
            Rule::MonaiStrict if self.deshear => {
                return Err(Invalid::new("deshear", "rule: monai_strict makes axes orthogonal already: leave it out"));
            }
            Rule::Nnunet | Rule::Torchio | Rule::Center if self.diagonal || self.deshear => {
                return Err(Invalid::new("rule", "diagonal and deshear work with rule: monai only"));
            }
            _ => {}
        }
        for axis in 0..3 {
            let (min, max) = (self.limit(&self.min_pixdim, axis), self.limit(&self.max_pixdim, axis));
            if let (Some(min), Some(max)) = (min, max)
                && min > max
            {
                return Err(Invalid::new("min_pixdim", format!("{min} mm is larger than max_pixdim, {max} mm")));
            }
        }
        Ok(())
    }

    fn transform(self) -> Transform {
        Transform::Spatial(Box::new(self))
    }
}

impl SpatialTransform for Spacing {
    fn plan(&self, grid: &Grid, _: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        let target = self.target_spacing(grid)?;
        let after = match self.rule {
            Rule::Monai | Rule::MonaiStrict if self.diagonal => around_corners(grid, Affine::scaling(target), 0.0)?,
            Rule::MonaiStrict => {
                let after = around_corners(grid, orthogonal(grid.affine(), target), 0.0)?;
                let shape = straight_shape(grid, target).unwrap_or_else(|| after.shape());
                Grid::new(shape, *after.affine())?
            }
            Rule::Monai if self.deshear && grid.affine().shear() > 1e-9 => {
                around_corners(grid, orthogonal(grid.affine(), target), 1.0)?
            }
            rule => by_rule(grid, target, rule)?,
        };
        resample(grid, after)
    }

    fn outline(&self, before: Outline) -> Option<Outline> {
        let after = before.through(self.plan(before.like(), &Evidence::default()))?;
        match self.rule {
            // The number of voxels depends on rounding, and that on the place.
            Rule::MonaiStrict => Some(after.window(None)),
            // The voxel size follows from the number of voxels.
            Rule::Nnunet => before.whole().map(|_| after),
            Rule::Monai | Rule::Torchio | Rule::Center if before.whole().is_none() => Some(after.window(None)),
            Rule::Monai | Rule::Torchio | Rule::Center => Some(after),
        }
    }

    fn resampling(&self) -> Resampling<'_> {
        Resampling {
            area: false,
            samples: true,
            smoothing: self.anti_alias.then_some(AntiAlias::Cardoso),
            interpolation: self.interpolation.as_ref(),
            padding: self.padding.as_ref(),
            default_padding: Padding::Border,
            separate: self.separate(),
            boundary: self.boundary.map_or(Boundary::Mirror, |b| b.0),
            clip: self.clip,
        }
    }
}

impl Spacing {
    fn limit(&self, limit: &Option<RealVector>, axis: usize) -> Option<f64> {
        limit.as_ref().and_then(|l| l.get(axis))
    }

    fn separate(&self) -> Option<Separate> {
        let threshold = match self.separate_z {
            SeparateZ::Never => return None,
            SeparateZ::Auto => Some(self.anisotropy_threshold.unwrap_or(3.0)),
            SeparateZ::Always => None,
        };
        let limited = self.min_pixdim.is_some() || self.max_pixdim.is_some();
        let pixdim = (!limited).then(|| self.pixdim.repeated());
        Some(Separate { threshold, interpolation: self.through_plane.map_or(Interpolation::Nearest, |i| i.0), pixdim })
    }

    /// The voxel size of each axis: the one asked for, or the present one where that is near enough.
    fn target_spacing(&self, grid: &Grid) -> Result<[f64; 3], PlanError> {
        let present = grid.spacing();
        let thickness = |mm: f64| mm <= 0.0 || (mm - present[2]).abs() <= 1e-3 * present[2];
        let asked = by_axis("pixdim", &self.pixdim, grid, -1.0, thickness)?;
        Ok([0, 1, 2].map(|axis| {
            let (now, target) = (present[axis], asked[axis]);
            if target <= 0.0 || axis == grid.axes() {
                return now;
            }
            let low = self.limit(&self.min_pixdim, axis).map_or(target, |l| l.min(target));
            let high = self.limit(&self.max_pixdim, axis).map_or(target, |h| h.max(target));
            let near = match self.rule {
                Rule::MonaiStrict => 1e-3,
                // Of small voxels MONAI's thousandth of a millimetre would be too much.
                Rule::Monai => (1e-2 * target).min(1e-3),
                Rule::Nnunet | Rule::Torchio | Rule::Center => 1e-6 * target,
            };
            if (low - near..=high + near).contains(&now) { now } else { target }
        }))
    }
}

/// The shape of a grid along the axes of the world, with the rounding of MONAI's order of operations: it decides where
/// the number of voxels is a half. `None` of oblique grids, whose header decides.
fn straight_shape(grid: &Grid, target: [f64; 3]) -> Option<[usize; 3]> {
    let (affine, shape) = (grid.affine(), grid.shape());
    let mut voxels = [0; 3];
    for axis in 0..3 {
        let column = affine.column(axis);
        let world = (0..3).max_by(|a, b| column[*a].abs().total_cmp(&column[*b].abs()))?;
        if (0..3).any(|row| row != world && column[row].abs() > 1e-12 * column[world].abs()) {
            return None;
        }
        let size = column[world].abs();
        let inverse = 1.0 / (column[world] * (1.0 / size) * target[axis]);
        // The last corner and the first, in voxels of the result; both hold the translation.
        let first = affine.translation()[world] * inverse;
        let last = (column[world] * inverse) * (shape[axis] as f64 - 1.0) + first;
        voxels[axis] = ((last - first).abs() + 1.0).round_ties_even() as usize;
    }
    Some(voxels)
}

fn by_rule(grid: &Grid, target: [f64; 3], rule: Rule) -> Result<Grid, PlanError> {
    let (n, spacing) = (grid.shape().map(|n| n as f64), grid.spacing());
    let ratio = [0, 1, 2].map(|a| target[a] / spacing[a]);
    // Halves fall as they do with the sizes that nnU-Net reads.
    let nominal = grid.nominal_spacing();
    let voxels = |a: usize| {
        let extent = n[a] / ratio[a];
        let count = match rule {
            Rule::Monai | Rule::MonaiStrict => ((n[a] - 1.0) / ratio[a] + 1.0).round_ties_even(),
            Rule::Nnunet => (nominal[a] / target[a] * n[a]).round_ties_even(),
            Rule::Torchio if n[a] == 1.0 => 1.0,
            Rule::Torchio => (extent + 1e-6).floor(),
            Rule::Center => (extent - 1e-6).ceil(),
        };
        count.max(1.0) as usize
    };
    let shape = [voxels(0), voxels(1), voxels(2)];
    let first = match rule {
        Rule::Monai | Rule::MonaiStrict => [0.0; 3],
        Rule::Nnunet => return Ok(same_extent(grid, shape)?),
        Rule::Torchio | Rule::Center => [0, 1, 2].map(|a| ((n[a] - 1.0) - (shape[a] as f64 - 1.0) * ratio[a]) / 2.0),
    };
    Ok(rescaled(grid, ratio, first, shape)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_of_the_rules() {
        fn t(n: usize, from: f64, to: f64, expected: [usize; 4]) {
            let grid = Grid::new([n, 1, 1], Affine::scaling([from, 1.0, 1.0])).unwrap();
            let rules = [Rule::Monai, Rule::Nnunet, Rule::Torchio, Rule::Center];
            assert_eq!(
                rules.map(|r| by_rule(&grid, [to, 1.0, 1.0], r).unwrap().shape()[0]),
                expected,
                "{n} {from} {to}"
            );
        }
        t(512, 0.7, 1.5, [239, 239, 238, 239]);
        t(100, 1.0, 1.2, [84, 83, 83, 84]);
        t(20, 2.0, 3.0, [14, 13, 13, 14]);
        t(20, 1.5, 3.0, [10, 10, 10, 10]);
        t(32, 1.0, 0.2, [156, 160, 160, 160]);
    }

    #[test]
    fn what_stays_fixed() {
        let affine = Affine::from_rows([[0., 2., 0., 5.], [-1.5, 0., 0., 6.], [0., 0.4, 3., 7.]]);
        let grid = Grid::new([11, 9, 7], affine).unwrap();
        let t = |rule| by_rule(&grid, [1.1, 1.3, 1.7], rule).unwrap();
        assert_eq!(t(Rule::Monai).origin(), grid.origin());
        let same = |a: [[f64; 3]; 8], b: [[f64; 3]; 8]| {
            a.iter().zip(b).all(|(p, q)| revoxel_core::affine::distance(*p, q) < 1e-12)
        };
        assert!(same(t(Rule::Nnunet).outer_corners(), grid.outer_corners()));
        for rule in [Rule::Torchio, Rule::Center] {
            let centre = |g: &Grid| g.index_to_world(g.shape().map(|n| (n as f64 - 1.0) / 2.0));
            assert!(revoxel_core::affine::distance(centre(&t(rule)), centre(&grid)) < 1e-12);
        }
        // The sheared axis keeps its direction under every rule.
        let (a, b) = (t(Rule::Center).affine().direction(), grid.affine().direction());
        assert!((0..3).all(|r| (a[r][1] - b[r][1]).abs() < 1e-12));
    }
}
