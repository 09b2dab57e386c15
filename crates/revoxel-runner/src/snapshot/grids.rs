//! The grids that a snapshot is made on: the built-in ones, or those of files.

use std::collections::BTreeMap;

use revoxel_core::{Affine, Dtype, Grid, Kind};
use revoxel_pipeline::Pipeline;
use revoxel_transforms::Sources;

/// What is known of an input of a made-up case before its voxels are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Source {
    /// Where its voxels lie.
    pub grid: Grid,
    /// The voxel type of images; label maps have the smallest that holds their labels.
    pub dtype: Dtype,
    /// The channels; `None` where nobody says.
    pub channels: Option<usize>,
}

/// A made-up case: its inputs by key.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// Its name, which random steps draw by.
    pub name: String,
    /// What it stands for.
    pub about: String,
    /// The inputs that it has.
    pub inputs: BTreeMap<String, Source>,
}

/// A grid that every snapshot knows.
struct BuiltIn {
    name: &'static str,
    about: &'static str,
    shape: [usize; 3],
    spacing: [f64; 3],
    /// Direction of each axis before the turn: the world axis, and the sign.
    axes: [(usize, f64); 3],
    /// The turn, as a quaternion of whole numbers.
    turn: [i32; 4],
    /// How far, in mm, a slice lies from where it would without gantry tilt.
    tilt: [f64; 2],
    dtype: Dtype,
    planar: bool,
}

const BUILT_IN: [BuiltIn; 4] = [
    BuiltIn {
        name: "ct-axial",
        about: "axial CT, LPS, 0.8 × 0.8 × 3 mm, oblique",
        shape: [64, 56, 32],
        spacing: [0.8, 0.8, 3.0],
        axes: [(0, -1.0), (1, -1.0), (2, 1.0)],
        turn: [20, 1, -2, 1],
        tilt: [0.0, 0.0],
        dtype: Dtype::I16,
        planar: false,
    },
    BuiltIn {
        name: "mr-sagittal",
        about: "sagittal MR, PIR, 1 × 1 × 1.2 mm, oblique",
        shape: [52, 60, 40],
        spacing: [1.0, 1.0, 1.2],
        axes: [(1, -1.0), (2, -1.0), (0, 1.0)],
        turn: [24, -1, 1, 2],
        tilt: [0.0, 0.0],
        dtype: Dtype::U16,
        planar: false,
    },
    BuiltIn {
        name: "ct-tilted",
        about: "CT with gantry tilt (sheared), RAS, 0.5 × 0.6 × 5.1 mm",
        shape: [96, 72, 20],
        spacing: [0.5, 0.6, 5.0],
        axes: [(0, 1.0), (1, 1.0), (2, 1.0)],
        turn: [1, 0, 0, 0],
        tilt: [0.3, 1.1],
        dtype: Dtype::I16,
        planar: false,
    },
    BuiltIn {
        name: "slice-2d",
        about: "2-D image, RAS, 0.7 × 0.9 mm, oblique",
        shape: [72, 60, 1],
        spacing: [0.7, 0.9, 5.0],
        axes: [(0, 1.0), (1, 1.0), (2, 1.0)],
        turn: [15, 1, 1, -2],
        tilt: [0.0, 0.0],
        dtype: Dtype::U8,
        planar: true,
    },
];

/// The middle of each built-in grid, RAS+ mm.
const MIDDLE: [f64; 3] = [3.0, -2.0, 4.0];

impl BuiltIn {
    /// The grid with so many times its voxels along each axis.
    fn grid(&self, times: usize) -> Grid {
        let shape = [0, 1, 2].map(|axis| if self.shape[axis] == 1 { 1 } else { self.shape[axis] * times });
        let turn = turn(self.turn);
        let mut linear = [[0.0; 3]; 3];
        for (axis, (world, sign)) in self.axes.into_iter().enumerate() {
            for row in 0..3 {
                linear[row][axis] = turn[row][world] * sign * self.spacing[axis];
            }
        }
        linear[0][2] += self.tilt[0];
        linear[1][2] += self.tilt[1];
        grid_around(shape, linear, self.planar)
    }
}

/// A grid whose middle is [`MIDDLE`].
fn grid_around(shape: [usize; 3], linear: [[f64; 3]; 3], planar: bool) -> Grid {
    let affine = Affine::from_linear(linear, [0.0; 3]);
    let middle = affine.apply_vector(shape.map(|n| (n - 1) as f64 / 2.0));
    let affine = affine.with_translation([0, 1, 2].map(|axis| MIDDLE[axis] - middle[axis]));
    let grid = Grid::new(shape, affine).unwrap_or_else(|e| unreachable!("built-in grids are regular: {e}"));
    if planar { grid.planar() } else { grid }
}

/// The rotation of a quaternion: of whole numbers, divided once, so that it is the same on every machine.
fn turn([a, b, c, d]: [i32; 4]) -> [[f64; 3]; 3] {
    let n = a * a + b * b + c * c + d * d;
    let rows = [
        [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
        [2 * (b * c + a * d), a * a - b * b + c * c - d * d, 2 * (c * d - a * b)],
        [2 * (b * d - a * c), 2 * (c * d + a * b), a * a - b * b - c * c + d * d],
    ];
    rows.map(|row| row.map(|v| f64::from(v) / f64::from(n)))
}

/// The names of the built-in grids, with what they stand for.
pub fn built_in() -> impl Iterator<Item = (&'static str, &'static str)> {
    BUILT_IN.iter().map(|grid| (grid.name, grid.about))
}

/// A made-up case on a built-in grid of so many times its voxels. Inputs that may have a grid of their own have one,
/// unless `shared`; optional inputs are left out unless `optional`.
pub(super) fn subject(pipeline: &Pipeline, name: &str, times: usize, shared: bool, optional: bool) -> Option<Subject> {
    let built_in = BUILT_IN.iter().find(|grid| grid.name == name)?;
    let grid = built_in.grid(times);
    let first = first_image(pipeline);
    let source = |key: &str| {
        let elsewhere = !shared && first != Some(key) && has_own_grid(pipeline, key);
        Source { grid: if elsewhere { other(&grid) } else { grid }, dtype: built_in.dtype, channels: None }
    };
    let inputs = pipeline.inputs.iter().filter(|input| optional || !input.optional);
    let inputs = inputs.map(|input| (input.key.clone(), source(&input.key))).collect();
    Some(Subject { name: name.to_owned(), about: built_in.about.to_owned(), inputs })
}

/// The input whose grid is the case's: the first image, or the first input.
pub(super) fn first_image(pipeline: &Pipeline) -> Option<&str> {
    pipeline.inputs.iter().min_by_key(|input| input.kind != Kind::Image).map(|input| input.key.as_str())
}

/// Whether an input may lie elsewhere than the first image: it says so, or a step puts it there.
pub(super) fn has_own_grid(pipeline: &Pipeline, key: &str) -> bool {
    let aligned = pipeline
        .steps
        .iter()
        .filter(|step| step.keys.iter().any(|k| k == key))
        .any(|step| matches!(step.transform.sources(), Sources::Grid { aligns: true, .. }));
    aligned || pipeline.input(key).is_some_and(|input| input.own_grid)
}

/// Another grid over the same place: axes exchanged and reversed, larger voxels.
fn other(grid: &Grid) -> Grid {
    let ([nx, ny, nz], [dx, dy, dz]) = (grid.shape(), [0, 1, 2].map(|axis| grid.affine().column(axis)));
    let (shape, columns) = match grid.is_planar() {
        true => ([nx.div_ceil(2), ny, 1], [dx.map(|v| 2.0 * v), dy.map(|v| -v), dz]),
        false => ([nz, nx.div_ceil(2), ny], [dz.map(|v| -v), dx.map(|v| 2.0 * v), dy]),
    };
    let linear = [0, 1, 2].map(|row| columns.map(|column| column[row]));
    grid_around(shape, linear, grid.is_planar())
}

/// A smaller field of view with the same voxels: at most so many along each axis, around the middle of the first image.
/// Inputs on other grids show the same place.
pub(super) fn field(pipeline: &Pipeline, subject: &Subject, most: usize) -> Subject {
    let first = first_image(pipeline).filter(|key| subject.inputs.contains_key(*key));
    let Some(reference) = first.map(|key| subject.inputs[key].grid).or(subject.inputs.values().next().map(|s| s.grid))
    else {
        return subject.clone();
    };
    let middle = |grid: &Grid| {
        let shape = grid.shape().map(|n| n.min(most));
        ([0, 1, 2].map(|axis| (grid.shape()[axis] - shape[axis]) / 2), shape)
    };
    let (start, shape) = middle(&reference);
    let kept = window(&reference, start, shape);
    let place = |grid: &Grid| {
        if grid == &reference {
            return kept;
        }
        let map = kept.index_map_to(grid);
        let corners = kept.corner_indices().map(|corner| map.apply(corner));
        let ends = |axis: usize| {
            let low = corners.iter().map(|c| c[axis]).fold(f64::INFINITY, f64::min).floor().max(0.0);
            let high = corners.iter().map(|c| c[axis]).fold(f64::NEG_INFINITY, f64::max).ceil();
            (low, high.min(grid.shape()[axis] as f64 - 1.0))
        };
        let ends = [0, 1, 2].map(ends);
        // Where the two do not meet, the middle of this one is as good as any place.
        let (start, shape) = match ends.iter().all(|(low, high)| low <= high) {
            true => (ends.map(|(low, _)| low as usize), ends.map(|(low, high)| (high - low) as usize + 1)),
            false => middle(grid),
        };
        window(grid, start, shape.map(|n| n.min(2 * most)))
    };
    let inputs = subject.inputs.iter().map(|(key, s)| (key.clone(), Source { grid: place(&s.grid), ..*s })).collect();
    Subject { inputs, ..subject.clone() }
}

/// A part of a grid.
fn window(grid: &Grid, start: [usize; 3], shape: [usize; 3]) -> Grid {
    if start == [0; 3] && shape == grid.shape() {
        return *grid;
    }
    let origin = grid.index_to_world(start.map(|i| i as f64));
    let part = Grid::new(shape, grid.affine().with_translation(origin));
    part.map_or(*grid, |part| part.planar_like(grid))
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_transforms::Registry;

    fn pipeline(text: &str) -> Pipeline {
        Pipeline::parse("p.yaml", text, &[], &Registry::basic()).unwrap()
    }

    const TWO: &str = "version: 1\ninputs:\n  mr: { kind: image, path: \"{case}.nii\" }\n  pet: { kind: image, path: \"{case}_p.nii\", grid: own, optional: true }\nsteps: []\noutputs: {}\ntrace: t/{case}.json\n";

    #[test]
    fn built_in_grids_are_what_they_say() {
        let found: Vec<(String, bool, f64)> = BUILT_IN
            .iter()
            .map(|b| {
                let grid = b.grid(1);
                (grid.orientation().to_string(), grid.is_planar(), grid.affine().shear())
            })
            .collect();
        let letters: Vec<&str> = found.iter().map(|f| f.0.as_str()).collect();
        assert_eq!(letters, ["LPS", "PIR", "RAS", "RAS"]);
        assert_eq!(found.iter().map(|f| f.1).collect::<Vec<_>>(), [false, false, false, true]);
        assert!(found[2].2 > 0.1 && [0, 1, 3].iter().all(|i| found[*i].2 < 1e-12), "{found:?}");
        for b in &BUILT_IN {
            let (spacing, tilt) = (b.grid(1).spacing(), b.tilt.iter().any(|t| *t != 0.0));
            let wanted = if tilt { [0.5, 0.6, (0.3f64 * 0.3 + 1.1 * 1.1 + 25.0).sqrt()] } else { b.spacing };
            assert!((0..3).all(|a| (spacing[a] - wanted[a]).abs() < 1e-12), "{}: {spacing:?}", b.name);
            assert!(b.grid(2).voxel_count() > b.grid(1).voxel_count());
            // No axis of the oblique ones lies along the world's.
            assert!(tilt || (0..3).all(|a| b.grid(1).affine().column(a).iter().all(|v| *v != 0.0)));
        }
    }

    #[test]
    fn inputs_of_their_own_grid_have_one() {
        let pipeline = pipeline(TWO);
        let t = |shared, optional| subject(&pipeline, "ct-axial", 1, shared, optional).unwrap().inputs;
        assert_ne!(t(false, true)["mr"].grid, t(false, true)["pet"].grid);
        assert_eq!(t(true, true)["mr"].grid, t(true, true)["pet"].grid);
        assert_eq!(t(false, false).len(), 1);
        assert!(subject(&pipeline, "none", 1, true, true).is_none());
    }

    #[test]
    fn a_smaller_field_shows_the_same_place() {
        let pipeline = pipeline(TWO);
        let whole = subject(&pipeline, "ct-axial", 4, false, true).unwrap();
        let part = field(&pipeline, &whole, 64);
        let (mr, pet) = (&part.inputs["mr"].grid, &part.inputs["pet"].grid);
        assert_eq!(mr.shape(), [64, 64, 64]);
        assert_eq!(mr.affine().linear(), whole.inputs["mr"].grid.affine().linear());
        // Indices of the one in the other: the start of the window.
        let start = mr.index_map_to(&whole.inputs["mr"].grid).translation();
        assert!([96.0, 80.0, 32.0].iter().zip(start).all(|(a, b)| (a - b).abs() < 1e-9), "{start:?}");
        let (low, high) = mr.bounds();
        let (there_low, there_high) = pet.bounds();
        assert!((0..3).all(|a| there_low[a] < low[a] + 6.5 && there_high[a] > high[a] - 6.5), "{low:?} {there_low:?}");
        assert!(pet.voxel_count() < whole.inputs["pet"].grid.voxel_count());
        assert_eq!(field(&pipeline, &whole, 1000), whole);
    }
}
