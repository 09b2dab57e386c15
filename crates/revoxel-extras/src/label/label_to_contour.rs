//! The transform `label_to_contour`.

use revoxel_core::{ValueUndo, Volume, Voxel, Voxels, dispatch, parallel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::labels::check_connectivity;
use revoxel_transforms::definition::{Class, Define, Invalid};
use revoxel_transforms::params::yes;
use revoxel_transforms::peers::Argument::Fixed;
use revoxel_transforms::peers::Peer;
use revoxel_transforms::transform::{ApplyError, Renumbering, Transform, ValueState, ValueTransform};

/// Keeps the outermost voxels of labels.
///
/// # What it does
/// Sets every voxel to 0 if all its neighbours hold its own label. `connectivity` sets which voxels are neighbours: 1
/// those that share a face, 2 also an edge, 3 also a corner. With `border: true` voxels at the faces of the volume are
/// on the contour; otherwise the label is taken to continue beyond the volume. With several labels, each keeps its own
/// contour, also where it touches another label. The voxel type stays. Each channel is treated separately: in a one-hot
/// map each keeps the contour of its label, the background in channel 0 too.
///
/// # YAML
/// ```yaml
/// label_to_contour: {}
/// ```
/// ```yaml
/// label_to_contour: { connectivity: 1, border: false }
/// ```
///
/// # Inverse
/// Voxels that are not on the contour are lost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelToContour {
    /// Neighbours share a face (1), also an edge (2) or also a corner (3).
    #[serde(default = "full")]
    connectivity: u8,
    /// Count voxels at the faces of the volume as contour.
    #[serde(default = "yes")]
    border: bool,
}

const fn full() -> u8 {
    3
}

impl Define for LabelToContour {
    const NAME: &'static str = "label_to_contour";
    const CLASS: Class = Class::Label;
    const PEERS: &'static [Peer] = &[
        Peer::imported("LabelToContourd").others(&[Fixed("kernel_type", "\"Laplace\"")]).notes(
            "It is the same for a mask, or for a channel of each label; MONAI takes a map of several labels as a \
             mask with numbers.",
        ),
        Peer::torchio("Contour").always(&[("connectivity", "1"), ("border", "false")]).notes("It treats only label 1."),
    ];
    const ONE_HOT: bool = true;

    fn check(&self) -> Result<(), Invalid> {
        check_connectivity(self.connectivity)
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for LabelToContour {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        let (shape, axes) = (volume.grid().shape(), volume.grid().axes());
        let voxels: Voxels = dispatch!(volume.voxels(), v => self.contours(v, shape, axes).into());
        let undo = if voxels == *volume.voxels() {
            ValueUndo::nothing()
        } else {
            ValueUndo::Lost { reason: "label_to_contour emptied labels".to_owned() }
        };
        Ok((volume.with_voxels(voxels)?, undo))
    }

    fn after(&self, before: &ValueState) -> ValueState {
        before.clone()
    }

    fn renumbering(&self) -> Renumbering {
        Renumbering::KEPT
    }
}

impl LabelToContour {
    /// Neighbours lie along the first `axes` axes only.
    fn contours<T: Voxel>(&self, values: &[T], shape: [usize; 3], axes: usize) -> Vec<T> {
        let [nx, ny, nz] = shape;
        let neighbours: Vec<[i64; 3]> = (0..27)
            .map(|i| [i % 3 - 1, i / 3 % 3 - 1, i / 9 - 1])
            .filter(|step: &[i64; 3]| axes == 3 || step[2] == 0)
            .filter(|step: &[i64; 3]| (1..=i64::from(self.connectivity)).contains(&step.iter().map(|s| s.abs()).sum()))
            .collect();
        let mut result = vec![T::default(); values.len()];
        parallel::each_row(&mut result, nx, |line, out| {
            let (y, z, channel) = (line % ny, line / ny % nz, line / (ny * nz) * nx * ny * nz);
            for (x, out) in out.iter_mut().enumerate() {
                let label = values[line * nx + x];
                if label == T::default() {
                    continue;
                }
                let inner = neighbours.iter().all(|step| {
                    let at = [0, 1, 2].map(|a| [x, y, z][a].checked_add_signed(step[a] as isize));
                    match at {
                        [Some(x), Some(y), Some(z)] if x < nx && y < ny && z < nz => {
                            values[channel + x + nx * (y + ny * z)] == label
                        }
                        _ => !self.border,
                    }
                });
                if !inner {
                    *out = label;
                }
            }
        });
        result
    }
}
