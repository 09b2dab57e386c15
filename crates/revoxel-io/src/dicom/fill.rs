//! Interpolating missing slices from their neighbours.

use revoxel_core::{Kind, Voxel, parallel};

use super::plan::SliceFrom;

/// Fills in the slices of a grid without an image: linearly between their neighbours; for labels, from the nearer one.
pub(super) fn fill<T: Voxel>(values: &mut [T], plane: usize, slices: &[SliceFrom], kind: Kind) {
    if slices.iter().all(|s| matches!(s, SliceFrom::Stack(_))) {
        return;
    }
    parallel::each(values.chunks_mut(plane * slices.len()), |stack| {
        for (slice, from) in slices.iter().enumerate() {
            let SliceFrom::Between(low, high, weight) = *from else { continue };
            let (before, rest) = stack.split_at_mut(slice * plane);
            let (here, after) = rest.split_at_mut(plane);
            let low = &before[low * plane..][..plane];
            let high = &after[(high - slice - 1) * plane..][..plane];
            let nearest = kind == Kind::Label;
            for ((to, a), b) in here.iter_mut().zip(low).zip(high) {
                *to = match nearest {
                    true if weight < 0.5 => *a,
                    true => *b,
                    false => T::from_f64(a.to_f64() + (b.to_f64() - a.to_f64()) * weight),
                };
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_neighbours() {
        use SliceFrom::{Between, Stack};
        let slices = [Stack(0), Between(0, 3, 1.0 / 3.0), Between(0, 3, 2.0 / 3.0), Stack(1)];
        let given = [10i16, 0, 0, 0, 0, 0, 40, 3];
        let t = |kind, expected: [i16; 8]| {
            let mut values = given;
            fill(&mut values, 2, &slices, kind);
            assert_eq!(values, expected);
        };
        t(Kind::Image, [10, 0, 20, 1, 30, 2, 40, 3]);
        t(Kind::Label, [10, 0, 10, 0, 40, 3, 40, 3]);
    }
}
