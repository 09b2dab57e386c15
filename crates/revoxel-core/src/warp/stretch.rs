//! Warps that stretch and squeeze each axis, and their inverse.

use super::WarpError;

/// The most nodes along an axis.
pub const MOST_NODES: usize = 1 << 16;

/// A piecewise linear, rising map for each axis. The voxel at the first number of a node shows what lies at the second
/// number. The outermost pieces continue beyond the first and the last node.
#[derive(Clone, Debug, PartialEq)]
pub struct Stretch {
    nodes: [Vec<[f64; 2]>; 3],
}

impl Stretch {
    /// A stretch by its nodes along axis 0, 1, 2: an index, and the index that is shown there.
    ///
    /// # Errors
    /// If an axis has less than two nodes or too many, or they do not increase.
    pub fn new(nodes: [Vec<[f64; 2]>; 3]) -> Result<Self, WarpError> {
        let rises = |pair: &[[f64; 2]]| {
            let steps = [pair[1][0] - pair[0][0], pair[1][1] - pair[0][1]];
            let slope = steps[1] / steps[0];
            steps.iter().all(|s| s.is_finite() && *s > 0.0) && slope.is_finite() && slope > 0.0
        };
        let good = |axis: &Vec<[f64; 2]>| (2..=MOST_NODES).contains(&axis.len()) && axis.windows(2).all(rises);
        match nodes.iter().position(|axis| !good(axis)) {
            Some(axis) => Err(WarpError::Nodes(axis)),
            None => Ok(Self { nodes }),
        }
    }

    /// The nodes along axis 0, 1, 2.
    pub const fn nodes(&self) -> &[Vec<[f64; 2]>; 3] {
        &self.nodes
    }

    pub(super) fn apply(&self, index: [f64; 3]) -> [f64; 3] {
        [0, 1, 2].map(|a| along(&self.nodes[a], index[a], [0, 1]))
    }

    pub(super) fn apply_back(&self, index: [f64; 3]) -> [f64; 3] {
        [0, 1, 2].map(|a| along(&self.nodes[a], index[a], [1, 0]))
    }
}

/// Maps a number from one column of the nodes to the other.
fn along(nodes: &[[f64; 2]], at: f64, [from, to]: [usize; 2]) -> f64 {
    let end = nodes.partition_point(|node| node[from] <= at).clamp(1, nodes.len() - 1);
    let (a, b) = (nodes[end - 1], nodes[end]);
    a[to] + (at - a[from]) * (b[to] - a[to]) / (b[from] - a[from])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis() -> Vec<[f64; 2]> {
        vec![[0.0, 0.0], [2.0, 3.0], [4.0, 4.0], [7.0, 10.0]]
    }

    #[test]
    fn pieces_are_straight_and_the_outermost_go_on() {
        let t = |at: f64, expected: f64| {
            assert_eq!(along(&axis(), at, [0, 1]), expected, "{at}");
            assert_eq!(along(&axis(), expected, [1, 0]), at, "back from {expected}");
        };
        t(0.0, 0.0);
        t(1.0, 1.5);
        t(2.0, 3.0);
        t(3.0, 3.5);
        t(6.0, 8.0);
        t(-2.0, -3.0);
        t(8.0, 12.0);
    }

    #[test]
    fn what_cannot_be_undone_is_refused() {
        let t = |nodes: Vec<[f64; 2]>| assert_eq!(Stretch::new([axis(), nodes, axis()]), Err(WarpError::Nodes(1)));
        t(Vec::new());
        t(vec![[0.0, 0.0]]);
        t(vec![[0.0, 0.0], [1.0, 0.0]]);
        t(vec![[0.0, 0.0], [1.0, 2.0], [2.0, 1.0]]);
        t(vec![[0.0, 0.0], [0.0, 1.0]]);
        t(vec![[0.0, 0.0], [1.0, f64::NAN]]);
        t(vec![[0.0, 0.0], [1.0, f64::INFINITY]]);
        t(vec![[0.0, 0.0], [1e-300, 1e300]]);
        t((0..=MOST_NODES).map(|n| [n as f64; 2]).collect());
    }
}
