//! Work along the lines of an axis: filters, distances, Fourier transforms.

use revoxel_core::parallel;

/// Calls `work` on every line of values along `axis`, with something of its own that `init` makes for each thread.
/// `data` holds any number of channels of `shape`, axis 0 fastest.
pub fn for_each_line<T: Copy + Default + Send + Sync, S: Send>(
    data: &mut [T],
    shape: [usize; 3],
    axis: usize,
    init: impl Fn() -> S + Sync + Send,
    work: impl Fn(&mut S, &mut [T]) + Sync + Send,
) {
    let n = shape[axis];
    let together = n * parallel::together(n);
    if axis == 0 {
        parallel::each_with(data.chunks_mut(together), init, |own, lines| {
            lines.chunks_mut(n).for_each(|line| work(own, line));
        });
        return;
    }
    let stride: usize = shape[..axis].iter().product();
    let across = |lines: &mut Vec<T>, block: &mut [T]| {
        lines.resize(block.len(), T::default());
        parallel::each_with(lines.chunks_mut(together).enumerate(), &init, |own, (number, lines)| {
            for (first, line) in (number * together / n..).zip(lines.chunks_mut(n)) {
                for (i, value) in line.iter_mut().enumerate() {
                    *value = block[first + i * stride];
                }
                work(own, line);
            }
        });
        parallel::each_row(block, stride, |i, row| {
            for (first, value) in row.iter_mut().enumerate() {
                *value = lines[first * n + i];
            }
        });
    };
    let blocks = data.chunks_mut(n * stride);
    if axis == 1 {
        // Small planes are an item each; the threads share large ones, too.
        parallel::each_with(blocks, Vec::new, across);
    } else {
        let mut lines = Vec::new();
        blocks.for_each(|block| across(&mut lines, block));
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
