//! The nearest of many points: a k-d tree.

/// Points in which the nearest one to a place is found without looking at all of them.
///
/// The tree is the order of the points: the middle one of a range splits it along an axis, points before it lie at or
/// below it on that axis, points after it at or above.
pub(super) struct Nearest {
    points: Vec<[f64; 3]>,
    axes: Vec<u8>,
}

/// Ranges of at most so many points are looked through.
const LEAF: usize = 8;

/// Ranges of at least so many points are split by several threads.
const SHARED: usize = 1 << 14;

impl Nearest {
    /// A tree of points with finite coordinates, at least one.
    pub(super) fn new(mut points: Vec<[f64; 3]>) -> Self {
        let mut axes = vec![0; points.len()];
        split(&mut points, &mut axes);
        Self { points, axes }
    }

    /// The number of the point nearest to a place, and the square of its distance. `guess` is the number of a point
    /// that may be near; any will do.
    pub(super) fn find(&self, place: [f64; 3], guess: usize) -> (usize, f64) {
        let mut best = (guess, square(self.points[guess], place));
        self.search(0, self.points.len(), place, [0.0; 3], &mut best);
        best
    }

    /// Looks at a range of points; `off` is how far its box lies off the place, along each axis.
    fn search(&self, low: usize, high: usize, place: [f64; 3], off: [f64; 3], best: &mut (usize, f64)) {
        if high - low <= LEAF {
            for number in low..high {
                self.look(number, place, best);
            }
            return;
        }
        let middle = low + (high - low) / 2;
        let axis = usize::from(self.axes[middle]);
        let ahead = place[axis] - self.points[middle][axis];
        let (near, far) =
            if ahead < 0.0 { ((low, middle), (middle + 1, high)) } else { ((middle + 1, high), (low, middle)) };
        self.search(near.0, near.1, place, off, best);
        self.look(middle, place, best);
        let mut beyond = off;
        beyond[axis] = ahead;
        if beyond.iter().map(|d| d * d).sum::<f64>() < best.1 {
            self.search(far.0, far.1, place, beyond, best);
        }
    }

    fn look(&self, number: usize, place: [f64; 3], best: &mut (usize, f64)) {
        let distance = square(self.points[number], place);
        if distance < best.1 {
            *best = (number, distance);
        }
    }
}

fn square(a: [f64; 3], b: [f64; 3]) -> f64 {
    let d = [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
    d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
}

fn split(points: &mut [[f64; 3]], axes: &mut [u8]) {
    if points.len() <= LEAF {
        return;
    }
    let (mut low, mut high) = (points[0], points[0]);
    for point in points.iter() {
        for axis in 0..3 {
            low[axis] = low[axis].min(point[axis]);
            high[axis] = high[axis].max(point[axis]);
        }
    }
    let extent = |axis: usize| high[axis] - low[axis];
    let axis = (1..3).fold(0, |best, axis| if extent(axis) > extent(best) { axis } else { best });
    let middle = points.len() / 2;
    points.select_nth_unstable_by(middle, |p, q| p[axis].total_cmp(&q[axis]));
    axes[middle] = axis as u8;
    let shared = points.len() >= SHARED;
    let ((before, after), (axes_before, axes_after)) = (points.split_at_mut(middle), axes.split_at_mut(middle));
    let (after, axes_after) = (&mut after[1..], &mut axes_after[1..]);
    if shared {
        rayon::join(|| split(before, axes_before), || split(after, axes_after));
    } else {
        split(before, axes_before);
        split(after, axes_after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::testing::Draw;

    #[test]
    fn the_nearest_is_that_of_a_look_at_all() {
        for seed in 0..60 {
            let mut draw = Draw::new(seed);
            let count = draw.int(1, 400);
            // Points of a coarse lattice, so that many share a coordinate and some are equal; or anywhere.
            let lattice = seed % 2 == 0;
            let point = |draw: &mut Draw, reach: f64| {
                [0; 3].map(|_| if lattice { draw.int(-4, 4) as f64 * 0.7 } else { draw.real(-reach, reach) })
            };
            let points: Vec<[f64; 3]> = (0..count).map(|_| point(&mut draw, 5.0)).collect();
            let tree = Nearest::new(points.clone());
            for _ in 0..50 {
                let place = point(&mut draw, 9.0);
                let guess = draw.int(0, count - 1) as usize;
                let (number, found) = tree.find(place, guess);
                let expected = points.iter().map(|p| square(*p, place)).fold(f64::INFINITY, f64::min);
                assert_eq!(found, expected, "seed {seed}");
                assert_eq!(square(tree.points[number], place), expected);
            }
        }
    }

    #[test]
    fn large_sets_are_split_by_threads_to_the_same_tree() {
        let mut draw = Draw::new(3);
        let points: Vec<[f64; 3]> = (0..40_000).map(|_| [0; 3].map(|_| draw.real(0.0, 10.0))).collect();
        let tree = Nearest::new(points.clone());
        for place in points.iter().step_by(997) {
            assert_eq!(tree.find(*place, 0).1, 0.0);
            let beside = [place[0] + 0.05, place[1], place[2] - 0.02];
            let expected = points.iter().map(|p| square(*p, beside)).fold(f64::INFINITY, f64::min);
            assert_eq!(tree.find(beside, 7).1, expected);
        }
    }
}
