//! The frame of world positions.

use revoxel_core::{Affine, Frame};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Ends that the world's axes point to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WorldFrame {
    /// Right, anterior, superior: NIfTI, MONAI, TorchIO.
    #[serde(rename = "RAS")]
    Ras,
    /// Left, posterior, superior: DICOM, ITK, SimpleITK, ANTs.
    #[serde(rename = "LPS")]
    Lps,
}

impl WorldFrame {
    /// The frame.
    pub const fn frame(self) -> Frame {
        match self {
            Self::Ras => Frame::Ras,
            Self::Lps => Frame::Lps,
        }
    }

    /// Converts a map of points in this frame to a map of RAS+ points.
    pub(crate) fn map_to_ras(self, map: &Affine) -> Affine {
        match self {
            Self::Ras => *map,
            Self::Lps => {
                let flip = Affine::scaling([-1.0, -1.0, 1.0]);
                let turned = flip.after(map).after(&flip);
                // `0.0 + v`: no negative zeros in what people read.
                Affine::from_rows(turned.rows().map(|r| r.map(|v| 0.0 + v)))
            }
        }
    }
}
