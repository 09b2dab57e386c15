//! Where the axes of a file lie after grid ops.

use revoxel_core::{Affine, Grid, GridOp, SignedPermutation};

/// The effect of an op on the axes of a volume.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Move {
    /// Axes are exchanged and reversed; every voxel is kept.
    Turn(SignedPermutation),
    /// A box of indices is taken; the part beyond the volume is padding.
    Window {
        /// First index.
        start: [i64; 3],
        /// Voxels along each axis.
        shape: [usize; 3],
    },
    /// Voxels are interpolated.
    Resample {
        /// The axis along which each axis of the result runs; `None` if the axes do not line up.
        axes: Option<SignedPermutation>,
        /// Voxels along each axis of the result.
        shape: [usize; 3],
    },
    /// Points of the world move.
    Warp,
}

/// Axes line up if no index moves across them by more than this, in voxels.
const ALONG: f64 = 1e-3;

impl Move {
    /// The effect of an op on a grid; `None` if the op changes nothing.
    pub fn of(op: &GridOp, before: &Grid) -> Option<Self> {
        match op {
            GridOp::Reorient(turn) => (!turn.is_identity()).then_some(Self::Turn(*turn)),
            GridOp::Window { start, shape } => {
                (*start != [0; 3] || *shape != before.shape()).then_some(Self::Window { start: *start, shape: *shape })
            }
            GridOp::Resample { grid } => (grid != before).then(|| Self::resample(&grid.index_map_to(before), grid)),
            GridOp::Reslice { grid, .. } => {
                Some(Self::Resample { axes: Some(SignedPermutation::IDENTITY), shape: grid.shape() })
            }
            _ => Some(Self::Warp),
        }
    }

    fn resample(to_before: &Affine, grid: &Grid) -> Self {
        let mut source = [0; 3];
        let mut flipped = [false; 3];
        let mut aligned = true;
        for axis in 0..3 {
            let column = to_before.column(axis);
            let largest = (0..3).max_by(|a, b| column[*a].abs().total_cmp(&column[*b].abs())).unwrap_or(axis);
            let across = (0..3).filter(|row| *row != largest).map(|row| column[row].abs()).fold(0.0, f64::max);
            aligned &= across * grid.shape()[axis] as f64 <= ALONG;
            (source[axis], flipped[axis]) = (largest, column[largest] < 0.0);
        }
        let axes = SignedPermutation::new(source, flipped).filter(|_| aligned);
        Self::Resample { axes, shape: grid.shape() }
    }
}

/// Where the axes of a source lie in a result, and which of its voxels remain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AxisMap {
    source: [usize; 3],
    shape: [usize; 3],
    /// By axis of the source: the axis of the result.
    to: [usize; 3],
    /// By axis of the source: 1, or −1 if the result runs backwards.
    sign: [i64; 3],
    /// By axis of the source: the position of its index 0.
    offset: [i64; 3],
    /// By axis of the source: the first remaining index, and one past the last.
    left: [[i64; 2]; 3],
    /// Whether voxels were only moved, and none interpolated.
    pub(crate) exact: bool,
    /// Whether each axis of the result runs along one of the source.
    pub(crate) aligned: bool,
    /// Whether points of the world were moved.
    pub(crate) warped: bool,
}

impl AxisMap {
    pub(crate) fn of(source: [usize; 3], moves: &[Move]) -> Self {
        let mut map = Self {
            source,
            shape: source,
            to: [0, 1, 2],
            sign: [1; 3],
            offset: [0; 3],
            left: source.map(|n| [0, n as i64]),
            exact: true,
            aligned: true,
            warped: false,
        };
        moves.iter().for_each(|step| map.push(step));
        map
    }

    fn push(&mut self, step: &Move) {
        match *step {
            Move::Turn(turn) => self.turn(&turn),
            Move::Window { start, shape } => {
                for axis in 0..3 {
                    let along = self.to[axis];
                    self.offset[axis] -= start[along];
                    let ends = [0, shape[along] as i64 - 1].map(|end| self.sign[axis] * (end - self.offset[axis]));
                    let [low, high] = self.left[axis];
                    self.left[axis] = [low.max(ends[0].min(ends[1])), high.min(ends[0].max(ends[1]) + 1)];
                }
                self.shape = shape;
            }
            Move::Resample { axes, shape } => {
                self.exact = false;
                match axes {
                    Some(turn) => self.turn(&turn),
                    None => self.aligned = false,
                }
                self.shape = shape;
            }
            Move::Warp => (self.exact, self.warped) = (false, true),
        }
    }

    fn turn(&mut self, turn: &SignedPermutation) {
        let back = turn.inverse();
        for axis in 0..3 {
            let before = self.to[axis];
            // The inverse names, for each axis before, the axis after.
            self.to[axis] = back.source(before);
            if back.flipped(before) {
                self.sign[axis] = -self.sign[axis];
                self.offset[axis] = self.shape[before] as i64 - 1 - self.offset[axis];
            }
        }
        self.shape = turn.permute(self.shape);
    }

    /// Whether every voxel is where it was.
    pub(crate) fn is_identity(&self) -> bool {
        self.exact && !self.turns() && self.offset == [0; 3] && self.shape == self.source
    }

    /// Whether axes were exchanged or reversed.
    pub(crate) fn turns(&self) -> bool {
        self.to != [0, 1, 2] || self.sign != [1; 3]
    }

    /// Voxels along each axis of the source.
    pub(crate) const fn source(&self) -> [usize; 3] {
        self.source
    }

    /// Voxels along each axis of the result.
    pub(crate) const fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The axis of the result along an axis of the source.
    pub(crate) const fn to(&self, axis: usize) -> usize {
        self.to[axis]
    }

    /// The axis of the source along an axis of the result.
    pub(crate) fn from(&self, axis: usize) -> usize {
        (0..3).find(|source| self.to[*source] == axis).unwrap_or(axis)
    }

    /// Whether the result runs backwards along an axis of the source.
    pub(crate) const fn reversed(&self, axis: usize) -> bool {
        self.sign[axis] < 0
    }

    /// The position of a plane of the source in the result.
    pub(crate) const fn index(&self, axis: usize, plane: i64) -> i64 {
        self.sign[axis] * plane + self.offset[axis]
    }

    /// The first remaining plane of the source along an axis, and one past the last.
    pub(crate) const fn left(&self, axis: usize) -> [i64; 2] {
        self.left[axis]
    }

    /// Converts a vector along the axes of the source to the axes of the result.
    pub(crate) fn vector(&self, v: [f64; 3]) -> [f64; 3] {
        [0, 1, 2].map(|axis| {
            let source = self.from(axis);
            if self.reversed(source) { 0.0 - v[source] } else { v[source] }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::testing::Draw;

    #[test]
    fn planes_go_where_the_grid_says() {
        let mut draw = Draw::new(41);
        for round in 0..200 {
            let source = draw.grid(9);
            let mut grid = source;
            let mut moves = Vec::new();
            for turn in SignedPermutation::all().skip(round % 48).take(3) {
                let [x, y, z] = grid.shape();
                let window = GridOp::Window { start: [1, -2, 0], shape: [x + 1, y + 1, z.max(2) - 1] };
                for op in [GridOp::Reorient(turn), window] {
                    moves.extend(Move::of(&op, &grid));
                    grid = op.after(&grid).unwrap();
                }
            }
            let map = AxisMap::of(source.shape(), &moves);
            assert_eq!((map.shape(), map.exact, map.aligned), (grid.shape(), true, true));
            let index = [0, 1, 2].map(|axis| source.shape()[axis] as i64 / 2);
            let there = [0, 1, 2].map(|axis| map.index(map.from(axis), index[map.from(axis)]));
            let (a, b) = (source.index_to_world(index.map(|v| v as f64)), grid.index_to_world(there.map(|v| v as f64)));
            assert!(revoxel_core::affine::distance(a, b) < 1e-6, "{moves:?}");
            let step = |grid: &Grid, v: [f64; 3]| {
                let (o, p) = (grid.index_to_world([0.0; 3]), grid.index_to_world(v));
                [0, 1, 2].map(|i| p[i] - o[i])
            };
            let v = [0.5, -1.0, 2.0];
            assert!(revoxel_core::affine::distance(step(&source, v), step(&grid, map.vector(v))) < 1e-6);
        }
    }

    #[test]
    fn what_was_cut_away_stays_away() {
        let window = |start, shape| Move::Window { start: [0, 0, start], shape: [4, 4, shape] };
        let flip = Move::Turn(SignedPermutation::flips([false, false, true]));
        let map = AxisMap::of([4, 4, 10], &[window(2, 8), flip, window(-3, 12)]);
        assert_eq!((map.left(2), map.index(2, 2)), ([2, 10], 10));
        assert_eq!(AxisMap::of([4, 4, 10], &[window(-1, 12), window(3, 5)]).left(2), [2, 7]);
        assert!(AxisMap::of([4, 4, 10], &[window(-1, 12), window(1, 10)]).is_identity());
        assert!(AxisMap::of([4, 4, 10], &[flip, flip]).is_identity());
    }

    #[test]
    fn resampling_keeps_the_axes_that_line_up() {
        let before = Grid::new([8, 9, 10], Affine::scaling([1.0, 2.0, 3.0])).unwrap();
        let turned = Affine::from_rows([[0.0, -2.0, 0.0, 16.0], [1.5, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]);
        let op = GridOp::Resample { grid: Grid::new([12, 4, 30], turned).unwrap() };
        let axes = SignedPermutation::new([1, 0, 2], [false, true, false]);
        assert_eq!(Move::of(&op, &before), Some(Move::Resample { axes, shape: [12, 4, 30] }));
        let oblique = Affine::from_rows([[1.0, 0.1, 0.0, 0.0], [-0.1, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]);
        let op = GridOp::Resample { grid: Grid::new([8, 9, 10], oblique).unwrap() };
        assert_eq!(Move::of(&op, &before), Some(Move::Resample { axes: None, shape: [8, 9, 10] }));
        assert_eq!(Move::of(&GridOp::Resample { grid: before }, &before), None);
    }
}
