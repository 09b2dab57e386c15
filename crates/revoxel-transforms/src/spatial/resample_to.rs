//! The transform `resample_to`.

use revoxel_core::{Affine, Grid, GridOp};
use revoxel_resample::Interpolation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Content, Define, Invalid};
use crate::params::{Boundary, Named, Padding, PerKey, is_false};
use crate::peers::Argument::{Listed, Mode, PaddingMode, Renamed};
use crate::peers::{ALIGN_CORNERS, DTYPE, LAZY, Peer, Program};
use crate::planning::resample_onto;
use crate::transform::{Evidence, PlanError, Resampling, Sources, SpatialTransform, Transform};

/// Resamples onto the grid of another input, or of a file.
///
/// # What it does
/// Interpolates onto the grid that the input `reference` has at this point of the pipeline, or onto the grid of the
/// volume in `file`, such as an atlas. The file is looked for beside the pipeline file and is needed only when the
/// pipeline is loaded: its grid becomes the parameter `grid`, and so part of the trace. World positions do not change.
/// Voxels that the reference covers and the volume does not get `padding`.
///
/// ```text
///  this  [ . . . . ]              [ p . . ]   p: padding
///  reference  [ ┼ ┼ ┼ ]   ──►     [ . . . ]
/// ```
///
/// # YAML
/// ```yaml
/// resample_to: { keys: [pet], reference: ct }
/// ```
/// ```yaml
/// resample_to: { keys: [label], reference: image, interpolation: label, padding: 0 }
/// ```
/// ```yaml
/// resample_to:
///   grid:
///     shape: [193, 229, 193]
///     affine: [[1, 0, 0, -96], [0, 1, 0, -132], [0, 0, 1, -78], [0, 0, 0, 1]]
/// ```
///
/// # Inverse
/// Resamples back onto the previous grid; lossy in values, bit-exact in geometry.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResampleTo {
    /// The input whose grid is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// A file, beside the pipeline file, with the volume whose grid is used; see above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// The grid itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grid: Option<TargetGrid>,
    /// nearest, linear, cubic, label or label_nearest, for all inputs or by key. Default: nearest for label maps,
    /// linear for other kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    interpolation: Option<PerKey<Named<Interpolation>>>,
    /// Out-of-bounds value: border, reflection, zeros, minimum (the default) or a number, for all inputs or by key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    padding: Option<PerKey<Padding>>,
    /// How cubic continues the volume: mirror (about the outermost centres), edge (the outermost voxels), reflect
    /// (mirrored about the outer faces) or itk (as mirror, but read up to the faces, where mirror uses the outermost
    /// centres).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    boundary: Option<Named<Boundary>>,
    /// Smooth axes that get larger voxels before sampling (labels are not smoothed).
    #[serde(default, skip_serializing_if = "is_false")]
    anti_alias: bool,
}

/// A grid in a pipeline file.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TargetGrid {
    /// Voxels along axis 0, 1, 2.
    shape: [usize; 3],
    /// Index to RAS+ mm, four rows of four.
    affine: [[f64; 4]; 4],
}

impl TargetGrid {
    fn grid(&self) -> Result<Grid, Invalid> {
        let [a, b, c, last] = self.affine;
        if last != [0.0, 0.0, 0.0, 1.0] {
            return Err(Invalid::new("grid", format!("the last row of affine is {last:?}, not [0, 0, 0, 1]")));
        }
        Grid::new(self.shape, Affine::from_rows([a, b, c])).map_err(|e| Invalid::new("grid", e.to_string()))
    }
}

impl Define for ResampleTo {
    const NAME: &'static str = "resample_to";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[
        Peer::imported("ResampleToMatchd")
            .others(&[Renamed("key_dst", "reference"), Mode, PaddingMode])
            .always(&[("padding", "\"border\"")])
            .ignored(&[LAZY, DTYPE, ALIGN_CORNERS])
            .notes(
                "That repeats the edge over empty space; here the default is the volume's minimum, and 0 for labels. \
                 Where two voxels are equally close, nearest alternates between them; in MONAI rounding noise \
                 decides. For the boundaries of its splines see `spacing`.",
            ),
        Peer::monai("SpatialResampled").notes("It is the same with `grid`."),
        Peer::torchio("Resample")
            .others(&[Listed("reference")])
            .notes("Its `reference` may also be a path: that is `file` here."),
        Peer::new(Program::SimpleItk, "Resample")
            .others(&[Listed("image"), Listed("reference")])
            .notes("Its `sitkBSpline` is `cubic` with `boundary: itk`."),
    ];
    const FILES: &'static [(&'static str, Content)] = &[("file", Content::Grid)];

    fn check(&self) -> Result<(), Invalid> {
        if self.file.is_some() {
            return Err(Invalid::new("file", "files cannot be read here: give the grid itself"));
        }
        match (&self.reference, &self.grid) {
            (None, None) => Err(Invalid::new("", "give reference (an input), file (a volume on disk) or grid")),
            (Some(_), Some(_)) => Err(Invalid::new("reference", "give one of reference, file and grid")),
            (None, Some(grid)) => grid.grid().map(|_| ()),
            (Some(_), None) => Ok(()),
        }
    }

    fn transform(self) -> Transform {
        Transform::Spatial(Box::new(self))
    }
}

impl SpatialTransform for ResampleTo {
    fn plan(&self, grid: &Grid, evidence: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        let target = match self.grid.and_then(|g| g.grid().ok()) {
            Some(target) => target.planar_like(grid),
            None => {
                let missing = || PlanError::MissingInput(self.reference.clone().unwrap_or_default());
                *evidence.reference.ok_or_else(missing)?
            }
        };
        Ok(resample_onto(grid, target))
    }

    fn sources(&self) -> Sources<'_> {
        let grid = |of| Sources::Grid { of, aligns: true };
        self.reference.as_deref().map_or(Sources::Nothing, grid)
    }

    fn resampling(&self) -> Resampling<'_> {
        let asked = Resampling::asked(self.interpolation.as_ref(), self.padding.as_ref(), Padding::Minimum);
        Resampling { boundary: self.boundary.map_or(Boundary::Mirror, |b| b.0), ..asked.smoothed(self.anti_alias) }
    }
}
