//! The order in which slices were acquired, on turned and cropped axes.

use super::axis_map::AxisMap;
use super::{Dropped, SliceTiming};

/// The timing on the axes of the result, without what does not hold there.
pub(super) fn carry(timing: SliceTiming, map: &AxisMap, dropped: &mut Vec<Dropped>) -> Option<SliceTiming> {
    let axis = slice_axis(timing.dim_info);
    let mut carried = SliceTiming { dim_info: 0, ..timing };
    if map.aligned {
        carried.dim_info = turned(timing, axis, map);
    } else if timing.dim_info != 0 {
        dropped.push(Dropped::new("dim_info", "the axes of the result are not parallel to those of the source"));
    }
    let no_order = SliceTiming { code: 0, start: 0, end: 0, ..carried };
    let has_order = (timing.code, timing.start, timing.end) != (0, 0, 0);
    if !map.exact {
        if has_order || timing.duration != 0.0 {
            let why = "slices were interpolated, so none has a single acquisition time";
            dropped.push(Dropped::new("slice_code, slice_start, slice_end, slice_duration", why));
        }
        carried = SliceTiming { duration: 0.0, ..no_order };
    } else if has_order {
        carried = match order(&carried, axis, map) {
            Some(order) => order,
            None => {
                let why = "slices were removed, so the code no longer gives the times of the others";
                dropped.push(Dropped::new("slice_code, slice_start, slice_end", why));
                no_order
            }
        };
    }
    (carried != SliceTiming::default()).then_some(carried)
}

/// The axis of slices: the third if the field does not say.
const fn slice_axis(dim_info: u8) -> usize {
    match dim_info >> 4 & 3 {
        0 => 2,
        axis => axis as usize - 1,
    }
}

/// `dim_info` on the axes of the result. It names the axis of slices if that is no longer the third.
fn turned(timing: SliceTiming, slice: usize, map: &AxisMap) -> u8 {
    let along = |shift: u8| match timing.dim_info >> shift & 3 {
        0 => 0,
        axis => (map.to(usize::from(axis) - 1) as u8 + 1) << shift,
    };
    let unnamed = timing.dim_info >> 4 & 3 == 0;
    let moved = unnamed && timing != SliceTiming::default() && map.to(slice) != 2;
    let slices = if moved { (map.to(slice) as u8 + 1) << 4 } else { along(4) };
    along(0) | along(2) | slices | timing.dim_info & 0xc0
}

/// The order of the remaining slices; `None` if no code expresses it.
fn order(timing: &SliceTiming, axis: usize, map: &AxisMap) -> Option<SliceTiming> {
    // Not said where the slices start and end: all of them were acquired.
    let given = (timing.start, timing.end) != (0, 0);
    let [first, behind] = map.left(axis);
    let last = if given { timing.end } else { map.source()[axis] as i64 - 1 };
    let (start, end) = (timing.start.max(first), last.min(behind - 1));
    let fits = match timing.code {
        // In order: only the first that was acquired must be there.
        1 => start == timing.start,
        2 => end == last,
        _ => (start, end) == (timing.start, last),
    };
    if start > end || !fits {
        return None;
    }
    let (a, b) = (map.index(axis, start), map.index(axis, end));
    let whole = a.min(b) == 0 && a.max(b) == map.shape()[map.to(axis)] as i64 - 1;
    let code = match (map.reversed(axis), timing.code) {
        (true, code @ (1 | 3 | 5)) => code + 1,
        (true, code @ (2 | 4 | 6)) => code - 1,
        (_, code) => code,
    };
    let (start, end) = if !given && whole { (0, 0) } else { (a.min(b), a.max(b)) };
    Some(SliceTiming { code, start, end, ..*timing })
}

#[cfg(test)]
mod tests {
    use super::super::Move;
    use super::*;
    use revoxel_core::SignedPermutation;

    const TIMING: SliceTiming = SliceTiming { dim_info: 57, code: 3, start: 0, end: 9, duration: 0.25 };

    fn on(timing: SliceTiming, moves: &[Move]) -> (Option<SliceTiming>, Vec<String>) {
        let mut dropped = Vec::new();
        let carried = carry(timing, &AxisMap::of([6, 8, 10], moves), &mut dropped);
        (carried, dropped.into_iter().map(|d| d.fact).collect())
    }

    fn window(start: i64, count: usize) -> Move {
        Move::Window { start: [0, 0, start], shape: [6, 8, count] }
    }

    #[test]
    fn turns_keep_the_order() {
        // Frequency along axis 1, phase along 2, slices along 3 (57 = 1 + 2·4 + 3·16).
        let flip = Move::Turn(SignedPermutation::flips([false, false, true]));
        assert_eq!(on(TIMING, &[flip]), (Some(SliceTiming { code: 4, ..TIMING }), vec![]));
        assert_eq!(on(TIMING, &[flip, flip]), (Some(TIMING), vec![]));
        let turn = Move::Turn(SignedPermutation::new([2, 0, 1], [false, true, false]).unwrap());
        // The result's axes run along slices, frequency, phase.
        let dim_info = 2 | 3 << 2 | 1 << 4;
        assert_eq!(on(TIMING, &[turn]), (Some(SliceTiming { dim_info, ..TIMING }), vec![]));
        // Without a named axis of slices it is the third, and is named where it moves.
        let unnamed = SliceTiming { dim_info: 0, ..TIMING };
        assert_eq!(on(unnamed, &[turn]).0, Some(SliceTiming { dim_info: 1 << 4, ..TIMING }));
        assert_eq!(on(unnamed, &[flip]).0, Some(SliceTiming { code: 4, ..unnamed }));
        for (code, reversed) in [(1, 2), (2, 1), (5, 6), (6, 5), (9, 9)] {
            let timing = SliceTiming { code, ..TIMING };
            assert_eq!(on(timing, &[flip]).0, Some(SliceTiming { code: reversed, ..timing }));
        }
    }

    #[test]
    fn padding_moves_the_first_and_the_last_slice() {
        assert_eq!(on(TIMING, &[window(-2, 15)]), (Some(SliceTiming { start: 2, end: 11, ..TIMING }), vec![]));
        let flip = Move::Turn(SignedPermutation::flips([false, false, true]));
        let there = SliceTiming { code: 4, start: 3, end: 12, ..TIMING };
        assert_eq!(on(TIMING, &[window(-2, 15), flip]).0, Some(there));
        assert_eq!(on(TIMING, &[window(-2, 15), window(2, 10)]).0, Some(TIMING));
        // Slices that were not acquired may be cut away.
        let inside = SliceTiming { start: 2, end: 8, ..TIMING };
        assert_eq!(on(inside, &[window(1, 8)]).0, Some(SliceTiming { start: 1, end: 7, ..TIMING }));
        // Nobody said where they start and end: all were acquired.
        let all = SliceTiming { end: 0, ..TIMING };
        assert_eq!(on(all, &[window(-2, 15)]).0, Some(SliceTiming { start: 2, end: 11, ..TIMING }));
    }

    #[test]
    fn slices_that_are_cut_away_end_the_order() {
        let (carried, dropped) = on(TIMING, &[window(1, 9)]);
        assert_eq!(carried, Some(SliceTiming { dim_info: 57, duration: 0.25, ..SliceTiming::default() }));
        assert_eq!(dropped, ["slice_code, slice_start, slice_end"]);
        let rising = SliceTiming { code: 1, ..TIMING };
        assert_eq!(on(rising, &[window(0, 7)]), (Some(SliceTiming { end: 6, ..rising }), vec![]));
        assert_eq!(on(rising, &[window(1, 9)]).1.len(), 1);
        let falling = SliceTiming { code: 2, ..TIMING };
        assert_eq!(on(falling, &[window(4, 6)]), (Some(SliceTiming { end: 5, ..falling }), vec![]));
        assert_eq!(on(falling, &[window(0, 7)]).1.len(), 1);
        assert_eq!(on(rising, &[window(20, 3)]).1.len(), 1);
        // Crops in the plane of the slices do not matter.
        let in_plane = Move::Window { start: [1, 2, 0], shape: [3, 3, 10] };
        assert_eq!(on(TIMING, &[in_plane]), (Some(TIMING), vec![]));
    }

    #[test]
    fn interpolation_ends_it() {
        let along = Move::Resample { axes: Some(SignedPermutation::IDENTITY), shape: [3, 4, 5] };
        let (carried, dropped) = on(TIMING, &[along]);
        assert_eq!(carried, Some(SliceTiming { dim_info: 57, ..SliceTiming::default() }));
        assert_eq!(dropped, ["slice_code, slice_start, slice_end, slice_duration"]);
        let (carried, dropped) = on(TIMING, &[Move::Resample { axes: None, shape: [3, 4, 5] }]);
        assert_eq!((carried, dropped.len()), (None, 2));
    }
}
