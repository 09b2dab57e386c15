//! The transform `orientation`.

use revoxel_core::{Grid, GridOp, Orientation as Axcodes};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define, Invalid};
use crate::peers::Argument::Renamed;
use crate::peers::{LAZY, Peer, Program};
use crate::planning::planar::turned;
use crate::transform::{Evidence, Outline, PlanError, SpatialTransform, Transform};

/// Reorients the voxel axes to an anatomical orientation.
///
/// # What it does
/// Permutes and flips the axes so that they point to the ends that `axcodes` names. With `RAS` the first index grows to
/// the patient's right, the second to the anterior and the third to the superior end. Oblique volumes get the closest
/// orientation; no voxel is interpolated. For a 2-D volume, two letters are enough: those of its plane (`axcodes: RA`).
/// Letters that would turn its slice axis into the plane are an error. If an axis lies at exactly 45°, the orientation
/// is the one that nibabel finds, and a volume that was reoriented before stays as it is.
///
/// ```text
/// LPS:  i → left, j → posterior          RAS:  i → right, j → anterior
///       [ a b c ]                              [ f e d ]
///       [ d e f ]                ──►           [ c b a ]
/// ```
///
/// # YAML
/// ```yaml
/// orientation: { axcodes: RAS }
/// ```
/// ```yaml
/// orientation: { closest_canonical: true }
/// ```
///
/// # Inverse
/// The inverse permutation; exact.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Orientation {
    /// Three letters, one each of R/L, A/P, S/I: the ends that the axes point to. For a 2-D volume two letters, those
    /// of its axes, are enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    axcodes: Option<String>,
    /// Turn to RAS; the same as `axcodes: RAS`.
    #[serde(default)]
    closest_canonical: bool,
}

impl Define for Orientation {
    const NAME: &'static str = "orientation";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[
        Peer::imported("Orientationd")
            .same(&["axcodes"])
            .others(&[Renamed("as_closest_canonical", "closest_canonical")])
            .ignored(&[LAZY])
            .notes(
                "A letter names the end that an axis points to, as it does in nibabel and TorchIO. Other letters for \
                 the axes (`labels`) are not supported.",
            ),
        Peer::new(Program::Nibabel, "as_closest_canonical"),
        Peer::torchio("ToCanonical"),
        Peer::torchio("ToOrientation").others(&[Renamed("orientation", "axcodes")]),
    ];

    fn check(&self) -> Result<(), Invalid> {
        match (&self.axcodes, self.closest_canonical) {
            (Some(_), true) => Err(Invalid::new("closest_canonical", "give axcodes or closest_canonical, not both")),
            (None, false) => Err(Invalid::new("", "give axcodes, such as RAS, or closest_canonical: true")),
            (None, true) => Ok(()),
            (Some(codes), false) if third_letter(codes, &Axcodes::RAS).is_some() => Ok(()),
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
        let codes = self.axcodes.as_deref().unwrap_or("RAS");
        let now = grid.orientation();
        let target = match third_letter(codes, &now) {
            Some(_) if !grid.is_planar() => {
                let problem = format!("{codes:?} has two letters: give three, one each of R/L, A/P and S/I");
                return Err(PlanError::ThreeAxes { field: "axcodes", problem });
            }
            Some(three) => three,
            None => codes.parse().unwrap_or(Axcodes::RAS),
        };
        turned(grid, grid.turn_to(&target), &target)
    }

    fn outline(&self, before: Outline) -> Option<Outline> {
        before.through(self.plan(before.like(), &Evidence::default()))
    }
}

/// The orientation of two letters with a third axis: the slice axis as it is now, where the two leave it. `None` where
/// they are not two letters of different axes.
fn third_letter(codes: &str, now: &Axcodes) -> Option<Axcodes> {
    if codes.chars().count() != 2 {
        return None;
    }
    let thirds = now.to_string().chars().rev().take(1).chain("RAS".chars()).collect::<Vec<_>>();
    thirds.into_iter().find_map(|third| format!("{codes}{third}").parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::Affine;

    #[test]
    fn two_letters_are_those_of_the_plane() {
        let turned = |codes: &str, grid: &Grid| {
            let step: Orientation = serde_json::from_value(serde_json::json!({ "axcodes": codes })).unwrap();
            step.check().unwrap();
            let ops = step.plan(grid, &Evidence::default()).map_err(|e| e.to_string())?;
            Ok(ops.iter().fold(*grid, |g, op| op.after(&g).unwrap()).orientation().to_string())
        };
        // A coronal slice: its axes point to the feet and to the left, its slice axis to the back.
        let affine = Affine::from_rows([[0.0, -0.9, 0.1, 4.0], [0.0, 0.0, -5.0, 2.0], [-1.1, 0.0, 0.0, 3.0]]);
        let flat = Grid::new([24, 20, 1], affine).unwrap().planar();
        let t = |codes, expected: &str| assert_eq!(turned(codes, &flat), Ok::<_, String>(expected.to_owned()));
        t("RS", "RSP");
        t("SR", "SRP");
        t("rsa", "RSA");
        for codes in ["RAS", "RA", "AS"] {
            let error = turned(codes, &flat).unwrap_err();
            assert!(error.contains("2-D") && error.contains("slice axis"), "{error}");
        }
        let solid = Grid::new([24, 20, 1], affine).unwrap();
        assert_eq!(turned("RAS", &solid), Ok("RAS".to_owned()));
        assert!(turned("RS", &solid).unwrap_err().contains("not 2-D"));
        for codes in ["RR", "RL", "RX", "R", ""] {
            let step: Orientation = serde_json::from_value(serde_json::json!({ "axcodes": codes })).unwrap();
            assert!(step.check().is_err(), "{codes}");
        }
    }
}
