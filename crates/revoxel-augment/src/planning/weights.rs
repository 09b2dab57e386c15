//! Voxels that are drawn in proportion to what they hold.

use revoxel_core::{Voxel, parallel};

/// The voxel between the first and last `middles` by axis before which a share of the sum of the weights lies; `None`
/// where all are 0. Each plane is summed in the order of memory, and then the planes, whatever the threads.
pub(crate) fn by_weight<T: Voxel>(
    weights: &[T],
    [nx, ny, _]: [usize; 3],
    [x, y, z]: [(usize, usize); 3],
    share: f64,
) -> Result<Option<[usize; 3]>, String> {
    if let Some(first) = parallel::position(weights, |w| !(w.to_f64() >= 0.0 && w.to_f64().is_finite())) {
        let index = [first % nx, first / nx % ny, first / (nx * ny)];
        return Err(format!("the weight {} at {index:?} is not a finite number of 0 or more", weights[first].to_f64()));
    }
    let row = |y: usize, z: usize| {
        let first = nx * (y + ny * z);
        weights[first + x.0..=first + x.1].iter().map(|w| w.to_f64())
    };
    let plane = |z: usize| (y.0..=y.1).flat_map(|y| row(y, z)).fold(0.0, |sum, w| sum + w);
    let planes = parallel::map(z.0..=z.1, plane);
    let total: f64 = planes.iter().fold(0.0, |sum, p| sum + p);
    if !total.is_finite() {
        return Err("the sum of its weights is too large: divide all of them by one number".to_owned());
    }
    if total <= 0.0 {
        return Ok(None);
    }
    let target = share * total;
    let (mut before, mut chosen) = (0.0, None);
    for (number, sum) in planes.iter().enumerate().filter(|(_, sum)| **sum > 0.0) {
        chosen = Some((number + z.0, target - before));
        before += sum;
        if before > target {
            break;
        }
    }
    let Some((z, rest)) = chosen else { return Ok(None) };
    let (mut sum, mut last) = (0.0, None);
    for y in y.0..=y.1 {
        for (x, weight) in (x.0..).zip(row(y, z)).filter(|(_, w)| *w > 0.0) {
            sum += weight;
            last = Some([x, y, z]);
            if sum > rest {
                return Ok(last);
            }
        }
    }
    // The sums are rounded: what lies after the last voxel is the last voxel's.
    Ok(last)
}
