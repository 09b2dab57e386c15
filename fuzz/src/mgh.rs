//! MGH files, also compressed. The last byte of an input chooses options.

use revoxel_core::testing::Draw;
use revoxel_core::{Dtype, Volume};
use revoxel_io::{Facts, write};

use crate::mutate::{NUMBERS, gunzip, gzip, one, plain, put};
use crate::{scratch, volume};

/// Reads an input as a file.
pub fn check(data: &[u8]) {
    let Some((choice, bytes)) = data.split_last() else { return };
    let path = scratch::file("in.mgh", bytes);
    volume::check_as(&path, &volume::options(*choice), *choice, ["mgh", "mgz", "nii", "mif"]);
}

const REALS: [f64; 12] =
    [0.0, -0.0, 1.0, -1.0, 0.5, 1e-30, 1e30, 1e-40, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 3.4e38];

/// Changes a field of the header; compressed files are unpacked for it and packed again.
pub fn mutate(bytes: &mut Vec<u8>, draw: &mut Draw) {
    let choice = bytes.pop().unwrap_or_default();
    let packed = bytes.starts_with(&[0x1f, 0x8b]);
    let mut content = if packed { gunzip(bytes) } else { std::mem::take(bytes) };
    match draw.int(0, 3) {
        0 => plain(&mut content, draw),
        1 => {
            // Version, sizes, type, degrees of freedom.
            let number = if draw.int(0, 1) == 0 { *one(draw, &NUMBERS) } else { draw.int(0, 12) };
            let at = 4 * draw.int(0, 6) as usize;
            put(&mut content, at, 4, true, number);
        }
        2 => put(&mut content, 28, 2, true, draw.int(-1, 2)),
        _ => {
            let real = if draw.int(0, 1) == 0 { *one(draw, &REALS) } else { draw.real(-4.0, 4.0) };
            let at = 30 + 4 * draw.int(0, 14) as usize;
            put(&mut content, at, 4, true, i64::from((real as f32).to_bits()));
        }
    }
    if draw.int(0, 7) == 0 {
        let length = content.len() + draw.int(0, 600) as usize;
        content.resize(length, draw.int(0, 255) as u8);
    }
    let pack = packed != (draw.int(0, 15) == 0);
    *bytes = if pack { gzip(&content) } else { content };
    bytes.push(if draw.int(0, 7) == 0 { draw.int(0, 255) as u8 } else { choice });
}

/// The samples in the types that the format has.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (number, sample) in volume::samples().iter().enumerate() {
        for dtype in [Dtype::U8, Dtype::I16, Dtype::I32, Dtype::F32] {
            let voxels = sample.voxels().clone().cast(dtype);
            let made = Volume::new(voxels, *sample.grid(), sample.kind(), sample.channels());
            let path = scratch::folder().join(if number % 2 == 0 { "seed.mgh" } else { "seed.mgz" });
            if made.is_ok_and(|made| write(&path, &made, &Facts::default()).is_ok()) {
                let mut bytes = std::fs::read(&path).expect("it was written");
                bytes.push((seeds.len() as u8).wrapping_mul(16));
                seeds.push(bytes);
            }
        }
    }
    seeds
}
