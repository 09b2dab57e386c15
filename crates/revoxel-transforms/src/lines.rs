//! Work along the lines of an axis: filters, distances, Fourier transforms.

use rayon::prelude::*;

/// Calls `work` on every line of values along `axis`, with something of its own that `init` makes for each thread.
/// `data` holds any number of channels of `shape`, axis 0 fastest.
pub fn for_each_line<T: Copy + Default + Send + Sync, S>(
    data: &mut [T],
    shape: [usize; 3],
    axis: usize,
    init: impl Fn() -> S + Sync + Send,
    work: impl Fn(&mut S, &mut [T]) + Sync + Send,
) {
    let n = shape[axis];
    if axis == 0 {
        data.par_chunks_mut(n).for_each_init(init, |own, line| work(own, line));
        return;
    }
    let stride: usize = shape[..axis].iter().product();
    let mut lines = vec![T::default(); n * stride];
    for block in data.chunks_mut(n * stride) {
        lines.par_chunks_mut(n).enumerate().for_each_init(&init, |own, (first, line)| {
            for (i, value) in line.iter_mut().enumerate() {
                *value = block[first + i * stride];
            }
            work(own, line);
        });
        block.par_chunks_mut(stride).enumerate().for_each(|(i, row)| {
            for (first, value) in row.iter_mut().enumerate() {
                *value = lines[first * n + i];
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_run_along_their_axis() {
        let shape = [4, 3, 5];
        let values: Vec<i64> = (0..120).collect();
        for axis in 0..3 {
            let mut data = values.clone();
            // Each value becomes the step from the one before it.
            for_each_line(
                &mut data,
                shape,
                axis,
                || (),
                |(), line| {
                    for i in (1..line.len()).rev() {
                        line[i] -= line[i - 1];
                    }
                },
            );
            let stride = [1, 4, 12][axis];
            for (i, value) in data.into_iter().enumerate() {
                let first = i / stride % shape[axis] == 0;
                assert_eq!(value, if first { i as i64 } else { stride as i64 }, "axis {axis}, {i}");
            }
        }
    }
}
