//! Turns the voxel axes to an anatomical orientation.
//!
//! # What it does
//! Permutes and flips the axes so that they point where the letters of `axcodes` say: `RAS` means that the first
//! index grows to the patient's right, the second to the anterior, the third to the superior end. Oblique volumes
//! go to the closest orientation; no voxel is interpolated.
//!
//! ```text
//! LPS:  i → left, j → posterior          RAS:  i → right, j → anterior
//!       [ a b c ]                              [ f e d ]
//!       [ d e f ]                ──►           [ c b a ]
//! ```
//!
//! # YAML
//! ```yaml
//! orientation: { axcodes: RAS }
//! ```
//! ```yaml
//! orientation: { closest_canonical: true }
//! ```
//!
//! # Inverse
//! The inverse permutation; exact.
//!
//! # Same as
//! MONAI `Orientationd(axcodes)` and `as_closest_canonical`; nibabel `as_closest_canonical`; TorchIO `ToCanonical` and
//! TorchIO `ToOrientation(orientation)`. All take the letters to be the ends that axes point to. Other letters for the
//! axes (`labels`) have no counterpart.

use revoxel_core::{Grid, GridOp, Orientation as Axcodes};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define, Invalid};
use crate::transform::{Evidence, PlanError, SpatialTransform, Transform};

/// Parameters of `orientation`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Orientation {
    /// Three letters, one each of R/L, A/P, S/I: where the axes point to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    axcodes: Option<String>,
    /// Turn to RAS; the same as `axcodes: RAS`.
    #[serde(default)]
    closest_canonical: bool,
}

impl Define for Orientation {
    const NAME: &'static str = "orientation";
    const SOURCE: &'static str = include_str!("orientation.rs");
    const CLASS: Class = Class::Spatial;

    fn check(&self) -> Result<(), Invalid> {
        match (&self.axcodes, self.closest_canonical) {
            (Some(_), true) => Err(Invalid::new("closest_canonical", "give axcodes or closest_canonical, not both")),
            (None, false) => Err(Invalid::new("", "give axcodes, such as RAS, or closest_canonical: true")),
            (None, true) => Ok(()),
            (Some(codes), false) => {
                codes.parse::<Axcodes>().map(|_| ()).map_err(|e| Invalid::new("axcodes", e.to_string()))
            }
        }
    }

    fn transform(self) -> Transform {
        Transform::Spatial(Box::new(self))
    }
}

impl SpatialTransform for Orientation {
    fn plan(&self, grid: &Grid, _: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        // `check` has parsed the codes.
        let target = self.axcodes.as_deref().and_then(|c| c.parse().ok()).unwrap_or(Axcodes::RAS);
        let turn = grid.orientation().to(&target);
        Ok(if turn.is_identity() { Vec::new() } else { vec![GridOp::Reorient(turn)] })
    }
}
