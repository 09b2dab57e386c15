//! The label with the highest weight.

use revoxel_core::Voxel;

use crate::taps::{HALF, NO_CLOSEST};
use crate::{How, Interpolation, Ties};

/// The largest difference between weights that count as equal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Weighing(pub(crate) f64);

impl Weighing {
    /// For an interpolation of labels: if ties alternate, a position that counts as halfway gives equal weights.
    pub(crate) fn of(how: &How) -> Self {
        let alternates = how.interpolation == Interpolation::Label && how.ties == Ties::Alternate;
        Self(if alternates { 4.0 * HALF } else { 1e-9 })
    }
}

/// The label with the highest summed weight among the corners of a cell (axis 0 fastest). At a tie, it is the label of
/// the closest voxel if that is among them, else the lowest. The weights are those of the lower and the upper voxel
/// along each axis; `closest` says which of them is closest, 0 or 1. If it is [`NO_CLOSEST`] along any axis, the
/// lowest label wins a tie.
pub(crate) fn heaviest<T: Voxel>(
    corners: [T; 8],
    weights: [[f64; 2]; 3],
    weighing: Weighing,
    closest: impl FnOnce() -> [u8; 3],
) -> T {
    let mut labels = [(T::default(), 0.0f64); 8];
    let mut count = 0;
    for (corner, label) in corners.into_iter().enumerate() {
        let weight = weights[0][corner & 1] * weights[1][corner >> 1 & 1] * weights[2][corner >> 2];
        match labels[..count].iter_mut().find(|(l, _)| *l == label) {
            Some((_, sum)) => *sum += weight,
            None => {
                labels[count] = (label, weight);
                count += 1;
            }
        }
    }
    let labels = &labels[..count];
    let top = labels.iter().fold(0.0, |top, l| f64::max(top, l.1));
    let best = || labels.iter().filter(|l| l.1 > top - weighing.0).map(|l| l.0);
    let first = best().next().unwrap_or(corners[0]);
    if best().nth(1).is_none() {
        return first;
    }
    let closest = closest();
    if !closest.contains(&NO_CLOSEST) {
        let [x, y, z] = closest.map(usize::from);
        let closest = corners[x | y << 1 | z << 2];
        if best().any(|label| label == closest) {
            return closest;
        }
    }
    best().fold(first, |low, label| if label < low { label } else { low })
}
