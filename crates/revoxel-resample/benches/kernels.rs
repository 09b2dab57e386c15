//! Every kernel on a volume of 192×160×128 voxels, at each instruction set that the processor has:
//! `cargo bench -p revoxel-resample`. Throughput is in voxels of the result; `copy` is what memory allows.
#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use revoxel_core::testing::Draw;
use revoxel_core::{Affine, Dtype, Grid, GridOp, Kind, Sampling, SignedPermutation, Step, Volume};
use revoxel_resample::{How, Interpolation, Level, execute, execute_argmax};

const SHAPE: [usize; 3] = [192, 160, 128];

/// A grid over the same box whose axes are turned by so many degrees about the third.
fn grid(shape: [usize; 3], spacing: [f64; 3], degrees: f64) -> Grid {
    let (s, c) = degrees.to_radians().sin_cos();
    let turn = [[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]];
    let linear = turn.map(|row| [row[0] * spacing[0], row[1] * spacing[1], row[2] * spacing[2]]);
    Grid::new(shape, Affine::from_linear(linear, [-60.0, -70.0, -90.0])).expect("a grid")
}

fn resampling(native: Grid, target: Grid) -> Sampling {
    let mut sampling = Sampling::identity(native);
    sampling.push(&GridOp::Resample { grid: target }).expect("a pass");
    sampling
}

fn turning(native: Grid, order: [usize; 3]) -> Sampling {
    let mut sampling = Sampling::identity(native);
    let turn = SignedPermutation::new(order, [true, false, true]).expect("a permutation");
    sampling.push(&GridOp::Reorient(turn)).expect("a pass");
    sampling
}

/// Blocks of labels, as segmentations have them: few voxels lie at a border.
fn blocks(grid: Grid) -> Volume {
    let [nx, ny, nz] = grid.shape();
    let label = |i: usize| ((i % nx / 24) * 7 + (i / nx % ny / 20) * 3 + i / (nx * ny) / 16) % 105;
    let labels: Vec<u8> = (0..nx * ny * nz).map(|i| label(i) as u8).collect();
    Volume::new(labels.into(), grid, Kind::Label, 1).expect("labels")
}

fn kernels(criterion: &mut Criterion) {
    let native = grid(SHAPE, [0.75, 0.75, 1.5], 8.0);
    let fine = grid([144, 120, 192], [1.0; 3], 8.0);
    let oblique = grid([144, 120, 192], [1.0; 3], 0.0);
    let image = Draw::new(3).volume(native, Kind::Image, 1).cast(Dtype::I16);
    let labels = blocks(native);
    let (straight, turned) = (resampling(native, fine), resampling(native, oblique));
    let sagittal = {
        let mut sampling = straight.clone();
        let order = SignedPermutation::new([2, 0, 1], [false; 3]).expect("a permutation");
        sampling.push(&GridOp::Reorient(order)).expect("a pass");
        sampling
    };
    use Interpolation::{Cubic, Label, Linear, Nearest};
    let passes: [(&str, &Volume, Sampling, Interpolation); 13] = [
        ("linear", &image, straight.clone(), Linear),
        ("linear_turned", &image, sagittal, Linear),
        ("linear_oblique", &image, turned.clone(), Linear),
        ("cubic", &image, straight.clone(), Cubic),
        ("cubic_oblique", &image, turned.clone(), Cubic),
        ("nearest", &labels, straight.clone(), Nearest),
        ("nearest_oblique", &labels, turned.clone(), Nearest),
        ("label", &labels, straight, Label),
        ("label_oblique", &labels, turned, Label),
        ("flip", &image, turning(native, [0, 1, 2]), Nearest),
        ("transpose_102", &image, turning(native, [1, 0, 2]), Nearest),
        ("transpose_210", &image, turning(native, [2, 1, 0]), Nearest),
        ("transpose_120", &image, turning(native, [1, 2, 0]), Nearest),
    ];
    let model = grid([48, 40, 64], [3.0; 3], 8.0);
    let logits = Draw::new(4).volume(model, Kind::Logit, 14).cast(Dtype::F32);
    let back = Step::new(GridOp::Resample { grid: model }, native).expect("a step");
    let back = Sampling::inverse_of(&[back]).expect("a pass");
    let levels: Vec<Level> = Level::ALL.into_iter().filter(|l| l.is_available()).collect();
    for (name, volume, sampling, interpolation) in &passes {
        let mut group = criterion.benchmark_group(*name);
        group.throughput(Throughput::Elements(sampling.target().voxel_count() as u64)).sample_size(20);
        for level in &levels {
            assert!(level.select());
            group.bench_function(BenchmarkId::from_parameter(level), |b| {
                b.iter(|| black_box(execute(volume, sampling, &How::border(*interpolation))));
            });
        }
        group.finish();
    }
    let mut group = criterion.benchmark_group("logits14_argmax");
    group.throughput(Throughput::Elements(native.voxel_count() as u64)).sample_size(20);
    let how = How::filled(Linear, Kind::Logit.unseen(14).expect("a fill"));
    for level in &levels {
        assert!(level.select());
        group.bench_function(BenchmarkId::from_parameter(level), |b| {
            b.iter(|| black_box(execute_argmax(&logits, &back, &how)));
        });
    }
    group.finish();
    let mut group = criterion.benchmark_group("copy");
    let source = vec![1.0f32; fine.voxel_count()];
    group.throughput(Throughput::Elements(source.len() as u64)).sample_size(20);
    group.bench_function("float32", |b| b.iter(|| black_box(source.clone())));
    group.finish();
}

criterion_group!(benches, kernels);
criterion_main!(benches);
