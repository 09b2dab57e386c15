//! Runs of equal labels along axis 0: a label map has far fewer of them than voxels.

use revoxel_core::{Voxel, parallel};

/// Neighbouring voxels of a line along axis 0 that hold the same label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Run {
    /// First index along axis 0.
    pub start: u32,
    /// One past the last.
    pub end: u32,
    /// The label.
    pub label: f64,
}

impl Run {
    /// How many voxels it has.
    pub const fn voxels(&self) -> u64 {
        (self.end - self.start) as u64
    }
}

/// The runs of one channel in the order of the voxels.
#[derive(Debug)]
pub struct Runs {
    /// All runs.
    pub runs: Vec<Run>,
    /// Where the runs of each line (axis 1 fastest, then axis 2) begin in `runs`, and the total.
    pub lines: Vec<usize>,
    /// Voxels along each axis.
    pub shape: [usize; 3],
}

impl Runs {
    /// The runs of what `keep` does not refuse. Voxels that are no number are in no run.
    pub fn of<T: Voxel>(values: &[T], shape: [usize; 3], keep: impl Fn(f64) -> bool + Sync) -> Self {
        let [nx, ny, _] = shape;
        // A block of lines by thread and task; blocks are joined in order.
        let blocks: Vec<(Vec<Run>, Vec<usize>)> = parallel::map(values.chunks(nx * ny), |plane| {
            let (mut runs, mut counts) = (Vec::new(), Vec::with_capacity(ny));
            for line in plane.chunks(nx) {
                let before = runs.len();
                split(line, &keep, &mut runs);
                counts.push(runs.len() - before);
            }
            (runs, counts)
        });
        let mut lines = Vec::with_capacity(values.len() / nx.max(1) + 1);
        let mut total = 0;
        for count in blocks.iter().flat_map(|(_, counts)| counts) {
            lines.push(total);
            total += count;
        }
        lines.push(total);
        let mut runs = Vec::with_capacity(total);
        for (block, _) in blocks {
            runs.extend(block);
        }
        Self { runs, lines, shape }
    }

    /// The runs between the runs, as if everything else held one label: the complement, inside the box of indices
    /// `low .. high` (`shape` stays that of the box).
    pub fn complement(&self, label: f64, low: [usize; 3], high: [usize; 3]) -> Self {
        let shape = [0, 1, 2].map(|a| high[a] - low[a]);
        let (mut runs, mut lines) = (Vec::new(), Vec::with_capacity(shape[1] * shape[2] + 1));
        for z in low[2]..high[2] {
            for y in low[1]..high[1] {
                lines.push(runs.len());
                let mut free = low[0] as u32;
                let mut close = |end: u32, next: u32| {
                    if free < end {
                        runs.push(Run { start: free - low[0] as u32, end: end - low[0] as u32, label: 0.0 });
                    }
                    free = next;
                };
                for run in self.line(y + self.shape[1] * z).iter().filter(|r| r.label == label) {
                    close(run.start, run.end);
                }
                close(high[0] as u32, 0);
            }
        }
        lines.push(runs.len());
        Self { runs, lines, shape }
    }

    /// The runs of a line.
    pub fn line(&self, line: usize) -> &[Run] {
        &self.runs[self.lines[line]..self.lines[line + 1]]
    }

    /// The line of every run, in order, with its position among the runs.
    pub fn by_line(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        (0..self.lines.len().saturating_sub(1))
            .flat_map(|line| (self.lines[line]..self.lines[line + 1]).map(move |r| (line, r)))
    }
}

fn split<T: Voxel>(line: &[T], keep: &impl Fn(f64) -> bool, runs: &mut Vec<Run>) {
    let mut start = 0;
    while start < line.len() {
        let value = line[start];
        let length = line[start..].iter().position(|v| *v != value).unwrap_or(line.len() - start).max(1);
        let label = value.to_f64();
        if !label.is_nan() && keep(label) {
            runs.push(Run { start: start as u32, end: (start + length) as u32, label });
        }
        start += length;
    }
}

/// Writes a value over runs of a channel: those that `change` gives one for, by position.
pub fn paint<T: Voxel>(values: &mut [T], runs: &Runs, change: impl Fn(usize) -> Option<T> + Sync) {
    let [nx, ny, _] = runs.shape;
    parallel::each(values.chunks_mut(nx * ny).enumerate(), |(z, plane)| {
        for (y, line) in plane.chunks_mut(nx).enumerate() {
            let number = y + ny * z;
            for position in runs.lines[number]..runs.lines[number + 1] {
                if let Some(value) = change(position) {
                    let run = runs.runs[position];
                    line[run.start as usize..run.end as usize].fill(value);
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_what_is_between_them() {
        let values = [0u8, 1, 1, 2, 0, 0, 3, 3, 3, 0];
        let runs = Runs::of(&values, [5, 2, 1], |label| label != 0.0);
        let found: Vec<_> = runs.runs.iter().map(|r| (r.start, r.end, r.label)).collect();
        assert_eq!(found, [(1, 3, 1.0), (3, 4, 2.0), (1, 4, 3.0)]);
        assert_eq!(runs.lines, [0, 2, 3]);
        let free = runs.complement(1.0, [0, 0, 0], [4, 2, 1]);
        let found: Vec<_> = free.runs.iter().map(|r| (r.start, r.end)).collect();
        assert_eq!((found, free.lines, free.shape), (vec![(0, 1), (3, 4), (0, 4)], vec![0, 2, 3], [4, 2, 1]));
        let mut copy = values;
        paint(&mut copy, &runs, |position| (position == 2).then_some(9));
        assert_eq!(copy, [0, 1, 1, 2, 0, 0, 9, 9, 9, 0]);
    }
}
