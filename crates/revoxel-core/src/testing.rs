//! Grids, ops and volumes made from a number: oblique, sheared, mirrored and asymmetric, for tests of this and
//! other crates. The same number gives the same thing everywhere.

use crate::{Affine, Grid, GridOp, Kind, SignedPermutation, Stretch, Volume, Warp};

/// A small counter-based generator (splitmix64).
#[derive(Clone, Debug)]
pub struct Draw(u64);

impl Draw {
    /// A generator that starts from a number.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `low .. high`.
    pub fn real(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A whole number in `low ..= high`.
    pub fn int(&mut self, low: i64, high: i64) -> i64 {
        low + (self.bits() % (high - low + 1) as u64) as i64
    }

    /// A signed permutation.
    pub fn permutation(&mut self) -> SignedPermutation {
        let choice = self.int(0, 47) as usize;
        SignedPermutation::all().nth(choice).unwrap_or(SignedPermutation::IDENTITY)
    }

    /// An affine: rotated about all axes, anisotropic, mirrored half of the time, sheared half of the time, with
    /// its axes in any order.
    pub fn affine(&mut self) -> Affine {
        let mut linear = Affine::IDENTITY;
        for axis in 0..3 {
            let (sin, cos) = self.real(-0.6, 0.6).sin_cos();
            let (a, b) = ((axis + 1) % 3, (axis + 2) % 3);
            let mut turn = [[0.0; 3]; 3];
            turn[axis][axis] = 1.0;
            (turn[a][a], turn[a][b], turn[b][a], turn[b][b]) = (cos, -sin, sin, cos);
            linear = linear.after(&Affine::from_linear(turn, [0.0; 3]));
        }
        if self.int(0, 1) == 1 {
            let shear =
                [[1.0, self.real(-0.3, 0.3), self.real(-0.3, 0.3)], [0.0, 1.0, self.real(-0.3, 0.3)], [0., 0., 1.]];
            linear = linear.after(&Affine::from_linear(shear, [0.0; 3]));
        }
        linear = linear.after(&Affine::scaling([0; 3].map(|_| self.real(0.4, 3.0))));
        let turned = crate::ExactMap::reorient(self.permutation(), [1; 3]).affine();
        linear.after(&turned).with_translation([0; 3].map(|_| self.real(-200.0, 200.0)))
    }

    /// A grid of 1 to `most` voxels along each axis.
    pub fn grid(&mut self, most: i64) -> Grid {
        let shape = [0; 3].map(|_| self.int(1, most) as usize);
        let affine = self.affine();
        Grid::new(shape, affine).unwrap_or_else(|e| unreachable!("{e}"))
    }

    /// A grid near another: the same place roughly, other axes, spacing and shape. Oblique to it, or (`aligned`)
    /// with its axes along the other's.
    pub fn grid_near(&mut self, other: &Grid, aligned: bool) -> Grid {
        let shape = [0; 3].map(|_| self.int(1, 9) as usize);
        let centre = |n: [usize; 3]| n.map(|n| (n as f64 - 1.0) / 2.0);
        let scale = Affine::scaling([0; 3].map(|_| self.real(0.4, 2.0)));
        let turned = crate::ExactMap::reorient(self.permutation(), [1; 3]).affine();
        let linear = if aligned {
            other.affine().after(&turned).after(&scale)
        } else {
            other.affine().after(&self.affine().with_translation([0.0; 3])).after(&scale)
        };
        let (here, there) = (other.index_to_world(centre(other.shape())), linear.apply_vector(centre(shape)));
        let shift = [0, 1, 2].map(|a| here[a] - there[a] + self.real(-1.0, 1.0));
        Grid::new(shape, linear.with_translation(shift)).unwrap_or_else(|e| unreachable!("{e}"))
    }

    /// A window of a grid that shares voxels with it; it may stick out on every side.
    pub fn window(&mut self, grid: &Grid) -> GridOp {
        let n = grid.shape().map(|n| n as i64);
        let first = n.map(|n| self.int(-2, n - 1));
        let start = first;
        let shape = [0, 1, 2].map(|a| self.int((1 - first[a]).max(1), n[a] + 3 - first[a].min(0)) as usize);
        GridOp::Window { start, shape }
    }

    /// A warp around a grid with `share` of the steepness that can be undone: mostly a spline, else a stretch.
    pub fn warp(&mut self, grid: Grid, share: f64) -> Warp {
        if self.int(0, 2) == 0 {
            let nodes = grid.shape().map(|n| self.nodes(n as f64, share));
            return Warp::stretched(grid, Stretch::new(nodes).unwrap_or_else(|e| unreachable!("{e}")));
        }
        let points = [0; 3].map(|_| self.int(4, 8) as usize);
        let count = points.iter().product::<usize>();
        let mut all: Vec<[f64; 3]> = (0..count).map(|_| [0; 3].map(|_| self.real(-1.0, 1.0))).collect();
        let steepness = Warp::steepness(&grid, points, &all).unwrap_or_else(|e| unreachable!("{e}"));
        let factor = share * crate::warp::STEEPEST / steepness;
        all.iter_mut().for_each(|d| *d = d.map(|v| v * factor));
        Warp::new(grid, points, all).unwrap_or_else(|e| unreachable!("{e}"))
    }

    /// Nodes of a stretch over an axis, with steps of 1 ± `share`.
    fn nodes(&mut self, end: f64, share: f64) -> Vec<[f64; 2]> {
        let mut nodes = vec![[self.real(-2.0, 1.0), self.real(-2.0, 1.0)]];
        while let Some(&[at, shows]) = nodes.last()
            && (at < end || nodes.len() < 2)
        {
            let (width, step) = (self.real(1.0, 5.0), 1.0 + self.real(-0.8, 0.8) * share);
            nodes.push([at + width, shows + width * step]);
        }
        nodes
    }

    /// An op that can follow on a grid.
    pub fn op(&mut self, grid: &Grid) -> GridOp {
        match self.int(0, 4) {
            0 | 1 => GridOp::Reorient(self.permutation()),
            2 | 3 => self.window(grid),
            _ => {
                let aligned = self.int(0, 1) == 1;
                GridOp::Resample { grid: self.grid_near(grid, aligned) }
            }
        }
    }

    /// A volume of noise on a grid: int16 images, uint8 labels of 0 to 4, f32 for the rest.
    pub fn volume(&mut self, grid: Grid, kind: Kind, channels: usize) -> Volume {
        let count = grid.voxel_count() * channels;
        let voxels = match kind {
            Kind::Image => (0..count).map(|_| self.int(-1000, 3000) as i16).collect::<Vec<_>>().into(),
            Kind::Label => (0..count).map(|_| self.int(0, 4) as u8).collect::<Vec<_>>().into(),
            Kind::Probability | Kind::Logit => {
                (0..count).map(|_| self.real(0.0, 1.0) as f32).collect::<Vec<_>>().into()
            }
        };
        Volume::new(voxels, grid, kind, channels).unwrap_or_else(|e| unreachable!("{e}"))
    }
}
