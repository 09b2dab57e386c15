//! The transform `gaussian_sharpen`.

use revoxel_core::{Dtype, ValueUndo, Volume, Voxels, parallel};
use revoxel_resample::{Gaussian, gaussian_smooth_as};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::gaussian_smooth::{Edge, within};
use crate::definition::{Class, Define, Invalid};
use crate::params::{Numbers, RealVector};
use crate::peers::Argument::Fixed;
use crate::peers::Peer;
use crate::transform::{ApplyError, Transform, ValueState, ValueTraits, ValueTransform};

/// Smooths with a Gaussian, then sharpens.
///
/// # What it does
/// Smooths the volume with a Gaussian of `sigma1` voxels, and the result with one of `sigma2` voxels. The difference of
/// the two is the detail that the second Gaussian removed. `alpha` times this detail is added to the first result:
/// edges become sharper than they were, without the noise. `edge` sets the values beyond the volume, as in
/// `gaussian_smooth`. The result is float32 (float64 for float64).
///
/// # YAML
/// ```yaml
/// gaussian_sharpen: { sigma1: 1.5, sigma2: 0.8, alpha: 10 }
/// ```
///
/// # Inverse
/// The values are lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GaussianSharpen {
    /// Standard deviation of the first Gaussian in voxels, for all axes or by axis.
    #[serde(default = "three")]
    pub sigma1: RealVector,
    /// Standard deviation of the second Gaussian in voxels, for all axes or by axis.
    #[serde(default = "one")]
    pub sigma2: RealVector,
    /// Weight of the detail that the second Gaussian removed.
    #[serde(default = "thirty")]
    pub alpha: f64,
    /// Values beyond the volume.
    #[serde(default)]
    pub edge: Edge,
}

fn three() -> RealVector {
    Numbers(vec![3.0])
}

fn one() -> RealVector {
    Numbers(vec![1.0])
}

const fn thirty() -> f64 {
    30.0
}

impl Define for GaussianSharpen {
    const NAME: &'static str = "gaussian_sharpen";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[Peer::imported("GaussianSharpend")
        .same(&["sigma1", "sigma2", "alpha"])
        .others(&[Fixed("approx", "\"erf\"")])
        .always(&[("edge", "\"zero\"")])
        .notes("`edge: zero` pulls values near the faces towards 0, and is not the default here.")];

    fn check(&self) -> Result<(), Invalid> {
        for (field, sigma) in [("sigma1", &self.sigma1), ("sigma2", &self.sigma2)] {
            sigma.by_axis(field)?;
            if let Some(wrong) = sigma.0.iter().find(|s| !(s.is_finite() && **s >= 0.0)) {
                return Err(Invalid::new(field, format!("{wrong} is not a standard deviation: give 0 or more")));
            }
        }
        if !self.alpha.is_finite() {
            return Err(Invalid::new("alpha", format!("{} is not a finite number", self.alpha)));
        }
        Ok(())
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for GaussianSharpen {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let how = Gaussian { edge: self.edge.filter(), ..Gaussian::MONAI };
        let [first, second] = [&self.sigma1, &self.sigma2].map(|sigma| within(volume.grid(), sigma.repeated()));
        let blurred = gaussian_smooth_as(&volume, first, &how)?;
        let twice = gaussian_smooth_as(&blurred, second, &how)?;
        let sharpen = |a: f64, b: f64| a + self.alpha * (a - b);
        // Smoothed values are float64 where they were before, else float32.
        let voxels: Voxels = match (blurred.voxels(), twice.voxels()) {
            (Voxels::F64(a), Voxels::F64(b)) => parallel::map_indices(a.len(), |i| sharpen(a[i], b[i])).into(),
            (a, b) => parallel::map_indices(a.len(), |i| sharpen(a.get(i), b.get(i)) as f32).into(),
        };
        Ok((volume.with_voxels(voxels)?, ValueUndo::Lost { reason: "gaussian_sharpen averaged values".to_owned() }))
    }

    fn traits(&self) -> ValueTraits {
        ValueTraits::MIXED
    }

    fn after(&self, before: &ValueState) -> ValueState {
        let dtype = before.dtype.map(|dtype| if dtype.is_integer() { Dtype::F32 } else { dtype });
        ValueState { dtype, ..before.changed() }
    }
}
