//! Reading and writing a volume of 192×160×128 voxels in each format: `cargo bench -p revoxel-io`. Throughput is in
//! bytes of voxels.
#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use revoxel_core::testing::Draw;
use revoxel_core::{Affine, Dtype, Grid, Kind, Volume, Voxels};
use revoxel_io::{Facts, read, write};

/// A smooth scan with noise in its lowest bits, as a CT has, so that compression has what it has in life.
fn scan() -> Volume {
    let grid = Grid::new([192, 160, 128], Affine::scaling([0.75, 0.75, 1.5])).expect("a grid");
    let mut draw = Draw::new(9);
    let value = |i: usize| {
        let place = [i % 192, i / 192 % 160, i / (192 * 160)].map(|p| p as f64);
        let radius = place.iter().zip([96.0, 80.0, 64.0]).map(|(p, c)| (p / c - 1.0).powi(2)).sum::<f64>();
        let tissue = if radius > 0.9 { -1000.0 } else { 40.0 + 60.0 * (place[0] / 17.0).sin() };
        (tissue + if radius > 0.9 { 0.0 } else { draw.real(-12.0, 12.0) }) as i16
    };
    let voxels: Vec<i16> = (0..grid.voxel_count()).map(value).collect();
    Volume::new(Voxels::from(voxels), grid, Kind::Image, 1).expect("a volume")
}

fn codecs(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let image = scan();
    let means = image.clone().cast(Dtype::F32);
    let cases = [
        ("nii", &image, "a.nii"),
        ("nii_gz", &image, "a.nii.gz"),
        ("nii_gz_float32", &means, "f.nii.gz"),
        ("nrrd", &image, "a.nrrd"),
        ("mha", &image, "a.mha"),
    ];
    for (name, volume, file) in cases {
        let path = folder.path().join(file);
        let mut group = criterion.benchmark_group(name);
        let bytes = volume.voxels().len() * volume.dtype().size();
        group.throughput(Throughput::Bytes(bytes as u64)).sample_size(20);
        group.bench_function("write", |b| {
            b.iter(|| write(&path, volume, &Facts::default()).expect("a file"));
        });
        write(&path, volume, &Facts::default()).expect("a file");
        group.bench_function("read", |b| {
            b.iter(|| black_box(read(&path, Kind::Image).expect("a volume")));
        });
        group.finish();
    }
}

criterion_group!(benches, codecs);
criterion_main!(benches);
