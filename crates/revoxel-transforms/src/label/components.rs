//! Connected components of label maps, found on runs: a run is joined with the runs of the four lines before it that
//! it touches (union-find), so the voxels are read once.

use super::runs::Runs;

/// What is joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Join {
    /// Neighbours that hold the same label.
    Equal,
    /// All neighbours.
    All,
}

/// Components of runs.
#[derive(Debug)]
pub(super) struct Components {
    /// The component of each run, numbered in the order of their first voxels.
    pub(super) of_run: Vec<u32>,
    /// Voxels of each component.
    pub(super) sizes: Vec<u64>,
    /// The label of each component's first run.
    pub(super) labels: Vec<f64>,
}

impl Components {
    /// The components at a connectivity: 1 (faces), 2 (faces and edges) or 3 (and corners).
    pub(super) fn of(runs: &Runs, connectivity: u8, join: Join) -> Self {
        let [_, ny, nz] = runs.shape;
        let mut parents: Vec<u32> = (0..runs.runs.len() as u32).collect();
        // Runs of one line touch where something else is not between them.
        for line in 0..ny * nz {
            for right in (runs.lines[line] + 1)..runs.lines[line + 1] {
                let (a, b) = (&runs.runs[right - 1], &runs.runs[right]);
                if a.end == b.start && (join == Join::All || a.label == b.label) {
                    unite(&mut parents, right - 1, right);
                }
            }
        }
        for z in 0..nz {
            for y in 0..ny {
                let line = y + ny * z;
                // Lines one step away touch along faces, and along edges one index further; lines two steps away
                // along edges, and along corners one index further.
                let (near, far) = (u32::from(connectivity >= 2), u32::from(connectivity >= 3));
                let mut touch = |other: usize, reach: u32| join_lines(runs, &mut parents, line, other, reach, join);
                if y > 0 {
                    touch(line - 1, near);
                }
                if z > 0 {
                    touch(line - ny, near);
                    if connectivity >= 2 && y > 0 {
                        touch(line - ny - 1, far);
                    }
                    if connectivity >= 2 && y + 1 < ny {
                        touch(line - ny + 1, far);
                    }
                }
            }
        }
        Self::numbered(runs, &mut parents)
    }

    fn numbered(runs: &Runs, parents: &mut [u32]) -> Self {
        let (mut of_run, mut sizes, mut labels) = (vec![0; parents.len()], Vec::new(), Vec::new());
        for run in 0..parents.len() {
            let root = find(parents, run);
            // Roots are the first runs of their components, so they are numbered already.
            if root == run {
                of_run[run] = sizes.len() as u32;
                sizes.push(0);
                labels.push(runs.runs[run].label);
            } else {
                of_run[run] = of_run[root];
            }
            sizes[of_run[run] as usize] += runs.runs[run].voxels();
        }
        Self { of_run, sizes, labels }
    }

    /// Which components are among the `count` largest, of their label or of all; of equal ones the first.
    pub(super) fn largest(&self, by_label: bool, count: usize) -> Vec<bool> {
        let mut order: Vec<usize> = (0..self.sizes.len()).collect();
        let label = |c: &usize| if by_label { self.labels[*c] } else { 0.0 };
        order.sort_by(|a, b| label(a).total_cmp(&label(b)).then(self.sizes[*b].cmp(&self.sizes[*a])));
        let mut kept = vec![false; self.sizes.len()];
        for group in order.chunk_by(|a, b| label(a) == label(b)) {
            for component in group.iter().take(count) {
                kept[*component] = true;
            }
        }
        kept
    }
}

/// Joins the runs of two lines that overlap, or lie `reach` apart.
fn join_lines(runs: &Runs, parents: &mut [u32], line: usize, other: usize, reach: u32, join: Join) {
    let (mut a, mut b) = (runs.lines[line], runs.lines[other]);
    let (a_end, b_end) = (runs.lines[line + 1], runs.lines[other + 1]);
    while a < a_end && b < b_end {
        let (p, q) = (&runs.runs[a], &runs.runs[b]);
        if p.start < q.end + reach && q.start < p.end + reach && (join == Join::All || p.label == q.label) {
            unite(parents, a, b);
        }
        // The one that ends first can touch nothing further than the other one's successor.
        match p.end.cmp(&q.end) {
            std::cmp::Ordering::Less => a += 1,
            std::cmp::Ordering::Greater => b += 1,
            std::cmp::Ordering::Equal => {
                // With a reach, each may touch the other's successor.
                if reach > 0 {
                    if let Some(next) = runs.runs.get(b + 1).filter(|_| b + 1 < b_end)
                        && next.start < p.end + reach
                        && (join == Join::All || p.label == next.label)
                    {
                        unite(parents, a, b + 1);
                    }
                    if let Some(next) = runs.runs.get(a + 1).filter(|_| a + 1 < a_end)
                        && next.start < q.end + reach
                        && (join == Join::All || next.label == q.label)
                    {
                        unite(parents, a + 1, b);
                    }
                }
                a += 1;
                b += 1;
            }
        }
    }
}

fn find(parents: &mut [u32], mut run: usize) -> usize {
    while parents[run] as usize != run {
        let above = parents[parents[run] as usize];
        parents[run] = above;
        run = above as usize;
    }
    run
}

/// The earlier root becomes the root of both.
fn unite(parents: &mut [u32], a: usize, b: usize) {
    let (a, b) = (find(parents, a), find(parents, b));
    parents[a.max(b)] = a.min(b) as u32;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same by flooding from voxel to voxel.
    fn flooded(values: &[u8], [nx, ny, nz]: [usize; 3], connectivity: u8, join: Join) -> Vec<u32> {
        let mut found = vec![u32::MAX; values.len()];
        let mut count = 0;
        for seed in 0..values.len() {
            if values[seed] == 0 || found[seed] != u32::MAX {
                continue;
            }
            found[seed] = count;
            let mut waiting = vec![seed];
            while let Some(at) = waiting.pop() {
                let (x, y, z) = ((at % nx) as i64, (at / nx % ny) as i64, (at / nx / ny) as i64);
                for step in 0..27i64 {
                    let (dx, dy, dz) = (step % 3 - 1, step / 3 % 3 - 1, step / 9 - 1);
                    let (u, v, w) = (x + dx, y + dy, z + dz);
                    let inside = u >= 0 && v >= 0 && w >= 0 && u < nx as i64 && v < ny as i64 && w < nz as i64;
                    if !inside || dx.abs() + dy.abs() + dz.abs() > i64::from(connectivity) {
                        continue;
                    }
                    let next = (u + nx as i64 * (v + ny as i64 * w)) as usize;
                    let joins = values[next] != 0 && (join == Join::All || values[next] == values[at]);
                    if joins && found[next] == u32::MAX {
                        found[next] = count;
                        waiting.push(next);
                    }
                }
            }
            count += 1;
        }
        found
    }

    #[test]
    fn components_are_those_of_flooding() {
        // A small generator is enough here: content that has many ties at every offset.
        let mut state = 12345u32;
        let mut draw = |n: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) % n
        };
        for round in 0..240 {
            let shape = [1 + draw(9) as usize, 1 + draw(6) as usize, 1 + draw(6) as usize];
            let (labels, odds) = (1 + draw(3), 2 + draw(4));
            let values: Vec<u8> = (0..shape.iter().product::<usize>())
                .map(|_| if draw(odds) == 0 { 1 + draw(labels) as u8 } else { 0 })
                .collect();
            for connectivity in 1..=3 {
                for join in [Join::Equal, Join::All] {
                    let runs = Runs::of(&values, shape, |l| l != 0.0);
                    let components = Components::of(&runs, connectivity, join);
                    let mut ours = vec![u32::MAX; values.len()];
                    for (line, run) in runs.by_line() {
                        let Run { start, end, .. } = runs.runs[run];
                        ours[line * shape[0] + start as usize..line * shape[0] + end as usize]
                            .fill(components.of_run[run]);
                    }
                    let expected = flooded(&values, shape, connectivity, join);
                    assert_eq!(ours, expected, "round {round}, {shape:?}, connectivity {connectivity}, {join:?}");
                    for (component, size) in components.sizes.iter().enumerate() {
                        assert_eq!(*size, expected.iter().filter(|c| **c as usize == component).count() as u64);
                    }
                }
            }
        }
    }

    use super::super::runs::Run;
}
