//! The 48 anatomical orientations and the one closest to an affine.

use std::fmt;
use std::str::FromStr;

use crate::{Affine, SignedPermutation, polar};

/// Which way each voxel axis points in the patient, such as `RAS` or `PIR`.
///
/// A letter names the direction its axis points **to**, as in nibabel and MONAI: `RAS` means that the first index
/// grows to the right, the second to the front, the third to the head.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Orientation {
    /// For each voxel axis: world axis (0 = R/L, 1 = A/P, 2 = S/I).
    world: [usize; 3],
    /// For each voxel axis: whether it runs against the world axis (L, P or I).
    negative: [bool; 3],
}

const LETTERS: [[char; 2]; 3] = [['R', 'L'], ['A', 'P'], ['S', 'I']];

impl Orientation {
    /// The canonical orientation of nibabel and MONAI.
    pub const RAS: Self = Self { world: [0, 1, 2], negative: [false; 3] };
    /// The orientation of an axial DICOM slice stack, feet first.
    pub const LPS: Self = Self { world: [0, 1, 2], negative: [true, true, false] };

    /// All 48 orientations.
    pub fn all() -> impl Iterator<Item = Self> {
        SignedPermutation::all()
            .map(|p| Self { world: [0, 1, 2].map(|a| p.source(a)), negative: [0, 1, 2].map(|a| p.flipped(a)) })
    }

    /// The orientation closest to an index → RAS+ affine.
    ///
    /// The rule is nibabel's `io_orientation`: of the rotation nearest to the affine's direction, the axis that is
    /// most clearly aligned chooses its world axis first (the earlier axis at a tie), then the next. If an axis lies
    /// at exactly 45°, the last bits of the rotation decide, so they are computed exactly as in nibabel.
    pub fn closest(affine: &Affine) -> Self {
        let mut rotation = polar::nearest_rotation(affine.direction());
        let strength = [0, 1, 2].map(|axis| (0..3).map(|row| rotation[row][axis].powi(2)).fold(0.0, f64::max));
        let mut order = [0, 1, 2];
        order.sort_by(|a, b| strength[*b].total_cmp(&strength[*a]));
        let mut orientation = Self::RAS;
        for axis in order {
            let mut world = 0;
            for row in 1..3 {
                if rotation[row][axis].abs() > rotation[world][axis].abs() {
                    world = row;
                }
            }
            orientation.world[axis] = world;
            orientation.negative[axis] = rotation[world][axis] < 0.0;
            rotation[world] = [0.0; 3];
        }
        orientation
    }

    /// The permutation and flips that turn voxels on `affine` into `target`. Turning twice is turning once.
    ///
    /// At a tie, [`closest`](Self::closest) depends on the order of the axes, so axes that were turned into `target`
    /// can have other letters. They are turned again until the letters are those of `target`, like calling nibabel
    /// again. A few affines with two ties return to themselves after several turns; they stay as they are.
    pub fn turn(affine: &Affine, target: &Self) -> SignedPermutation {
        let mut ways = vec![SignedPermutation::IDENTITY];
        loop {
            let way = ways[ways.len() - 1];
            let next = way.then(&Self::closest(&permuted(affine, &way)).to(target));
            if next == way {
                return way;
            }
            // Those that were met once more are a circle: who begins on it stays, others go to where they enter it.
            if ways.contains(&next) {
                return next;
            }
            ways.push(next);
        }
    }

    /// The permutation and flips that turn voxels of this orientation into `target`.
    pub fn to(&self, target: &Self) -> SignedPermutation {
        let mut source = [0; 3];
        let mut flipped = [false; 3];
        for axis in 0..3 {
            for from in 0..3 {
                if self.world[from] == target.world[axis] {
                    source[axis] = from;
                    flipped[axis] = self.negative[from] != target.negative[axis];
                }
            }
        }
        SignedPermutation::new(source, flipped).unwrap_or(SignedPermutation::IDENTITY)
    }

    /// The map from RAS+ world coordinates to world coordinates in this anatomical system: for `LPS` it negates x and
    /// y, for `IAR` the first coordinate grows towards the feet, the second to the front, the third to the right.
    pub fn world_from_ras(&self) -> Affine {
        let mut linear = [[0.0; 3]; 3];
        for axis in 0..3 {
            linear[axis][self.world[axis]] = if self.negative[axis] { -1.0 } else { 1.0 };
        }
        Affine::from_linear(linear, [0.0; 3])
    }

    /// Which world axis (0 = x, 1 = y, 2 = z) a voxel axis runs along.
    pub const fn world_axis(&self, axis: usize) -> usize {
        self.world[axis]
    }

    /// The letter of a voxel axis: the direction it points **to**.
    pub const fn letter(&self, axis: usize) -> char {
        LETTERS[self.world[axis]][self.negative[axis] as usize]
    }
}

/// The affine of the same voxels with the axes in another order.
fn permuted(affine: &Affine, order: &SignedPermutation) -> Affine {
    let linear = affine.linear().map(|row| {
        [0, 1, 2].map(|axis| {
            let entry = row[order.source(axis)];
            if order.flipped(axis) { -entry } else { entry }
        })
    });
    Affine::from_linear(linear, [0.0; 3])
}

impl fmt::Display for Orientation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.letter(0), self.letter(1), self.letter(2))
    }
}

impl fmt::Debug for Orientation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The axis codes are not one of the 48 orientations.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an orientation: use three letters, one each of R/L, A/P and S/I, such as RAS or LPS")]
pub struct OrientationError(pub String);

impl FromStr for Orientation {
    type Err = OrientationError;

    fn from_str(codes: &str) -> Result<Self, Self::Err> {
        let error = || OrientationError(codes.to_owned());
        let letters: Vec<char> = codes.chars().map(|c| c.to_ascii_uppercase()).collect();
        let [a, b, c] = letters[..] else { return Err(error()) };
        let mut orientation = Self::RAS;
        for (axis, letter) in [a, b, c].into_iter().enumerate() {
            let world = LETTERS.iter().position(|pair| pair.contains(&letter)).ok_or_else(error)?;
            orientation.world[axis] = world;
            orientation.negative[axis] = LETTERS[world][1] == letter;
        }
        SignedPermutation::new(orientation.world, orientation.negative).map(|_| orientation).ok_or_else(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_parse_and_print() {
        for orientation in Orientation::all() {
            assert_eq!(orientation.to_string().parse::<Orientation>().unwrap(), orientation);
        }
        assert_eq!("ras".parse::<Orientation>().unwrap(), Orientation::RAS);
        for bad in ["", "RA", "RRS", "RLS", "XYZ", "RASS"] {
            assert!(bad.parse::<Orientation>().is_err(), "{bad}");
        }
    }

    #[test]
    fn permutations_lead_from_any_orientation_to_any_other() {
        for from in Orientation::all() {
            for to in Orientation::all() {
                assert_eq!(from.to(&to).then(&to.to(&from)), SignedPermutation::IDENTITY);
            }
        }
    }

    #[test]
    fn a_diagonal_affine_is_read_off_its_signs() {
        fn t(rows: [[f64; 4]; 3], expected: &str) {
            assert_eq!(Orientation::closest(&Affine::from_rows(rows)).to_string(), expected);
        }
        t([[1., 0., 0., 0.], [0., 1., 0., 0.], [0., 0., 1., 0.]], "RAS");
        t([[-0.7, 0., 0., 0.], [0., -0.7, 0., 0.], [0., 0., 1.5, 0.]], "LPS");
        t([[0., 0., 1.2, 0.], [-1., 0., 0., 0.], [0., -1., 0., 0.]], "PIR");
    }
}
