//! Times the kernels on a folder with `ct.nii` (512×512×300 int16) and `seg.nii` (uint8 labels on the same grid), as
//! `cargo xtask bench` makes it, and prints one JSON object: median seconds by kernel.
//!
//! ```text
//! cargo run --release -p revoxel-resample --example kernels -- FOLDER [REPEATS] [portable|avx2|avx512|best] [KERNEL]
//! ```
#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use revoxel_core::{Affine, Dtype, Grid, GridOp, Kind, Sampling, SignedPermutation, Step, Volume, Voxels};
use revoxel_resample::{How, Interpolation, Level, execute, execute_argmax};

const SHAPE: [usize; 3] = [512, 512, 300];
const SPACING: [f64; 3] = [0.7, 0.7, 1.5];

fn voxels<T: bytemuck::Pod>(path: &Path) -> Vec<T> {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let count = SHAPE.iter().product::<usize>() * std::mem::size_of::<T>();
    bytemuck::pod_collect_to_vec(&bytes[352..352 + count])
}

/// A grid whose axes are turned by about 8 degrees, as that of `ct.nii`, or by more.
fn grid(shape: [usize; 3], spacing: [f64; 3], degrees: f64) -> Grid {
    let (s, c) = degrees.to_radians().sin_cos();
    let turn = [[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]];
    let linear = turn.map(|row| [row[0] * spacing[0], row[1] * spacing[1], row[2] * spacing[2]]);
    Grid::new(shape, Affine::from_linear(linear, [-170.0, -180.0, -220.0])).expect("a grid")
}

/// Processor seconds of this process so far, from all threads, where the system tells (hundredths).
fn processor() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = |field: usize| text.split(' ').nth(field).and_then(|t| t.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(13) + ticks(14)) / 100.0
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("a folder with ct.nii and seg.nii");
    let repeats: usize = arguments.next().map_or(5, |n| n.parse().expect("a number"));
    if let Some(wanted) = arguments.next().filter(|w| w != "best") {
        let level = Level::ALL.into_iter().find(|l| l.name() == wanted).expect("portable, avx2 or avx512");
        assert!(level.select(), "this processor has no {level}");
    }
    let only = arguments.next();
    let folder = Path::new(&folder);
    let native = grid(SHAPE, SPACING, 8.0);
    let ct = Volume::new(voxels::<i16>(&folder.join("ct.nii")).into(), native, Kind::Image, 1).expect("a volume");
    let labels = Volume::new(voxels::<u8>(&folder.join("seg.nii")).into(), native, Kind::Label, 1).expect("labels");
    // The same borders and those of blocks between them: 104 labels, as of a whole body.
    let organ = |i: usize| 1 + (i % 512 / 64 + i / 512 % 512 / 64 * 8 + i / (512 * 512) / 100 * 20) % 104;
    let organs = labels.voxels().clone().cast(Dtype::U8);
    let organs: Vec<u8> = match organs {
        Voxels::U8(inside) => inside.iter().enumerate().map(|(i, l)| if *l > 0 { organ(i) as u8 } else { 0 }).collect(),
        _ => Vec::new(),
    };
    let organs = Volume::new(organs.into(), native, Kind::Label, 1).expect("labels");
    let fine = grid([359, 359, 450], [1.0; 3], 8.0);
    let oblique = grid([359, 359, 450], [1.0; 3], 0.0);
    let to = |grid: Grid| {
        let mut sampling = Sampling::identity(native);
        sampling.push(&GridOp::Resample { grid }).expect("a pass");
        sampling
    };
    let turned = |order: [usize; 3]| {
        let mut sampling = Sampling::identity(native);
        let turn = SignedPermutation::new(order, [true, false, true]).expect("a permutation");
        sampling.push(&GridOp::Reorient(turn)).expect("a pass");
        sampling
    };
    let sagittal = {
        let mut sampling = to(fine);
        sampling.push(&GridOp::Reorient(SignedPermutation::new([2, 0, 1], [false; 3]).expect("it"))).expect("a pass");
        sampling
    };
    let mut rows: Vec<(&str, Vec<f64>)> = Vec::new();
    let mut time = |name: &'static str, work: &dyn Fn()| {
        if only.as_ref().is_some_and(|only| only != name) {
            return;
        }
        let before = processor();
        let seconds = (0..repeats).map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        });
        let mut seconds: Vec<f64> = seconds.collect();
        seconds.sort_by(f64::total_cmp);
        let busy = (processor() - before) / repeats as f64;
        eprintln!("{name}: {:.3} s, processors busy {busy:.2} s", seconds[repeats / 2]);
        rows.push((name, seconds));
    };
    let run = |volume: &Volume, sampling: &Sampling, interpolation: Interpolation| {
        black_box(execute(volume, sampling, &How::border(interpolation)).expect("a result"));
    };
    let source: Vec<f32> = vec![1.0; 58_000_000];
    time("copy_f32_58M", &|| {
        let mut to = vec![0.0f32; source.len()];
        let half = source.len() / 2;
        let (a, b) = to.split_at_mut(half);
        rayon::join(|| a.copy_from_slice(&source[..half]), || b.copy_from_slice(&source[half..]));
        black_box(to);
    });
    time("linear_axis", &|| run(&ct, &to(fine), Interpolation::Linear));
    time("linear_axis_turned", &|| run(&ct, &sagittal, Interpolation::Linear));
    time("linear_oblique", &|| run(&ct, &to(oblique), Interpolation::Linear));
    time("cubic_axis", &|| run(&ct, &to(fine), Interpolation::Cubic));
    time("cubic_oblique", &|| run(&ct, &to(oblique), Interpolation::Cubic));
    time("nearest_axis", &|| run(&labels, &to(fine), Interpolation::Nearest));
    time("nearest_oblique", &|| run(&labels, &to(oblique), Interpolation::Nearest));
    time("label_axis", &|| run(&labels, &to(fine), Interpolation::Label));
    time("label104_axis", &|| run(&organs, &to(fine), Interpolation::Label));
    time("label_oblique", &|| run(&labels, &to(oblique), Interpolation::Label));
    time("flip_i16", &|| run(&ct, &turned([0, 1, 2]), Interpolation::Nearest));
    time("transpose_i16_102", &|| run(&ct, &turned([1, 0, 2]), Interpolation::Nearest));
    time("transpose_i16_210", &|| run(&ct, &turned([2, 1, 0]), Interpolation::Nearest));
    let model = grid([120, 120, 150], [3.0; 3], 8.0);
    let mut state = 1u64;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    };
    // A sum of uniform numbers: logits of noise, where neighbouring voxels seldom agree.
    let logits: Vec<f32> = (0..120 * 120 * 150 * 14).map(|_| draw() + draw() + draw()).collect();
    let logits = Volume::new(logits.into(), model, Kind::Logit, 14).expect("logits");
    let back = Step::new(GridOp::Resample { grid: model }, native).expect("a step");
    let back = Sampling::inverse_of(&[back]).expect("a pass");
    let how = How::filled(Interpolation::Linear, Kind::Logit.unseen(14).expect("a fill"));
    time("logits14_argmax", &|| {
        black_box(execute_argmax(&logits, &back, &how).expect("labels"));
    });
    let row = |(name, seconds): &(&str, Vec<f64>)| format!("\"{name}\": {:.4}", seconds[repeats / 2]);
    println!("{{{}}}", rows.iter().map(row).collect::<Vec<_>>().join(", "));
}
