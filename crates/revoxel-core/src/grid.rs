//! Where the voxels of a volume lie in the patient.

use std::fmt;

use crate::{Affine, IndexBox, Orientation, SignedPermutation};

/// A shape and the affine from voxel indices to world millimetres (RAS+). The only description of where voxels lie.
///
/// A grid is always valid: at least one voxel along each axis, a voxel count that fits in memory addressing, an
/// affine that is finite and can be inverted.
///
/// The grid of a 2-D file has one slice and remembers that its file has two axes ([`is_planar`](Self::is_planar)).
/// Two grids are equal where shape and affine are: how many axes a file has does not say where voxels lie.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    shape: [usize; 3],
    affine: Affine,
    planar: bool,
}

impl PartialEq for Grid {
    fn eq(&self, other: &Self) -> bool {
        self.shape == other.shape && self.affine == other.affine
    }
}

/// Why a shape and an affine are not a valid grid.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GridError {
    /// An axis has no voxels.
    #[error("the shape {0:?} has an axis without voxels")]
    EmptyAxis([usize; 3]),
    /// The voxel count overflows.
    #[error("the shape {0:?} has more voxels than can be addressed")]
    TooLarge([usize; 3]),
    /// The affine has a NaN or an infinity.
    #[error("the affine has a value that is not a finite number: {0}")]
    NotFinite(Box<AffineText>),
    /// The affine cannot be inverted.
    #[error("the affine is singular (a voxel axis is zero, or the axes lie in one plane): {0}")]
    Singular(Box<AffineText>),
    /// An op would turn a 2-D volume into several slices, or its slice axis into the plane.
    #[error("the volume is 2-D, and {0}")]
    Planar(&'static str),
}

/// The rows of an affine, for messages.
#[derive(Clone, Debug, PartialEq)]
pub struct AffineText(pub Affine);

impl fmt::Display for AffineText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c] = self.0.rows();
        write!(f, "[{a:?}, {b:?}, {c:?}]")
    }
}

impl Grid {
    /// A grid of this shape (voxels along axis 0, 1, 2) and affine (index → RAS+ mm).
    ///
    /// # Errors
    /// If an axis is empty, the voxel count overflows, or the affine is singular or not finite.
    pub fn new(shape: [usize; 3], affine: Affine) -> Result<Self, GridError> {
        if shape.contains(&0) {
            return Err(GridError::EmptyAxis(shape));
        }
        let count = shape[0].checked_mul(shape[1]).and_then(|n| n.checked_mul(shape[2]));
        if count.is_none_or(|n| n > (isize::MAX as usize) / 16) {
            return Err(GridError::TooLarge(shape));
        }
        if !affine.is_finite() {
            return Err(GridError::NotFinite(Box::new(AffineText(affine))));
        }
        if affine.inverse().is_none_or(|inverse| !inverse.is_finite()) {
            return Err(GridError::Singular(Box::new(AffineText(affine))));
        }
        Ok(Self { shape, affine, planar: false })
    }

    /// A grid whose world is its index space: 1 mm voxels, origin 0, RAS. Callers must request it by this name.
    ///
    /// # Errors
    /// If the shape is empty or overflows.
    pub fn without_geometry(shape: [usize; 3]) -> Result<Self, GridError> {
        Self::new(shape, Affine::IDENTITY)
    }

    /// The same grid, marked as that of a 2-D file: axes 0 and 1 are the file's, axis 2 is the slice axis. A grid of
    /// several slices does not change.
    #[must_use]
    pub const fn planar(self) -> Self {
        Self { planar: self.shape[2] == 1, ..self }
    }

    /// The same grid, marked as 2-D if `other` is and this grid has one slice, else not marked.
    #[must_use]
    pub const fn planar_like(self, other: &Self) -> Self {
        Self { planar: other.planar && self.shape[2] == 1, ..self }
    }

    /// Whether this is the grid of a 2-D file: it has one slice, and the file does not have axis 2.
    pub const fn is_planar(&self) -> bool {
        self.planar
    }

    /// How many axes a file of this grid has: 2 or 3.
    pub const fn axes(&self) -> usize {
        if self.planar { 2 } else { 3 }
    }

    /// Voxels along axis 0, 1, 2.
    pub const fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The map from voxel index to RAS+ millimetres.
    pub const fn affine(&self) -> &Affine {
        &self.affine
    }

    /// How many voxels the grid has.
    pub const fn voxel_count(&self) -> usize {
        self.shape[0] * self.shape[1] * self.shape[2]
    }

    /// All indices of the grid.
    pub const fn index_box(&self) -> IndexBox {
        IndexBox::of_shape(self.shape)
    }

    /// Distance between neighbouring voxel centres along each axis, mm.
    pub fn spacing(&self) -> [f64; 3] {
        self.affine.spacing()
    }

    /// [`spacing`](Self::spacing) as the header of a file gives it, mm: without the rounding noise of the columns,
    /// about 1e-7 of the size. For rules that round to whole voxels or have a threshold.
    pub fn nominal_spacing(&self) -> [f64; 3] {
        self.spacing().map(crate::nominal::nominal)
    }

    /// World position of the centre of voxel (0, 0, 0), RAS+ mm.
    pub fn origin(&self) -> [f64; 3] {
        self.affine.translation()
    }

    /// The orientation closest to the affine.
    pub fn orientation(&self) -> Orientation {
        Orientation::closest(&self.affine)
    }

    /// The permutation and flips that turn the axes into an orientation; see [`Orientation::turn`].
    pub fn turn_to(&self, target: &Orientation) -> SignedPermutation {
        Orientation::turn(&self.affine, target)
    }

    /// The volume of one voxel, mm³; also correct for sheared grids.
    pub fn voxel_volume(&self) -> f64 {
        self.affine.determinant().abs()
    }

    /// World position (RAS+ mm) of a continuous voxel index.
    pub fn index_to_world(&self, index: [f64; 3]) -> [f64; 3] {
        self.affine.apply(index)
    }

    /// The map from RAS+ millimetres to continuous voxel indices.
    pub fn world_to_index(&self) -> Affine {
        // A grid cannot be made with a singular affine.
        self.affine.inverse().unwrap_or(Affine::IDENTITY)
    }

    /// The map from this grid's indices to the indices of `other` at the same place in the world.
    pub fn index_map_to(&self, other: &Self) -> Affine {
        if self.affine == other.affine {
            return Affine::IDENTITY;
        }
        // Solved relative to the other's origin, so that large world coordinates cost no digits.
        let (a, b) = (self.origin(), other.origin());
        let relative = self.affine.with_translation([a[0] - b[0], a[1] - b[1], a[2] - b[2]]);
        let inverse = other.affine.with_translation([0.0; 3]).inverse().unwrap_or(Affine::IDENTITY);
        inverse.after(&relative)
    }

    /// Indices of the eight corner voxels' centres; axis 0 varies fastest.
    pub fn corner_indices(&self) -> [[f64; 3]; 8] {
        self.corners_between([0.0; 3], self.shape.map(|n| (n - 1) as f64))
    }

    /// World positions (RAS+ mm) of the eight corner voxels' **centres**; axis 0 varies fastest.
    pub fn corner_centres(&self) -> [[f64; 3]; 8] {
        self.corner_indices().map(|c| self.affine.apply(c))
    }

    /// World positions (RAS+ mm) of the eight corners of the volume's **outer faces**, half a voxel beyond the
    /// centres; axis 0 varies fastest.
    pub fn outer_corners(&self) -> [[f64; 3]; 8] {
        self.corners_between([-0.5; 3], self.shape.map(|n| n as f64 - 0.5)).map(|c| self.affine.apply(c))
    }

    /// World positions (RAS+ mm) of the corners of the first slice, in the middle of its thickness; each appears
    /// twice.
    pub(crate) fn corners_in_slice(&self) -> [[f64; 3]; 8] {
        let [x, y, _] = self.shape.map(|n| n as f64 - 0.5);
        self.corners_between([-0.5, -0.5, 0.0], [x, y, 0.0]).map(|c| self.affine.apply(c))
    }

    /// The axis-aligned world box (RAS+ mm) around the outer faces: lowest and highest corner.
    pub fn bounds(&self) -> ([f64; 3], [f64; 3]) {
        bounds_of(&self.outer_corners())
    }

    fn corners_between(&self, low: [f64; 3], high: [f64; 3]) -> [[f64; 3]; 8] {
        std::array::from_fn(|bits| [0, 1, 2].map(|a| if bits >> a & 1 == 0 { low[a] } else { high[a] }))
    }
}

/// The lowest and highest coordinate along each axis of some points.
pub fn bounds_of(points: &[[f64; 3]]) -> ([f64; 3], [f64; 3]) {
    let mut low = [f64::INFINITY; 3];
    let mut high = [f64::NEG_INFINITY; 3];
    for p in points {
        for axis in 0..3 {
            low[axis] = low[axis].min(p[axis]);
            high[axis] = high[axis].max(p[axis]);
        }
    }
    (low, high)
}

impl fmt::Display for Grid {
    /// One line: shape, spacing, orientation, and the origin in RAS.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ([x, y, z], s, o) = (self.shape, self.spacing(), self.origin());
        if self.planar {
            write!(f, "{x}×{y} (2-D)")?;
        } else {
            write!(f, "{x}×{y}×{z}")?;
        }
        write!(f, ", {:.4}×{:.4}×{:.4} mm, {}, ", s[0], s[1], s[2], self.orientation())?;
        write!(f, "origin RAS ({:.3}, {:.3}, {:.3}) mm", o[0], o[1], o[2])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_grid_is_refused() {
        let scale = Affine::scaling;
        assert!(matches!(Grid::new([3, 0, 3], Affine::IDENTITY), Err(GridError::EmptyAxis(_))));
        assert!(matches!(Grid::new([1 << 40, 1 << 40, 1], Affine::IDENTITY), Err(GridError::TooLarge(_))));
        assert!(matches!(Grid::new([2; 3], scale([1., 0., 1.])), Err(GridError::Singular(_))));
        assert!(matches!(Grid::new([2; 3], scale([1., f64::INFINITY, 1.])), Err(GridError::NotFinite(_))));
        assert!(matches!(Grid::new([2; 3], scale([1e-200, 1e-200, 1e-200])), Err(GridError::Singular(_))));
    }

    #[test]
    fn a_grid_remembers_that_its_file_is_flat() {
        let solid = Grid::new([4, 3, 1], Affine::scaling([1.1, 0.9, 5.0])).unwrap();
        let flat = solid.planar();
        assert!(flat.is_planar() && !solid.is_planar() && flat == solid);
        assert_eq!((flat.axes(), solid.axes()), (2, 3));
        assert!(!Grid::without_geometry([4, 3, 2]).unwrap().planar().is_planar());
        assert!(solid.planar_like(&flat).is_planar() && !flat.planar_like(&solid).is_planar());
        assert_eq!(flat.to_string(), "4×3 (2-D), 1.1000×0.9000×5.0000 mm, RAS, origin RAS (0.000, 0.000, 0.000) mm");
    }

    #[test]
    fn corners_and_bounds_are_half_a_voxel_apart() {
        let grid = Grid::new([3, 4, 5], Affine::scaling([2., -1., 1.]).with_translation([10., 0., 0.])).unwrap();
        assert_eq!(grid.corner_centres()[7], [14., -3., 4.]);
        assert_eq!(grid.bounds(), ([9., -3.5, -0.5], [15., 0.5, 4.5]));
        assert_eq!(grid.voxel_volume(), 2.0);
        assert_eq!(grid.to_string(), "3×4×5, 2.0000×1.0000×1.0000 mm, RPS, origin RAS (10.000, 0.000, 0.000) mm");
    }
}
