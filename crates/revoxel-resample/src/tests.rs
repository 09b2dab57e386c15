//! Every path against the naive oracle, and fused passes against step by step.

use std::sync::Arc;

use proptest::prelude::*;
use revoxel_core::testing::Draw;
use revoxel_core::{Affine, Dtype, Grid, GridOp, Kind, Sampling, Step, Volume, Voxel, dispatch};

use crate::{
    Boundary, How, Interpolation, Level, Outside, ResampleError, Through, Ties, argmax, execute, execute_argmax,
    execute_as, oracle, stream,
};

fn values(volume: &Volume) -> Vec<f64> {
    dispatch!(volume.voxels(), v => v.iter().map(|x| x.to_f64()).collect())
}

/// A pass: exact ops, at most one resampling, exact ops.
fn pass(draw: &mut Draw, aligned: bool) -> (Sampling, Vec<GridOp>) {
    let grid = draw.grid(9);
    let mut sampling = Sampling::identity(grid);
    let mut ops = Vec::new();
    let resample_at = draw.int(0, 3);
    for position in 0..4 {
        let current = *sampling.target();
        let op = if position == resample_at {
            GridOp::Resample { grid: draw.grid_near(&current, aligned) }
        } else if draw.int(0, 1) == 0 {
            GridOp::Reorient(draw.permutation())
        } else if position < resample_at {
            // Only cropped before a resampling, or the pass would not fuse.
            let n = current.shape();
            let start = n.map(|n| draw.int(0, n as i64 - 1));
            GridOp::Window { start, shape: [0, 1, 2].map(|a| draw.int(1, n[a] as i64 - start[a]) as usize) }
        } else {
            draw.window(&current)
        };
        assert!(sampling.fuses(&op, false));
        sampling.push(&op).unwrap();
        ops.push(op);
    }
    (sampling, ops)
}

fn how(draw: &mut Draw, interpolation: Interpolation, channels: usize) -> How {
    let outside = [Outside::Border, Outside::Reflection, Outside::Fill][draw.int(0, 2) as usize];
    let numbers = |from: f64| (0..channels).map(|c| from + c as f64).collect();
    let through = (draw.int(0, 3) == 0).then(|| Through {
        axis: draw.int(0, 2) as usize,
        interpolation: match draw.int(0, 2) {
            // Labels are never averaged along an axis of their own: `Through::of_kind`.
            0 if !interpolation.weighs_labels() => Interpolation::Linear,
            1 if !interpolation.weighs_labels() => Interpolation::Cubic,
            _ => Interpolation::Nearest,
        },
    });
    let (ties, decides) = (if draw.int(0, 3) == 0 { Ties::Upper } else { Ties::Alternate }, draw.int(0, 2) == 0);
    How { outside, fill: numbers(7.0), padding: numbers(50.0), through, ties, decides, ..How::border(interpolation) }
}

fn check(draw: &mut Draw, volume: &Volume, sampling: &Sampling, interpolation: Interpolation) {
    let how = how(draw, interpolation, volume.channels());
    let result = execute(volume, sampling, &how).unwrap();
    assert_eq!(result.grid(), sampling.target());
    for level in Level::ALL {
        // All levels give the same bits, so it does not matter that tests run side by side.
        if level.select() {
            assert_eq!(execute(volume, sampling, &how).unwrap(), result, "{level}");
        }
    }
    let expected = oracle::resample(volume, sampling, &how);
    // f32 weights and sums: 2e-6 of the range (4000), for cubic with its gain a little more.
    let tolerance = if how.averages() && sampling.exact().is_none() { 0.02 } else { 0.0 };
    // Leaning moves a place by 3e-4 voxel at most, and between voxels of oblique maps the oracle leans where rows do not.
    let tolerance = if how.decides && tolerance > 0.0 { 3.0 * 3e-4 * 4000.0 } else { tolerance };
    for (position, (a, b)) in values(&result).into_iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance, "{interpolation} {:?} voxel {position}: {a}, oracle {b}", how.outside);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_path_agrees_with_the_oracle(seed: u64, aligned: bool) {
        let mut draw = Draw::new(seed);
        let (sampling, _) = pass(&mut draw, aligned);
        let channels = draw.int(1, 2) as usize;
        for interpolation in Interpolation::ALL {
            let kind = if interpolation.weighs_labels() { Kind::Label } else { Kind::Image };
            let volume = draw.volume(*sampling.source(), kind, channels);
            check(&mut draw, &volume, &sampling, interpolation);
        }
    }

    #[test]
    fn planes_turned_within_themselves_agree_with_the_oracle(seed: u64, turned: bool) {
        let mut draw = Draw::new(seed);
        let source = draw.grid(12);
        // Source planes and target planes are parallel: one turn, stretch and shift within them, another across.
        let (sin, cos) = draw.real(-3.0, 3.0).sin_cos();
        let (a, b, c) = (draw.real(0.3, 2.0), draw.real(0.3, 2.0), draw.real(0.3, 2.0));
        let linear = [[a * cos, -b * sin, draw.real(-0.2, 0.2)], [a * sin, b * cos, draw.real(-0.2, 0.2)], [0.0, 0.0, c]];
        let map = Affine::from_linear(linear, [draw.real(-3.0, 6.0), draw.real(-3.0, 6.0), draw.real(-3.0, 6.0)]);
        let shape = [draw.int(1, 70) as usize, draw.int(1, 9) as usize, draw.int(1, 9) as usize];
        let mut sampling = Sampling::identity(source);
        sampling.push(&GridOp::Resample { grid: Grid::new(shape, source.affine().after(&map)).unwrap() }).unwrap();
        if turned {
            sampling.push(&GridOp::Reorient(draw.permutation())).unwrap();
        }
        let volume = draw.volume(source, Kind::Image, 2);
        check(&mut draw, &volume, &sampling, Interpolation::Linear);
    }

    #[test]
    fn inverse_passes_agree_with_the_oracle(seed: u64, aligned: bool) {
        let mut draw = Draw::new(seed);
        let (forward, ops) = pass(&mut draw, aligned);
        let mut grid = *forward.source();
        let mut steps = Vec::new();
        for op in ops {
            let step = Step::new(op, grid).unwrap();
            grid = *step.after();
            steps.push(step);
        }
        let back = Sampling::inverse_of(&steps).unwrap();
        for interpolation in Interpolation::ALL {
            let volume = draw.volume(grid, Kind::Image, 1);
            check(&mut draw, &volume, &back, interpolation);
        }
    }

    #[test]
    fn warps_agree_with_the_oracle(seed: u64) {
        let mut draw = Draw::new(seed);
        let mut grid = draw.grid(9);
        let mut steps = Vec::new();
        let mut forward = Sampling::identity(grid);
        let n = grid.shape();
        let start = n.map(|n| draw.int(0, n as i64 - 1));
        let crop = GridOp::Window { start, shape: [0, 1, 2].map(|a| draw.int(1, n[a] as i64 - start[a]) as usize) };
        for position in 0..4 {
            let op = match position {
                0 => crop.clone(),
                1 => GridOp::Reorient(draw.permutation()),
                2 => GridOp::Warp { warp: Arc::new(draw.warp(grid, 0.9)), back: draw.int(0, 1) == 1 },
                _ => draw.window(&grid),
            };
            let step = Step::new(op, grid).unwrap();
            assert!(forward.fuses(step.op(), false));
            forward.push(step.op()).unwrap();
            grid = *step.after();
            steps.push(step);
        }
        let back = Sampling::inverse_of(&steps).unwrap();
        for interpolation in Interpolation::ALL {
            for pass in [&forward, &back] {
                let kind = if interpolation.weighs_labels() { Kind::Label } else { Kind::Image };
                let volume = draw.volume(*pass.source(), kind, 2);
                check(&mut draw, &volume, pass, interpolation);
            }
        }
    }

    #[test]
    fn fused_passes_give_what_steps_give(seed: u64, aligned: bool) {
        let mut draw = Draw::new(seed);
        let (sampling, ops) = pass(&mut draw, aligned);
        for interpolation in Interpolation::ALL {
            let volume = draw.volume(*sampling.source(), Kind::Image, 1);
            // `through` counts the axes of the pass's source, which are others for each step.
            let how = How { through: None, ..how(&mut draw, interpolation, 1) };
            let fused = execute(&volume, &sampling, &how).unwrap();
            let mut stepwise = volume;
            for op in &ops {
                let mut one = Sampling::identity(*stepwise.grid());
                one.push(op).unwrap();
                stepwise = execute(&stepwise, &one, &how).unwrap();
            }
            let tolerance = if interpolation.averages() { 0.02 } else { 0.0 };
            for (a, b) in values(&fused).into_iter().zip(values(&stepwise)) {
                prop_assert!((a - b).abs() <= tolerance, "{} {:?}: fused {a}, step by step {b}", interpolation, how.outside);
            }
        }
    }

    #[test]
    fn streaming_argmax_is_the_argmax_of_the_resampled_channels(seed: u64, aligned: bool) {
        let mut draw = Draw::new(seed);
        let (sampling, _) = pass(&mut draw, aligned);
        let volume = draw.volume(*sampling.source(), Kind::Logit, 4);
        for interpolation in [Interpolation::Nearest, Interpolation::Linear, Interpolation::Cubic] {
            let how = How::filled(interpolation, Kind::Logit.unseen(4).unwrap());
            let whole = argmax(&execute(&volume, &sampling, &how).unwrap()).unwrap();
            prop_assert_eq!(execute_argmax(&volume, &sampling, &how).unwrap(), whole);
        }
    }

    #[test]
    fn exact_passes_and_back_keep_every_voxel_bit_for_bit(seed: u64) {
        let mut draw = Draw::new(seed);
        let mut grid = draw.grid(8);
        let volume = draw.volume(grid, Kind::Label, 2);
        let mut there = Sampling::identity(grid);
        let mut steps = Vec::new();
        for _ in 0..4 {
            let op = if draw.int(0, 1) == 0 {
                GridOp::Reorient(draw.permutation())
            } else {
                let low = [0; 3].map(|_| draw.int(0, 2));
                let n = grid.shape();
                let shape = [0, 1, 2].map(|a| n[a] + low[a] as usize + draw.int(0, 2) as usize);
                GridOp::Window { start: low.map(|l| -l), shape }
            };
            there.push(&op).unwrap();
            steps.push(Step::new(op, grid).unwrap());
            grid = *steps.last().unwrap().after();
        }
        let how = How::filled(Interpolation::Linear, vec![9.0]);
        let model = execute(&volume, &there, &how).unwrap();
        let back = execute(&model, &Sampling::inverse_of(&steps).unwrap(), &how).unwrap();
        prop_assert_eq!(back, volume);
    }
}

/// A stack of uneven slices and a grid that it is evened out onto, oblique to it or not.
fn uneven(draw: &mut Draw) -> (Step, Step) {
    let mut native = draw.grid(8);
    while native.shape()[2] < 2 {
        native = draw.grid(8);
    }
    let offsets = (0..native.shape()[2]).map(|_| [draw.real(-3.0, 3.0), draw.real(-3.0, 3.0), draw.real(-0.45, 0.45)]);
    let slices = std::sync::Arc::new(revoxel_core::Slices::new(offsets.collect()).unwrap());
    let aligned = draw.int(0, 1) == 1;
    let grid = draw.grid_near(&native, aligned);
    let first = Step::new(GridOp::Reslice { from: Some(slices), to: None, grid }, native).unwrap();
    let turn = Step::new(GridOp::Reorient(draw.permutation()), grid).unwrap();
    (first, turn)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn uneven_slices_agree_with_the_oracle_there_and_back(seed: u64) {
        let mut draw = Draw::new(seed);
        let (first, turn) = uneven(&mut draw);
        let mut there = Sampling::identity(*first.before());
        there.push(first.op()).unwrap();
        prop_assert!(there.fuses(turn.op(), false));
        there.push(turn.op()).unwrap();
        let resample = GridOp::Resample { grid: draw.grid_near(turn.after(), false) };
        let last = Step::new(resample, *turn.after()).unwrap();
        let steps = [first, turn, last];
        let back = Sampling::inverse_of(&steps).unwrap();
        prop_assert_eq!(back.target(), steps[0].before());
        for interpolation in Interpolation::ALL {
            let volume = draw.volume(*there.source(), Kind::Image, 1);
            check(&mut draw, &volume, &there, interpolation);
            let volume = draw.volume(*back.source(), Kind::Image, 1);
            check(&mut draw, &volume, &back, interpolation);
        }
    }
}

#[test]
fn a_ramp_in_the_world_survives_uneven_slices_and_comes_back() {
    // Linear interpolation gives a linear function back exactly, wherever the slices lie.
    let mut draw = Draw::new(77);
    let (first, _) = uneven(&mut draw);
    let GridOp::Reslice { from: Some(slices), .. } = first.op() else { panic!() };
    let native = *first.before();
    let world = |p: [f64; 3]| (p[0] * 0.7 - p[1] * 0.3 + p[2] * 1.1 + 1000.0) as f32;
    let [nx, ny, nz] = native.shape();
    let indices =
        || (0..nz).flat_map(move |z| (0..ny).flat_map(move |y| (0..nx).map(move |x| [x as f64, y as f64, z as f64])));
    let ramp: Vec<f32> = indices().map(|i| world(native.index_to_world(slices.to_even(i)))).collect();
    let volume = Volume::new(ramp.into(), native, Kind::Image, 1).unwrap();
    let mut there = Sampling::identity(native);
    there.push(first.op()).unwrap();
    let even = execute(&volume, &there, &How::filled(Interpolation::Linear, vec![f64::NAN])).unwrap();
    let [mx, my, _] = even.grid().shape();
    let mut seen = 0;
    for (position, value) in values(&even).into_iter().enumerate().filter(|(_, v)| !v.is_nan()) {
        let index = [position % mx, position / mx % my, position / (mx * my)].map(|i| i as f64);
        let p = there.position(index);
        // Positions up to half a voxel outside take the edge, which is off the ramp.
        if (0..3).all(|a| (0.0..=[nx, ny, nz][a] as f64 - 1.0).contains(&p[a])) {
            assert!((value - f64::from(world(even.grid().index_to_world(index)))).abs() < 2e-2);
            seen += 1;
        }
    }
    assert!(seen > 5, "{seen}");
}

#[test]
fn beyond_the_faces_a_continued_spline_is_what_lies_outside() {
    let line: Vec<f32> = (0..20u8).map(|i| f32::from(i * 7 % 11) - 3.0).collect();
    let volume = Volume::new(line.into(), Grid::without_geometry([20, 1, 1]).unwrap(), Kind::Image, 1).unwrap();
    for oblique in [0.0, 1e-3] {
        // Positions from 40.2 voxels before the volume to 40 behind it; the general path where the map is oblique.
        let rows = [[1.0, oblique, 0.0, -40.2], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]];
        let target = Grid::new([100, 1, 1], Affine::from_rows(rows)).unwrap();
        let mut pass = Sampling::identity(*volume.grid());
        pass.push(&GridOp::Resample { grid: target }).unwrap();
        let t = |boundary, outside| {
            let how = How { boundary, outside, fill: vec![-99.0], ..How::border(Interpolation::Cubic) };
            values(&execute(&volume, &pass, &how).unwrap())
        };
        // The first position within the volume is number 40, at -0.2, the last one number 59, at 18.8 (19.8 is beyond).
        for boundary in [Boundary::Mirror, Boundary::Edge, Boundary::Reflect, Boundary::Itk] {
            let filled = t(boundary, Outside::Fill);
            let seen: Vec<usize> = (0..100).filter(|x| filled[*x] != -99.0).collect();
            assert_eq!(seen, (40..60).collect::<Vec<_>>(), "{boundary:?}");
            let border = t(boundary, Outside::Border);
            assert_eq!(border[40..60], filled[40..60], "{boundary:?}");
            // What goes on stays what it is: that of the edge settles within a few voxels.
            let settled = if boundary == Boundary::Edge { 20 } else { 39 };
            assert!((0..settled).all(|x| (border[x] - border[0]).abs() < 1e-5), "{boundary:?}: {border:?}");
            assert!((99 - settled..100).all(|x| (border[x] - border[99]).abs() < 1e-5), "{boundary:?}: {border:?}");
        }
        // Mirrored about both faces it comes again after twice its length.
        let mirrored = t(Boundary::Reflect, Outside::Reflection);
        assert!((0..60).all(|x| (mirrored[x] - mirrored[x + 40]).abs() < 1e-4));
    }
}

#[test]
fn a_continued_spline_finds_uneven_slices() {
    // Far from the faces, how a volume goes on beyond them makes no difference.
    const SIZE: usize = 24;
    let mut draw = Draw::new(5);
    let grid = Grid::without_geometry([SIZE; 3]).unwrap();
    let volume = draw.volume(grid, Kind::Image, 1).cast(revoxel_core::Dtype::F32);
    let offsets = (0..SIZE).map(|_| [draw.real(-1.0, 1.0), draw.real(-1.0, 1.0), draw.real(-0.45, 0.45)]);
    let slices = std::sync::Arc::new(revoxel_core::Slices::new(offsets.collect()).unwrap());
    let rows = [[1.0, 0.0, 0.0, 0.3], [0.0, 1.0, 0.0, -0.2], [0.0, 0.0, 1.0, 0.4]];
    let target = Grid::new([SIZE; 3], Affine::from_rows(rows)).unwrap();
    let mut pass = Sampling::identity(grid);
    pass.push(&GridOp::Reslice { from: Some(slices), to: None, grid: target }).unwrap();
    let of = |boundary| {
        let how = How { boundary, ..How::border(Interpolation::Cubic) };
        values(&execute(&volume, &pass, &how).unwrap())
    };
    let (mirrored, most) = (of(Boundary::Mirror), values(&volume).into_iter().fold(0.0, |m: f64, v| m.max(v.abs())));
    for boundary in [Boundary::Edge, Boundary::Reflect, Boundary::Itk] {
        let mut seen = 0;
        for (at, (a, b)) in of(boundary).iter().zip(&mirrored).enumerate() {
            let index = [at % SIZE, at / SIZE % SIZE, at / (SIZE * SIZE)].map(|i| i as f64);
            if pass.position(index).iter().all(|x| (9.0..14.0).contains(x)) {
                assert!((a - b).abs() < 1e-4 * most, "{boundary:?} {index:?}: {a} {b}");
                seen += 1;
            }
        }
        assert!(seen > 50, "{seen}");
    }
}

#[test]
fn a_spline_goes_on_beyond_a_2d_image() {
    let mut draw = Draw::new(6);
    let rows = |step: f64| [[step, 0.1, 0.0, 1.0], [0.0, step, 0.0, 2.0], [0.0, 0.0, 3.0, 4.0]];
    let grid = |shape, step| Grid::new(shape, Affine::from_rows(rows(step))).unwrap();
    let (from, to) = (grid([12, 10, 1], 1.0), grid([15, 13, 1], 0.75));
    let volume = draw.volume(from, Kind::Image, 1);
    for boundary in [Boundary::Mirror, Boundary::Edge, Boundary::Reflect, Boundary::Itk] {
        let how = How { boundary, ..How::border(Interpolation::Cubic) };
        let of = |from: Grid, to: Grid| {
            let mut pass = Sampling::identity(from);
            pass.push(&GridOp::Resample { grid: to }).unwrap();
            values(&execute(&volume.clone().on_grid(from).unwrap(), &pass, &how).unwrap())
        };
        assert_eq!(of(from.planar(), to.planar()), of(from, to), "{boundary:?}");
    }
}

#[test]
fn wide_integers_are_copied_exactly_and_averaged_in_f64() {
    let grid = revoxel_core::Grid::without_geometry([2, 1, 1]).unwrap();
    let big = (1u64 << 53) + 1;
    let volume = Volume::new(vec![big, 3].into(), grid, Kind::Label, 1).unwrap();
    let mut flip = Sampling::identity(grid);
    flip.push(&GridOp::Reorient(revoxel_core::SignedPermutation::flips([true, false, false]))).unwrap();
    let flipped = execute(&volume, &flip, &How::border(Interpolation::Nearest)).unwrap();
    assert_eq!(flipped.voxels(), &vec![3u64, big].into());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn slabs_give_what_the_whole_gives(seed: u64, aligned: bool) {
        let mut draw = Draw::new(seed);
        let (sampling, _) = pass(&mut draw, aligned);
        let volume = draw.volume(*sampling.source(), Kind::Image, 3);
        for (interpolation, dtype) in [
            (Interpolation::Linear, None),
            (Interpolation::Cubic, Some(Dtype::I16)),
            (Interpolation::Linear, Some(Dtype::U8)),
            (Interpolation::Nearest, None),
        ] {
            let how = how(&mut draw, interpolation, 3);
            let whole = execute_as(&volume, &sampling, &how, dtype).unwrap();
            let mut slabs = Vec::new();
            stream::<ResampleError>(&volume, &sampling, &how, dtype, |slab| {
                assert_eq!(slab.dtype(), whole.dtype());
                slabs.extend(dispatch!(slab, v => v.iter().map(|x| x.to_f64()).collect::<Vec<_>>()));
                Ok(())
            })
            .unwrap();
            prop_assert_eq!(&slabs, &values(&whole));
            // Means in an integer type are the rounded means.
            let means = execute(&volume, &sampling, &how).unwrap();
            prop_assert_eq!(means.cast(whole.dtype()), whole);
        }
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let mut draw = Draw::new(3);
    let (sampling, _) = pass(&mut draw, false);
    let volume = draw.volume(*sampling.source(), Kind::Image, 2);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| execute(&volume, &sampling, &How::border(Interpolation::Cubic)).unwrap())
    };
    assert_eq!(run(1), run(5));
}
