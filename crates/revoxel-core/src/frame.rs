//! World frames: RAS+ inside the program, LPS+ at the edges.

use crate::Affine;

/// A patient-based world frame. The letters name the **positive** end of the x, y and z axes.
///
/// Everything inside revoxel is [`Frame::Ras`]; DICOM, ITK, NRRD and MetaImage write LPS. This is the only place that
/// changes the signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// x to the right, y to the anterior, z to the superior (NIfTI, nibabel, MONAI).
    Ras,
    /// x to the left, y to the posterior, z to the superior (DICOM, ITK, SimpleITK).
    Lps,
}

impl Frame {
    /// Converts a point of this frame to RAS+ millimetres; the map is its own inverse.
    pub fn point_to_ras(self, p: [f64; 3]) -> [f64; 3] {
        match self {
            Self::Ras => p,
            // `0.0 - v` and not `-v`: no negative zeros in what people read.
            Self::Lps => [0.0 - p[0], 0.0 - p[1], p[2]],
        }
    }

    /// Converts a RAS+ point to this frame.
    pub fn point_from_ras(self, p: [f64; 3]) -> [f64; 3] {
        self.point_to_ras(p)
    }

    /// Converts an index → world affine of this frame to an index → RAS+ affine; the map is its own inverse.
    pub fn affine_to_ras(self, affine: &Affine) -> Affine {
        match self {
            Self::Ras => *affine,
            Self::Lps => {
                let rows = affine.rows();
                Affine::from_rows([rows[0].map(|v| 0.0 - v), rows[1].map(|v| 0.0 - v), rows[2]])
            }
        }
    }

    /// Converts an index → RAS+ affine to an index → world affine of this frame.
    pub fn affine_from_ras(self, affine: &Affine) -> Affine {
        self.affine_to_ras(affine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lps_negates_x_and_y_and_is_its_own_inverse() {
        assert_eq!(Frame::Lps.point_to_ras([1., 2., 3.]), [-1., -2., 3.]);
        let a = Affine::from_rows([[1., 2., 3., 4.], [5., 6., 7., 8.], [9., 10., 11., 12.]]);
        let ras = Frame::Lps.affine_to_ras(&a);
        assert_eq!(ras.rows()[1], [-5., -6., -7., -8.]);
        assert_eq!(Frame::Lps.affine_from_ras(&ras), a);
        assert_eq!(Frame::Ras.affine_to_ras(&a), a);
    }
}
