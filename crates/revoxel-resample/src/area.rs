//! Averages over boxes of whole voxels: the `area` mode of torch's `interpolate`, its adaptive average pooling.

use revoxel_core::{Grid, Volume, Voxel, Voxels, dispatch, parallel};

use crate::ResampleError;

/// The volume with the shape of `grid`, which must span the same extent with the same axes: each voxel is the mean of
/// all voxels that it touches, each counted as a whole. The result is float32, or float64 for float64 voxels.
///
/// # Errors
/// If the result cannot be built.
pub fn area(volume: &Volume, grid: &Grid) -> Result<Volume, ResampleError> {
    let (from, to, channels) = (volume.grid().shape(), grid.shape(), volume.channels());
    let voxels: Voxels = match volume.voxels() {
        Voxels::F64(v) => averaged(v, from, to, channels, |mean| mean).into(),
        other => dispatch!(other, v => averaged(v, from, to, channels, |mean| mean as f32).into()),
    };
    Ok(Volume::new(voxels, *grid, volume.kind(), channels)?)
}

/// The first voxel that voxel `i` of `to` touches, and one past the last.
fn touched(i: usize, from: usize, to: usize) -> (usize, usize) {
    (i * from / to, ((i + 1) * from).div_ceil(to))
}

fn averaged<T: Voxel, R: Copy + Default + Send>(
    values: &[T],
    from: [usize; 3],
    to: [usize; 3],
    channels: usize,
    round: impl Fn(f64) -> R + Sync,
) -> Vec<R> {
    let boxes = |a: usize| -> Vec<(usize, usize)> { (0..to[a]).map(|i| touched(i, from[a], to[a])).collect() };
    let [xs, ys, zs] = [boxes(0), boxes(1), boxes(2)];
    let mut out = vec![R::default(); to.iter().product::<usize>() * channels];
    // A row reads far more voxels than it has where it is coarse.
    let together = parallel::together(values.len() / (to[1] * to[2] * channels));
    let of_row = |line: usize, row: &mut [R]| {
        let ((y0, y1), (z0, z1)) = (ys[line % to[1]], zs[line / to[1] % to[2]]);
        let channel = line / (to[1] * to[2]);
        // The sums of the columns that the row touches, then of as many of them as each voxel does.
        let mut sums = vec![0.0; from[0]];
        for z in z0..z1 {
            for y in y0..y1 {
                let first = from[0] * (y + from[1] * (z + from[2] * channel));
                sums.iter_mut().zip(&values[first..first + from[0]]).for_each(|(sum, v)| *sum += v.to_f64());
            }
        }
        for (voxel, (x0, x1)) in row.iter_mut().zip(&xs) {
            let count = (x1 - x0) * (y1 - y0) * (z1 - z0);
            *voxel = round(sums[*x0..*x1].iter().sum::<f64>() / count as f64);
        }
    };
    parallel::each(out.chunks_mut(to[0] * together).enumerate(), |(block, rows)| {
        (block * together..).zip(rows.chunks_mut(to[0])).for_each(|(line, row)| of_row(line, row));
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::{Affine, Kind};

    #[test]
    fn voxels_are_means_of_all_that_they_touch() {
        let grid = Grid::new([5, 2, 1], Affine::scaling([1.0, 2.0, 3.0])).unwrap();
        let volume = Volume::new(vec![1u8, 2, 3, 4, 5, 11, 12, 13, 14, 15].into(), grid, Kind::Image, 1).unwrap();
        let t = |shape: [usize; 3], expected: &[f32]| {
            let to = Grid::new(shape, *grid.affine()).unwrap();
            let made = area(&volume, &to).unwrap();
            assert_eq!((made.voxels(), made.grid()), (&Voxels::from(expected.to_vec()), &to), "{shape:?}");
        };
        t([2, 2, 1], &[2.0, 4.0, 12.0, 14.0]);
        t([3, 1, 1], &[6.5, 8.0, 9.5]);
        t([7, 2, 1], &[1.0, 1.5, 2.5, 3.0, 3.5, 4.5, 5.0, 11.0, 11.5, 12.5, 13.0, 13.5, 14.5, 15.0]);
        t([5, 2, 2], &[1., 2., 3., 4., 5., 11., 12., 13., 14., 15., 1., 2., 3., 4., 5., 11., 12., 13., 14., 15.]);
    }
}
