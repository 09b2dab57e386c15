//! The transform `gaussian_smooth`.

use revoxel_core::{Dtype, Grid, ValueUndo, Volume};
use revoxel_resample::{FilterEdge, Gaussian, gaussian_smooth_as};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Define, Invalid};
use crate::params::RealVector;
use crate::peers::Argument::Fixed;
use crate::peers::Peer;
use crate::transform::{ApplyError, Transform, ValueState, ValueTraits, ValueTransform};

/// Smooths with a Gaussian.
///
/// # What it does
/// Convolves with a Gaussian whose standard deviation is `sigma` voxels or `sigma_mm` millimetres, for all axes or by
/// axis. The Gaussian ends after four standard deviations. The weights are its integral over each voxel. `edge` sets
/// the values beyond the volume: mirrored at its faces, the `nearest` voxel, or `zero`. The result is float32 (float64
/// for float64).
///
/// # YAML
/// ```yaml
/// gaussian_smooth: { sigma: [1, 1, 0.5] }
/// ```
/// ```yaml
/// gaussian_smooth: { sigma_mm: 1.5 }
/// ```
///
/// # Inverse
/// The values are lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GaussianSmooth {
    /// Standard deviation in voxels, for all axes or by axis. Default without `sigma_mm`: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sigma: Option<RealVector>,
    /// Standard deviation in millimetres, for all axes or by axis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sigma_mm: Option<RealVector>,
    /// Values beyond the volume.
    #[serde(default)]
    pub edge: Edge,
}

/// Values beyond the volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    /// The volume mirrored at its faces.
    #[default]
    Mirror,
    /// The closest voxel.
    Nearest,
    /// 0.
    Zero,
}

impl Edge {
    /// The same for the filter.
    pub(super) const fn filter(self) -> FilterEdge {
        match self {
            Self::Mirror => FilterEdge::Mirror,
            Self::Nearest => FilterEdge::Nearest,
            Self::Zero => FilterEdge::Zero,
        }
    }
}

/// Widths by axis without one for the slice axis of a 2-D grid, beyond which there is nothing.
pub fn within(grid: &Grid, sigma: [f64; 3]) -> [f64; 3] {
    [0, 1, 2].map(|axis| if axis < grid.axes() { sigma[axis] } else { 0.0 })
}

impl Define for GaussianSmooth {
    const NAME: &'static str = "gaussian_smooth";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] = &[Peer::imported("GaussianSmoothd")
        .same(&["sigma"])
        .others(&[Fixed("approx", "\"erf\"")])
        .always(&[("sigma", "1.0"), ("edge", "\"zero\"")])
        .notes(
            "`edge: zero` pulls values near the faces towards 0 (air is −1000 in a CT), and is not the default \
             here.",
        )];

    fn check(&self) -> Result<(), Invalid> {
        if self.sigma.is_some() && self.sigma_mm.is_some() {
            return Err(Invalid::new("sigma_mm", "give sigma (voxels) or sigma_mm, not both"));
        }
        for (field, sigma) in [("sigma", &self.sigma), ("sigma_mm", &self.sigma_mm)] {
            let Some(sigma) = sigma else { continue };
            sigma.by_axis(field)?;
            if let Some(wrong) = sigma.0.iter().find(|s| !(s.is_finite() && **s >= 0.0)) {
                return Err(Invalid::new(field, format!("{wrong} is not a standard deviation: give 0 or more")));
            }
        }
        Ok(())
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for GaussianSmooth {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let spacing = volume.grid().spacing();
        let sigma = match (&self.sigma, &self.sigma_mm) {
            (Some(voxels), _) => voxels.repeated(),
            (None, Some(mm)) => [0, 1, 2].map(|a| mm.repeated()[a] / spacing[a]),
            (None, None) => [1.0; 3],
        };
        let sigma = within(volume.grid(), sigma);
        let result = gaussian_smooth_as(&volume, sigma, &Gaussian { edge: self.edge.filter(), ..Gaussian::MONAI })?;
        Ok((result, ValueUndo::Lost { reason: "gaussian_smooth averaged values".to_owned() }))
    }

    fn traits(&self) -> ValueTraits {
        ValueTraits::MIXED
    }

    fn after(&self, before: &ValueState) -> ValueState {
        let dtype = before.dtype.map(|dtype| if dtype.is_integer() { Dtype::F32 } else { dtype });
        ValueState { dtype, ..before.changed() }
    }
}
