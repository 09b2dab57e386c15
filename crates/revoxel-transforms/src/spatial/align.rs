//! The transform `align`.

use revoxel_core::{Agreement, Grid, GridOp, Relation};
use revoxel_resample::Interpolation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define};
use crate::params::{Named, Padding, PerKey, is_false};
use crate::peers::Argument::{Listed, Renamed};
use crate::peers::{Peer, Program};
use crate::transform::{Evidence, PlanError, Resampling, Sources, SpatialTransform, Transform};

/// Puts inputs on the grid of another input, and resamples only where needed.
///
/// # What it does
/// Compares the grid of each input with that of `reference`, corner by corner, in voxels of the finer grid:
///
/// | the grids | the input |
/// |---|---|
/// | are identical | stays |
/// | differ by noise (same shape, every corner within 1/1000 voxel) | gets the reference's grid; no value changes |
/// | overlap | is interpolated onto the reference's grid; headers are trusted |
/// | do not overlap | is refused: an error |
///
/// If inputs of a case must share a grid and do not, the case is refused before any voxel is read. This step is one
/// remedy. The other is `--snap`, for inputs of the same shape with a wrong header.
///
/// # YAML
/// ```yaml
/// align: { reference: image }
/// ```
/// ```yaml
/// align: { keys: [label], reference: ct, interpolation: label }
/// ```
///
/// # Inverse
/// Resamples back onto the previous grid; lossy in values unless nothing was interpolated, bit-exact in geometry.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Align {
    /// The input whose grid is used.
    reference: String,
    /// nearest, linear, cubic, label or label_nearest, for all inputs or by key. Default: nearest for label maps,
    /// linear for other kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    interpolation: Option<PerKey<Named<Interpolation>>>,
    /// Out-of-bounds value: border, reflection, zeros, minimum (the default) or a number, for all inputs or by key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    padding: Option<PerKey<Padding>>,
    /// Smooth axes that get larger voxels before sampling (labels are not smoothed).
    #[serde(default, skip_serializing_if = "is_false")]
    anti_alias: bool,
}

impl Define for Align {
    const NAME: &'static str = "align";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[
        Peer::new(Program::SimpleItk, "Resample")
            .others(&[Listed("image"), Listed("reference")])
            .notes("Here it is applied only where needed."),
        Peer::monai("ResampleToMatchd")
            .others(&[Renamed("key_dst", "reference")])
            .notes("Here it is applied only where needed."),
        Peer::torchio("ToReferenceSpace").notes("It changes the header only."),
        Peer::torchio("CopyAffine").others(&[Renamed("target", "reference")]).notes(
            "It is the same where the grids differ by noise; TorchIO copies the reference's affine whatever the \
             difference. For headers with larger errors use `--snap`.",
        ),
    ];

    fn transform(self) -> Transform {
        Transform::Spatial(Box::new(self))
    }
}

impl SpatialTransform for Align {
    fn plan(&self, grid: &Grid, evidence: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        let reference = *evidence.reference.ok_or_else(|| PlanError::MissingInput(self.reference.clone()))?;
        let relation = Relation::between(grid, &reference);
        match relation.agreement {
            Agreement::Identical => Ok(Vec::new()),
            Agreement::Disjoint => {
                let (volume, reference) = (Box::new(*grid), Box::new(reference));
                Err(PlanError::Disjoint { volume, reference, relation })
            }
            _ => Ok(vec![GridOp::Resample { grid: reference }]),
        }
    }

    fn sources(&self) -> Sources<'_> {
        Sources::Grid { of: &self.reference, aligns: true }
    }

    fn resampling(&self) -> Resampling<'_> {
        Resampling::asked(self.interpolation.as_ref(), self.padding.as_ref(), Padding::Minimum)
            .smoothed(self.anti_alias)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::Affine;

    #[test]
    fn what_is_done_depends_on_how_the_grids_relate() {
        let grid = |x: f64| Grid::new([10, 8, 6], Affine::scaling([2.0; 3]).with_translation([x, 0.0, 0.0])).unwrap();
        let align: Align = serde_json::from_value(serde_json::json!({ "reference": "ct" })).unwrap();
        let reference = grid(0.0);
        let evidence = Evidence { observed: None, reference: Some(&reference) };
        let plan = |x| align.plan(&grid(x), &evidence);
        assert_eq!(plan(0.0), Ok(Vec::new()));
        for x in [1e-4, 0.1, 5.0] {
            assert_eq!(plan(x), Ok(vec![GridOp::Resample { grid: reference }]), "{x}");
        }
        let error = plan(500.0).unwrap_err().to_string();
        assert!(error.contains("do not overlap") && error.contains("500"), "{error}");
        assert!(matches!(align.plan(&grid(0.0), &Evidence::default()), Err(PlanError::MissingInput(_))));
    }
}
