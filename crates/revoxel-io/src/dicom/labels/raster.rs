//! Which voxels are inside contours.

/// Positions that differ by less than this part of a pixel are equal: half a micrometre for a usual pixel. Without
/// this, rounding would decide on which side of a rim a voxel lies.
const SAME: f64 = 1e-6;
/// The maximum number of edges that cross rows of a slice, which limits the time for contours.
const MOST_CROSSINGS: u64 = 1 << 32;

/// The pixels of a slice inside an odd number of contours.
///
/// A pixel is inside if its centre is. A centre on the rim is inside if the inside begins there in the order of
/// columns and rows, and outside if it ends there. So a rectangle from column 2 to column 5 has the columns 2, 3 and
/// 4, and structures that share a rim neither share nor omit a pixel.
pub(super) struct Raster {
    columns: usize,
    rows: usize,
    /// Where the inside begins or ends, row by row, with one extra position at the end.
    turns: Vec<bool>,
    crossings: u64,
}

impl Raster {
    /// An empty raster.
    pub(super) fn new([columns, rows]: [usize; 2]) -> Self {
        Self { columns, rows, turns: vec![false; (columns + 1) * rows], crossings: 0 }
    }

    /// Adds a contour, which is closed from the last point to the first; points are column and row. `None` if the
    /// contours have too many edges in all.
    pub(super) fn add(&mut self, points: &[[f64; 2]]) -> Option<()> {
        let round = |p: &[f64; 2]| p.map(|v| (v / SAME).round() * SAME);
        let next = points.iter().cycle().skip(1);
        for (a, b) in points.iter().map(round).zip(next.map(round)) {
            let [low, high] = if a[1] <= b[1] { [a, b] } else { [b, a] };
            let first = low[1].ceil().max(0.0) as usize;
            let end = high[1].ceil().clamp(0.0, self.rows as f64) as usize;
            self.crossings += end.saturating_sub(first) as u64;
            if self.crossings > MOST_CROSSINGS {
                return None;
            }
            for row in first..end {
                let part = (row as f64 - low[1]) / (high[1] - low[1]);
                let column = low[0] + part * (high[0] - low[0]);
                let column = ((column / SAME).round() * SAME).ceil().clamp(0.0, self.columns as f64) as usize;
                self.turns[row * (self.columns + 1) + column] ^= true;
            }
        }
        Some(())
    }

    /// Whether each pixel of a row is inside.
    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = bool> {
        let turns = &self.turns[row * (self.columns + 1)..][..self.columns];
        turns.iter().scan(false, |inside, turn| {
            *inside ^= turn;
            Some(*inside)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of `#` and `.` with the pixels inside.
    fn t(contours: &[&[[f64; 2]]], expected: &[&str]) {
        let mut raster = Raster::new([expected[0].len(), expected.len()]);
        contours.iter().for_each(|c| raster.add(c).unwrap());
        let row = |r| raster.row(r).map(|inside| if inside { '#' } else { '.' }).collect::<String>();
        assert_eq!((0..expected.len()).map(row).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn centres_on_the_rim_are_inside_at_its_beginning_only() {
        let rectangle = [[2.0, 1.0], [5.0, 1.0], [5.0, 3.0], [2.0, 3.0]];
        t(&[&rectangle], &[".......", "..###..", "..###..", "......."]);
        // Whatever way round, wherever it begins, and where rounding moved the points.
        let mut other = rectangle.map(|[x, y]| [x - 4e-7, y + 4e-7]);
        other.reverse();
        other.rotate_left(1);
        t(&[&other], &[".......", "..###..", "..###..", "......."]);
        // A neighbour shares the rim and no pixel.
        t(&[&[[5.0, 1.0], [7.0, 1.0], [7.0, 3.0], [5.0, 3.0]]], &[".......", ".....##", ".....##", "......."]);
        t(&[&[[1.0, 0.0], [4.0, 3.0], [1.0, 3.0]]], &[".....", ".#...", ".##..", "....."]);
    }

    #[test]
    fn holes_islands_and_keyholes() {
        let outer = [[0.5, 0.5], [6.5, 0.5], [6.5, 5.5], [0.5, 5.5]];
        let hole = [[2.5, 1.5], [4.5, 1.5], [4.5, 3.5], [2.5, 3.5]];
        let ring = [".......", ".######", ".##..##", ".##..##", ".######", ".######"];
        t(&[&outer, &hole], &ring);
        // The same with a channel to the hole and back.
        let keyhole = [
            [0.5, 0.5],
            [6.5, 0.5],
            [6.5, 5.5],
            [0.5, 5.5],
            [0.5, 2.0],
            [2.5, 2.0],
            [2.5, 3.5],
            [4.5, 3.5],
            [4.5, 1.5],
            [2.5, 1.5],
            [2.5, 2.0],
            [0.5, 2.0],
        ];
        t(&[&keyhole], &ring);
        // An island in the hole, and one contour that crosses itself: its overlap is outside.
        t(
            &[&outer, &hole, &[[2.9, 1.9], [3.1, 1.9], [3.1, 2.1], [2.9, 2.1]]],
            &[".......", ".######", ".###.##", ".##..##", ".######", ".######"],
        );
    }

    #[test]
    fn what_is_beyond_the_slice_is_cut_off() {
        t(&[&[[-9.0, -9.0], [1.5, -9.0], [1.5, 99.0], [-9.0, 99.0]]], &["##.", "##."]);
        t(&[&[[1.5, -9.0], [99.0, -9.0], [99.0, 0.5], [1.5, 0.5]]], &["..#", "..."]);
        t(&[&[[5.0, 5.0], [9.0, 5.0], [9.0, 9.0]]], &["...", "..."]);
    }
}
