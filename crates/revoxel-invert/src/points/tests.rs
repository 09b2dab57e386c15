//! Points and boxes against the voxels that they name.

use std::sync::Arc;

use proptest::prelude::*;
use revoxel_core::testing::Draw;
use revoxel_core::{Affine, GridOp, Kind, Slices, Volume};
use revoxel_resample::{How, Interpolation, execute};
use serde_json::Value;

use super::*;
use crate::testing::trace;
use crate::{Recipe, TraceStep};

const RAS: Space = Space::World(Frame::Ras);
const LPS: Space = Space::World(Frame::Lps);

fn close(a: [f64; 3], b: [f64; 3], tolerance: f64) -> bool {
    (0..3).all(|i| (a[i] - b[i]).abs() <= tolerance)
}

/// Seven voxels in slices that are tilted, shifted and unevenly spaced, evened out and cropped.
fn uneven() -> crate::VolumeTrace {
    let mut draw = Draw::new(77);
    let affine = Affine::from_rows([[1.5, -0.3, 0.2, 10.0], [0.4, 1.25, 0.3, -20.0], [0.1, 0.2, 3.0, 5.0]]);
    let native = Grid::new([6, 5, 7], affine).unwrap();
    let offsets = (0..7).map(|_| [draw.real(-1.0, 1.0), draw.real(-1.0, 1.0), draw.real(-0.4, 0.4)]).collect();
    let even = Grid::new([9, 8, 8], affine.with_translation([8.5, -21.0, 4.0])).unwrap();
    let reslice = GridOp::Reslice { from: Some(Arc::new(Slices::new(offsets).unwrap())), to: None, grid: even };
    let (first, after) = TraceStep::spatial("regularize", Value::Null, &native, &[reslice]).unwrap();
    let crop = GridOp::Window { start: [1, -1, 2], shape: [7, 9, 5] };
    let (second, model) = TraceStep::spatial("spatial_crop", Value::Null, &after, &[crop]).unwrap();
    let (mut all, ..) = trace(&mut draw, true);
    let mut volume = all.volumes.remove("image").unwrap();
    volume.source.grid = (&native).into();
    volume.steps = vec![first, second];
    volume.result.grid = (&model).into();
    volume
}

/// A trace of random ops, one or two of which bend the world; and where what the model sees comes from.
fn bent(draw: &mut Draw) -> (crate::VolumeTrace, Sampling) {
    let (mut all, native, _) = trace(draw, true);
    let mut volume = all.volumes.remove("image").unwrap();
    let (mut grid, mut steps, mut forward) = (native, Vec::new(), Sampling::identity(native));
    for number in 0..draw.int(1, 5) {
        let warp = GridOp::Warp { warp: draw.warp(grid, 0.6).into(), back: draw.int(0, 1) == 1 };
        let op = if number % 3 == 0 { warp } else { draw.op(&grid) };
        forward.push(&op).unwrap();
        let (step, after) = TraceStep::spatial("step", Value::Null, &grid, &[op]).unwrap();
        steps.push(step);
        grid = after;
    }
    (volume.steps, volume.result.grid) = (steps, (&grid).into());
    (volume, forward)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn points_go_there_and_back_and_stay_where_they_are_in_the_world(seed: u64) {
        let mut draw = Draw::new(seed);
        let (all, native, model) = trace(&mut draw, false);
        let map = PointMap::new(&all.volumes["image"]).unwrap();
        let index = [0; 3].map(|_| draw.real(-3.0, 12.0));
        let (there, status) = map.point(index, Side::Native, Space::Index, Space::Index);
        let (back, again) = map.point(there, Side::Model, Space::Index, Space::Index);
        prop_assert!(close(back, index, 1e-8), "{index:?} {back:?}");
        prop_assert_eq!(status, again);
        let (world, _) = map.point(index, Side::Native, Space::Index, RAS);
        prop_assert!(close(world, native.index_to_world(index), 1e-9));
        prop_assert!(close(world, model.index_to_world(there), 1e-6));
        // In the world nothing moves, not by a bit.
        let bits = |p: [f64; 3]| p.map(f64::to_bits);
        prop_assert_eq!(bits(map.point(world, Side::Native, RAS, RAS).0), bits(world));
        prop_assert_eq!(bits(map.point(world, Side::Model, LPS, LPS).0), bits(world));
        prop_assert_eq!(map.point(world, Side::Model, RAS, LPS).0, [-world[0], -world[1], world[2]]);
    }

    #[test]
    fn whole_indices_name_the_same_voxels_in_exact_chains(seed: u64) {
        let mut draw = Draw::new(seed);
        let (all, native, model) = trace(&mut draw, true);
        let map = PointMap::new(&all.volumes["image"]).unwrap();
        let numbers: Vec<i32> = (1..=native.voxel_count() as i32).collect();
        let image = Volume::new(numbers.into(), native, Kind::Image, 1).unwrap();
        let mut forward = Sampling::identity(native);
        for step in all.steps("image").unwrap() {
            forward.push(step.op()).unwrap();
        }
        let processed = execute(&image, &forward, &How::filled(Interpolation::Nearest, vec![0.0])).unwrap();
        let [nx, ny, nz] = native.shape();
        for i in 0..native.voxel_count() {
            let index = [i % nx, i / nx % ny, i / (nx * ny)];
            prop_assert!(index[2] < nz);
            let (there, status) = map.point(index.map(|v| v as f64), Side::Native, Space::Index, Space::Index);
            let inside = (0..3).all(|a| there[a] >= 0.0 && there[a] < model.shape()[a] as f64);
            let found = if inside { processed.value(there.map(|v| v as usize), 0) } else { 0.0 };
            let expected = if status == Status::Seen { (i + 1) as f64 } else { 0.0 };
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn what_was_seen_is_what_the_coverage_says(seed: u64) {
        let mut draw = Draw::new(seed);
        let (all, native, model) = trace(&mut draw, false);
        let record = &all.volumes["image"];
        let map = PointMap::new(record).unwrap();
        let prediction = draw.volume(model, Kind::Label, 1);
        let options = Recipe { coverage: true, ..Default::default() };
        let seen = record.invert(prediction, options).unwrap().coverage.unwrap();
        let [nx, ny, _] = native.shape();
        for i in 0..native.voxel_count() {
            let index = [i % nx, i / nx % ny, i / (nx * ny)].map(|v| v as f64);
            let (_, status) = map.point(index, Side::Native, Space::Index, Space::Index);
            prop_assert_eq!(status == Status::Seen, seen.voxels().get(i) == 1.0, "{:?}", index);
        }
    }

    #[test]
    fn where_the_world_is_bent_points_follow_what_is_shown(seed: u64) {
        let mut draw = Draw::new(seed);
        let (record, forward) = bent(&mut draw);
        let map = PointMap::new(&record).unwrap();
        let (native, model) = (forward.source(), forward.target());
        let there = [0, 1, 2].map(|a| draw.real(-2.0, model.shape()[a] as f64 + 1.0));
        let shown = forward.position(there);
        let (index, status) = map.point(there, Side::Model, Space::Index, Space::Index);
        prop_assert!(close(index, shown, 1e-5), "{index:?} {shown:?}");
        let (again, same) = map.point(shown, Side::Native, Space::Index, Space::Index);
        prop_assert!(close(again, there, 1e-4), "{again:?} {there:?}");
        // In the world, too.
        let (world, _) = map.point(model.index_to_world(there), Side::Model, RAS, RAS);
        prop_assert!(close(world, native.index_to_world(shown), 1e-4));
        let (world, _) = map.point(native.index_to_world(shown), Side::Native, RAS, LPS);
        prop_assert!(close(Frame::Lps.point_to_ras(world), model.index_to_world(there), 1e-3));
        let outside = !native.index_box().covers(shown);
        prop_assert_eq!((status == Status::Outside, same == Status::Outside), (outside, outside));
    }

    #[test]
    fn where_the_world_is_bent_what_was_seen_is_what_the_coverage_says(seed: u64) {
        let mut draw = Draw::new(seed);
        let (record, forward) = bent(&mut draw);
        let (map, native) = (PointMap::new(&record).unwrap(), *forward.source());
        let prediction = draw.volume(*forward.target(), Kind::Label, 1);
        let options = Recipe { coverage: true, ..Default::default() };
        let seen = record.invert(prediction, options).unwrap().coverage.unwrap();
        let [nx, ny, _] = native.shape();
        for i in 0..native.voxel_count() {
            let index = [i % nx, i / nx % ny, i / (nx * ny)].map(|v| v as f64);
            let (_, status) = map.point(index, Side::Native, Space::Index, Space::Index);
            prop_assert_eq!(status == Status::Seen, seen.voxels().get(i) == 1.0, "{:?}", index);
        }
    }

    #[test]
    fn boxes_hold_the_corners_of_the_voxels_that_they_held(seed: u64) {
        let mut draw = Draw::new(seed);
        let (all, native, _) = trace(&mut draw, false);
        let map = PointMap::new(&all.volumes["image"]).unwrap();
        let low = [0; 3].map(|_| draw.int(-2, 6) as f64);
        let bounds = Bounds { low, high: low.map(|v| v + draw.int(1, 5) as f64) };
        let (there, _) = map.bounds(&bounds, Side::Native, Space::Index, Space::Index);
        prop_assert!(there.low.iter().chain(&there.high).all(|v| v.fract() == 0.0));
        for bits in 0..8 {
            let corner = [0, 1, 2].map(|a| if bits >> a & 1 == 0 { bounds.low[a] } else { bounds.high[a] } - 0.5);
            let (corner, _) = map.point(corner, Side::Native, Space::Index, Space::Index);
            let inside = |a: usize| corner[a] >= there.low[a] - 0.5 - 1e-5 && corner[a] <= there.high[a] - 0.5 + 1e-5;
            prop_assert!((0..3).all(inside), "{corner:?} {there:?}");
        }
        let all_of_it = Bounds { low: [0.0; 3], high: native.shape().map(|n| n as f64) };
        let (_, status) = map.bounds(&all_of_it, Side::Native, Space::Index, Space::Index);
        prop_assert_ne!(status, Status::Outside);
    }
}

#[test]
fn boxes_of_whole_voxels_come_back_exactly_through_exact_chains() {
    for seed in 0..100 {
        let mut draw = Draw::new(seed);
        let (all, ..) = trace(&mut draw, true);
        let map = PointMap::new(&all.volumes["image"]).unwrap();
        let low = [0; 3].map(|_| draw.int(-2, 6) as f64);
        let bounds = Bounds { low, high: low.map(|v| v + draw.int(1, 5) as f64) };
        let (there, status) = map.bounds(&bounds, Side::Native, Space::Index, Space::Index);
        let (back, again) = map.bounds(&there, Side::Model, Space::Index, Space::Index);
        assert_eq!((back, again), (bounds, status));
    }
}

#[test]
fn uneven_slices_are_followed_slice_by_slice() {
    let record = uneven();
    let map = PointMap::new(&record).unwrap();
    let steps = record.geometry().unwrap();
    let GridOp::Reslice { from: Some(slices), .. } = steps[0].op() else { panic!() };
    let (native, model) = (*map.grid(Side::Native), *map.grid(Side::Model));
    for k in 0..7 {
        let index = [2.0, 3.25, f64::from(k)];
        // Where the slice's own voxel is: the even grid's voxel, moved by the slice's offset.
        let world = native.index_to_world([0, 1, 2].map(|a| index[a] + slices.offsets()[k as usize][a]));
        let (there, status) = map.point(index, Side::Native, Space::Index, Space::Index);
        assert!(close(model.index_to_world(there), world, 1e-9), "{k}");
        assert!(close(map.point(index, Side::Native, Space::Index, RAS).0, world, 1e-9));
        assert!(close(map.point(world, Side::Native, RAS, Space::Index).0, there, 1e-9));
        assert!(close(map.point(world, Side::Model, RAS, Space::Index).0, index, 1e-9));
        assert_eq!(map.point(there, Side::Model, Space::Index, Space::Index).1, status);
        assert!(close(map.native_index(there, Side::Model, Space::Index), index, 1e-9));
    }
}

#[test]
fn a_snapped_source_keeps_its_own_world() {
    let mut draw = Draw::new(4);
    let (mut all, native, _) = trace(&mut draw, false);
    let moved = native.affine().translation().map(|t| t + 7.0);
    let own = Grid::new(native.shape(), native.affine().with_translation(moved)).unwrap();
    let record = all.volumes.get_mut("image").unwrap();
    record.snapped = Some((&native).into());
    record.source.grid = (&own).into();
    let map = PointMap::new(record).unwrap();
    let index = [1.0, 0.5, 2.0];
    let (there, _) = map.point(own.index_to_world(index), Side::Native, RAS, RAS);
    assert!(close(there, native.index_to_world(index), 1e-9));
    assert!(close(map.point(there, Side::Model, RAS, Space::Index).0, index, 1e-9));
    assert!(close(
        map.point(there, Side::Model, RAS, LPS).0,
        Frame::Lps.point_from_ras(own.index_to_world(index)),
        1e-9
    ));
}
