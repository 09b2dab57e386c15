//! NIfTI-1, NIfTI-2 and Analyze files, also compressed. The last byte of an input chooses options.

use revoxel_core::testing::Draw;

use crate::mutate::{NUMBERS, gunzip, gzip, one, plain, put};
use crate::{scratch, volume};

/// Reads an input as a file.
pub fn check(data: &[u8]) {
    let Some((choice, bytes)) = data.split_last() else { return };
    let path = scratch::file("in.nii", bytes);
    volume::check(&path, &volume::options(*choice), *choice);
}

/// Fields of the header of 348 bytes: offset and width; floats are 5.
const FIELDS_1: &[(usize, usize)] = &[
    (0, 4),
    (40, 2),
    (42, 2),
    (44, 2),
    (46, 2),
    (48, 2),
    (50, 2),
    (52, 2),
    (54, 2),
    (68, 2),
    (70, 2),
    (72, 2),
    (76, 5),
    (80, 5),
    (84, 5),
    (88, 5),
    (92, 5),
    (96, 5),
    (108, 5),
    (112, 5),
    (116, 5),
    (120, 2),
    (122, 1),
    (123, 1),
    (124, 5),
    (128, 5),
    (252, 2),
    (254, 2),
    (256, 5),
    (260, 5),
    (264, 5),
    (268, 5),
    (272, 5),
    (276, 5),
    (280, 5),
    (284, 5),
    (288, 5),
    (292, 5),
    (296, 5),
    (300, 5),
    (304, 5),
    (308, 5),
    (312, 5),
    (316, 5),
    (320, 5),
    (324, 5),
    (344, 4),
    (348, 4),
    (352, 4),
    (356, 4),
];

/// Fields of the header of 540 bytes; doubles are 9.
const FIELDS_2: &[(usize, usize)] = &[
    (0, 4),
    (4, 4),
    (12, 2),
    (14, 2),
    (16, 8),
    (24, 8),
    (32, 8),
    (40, 8),
    (48, 8),
    (56, 8),
    (64, 8),
    (104, 9),
    (112, 9),
    (120, 9),
    (128, 9),
    (136, 9),
    (168, 8),
    (176, 9),
    (184, 9),
    (344, 4),
    (348, 4),
    (352, 9),
    (360, 9),
    (368, 9),
    (376, 9),
    (384, 9),
    (392, 9),
    (400, 9),
    (408, 9),
    (416, 9),
    (424, 9),
    (432, 9),
    (448, 9),
    (464, 9),
    (480, 9),
    (500, 4),
    (540, 4),
    (544, 4),
    (548, 4),
];

const REALS: [f64; 16] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    2.0,
    1e-30,
    1e30,
    1e-40,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    3.4e38,
    1e300,
    352.0,
    0.7071,
];

/// Changes a field of the header; compressed files are unpacked for it and packed again.
pub fn mutate(bytes: &mut Vec<u8>, draw: &mut Draw) {
    let choice = bytes.pop().unwrap_or_default();
    let packed = bytes.starts_with(&[0x1f, 0x8b]);
    let mut content = if packed { gunzip(bytes) } else { std::mem::take(bytes) };
    if draw.int(0, 3) == 0 {
        plain(&mut content, draw);
    } else {
        field(&mut content, draw);
    }
    // Now and then a file is packed, or unpacked.
    let pack = packed != (draw.int(0, 15) == 0);
    *bytes = if pack { gzip(&content) } else { content };
    bytes.push(if draw.int(0, 7) == 0 { draw.int(0, 255) as u8 } else { choice });
}

fn field(content: &mut Vec<u8>, draw: &mut Draw) {
    let head: [u8; 4] = content.first_chunk().copied().unwrap_or_default();
    let little = i32::from_le_bytes(head);
    let big = !matches!(little, 348 | 540);
    let second = little == 540 || i32::from_be_bytes(head) == 540;
    let (at, width) = *one(draw, if second { FIELDS_2 } else { FIELDS_1 });
    let real = if draw.int(0, 1) == 0 { *one(draw, &REALS) } else { draw.real(-4.0, 4.0) };
    let number = if draw.int(0, 1) == 0 { *one(draw, &NUMBERS) } else { draw.int(0, 20) };
    match width {
        5 => put(content, at, 4, big, i64::from((real as f32).to_bits())),
        9 => put(content, at, 8, big, real.to_bits() as i64),
        width => put(content, at, width, big, number),
    }
    // Data types that are known, and room for what the header asks for.
    if draw.int(0, 9) == 0 {
        let known = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 768, 1024, 1280, 1536, 1792, 2048, 2304];
        put(content, if second { 12 } else { 70 }, 2, big, *one(draw, &known));
    }
    if draw.int(0, 7) == 0 {
        let length = content.len() + draw.int(0, 600) as usize;
        content.resize(length, draw.int(0, 255) as u8);
    }
}

/// Written by this program, and an old header made by hand.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = volume::sample_files(&["nii", "nii.gz"]);
    // NIfTI-1 in the other byte order, and Analyze: without a magic.
    let mut old = vec![0u8; 348];
    for (at, width, value) in [
        (0, 4, 348),
        (40, 2, 3),
        (42, 2, 3),
        (44, 2, 2),
        (46, 2, 2),
        (70, 2, 4),
        (72, 2, 16),
        (80, 4, 0x3f80_0000),
        (84, 4, 0x4000_0000),
        (88, 4, 0x4040_0000),
        (108, 4, 0x43b0_0000),
        (254, 2, 1),
        (280, 4, 0x3f80_0000),
        (300, 4, 0x4000_0000),
        (320, 4, 0x4040_0000),
    ] {
        put(&mut old, at, width, true, value);
    }
    let mut data = old.clone();
    data[344..348].copy_from_slice(b"n+1\0");
    data.extend((0..28).map(|i| i as u8 * 9));
    seeds.push(data);
    // NIfTI-2 with two frames.
    let mut new = vec![0u8; 544];
    for (at, width, value) in [
        (0, 4, 540),
        (12, 2, 16),
        (14, 2, 32),
        (16, 8, 4),
        (24, 8, 2),
        (32, 8, 2),
        (40, 8, 1),
        (48, 8, 2),
        (112, 8, 0x3ff0_0000_0000_0000),
        (120, 8, 0x3ff0_0000_0000_0000),
        (128, 8, 0x4000_0000_0000_0000),
        (168, 8, 544),
        (344, 4, 1),
        (348, 4, 0),
        (352, 8, 0x3fe0_0000_0000_0000),
    ] {
        put(&mut new, at, width, false, value);
    }
    new[4..12].copy_from_slice(b"n+2\0\r\n\x1a\n");
    new.extend((0..8).flat_map(|i| (i as f32 * 1.5).to_le_bytes()));
    seeds.push(gzip(&new));
    seeds.push(new);
    seeds.into_iter().enumerate().map(|(i, mut bytes)| (bytes.push((i as u8).wrapping_mul(16)), bytes).1).collect()
}
