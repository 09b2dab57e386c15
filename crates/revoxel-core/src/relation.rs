//! How two grids relate: equal, equal up to noise, or at different places.

use std::fmt;

use crate::affine::distance;
use crate::{Affine, Grid};

/// How well two grids agree; ordered from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Agreement {
    /// Bit for bit the same shape and affine.
    Identical,
    /// Same shape, and every corner within a thousandth of a voxel.
    Noise,
    /// Same shape at another place: usually a damaged or missing header.
    HeaderDiffers,
    /// Another shape, overlapping in the world.
    OtherGrid,
    /// No overlap in the world.
    Disjoint,
}

impl Agreement {
    /// The name as printed and as written in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identical => "identical",
            Self::Noise => "noise",
            Self::HeaderDiffers => "header_differs",
            Self::OtherGrid => "other_grid",
            Self::Disjoint => "disjoint",
        }
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The relation of two grids, with the distance that shows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Relation {
    /// The class.
    pub agreement: Agreement,
    /// The largest distance between corresponding outer corners, mm.
    pub worst_corner_mm: f64,
    /// The same distance in voxels of the finer grid (its smallest spacing).
    pub worst_corner_voxels: f64,
}

/// Corners closer than this many voxels of the finer grid count as the same place.
pub const NOISE_VOXELS: f64 = 1e-3;

impl Relation {
    /// How `a` and `b` relate. Symmetric. Two 2-D grids are compared in the middle of their slices, as not every file
    /// of two axes says how thick they are.
    pub fn between(a: &Grid, b: &Grid) -> Self {
        let axes = a.axes().max(b.axes());
        let outer = |grid: &Grid| if axes == 2 { grid.corners_in_slice() } else { grid.outer_corners() };
        let corners = outer(a).into_iter().zip(outer(b));
        let worst_corner_mm = corners.map(|(p, q)| distance(p, q)).fold(0.0, f64::max);
        let finest = [a, b].into_iter().flat_map(|grid| grid.spacing().into_iter().take(axes));
        let finest = finest.fold(f64::INFINITY, f64::min);
        let worst_corner_voxels = worst_corner_mm / finest;
        let agreement = if a == b {
            Agreement::Identical
        } else if a.shape() == b.shape() && worst_corner_voxels < NOISE_VOXELS {
            Agreement::Noise
        } else if !overlap(a, b) {
            Agreement::Disjoint
        } else if a.shape() == b.shape() {
            Agreement::HeaderDiffers
        } else {
            Agreement::OtherGrid
        };
        Self { agreement, worst_corner_mm, worst_corner_voxels }
    }

    /// Whether the grids may be treated as one.
    pub fn agrees(&self) -> bool {
        self.agreement <= Agreement::Noise
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { agreement, worst_corner_mm: mm, worst_corner_voxels: voxels } = self;
        write!(f, "{agreement}: corners up to {mm:.4} mm ({voxels:.4} voxels) apart")
    }
}

/// Whether two parallelepipeds share a volume: no plane separates them (separating axis theorem; the candidate
/// normals are those of the faces and the cross products of the edges).
fn overlap(a: &Grid, b: &Grid) -> bool {
    let edges = |g: &Affine| [0, 1, 2].map(|axis| g.column(axis));
    let (ea, eb) = (edges(a.affine()), edges(b.affine()));
    let mut normals = Vec::with_capacity(15);
    for e in [&ea, &eb] {
        normals.extend([cross(e[0], e[1]), cross(e[1], e[2]), cross(e[2], e[0])]);
    }
    for p in &ea {
        normals.extend(eb.iter().map(|q| cross(*p, *q)));
    }
    let (ca, cb) = (a.outer_corners(), b.outer_corners());
    normals.into_iter().filter(|n| n.iter().any(|v| v.abs() > 1e-12)).all(|n| {
        let span = |corners: &[[f64; 3]; 8]| {
            let along = corners.map(|c| c[0] * n[0] + c[1] * n[1] + c[2] * n[2]);
            (
                along.iter().copied().fold(f64::INFINITY, f64::min),
                along.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            )
        };
        let ((a_low, a_high), (b_low, b_high)) = (span(&ca), span(&cb));
        a_low < b_high && b_low < a_high
    })
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(shape: [usize; 3], by: f64) -> Grid {
        let turn = Affine::from_linear([[0.8, -0.6, 0.], [0.6, 0.8, 0.], [0., 0., 2.]], [by, 0., 0.]);
        Grid::new(shape, turn).unwrap()
    }

    #[test]
    fn relations_are_classified_by_the_farthest_corner() {
        fn t(a: &Grid, b: &Grid, expected: Agreement, mm: f64) {
            for r in [Relation::between(a, b), Relation::between(b, a)] {
                assert_eq!(r.agreement, expected);
                assert!((r.worst_corner_mm - mm).abs() < 1e-9, "{r}");
            }
        }
        let base = moved([10, 12, 8], 0.0);
        t(&base, &base, Agreement::Identical, 0.0);
        t(&base, &moved([10, 12, 8], 1e-5), Agreement::Noise, 1e-5);
        t(&base, &moved([10, 12, 8], 4.0), Agreement::HeaderDiffers, 4.0);
        t(&base, &moved([10, 12, 8], 400.0), Agreement::Disjoint, 400.0);
        assert_eq!(Relation::between(&base, &moved([9, 12, 8], 0.0)).agreement, Agreement::OtherGrid);
    }

    #[test]
    fn the_thickness_of_flat_grids_does_not_count() {
        let grid = |thickness: f64| {
            let linear = [[0.8, -0.6, 0.], [0.6, 0.8, 0.], [0., 0., thickness]];
            Grid::new([24, 20, 1], Affine::from_linear(linear, [3., -4., 5.])).unwrap()
        };
        let (thin, thick) = (grid(0.01), grid(5.0));
        let relation = Relation::between(&thin.planar(), &thick.planar());
        assert_eq!((relation.agreement, relation.worst_corner_mm), (Agreement::Noise, 0.0));
        assert_eq!(Relation::between(&thin, &thick.planar()).agreement, Agreement::HeaderDiffers);
        let moved = Grid::new([24, 20, 1], thick.affine().with_translation([3., -3., 5.])).unwrap().planar();
        let relation = Relation::between(&thin.planar(), &moved);
        assert_eq!((relation.worst_corner_mm, relation.worst_corner_voxels), (1.0, 1.0));
    }

    #[test]
    fn oblique_neighbours_whose_bounds_overlap_are_disjoint() {
        let turn = |x: f64| {
            let h = std::f64::consts::FRAC_1_SQRT_2;
            let linear = [[h, -h, 0.], [h, h, 0.], [0., 0., 1.]];
            Grid::new([100, 10, 5], Affine::from_linear(linear, [x, 0., 0.])).unwrap()
        };
        assert_eq!(Relation::between(&turn(0.0), &turn(20.0)).agreement, Agreement::Disjoint);
        assert_eq!(Relation::between(&turn(0.0), &turn(10.0)).agreement, Agreement::HeaderDiffers);
    }
}
