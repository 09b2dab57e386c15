//! Affine maps of indices about the middle of a volume, put together as MONAI does.

use revoxel_core::{Affine, Grid, GridError};
use serde_json::Value;

use super::{Draws, Ranges};

/// Amounts that were drawn.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moves {
    rotate: Vec<f64>,
    shear: Vec<f64>,
    translate: Vec<f64>,
    scale: Vec<f64>,
}

impl Moves {
    /// Draws rotations, shears, translations and what is added to scales of 1, in this order.
    pub(crate) fn draw([rotate, shear, translate, scale]: [&Ranges; 4], draws: &mut Draws) -> Self {
        let [rotate, shear, translate, scale] = [rotate, shear, translate, scale].map(|ranges| ranges.draw(draws));
        Self { rotate, shear, translate, scale: scale.into_iter().map(|s| s + 1.0).collect() }
    }

    /// The amounts for the trace, beside others of the step.
    pub(crate) fn values(&self, mut others: Value) -> Value {
        let amounts = [&self.rotate, &self.shear, &self.translate, &self.scale];
        for (name, amounts) in ["rotate", "shear", "translate", "scale"].into_iter().zip(amounts) {
            others[name] = amounts.clone().into();
        }
        others
    }

    /// The map of a volume.
    pub(crate) fn map(&self) -> Affine {
        matrix(&self.rotate, &self.shear, &self.translate, &self.scale)
    }

    /// The map of a volume on a grid; on a 2-D one, that of its plane.
    pub(crate) fn map_of(&self, grid: &Grid) -> Affine {
        if grid.is_planar() { self.plane() } else { self.map() }
    }

    /// The map of a 2-D volume: the first angle turns in the plane, and the first two of the other numbers are about
    /// axes 0 and 1.
    fn plane(&self) -> Affine {
        let two = |list: &[f64]| list.iter().take(2).copied().collect();
        let (translate, scale) = (two(&self.translate), two(&self.scale));
        Self { translate, scale, ..self.clone() }.map_in_plane()
    }

    /// The map of the slices of a volume: a rotation in their plane, and shears of axis 0 by 1 and of axis 1 by 0.
    pub(crate) fn map_in_plane(&self) -> Affine {
        let get = |list: &[f64], k: usize| list.get(k).copied().unwrap_or(0.0);
        let shear = [get(&self.shear, 0), 0.0, get(&self.shear, 1)];
        matrix(&[0.0, 0.0, get(&self.rotate, 0)], &shear, &self.translate, &self.scale)
    }
}

/// Rotations (radians about axis 0, 1, 2), shears (of axis 0 by 1, 0 by 2, 1 by 0, 1 by 2, 2 by 0, 2 by 1), a
/// translation (voxels) and scales. A list that is too short leaves the rest as it is.
///
/// The map goes from the voxels of the result to those that they are taken from: scaled, moved, sheared (the first
/// shear first) and rotated (the last rotation first).
pub(crate) fn matrix(rotate: &[f64], shear: &[f64], translate: &[f64], scale: &[f64]) -> Affine {
    let mut map = Affine::IDENTITY;
    for (axis, angle) in rotate.iter().enumerate() {
        // The same bits on every machine.
        let (sin, cos) = libm::sincos(*angle);
        let (a, b) = [(1, 2), (2, 0), (0, 1)][axis.min(2)];
        map = map.after(&entries(&[(a, a, cos), (b, b, cos), (a, b, -sin), (b, a, sin)]));
    }
    let mut sheared = Affine::IDENTITY;
    for (amount, (row, column)) in shear.iter().zip([(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]) {
        sheared = entries(&[(row, column, *amount)]).after(&sheared);
    }
    let get = |list: &[f64], axis: usize, default: f64| list.get(axis).copied().unwrap_or(default);
    let moved = Affine::translation_by([0, 1, 2].map(|a| get(translate, a, 0.0)));
    let scaled = Affine::scaling([0, 1, 2].map(|a| get(scale, a, 1.0)));
    map.after(&sheared).after(&moved).after(&scaled)
}

/// The identity with other entries.
fn entries(changes: &[(usize, usize, f64)]) -> Affine {
    let mut linear = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    for (row, column, value) in changes {
        linear[*row][*column] = *value;
    }
    Affine::from_linear(linear, [0.0; 3])
}

/// The grid of the same shape whose voxels are taken from where `map`, about the middle of the volume, leads.
pub(crate) fn centred(grid: &Grid, map: &Affine) -> Result<Grid, GridError> {
    let middle = grid.shape().map(|n| (n as f64 - 1.0) / 2.0);
    let about = Affine::translation_by(middle).after(map).after(&Affine::translation_by(middle.map(|m| -m)));
    Grid::new(grid.shape(), grid.affine().after(&about))
}
