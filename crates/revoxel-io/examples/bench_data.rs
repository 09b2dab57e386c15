//! Makes the test volumes of `cargo xtask bench` in a folder: `ct.nii`, `ct.nii.gz` (512×512×300 int16, 0.7×0.7×1.5 mm,
//! slightly oblique, noisy), `seg.nii`, `seg.nii.gz` (uint8 labels on the same grid): `bench_data FOLDER`.
//!
//! A body of nested, folded ellipsoids with noise as of a CT; the labels are a folded sheet in two halves, so that they
//! have as much border as grey matter has.

use std::path::Path;

use revoxel_core::{Affine, Grid, Kind, Volume};
use revoxel_io::{Facts, write};

const SHAPE: [usize; 3] = [512, 512, 300];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).ok_or("give a folder")?;
    let folder = Path::new(&folder);
    let (s, c) = 4f64.to_radians().sin_cos();
    let direction = [[-1.0, 0.0, 0.0], [0.0, -c, -s], [0.0, -s, c]];
    let grid = Grid::new(SHAPE, Affine::from_parts([0.7, 0.7, 1.5], direction, [180.0, 170.0, -220.0]))?;
    let grid = revoxel_io::nifti::stored_grid(&grid);
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut noise = || {
        // The sum of four uniform numbers, scaled to a standard deviation of 12.
        let sum: f64 = (0..4)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 40) as f64 / f64::from(1u32 << 24) - 0.5
            })
            .sum();
        sum * 12.0 / (4.0f64 / 12.0).sqrt()
    };
    let count = SHAPE.iter().product();
    let (mut image, mut labels) = (Vec::<i16>::with_capacity(count), Vec::<u8>::with_capacity(count));
    for z in 0..SHAPE[2] {
        for y in 0..SHAPE[1] {
            for x in 0..SHAPE[0] {
                let p = [
                    (x as f64 - 250.0) * 0.7 / 130.0,
                    (y as f64 - 262.0) * 0.7 / 150.0,
                    (z as f64 - 148.0) * 1.5 / 190.0,
                ];
                let r = p.iter().map(|v| v * v).sum::<f64>().sqrt();
                let fold = 0.05 * ((p[0] * 31.0).sin() + (p[1] * 27.0 + 0.7).sin() + (p[2] * 35.0 + 1.1).sin());
                let level = match r {
                    r if r > 1.0 => -1000.0,
                    r if r > 0.93 => 700.0 + 200.0 * p[1],
                    r if r + fold > 0.72 => 40.0 + 15.0 * p[0],
                    _ => 25.0 + 8.0 * p[2],
                };
                image.push((level + noise()).round().clamp(-1024.0, 3071.0) as i16);
                let sheet = r <= 0.93 && r + fold > 0.72;
                labels.push(if sheet { 1 + u8::from(x >= 256) } else { 0 });
            }
        }
    }
    let image = Volume::new(image.into(), grid, Kind::Image, 1)?;
    let labels = Volume::new(labels.into(), grid, Kind::Label, 1)?;
    for (name, volume) in [("ct", &image), ("seg", &labels)] {
        write(folder.join(format!("{name}.nii")), volume, &Facts::default())?;
        write(folder.join(format!("{name}.nii.gz")), volume, &Facts::default())?;
    }
    Ok(())
}
