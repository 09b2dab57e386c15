//! Properties of the algebra, on random oblique, sheared and mirrored grids.

use std::sync::Arc;

use proptest::prelude::*;

use crate::affine::distance;
use crate::testing::Draw;
use crate::{Affine, Bend, Grid, GridOp, Orientation, Sampling, Step};

/// A random chain of up to `most` steps.
fn chain(draw: &mut Draw, most: i64, exact: bool) -> Vec<Step> {
    let mut grid = draw.grid(7);
    let mut steps = Vec::new();
    for _ in 0..draw.int(1, most) {
        let op = loop {
            let op = draw.op(&grid);
            if !(exact && op.interpolates()) {
                break op;
            }
        };
        let step = Step::new(op, grid).unwrap();
        grid = *step.after();
        steps.push(step);
    }
    steps
}

fn bits(grid: &Grid) -> ([usize; 3], Vec<u64>) {
    (grid.shape(), grid.affine().rows().iter().flatten().map(|v| v.to_bits()).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_chain_and_its_inverse_give_the_grid_back_bit_for_bit(seed: u64) {
        let steps = chain(&mut Draw::new(seed), 6, false);
        let mut grid = *steps.last().unwrap().after();
        for step in steps.iter().rev() {
            let back = step.inverse();
            prop_assert_eq!(bits(back.before()), bits(&grid));
            // The inverse op is no mere label: computed anew it leads to the same place.
            prop_assert!(Step::recorded(back.op().clone(), *back.before(), *back.after()).is_ok());
            grid = *back.after();
        }
        prop_assert_eq!(bits(&grid), bits(steps[0].before()));
        prop_assert_eq!(bits(Sampling::inverse_of(&steps).unwrap().target()), bits(steps[0].before()));
    }

    #[test]
    fn an_inverse_of_an_inverse_is_the_step(seed: u64) {
        for step in chain(&mut Draw::new(seed), 4, false) {
            prop_assert_eq!(step.inverse().inverse(), step);
        }
    }

    #[test]
    fn ops_leave_every_point_of_the_world_where_it_is(seed: u64) {
        let mut draw = Draw::new(seed);
        for step in chain(&mut draw, 5, false) {
            let map = step.op().index_map(step.before());
            let index = [0; 3].map(|_| draw.real(-3.0, 9.0));
            let (after, before) = (step.after().index_to_world(index), step.before().index_to_world(map.apply(index)));
            prop_assert!(distance(after, before) < 1e-9);
        }
    }

    #[test]
    fn a_fused_map_takes_points_where_the_steps_take_them(seed: u64) {
        let mut draw = Draw::new(seed);
        let steps = chain(&mut draw, 6, false);
        let index = [0; 3].map(|_| draw.real(-3.0, 9.0));
        // Backwards: from native indices to model indices, through every step.
        let mut stepwise = index;
        for step in &steps {
            stepwise = step.inverse().op().index_map(step.after()).apply(stepwise);
        }
        let fused = Sampling::inverse_of(&steps).unwrap().map().apply(index);
        prop_assert!(distance(stepwise, fused) < 1e-9 * (1.0 + distance(fused, [0.0; 3])), "{:?} {:?}", stepwise, fused);
        // Forwards: from the target of a fused run to its source.
        let mut run = Sampling::identity(*steps[0].before());
        let mut done = Vec::new();
        for step in &steps {
            if !run.fuses(step.op(), false) {
                break;
            }
            run.push(step.op()).unwrap();
            done.push(step);
        }
        let stepwise = done.iter().rev().fold(index, |p, step| step.op().index_map(step.before()).apply(p));
        let fused = run.map().apply(index);
        prop_assert!(distance(stepwise, fused) < 1e-9 * (1.0 + distance(fused, [0.0; 3])));
    }

    #[test]
    fn exact_chains_map_whole_indices_exactly(seed: u64) {
        let mut draw = Draw::new(seed);
        let steps = chain(&mut draw, 6, true);
        let back = Sampling::inverse_of(&steps).unwrap();
        let mut run = Sampling::identity(*steps[0].before());
        for step in &steps {
            prop_assert!(run.fuses(step.op(), false));
            run.push(step.op()).unwrap();
        }
        let (there, back_map) = (run.exact().unwrap(), back.exact().unwrap());
        prop_assert_eq!(there.inverse(), *back_map);
        prop_assert_eq!(bits(run.target()), bits(steps.last().unwrap().after()));
        // What was written forwards is what may be read backwards, and the other way round.
        let nothing = run.written().is_empty();
        prop_assert_eq!([run.readable(), back.written(), back.readable()].map(|b| b.is_empty()), [nothing; 3]);
        if !nothing {
            prop_assert_eq!(run.written(), back.readable());
            prop_assert_eq!(run.readable(), back.written());
        }
    }

    #[test]
    fn chains_with_warps_lead_back_to_where_they_began(seed: u64) {
        let mut draw = Draw::new(seed);
        let mut grid = draw.grid(20);
        let mut run = Sampling::identity(grid);
        let mut steps = Vec::new();
        let index = [0; 3].map(|_| draw.real(-3.0, 9.0));
        for _ in 0..4 {
            let op = match draw.int(0, 3) {
                0 => draw.op(&grid),
                1 => GridOp::Resample { grid: draw.grid_near(&grid, false) },
                n => {
                    // The region of a warp may be another grid.
                    let region = draw.grid_near(&grid, false);
                    GridOp::Warp { warp: Arc::new(draw.warp(region, 0.8)), back: n == 3 }
                }
            };
            let step = Step::new(op, grid).unwrap();
            run.push(step.op()).unwrap();
            grid = *step.after();
            steps.push(step);
        }
        // Step by step forwards, from the target to the source.
        let stepwise = steps.iter().rev().fold(index, |p, step| match step.op() {
            GridOp::Warp { warp, back } => {
                let there = step.before().index_map_to(warp.grid());
                let bend = Bend { warp: warp.clone(), back: *back };
                warp.grid().index_map_to(step.before()).apply(bend.apply(there.apply(p)))
            }
            op => op.index_map(step.before()).apply(p),
        });
        let fused = run.position(index);
        let size = 1.0 + distance(fused, [0.0; 3]);
        prop_assert!(distance(stepwise, fused) < 1e-8 * size, "{:?} {:?}", stepwise, fused);
        let back = Sampling::inverse_of(&steps).unwrap().position(fused);
        // Each way back through a warp ends within 1e-7 voxels, which the others may enlarge.
        prop_assert!(distance(back, index) < 1e-4, "{:?} {:?}", back, index);
    }

    #[test]
    fn every_orientation_is_reached_and_left(seed: u64) {
        let grid = Draw::new(seed).grid(6);
        for target in Orientation::all() {
            let op = GridOp::Reorient(grid.orientation().to(&target));
            let turned = op.after(&grid).unwrap();
            prop_assert_eq!(turned.orientation(), target);
            let back = op.inverse(&grid).after(&turned).unwrap();
            prop_assert!(back.affine().max_abs_difference(grid.affine()) < 1e-9);
        }
    }

    #[test]
    fn parts_make_the_affine_again(seed: u64) {
        let a = Draw::new(seed).affine();
        let again = Affine::from_parts(a.spacing(), a.direction(), a.translation());
        prop_assert!(a.max_abs_difference(&again) < 1e-12);
    }
}

#[test]
fn records_that_contradict_their_op_are_refused() {
    let grid = Draw::new(5).grid(6);
    let window = GridOp::Window { start: [1, 0, -2], shape: [4, 4, 4] };
    let good = Step::new(window.clone(), grid).unwrap();
    assert!(Step::recorded(window, grid, *good.after()).is_ok());
    let other = GridOp::Window { start: [1, 0, -1], shape: [4, 4, 4] };
    let error = Step::recorded(other, grid, *good.after()).unwrap_err();
    assert!(error.to_string().contains("window maps ("), "{error}");
}

#[test]
fn what_was_cropped_or_padded_is_neither_written_nor_read_on_the_way_back() {
    let native = Grid::without_geometry([10, 1, 1]).unwrap();
    let crop = Step::new(GridOp::Window { start: [3, 0, 0], shape: [4, 1, 1] }, native).unwrap();
    let fine =
        Grid::new([8, 1, 1], Affine::from_rows([[0.5, 0., 0., 2.75], [0., 1., 0., 0.], [0., 0., 1., 0.]])).unwrap();
    let resample = Step::new(GridOp::Resample { grid: fine }, *crop.after()).unwrap();
    let pad = Step::new(GridOp::Window { start: [-2, 0, 0], shape: [16, 1, 1] }, fine).unwrap();
    let back = Sampling::inverse_of(&[crop, resample, pad]).unwrap();
    assert_eq!((back.readable().start[0], back.readable().shape[0]), (2, 8));
    assert_eq!((back.written().start[0], back.written().shape[0]), (3, 4));
}
