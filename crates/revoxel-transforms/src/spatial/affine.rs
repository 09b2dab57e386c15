//! The transform `affine`.

use revoxel_core::{Affine as Map, Grid, GridOp};
use revoxel_resample::Interpolation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::definition::{Class, Content, Define, Invalid};
use crate::params::{Boundary, IntVector, Named, Padding, PerKey, RealVector, WorldFrame, is_false};
use crate::peers::Argument::{Listed, Mode, PaddingMode};
use crate::peers::{ALIGN_CORNERS, DTYPE, LAZY, Peer, Program};
use crate::planning::axes::{ORDER, about_middles, angles, check_order, rotation};
use crate::planning::planar::sizes;
use crate::planning::{finite, resample, resample_onto};
use crate::transform::{Evidence, PlanError, Resampling, Sources, SpatialTransform, Transform};

/// Resamples through an affine map: rotation, shear, translation and scale, or a matrix.
///
/// # What it does
/// Transforms the sampling grid by an affine map and interpolates onto it. The map is given in one of two ways:
///
/// **By parameters**, as in MONAI, in voxel units about the centre of the volume: `rotate_params` (radians, or
/// `degrees`), `shear_params`, `translate_params` (voxels) and `scale_params`, in this order. The voxel at index x of
/// the result is sampled at R·S·T·Z·x, both counted from the centre. So a scale of 2 shows the content at half its
/// size, and a translation of +3 moves the content by −3 voxels. `spatial_size` changes the shape about the same
/// centre.
///
/// **By a matrix**, 4 × 4, in world millimetres: `matrix` with its `frame`, or `file`. The file is looked for beside
/// the pipeline file and read once, when the pipeline is loaded. With `maps: output_to_input` (the default) the matrix
/// maps a point of the result to the point of the volume that is shown there. ITK, SimpleITK, elastix and ANTs write
/// such "fixed to moving" matrices and resample with them. With `maps: input_to_output` the matrix maps the other way:
/// it moves the patient. The result is sampled on the volume's own grid, or on that of `reference`.
///
/// In both cases every place in the patient keeps its world coordinates: the affine of the result is the map after the
/// grid's affine, so it states where in the *volume's* world each voxel comes from. The voxels equal those of
/// `SimpleITK.Resample(volume, reference, transform)`; SimpleITK stores the reference's grid with them.
///
/// | `file` | read as |
/// |---|---|
/// | `.tfm`, `.txt` of ITK | a transform, or several in a composite, with their centre; LPS |
/// | `.mat` of ITK and ANTs (`0GenericAffine.mat`) | the same, binary; LPS |
/// | `.json` | `[[..], ..]`, four rows of four, or `{ "matrix": .., "frame": .. }` |
/// | other text | sixteen numbers by row, as NiftyReg and FreeSurfer tools write; give `frame` |
///
/// The ITK transforms are Affine, MatrixOffset, Euler3D, VersorRigid3D, Similarity3D, Translation and others.
///
/// # YAML
/// ```yaml
/// affine: { degrees: [0, 0, 10], scale_params: [1.1, 1.1, 1.1], padding: border }
/// ```
/// ```yaml
/// affine:
///   keys: [pet]
///   matrix: [[1, 0, 0, 4.5], [0, 0.98, -0.2, 0], [0, 0.2, 0.98, -3], [0, 0, 0, 1]]
///   frame: LPS
///   reference: ct
/// ```
/// ```text
/// affine: { keys: [pet], file: pet_to_ct.tfm, reference: ct }
/// ```
///
/// # Inverse
/// Resamples back onto the previous grid; lossy in values, bit-exact in geometry.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Affine {
    /// Angles in radians, in the order of `rotate_order`; missing ones are 0. A 2-D volume takes one angle, in its
    /// plane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rotate_params: Option<RealVector>,
    /// The same in degrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    degrees: Option<RealVector>,
    /// Order of the rotations: capitals rotate about the already rotated axes, small letters about fixed axes.
    #[serde(default = "order", skip_serializing_if = "is_order")]
    rotate_order: String,
    /// Up to six shear factors: of axis 0 by 1 and by 2, of 1 by 0 and by 2, of 2 by 0 and by 1. A 2-D volume takes up
    /// to two: of axis 0 by 1, and of 1 by 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shear_params: Option<RealVector>,
    /// Translation of the grid in voxels, by axis; missing ones are 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    translate_params: Option<RealVector>,
    /// Factors that enlarge the voxels, by axis; missing ones are 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scale_params: Option<RealVector>,
    /// Four rows of four: a map of world points, in mm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    matrix: Option<[[f64; 4]; 4]>,
    /// The frame of the matrix: RAS or LPS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    frame: Option<WorldFrame>,
    /// A file with the matrix, beside the pipeline file; see above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// Direction of the matrix: from points of the result to points of the volume, or the reverse.
    #[serde(default, skip_serializing_if = "Maps::is_default")]
    maps: Maps,
    /// With a matrix: the input whose grid the result gets; by default the volume's own grid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// Voxels by axis; 0 or less keeps an axis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spatial_size: Option<IntVector>,
    /// nearest, linear, cubic, label or label_nearest, for all inputs or by key. Default: nearest for label maps,
    /// linear for other kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    interpolation: Option<PerKey<Named<Interpolation>>>,
    /// Out-of-bounds value: border, reflection, zeros, minimum or a number, for all inputs or by key.
    /// Default: reflection, or minimum with a matrix.
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

/// Direction of a matrix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Maps {
    /// From a point of the result to the point of the volume shown there.
    #[default]
    OutputToInput,
    /// From a point of the volume to the point of the result that shows it.
    InputToOutput,
}

impl Maps {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The shears of a 2-D volume by two factors: of axis 0 by 1 and of 1 by 0.
const IN_PLANE: [(usize, usize); 6] = [(0, 1), (1, 0), (0, 2), (1, 2), (2, 0), (2, 1)];

fn order() -> String {
    ORDER.to_owned()
}

fn is_order(order: &str) -> bool {
    order == ORDER
}

impl Define for Affine {
    const NAME: &'static str = "affine";
    const CLASS: Class = Class::Spatial;
    const PEERS: &'static [Peer] = &[
        Peer::imported("Affined")
            .same(&["rotate_params", "shear_params", "translate_params", "scale_params", "spatial_size"])
            .others(&[Mode, PaddingMode, Listed("rotate_order")])
            .ignored(&[LAZY, DTYPE, ALIGN_CORNERS])
            .notes(
                "The default `padding` is `reflection`, as in MONAI, and `minimum` with a matrix. Its `affine`, a \
                 matrix in voxels, is not supported. Where two voxels are equally close, nearest alternates between \
                 them; in MONAI rounding noise decides. For the boundaries of its splines see `spacing`.",
            ),
        Peer::new(Program::SimpleItk, "Resample").others(&[Listed("image"), Listed("reference"), Listed("transform")]),
        Peer::new(Program::Ants, "antsApplyTransforms").notes("It is the same with one affine."),
    ];
    const FILES: &'static [(&'static str, Content)] = &[("file", Content::WorldMatrix)];

    fn check(&self) -> Result<(), Invalid> {
        if self.file.is_some() {
            return Err(Invalid::new("file", "files cannot be read here: give the matrix itself"));
        }
        let given = [
            ("rotate_params", &self.rotate_params, 3),
            ("degrees", &self.degrees, 3),
            ("shear_params", &self.shear_params, 6),
            ("translate_params", &self.translate_params, 3),
            ("scale_params", &self.scale_params, 3),
        ];
        for (field, numbers, most) in given {
            let Some(numbers) = numbers else { continue };
            if self.matrix.is_some() {
                return Err(Invalid::new(field, "give a matrix or parameters, not both"));
            }
            if numbers.0.len() > most {
                return Err(Invalid::new(field, format!("{} numbers: give at most {most}", numbers.0.len())));
            }
            finite(field, &numbers.0)?;
        }
        if self.rotate_params.is_some() && self.degrees.is_some() {
            return Err(Invalid::new("degrees", "give rotate_params (radians) or degrees, not both"));
        }
        if self.scale_params.as_ref().is_some_and(|s| s.0.contains(&0.0)) {
            return Err(Invalid::new("scale_params", "0 leaves nothing of an axis: use 1 to keep it"));
        }
        check_order(&self.rotate_order)?;
        if let Some(size) = &self.spatial_size {
            size.by_axis("spatial_size")?;
        }
        match &self.matrix {
            Some(rows) => self.check_matrix(rows),
            None => self.check_parameters(),
        }
    }

    fn transform(self) -> Transform {
        Transform::Spatial(Box::new(self))
    }
}

impl Affine {
    fn check_matrix(&self, rows: &[[f64; 4]; 4]) -> Result<(), Invalid> {
        if self.frame.is_none() {
            return Err(Invalid::new("frame", "set the frame of the matrix: frame: RAS or frame: LPS"));
        }
        if self.reference.is_some() && self.spatial_size.is_some() {
            return Err(Invalid::new("spatial_size", "reference sets the shape: leave spatial_size out"));
        }
        finite("matrix", rows.as_flattened())?;
        if rows[3] != [0.0, 0.0, 0.0, 1.0] {
            return Err(Invalid::new("matrix", format!("the last row is {:?}, not [0, 0, 0, 1]", rows[3])));
        }
        if !Map::from_rows([rows[0], rows[1], rows[2]]).is_regular() {
            return Err(Invalid::new("matrix", "the matrix cannot be inverted: it flattens space"));
        }
        Ok(())
    }

    fn check_parameters(&self) -> Result<(), Invalid> {
        let needs_matrix = [
            ("frame", self.frame.is_some()),
            ("reference", self.reference.is_some()),
            ("maps", !self.maps.is_default()),
        ];
        if let Some((field, _)) = needs_matrix.into_iter().find(|(_, given)| *given) {
            return Err(Invalid::new(field, "works with matrix or file only"));
        }
        if ![false, true].into_iter().all(|planar| self.parameters(planar).is_regular()) {
            return Err(Invalid::new("shear_params", "the map cannot be inverted: it flattens space"));
        }
        Ok(())
    }

    /// The map by parameters: from indices after to indices before, both counted from the middle.
    fn parameters(&self, planar: bool) -> Map {
        let turn = angles(self.rotate_params.as_ref(), self.degrees.as_ref()).unwrap_or_default();
        let in_plane = planar && turn.len() == 1;
        let mut map = if in_plane { rotation("Z", &turn) } else { rotation(&self.rotate_order, &turn) };
        if let Some(factors) = &self.shear_params {
            // One shear after another; the first is applied first.
            let in_plane = planar && factors.0.len() <= 2;
            let places = if in_plane { IN_PLANE } else { [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)] };
            let shear = places.into_iter().zip(&factors.0).fold(Map::IDENTITY, |done, ((row, column), factor)| {
                let mut linear = Map::IDENTITY.linear();
                linear[row][column] = *factor;
                Map::from_linear(linear, [0.0; 3]).after(&done)
            });
            map = map.after(&shear);
        }
        let numbers = |given: &Option<RealVector>, missing: f64| {
            [0, 1, 2].map(|a| given.as_ref().and_then(|g| g.get(a)).unwrap_or(missing))
        };
        map.after(&Map::translation_by(numbers(&self.translate_params, 0.0)))
            .after(&Map::scaling(numbers(&self.scale_params, 1.0)))
    }

    fn shape(&self, grid: &Grid) -> Result<[usize; 3], PlanError> {
        let now = grid.shape();
        let Some(size) = &self.spatial_size else { return Ok(now) };
        let size = sizes("spatial_size", size, grid)?;
        Ok([0, 1, 2].map(|a| if size[a] < 1 { now[a] } else { size[a] as usize }))
    }
}

impl SpatialTransform for Affine {
    fn plan(&self, grid: &Grid, evidence: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        let (n, shape) = (grid.shape(), self.shape(grid)?);
        let Some([a, b, c, _]) = self.matrix else {
            let after = grid.affine().after(&about_middles(&self.parameters(grid.is_planar()), n, shape));
            return resample(grid, Grid::new(shape, after)?);
        };
        let frame = self.frame.unwrap_or(WorldFrame::Ras);
        let matrix = frame.map_to_ras(&Map::from_rows([a, b, c]));
        let map = match self.maps {
            Maps::OutputToInput => matrix,
            // `check` has seen that it can be inverted.
            Maps::InputToOutput => matrix.inverse().unwrap_or(Map::IDENTITY),
        };
        let target = match &self.reference {
            Some(key) => *evidence.reference.ok_or_else(|| PlanError::MissingInput(key.clone()))?,
            None => Grid::new(shape, grid.affine().after(&about_middles(&Map::IDENTITY, n, shape)))?,
        };
        let after = Grid::new(target.shape(), map.after(target.affine()))?;
        // On the grid of a reference a 2-D volume becomes what that is.
        if self.reference.is_some() && !target.is_planar() {
            return Ok(resample_onto(grid, after));
        }
        resample(grid, after)
    }

    fn sources(&self) -> Sources<'_> {
        let grid = |of| Sources::Grid { of, aligns: true };
        self.reference.as_deref().map_or(Sources::Nothing, grid)
    }

    fn resampling(&self) -> Resampling<'_> {
        Resampling {
            interpolation: self.interpolation.as_ref(),
            padding: self.padding.as_ref(),
            default_padding: if self.matrix.is_some() { Padding::Minimum } else { Padding::Reflection },
            boundary: self.boundary.map_or(Boundary::Mirror, |b| b.0),
            samples: true,
            ..Resampling::default().smoothed(self.anti_alias)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn step(value: serde_json::Value) -> Affine {
        let affine: Affine = serde_json::from_value(value).unwrap();
        affine.check().unwrap();
        affine
    }

    #[test]
    fn a_matrix_maps_points_of_the_result_to_points_of_the_volume() {
        let grid = Grid::new([8, 9, 10], Map::scaling([1.0, 2.0, 3.0]).with_translation([-4.0, 5.0, 6.0])).unwrap();
        let rows = json!([[0, -1, 0, 10], [1, 0, 0, 20], [0, 0, 1, 30], [0, 0, 0, 1]]);
        let after = |json| match &step(json).plan(&grid, &Evidence::default()).unwrap()[..] {
            [GridOp::Resample { grid }] => *grid,
            ops => panic!("{ops:?}"),
        };
        let first = after(json!({ "matrix": rows, "frame": "RAS" }));
        // The first voxel of the result, at (-4, 5, 6), shows what lies at (-5 + 10, -4 + 20, 6 + 30).
        assert_eq!(first.origin(), [5.0, 16.0, 36.0]);
        // In LPS the same numbers map (4, -5, 6) to (5 + 10, 4 + 20, 36), which is (-15, -24, 36) in RAS.
        assert_eq!(after(json!({ "matrix": rows, "frame": "LPS" })).origin(), [-15.0, -24.0, 36.0]);
        let moved = after(json!({ "matrix": rows, "frame": "RAS", "maps": "input_to_output" }));
        let there = Map::from_rows([[0., -1., 0., 10.], [1., 0., 0., 20.], [0., 0., 1., 30.]]).apply(moved.origin());
        assert!(revoxel_core::affine::distance(there, grid.origin()) < 1e-12);
    }

    #[test]
    fn parameters_that_make_no_sense_are_refused() {
        fn t(value: serde_json::Value, field: &str, part: &str) {
            let affine: Affine = serde_json::from_value(value).unwrap();
            let error = affine.check().unwrap_err();
            assert!(error.field == field && error.problem.contains(part), "{error:?}");
        }
        let rows = json!([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]);
        t(json!({ "scale_params": [1, 0, 1] }), "scale_params", "0 leaves nothing");
        t(json!({ "rotate_params": [1, 2, 3, 4] }), "rotate_params", "at most 3");
        t(json!({ "rotate_params": 1, "degrees": 1 }), "degrees", "not both");
        t(json!({ "rotate_order": "XXY" }), "rotate_order", "not an order");
        t(json!({ "reference": "ct" }), "reference", "matrix or file only");
        t(json!({ "maps": "input_to_output" }), "maps", "matrix or file only");
        t(json!({ "matrix": rows }), "frame", "frame: RAS");
        t(json!({ "matrix": rows, "frame": "RAS", "degrees": 3 }), "degrees", "not both");
        t(json!({ "matrix": rows, "frame": "RAS", "reference": "ct", "spatial_size": 3 }), "spatial_size", "leave");
        let with = |row: usize, value: serde_json::Value| {
            let mut rows = rows.clone();
            rows[row] = value;
            json!({ "matrix": rows, "frame": "RAS" })
        };
        t(with(3, json!([0, 0, 1, 1])), "matrix", "last row");
        t(with(1, json!([2, 0, 0, 5])), "matrix", "cannot be inverted");
        t(json!({ "file": "a.tfm" }), "file", "files cannot be read");
    }
}
