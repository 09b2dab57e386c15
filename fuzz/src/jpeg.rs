//! Compressed frames of DICOM: run lengths, JPEG, JPEG-LS, JPEG 2000. The first four bytes choose the syntax and what
//! the attributes say; the rest are the compressed bytes.

use revoxel_core::Kind;
use revoxel_core::testing::Draw;
use revoxel_io::read_with;

use crate::mutate::{one, plain, put};
use crate::object::Object;
use crate::{scratch, volume};

const SYNTAXES: [&str; 9] = [
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.91",
];

/// Decodes an input as the one frame of a file.
pub fn check(data: &[u8]) {
    let [syntax, columns, rows, format, bytes @ ..] = data else { return };
    let bits = if format & 1 == 0 { 8 } else { 16 };
    let colour = format & 2 != 0;
    let object = Object::slice(0, [0.0; 3])
        .short(0x0028_0010, u16::from(*rows))
        .short(0x0028_0011, u16::from(*columns))
        .short(0x0028_0002, if colour { 3 } else { 1 })
        .short(0x0028_0006, 0)
        .text(0x0028_0004, "CS", if colour { "RGB" } else { "MONOCHROME2" })
        .short(0x0028_0100, bits)
        .short(0x0028_0101, bits)
        .short(0x0028_0102, bits - 1)
        .short(0x0028_0103, u16::from(format >> 2 & 1))
        .frames(SYNTAXES[usize::from(*syntax) % SYNTAXES.len()], &[bytes]);
    let path = scratch::file("in.dcm", &object.bytes());
    let options = volume::options(0);
    let Ok(first) = read_with(&path, Kind::Image, &options) else { return };
    assert_eq!(first.volume.grid().shape(), [usize::from(*columns), usize::from(*rows), 1]);
    let again = read_with(&path, Kind::Image, &options).expect("what was read once can be read twice");
    assert!(again.volume.voxels().bytes() == first.volume.voxels().bytes(), "two readings differ");
}

/// Changes a marker's segment, or the size that the attributes and the frame header say.
pub fn mutate(bytes: &mut Vec<u8>, draw: &mut Draw) {
    if bytes.len() < 16 {
        return plain(bytes, draw);
    }
    match draw.int(0, 5) {
        0 => bytes[draw.int(0, 3) as usize] = draw.int(0, 24) as u8,
        1 => {
            // The same size in both places.
            let frame =
                (4..bytes.len() - 9).find(|at| bytes[*at] == 0xff && matches!(bytes[at + 1], 0xc0..=0xc3 | 0xf7));
            let (columns, rows) = (draw.int(0, 40), draw.int(0, 40));
            if let Some(at) = frame {
                put(bytes, at + 5, 2, true, rows);
                put(bytes, at + 7, 2, true, columns);
            }
            bytes[1..3].copy_from_slice(&[columns as u8, rows as u8]);
        }
        2 | 3 => {
            let markers: Vec<usize> =
                (4..bytes.len() - 1).filter(|at| bytes[*at] == 0xff && bytes[at + 1] > 0x3f).collect();
            if markers.is_empty() {
                return plain(bytes, draw);
            }
            let at = *one(draw, &markers) + draw.int(1, 12) as usize;
            if let Some(byte) = bytes.get_mut(at) {
                *byte = draw.int(0, 255) as u8;
            }
        }
        _ => {
            let mut frame = bytes.split_off(4);
            plain(&mut frame, draw);
            bytes.extend(frame);
        }
    }
}

/// Frames of 6 × 5 pixels, the ramp 7 i mod 251 (times 13 with 16 bits). What is in hexadecimal was encoded from
/// that ramp by GDCM (JPEG lossless) and OpenJPEG and libjpeg (the rest), for this file.
const FRAMES: [([u8; 4], &str); 7] = [
    (
        [4, 6, 5, 0],
        "ffd8ffc3000b080005000601011100ffc400160001010100000000000000000000000000030608ffda0008010100010000cfeeeeef54ee\
         eef54eeeef54eeeef54eeeefffd900",
    ),
    (
        [4, 6, 5, 1],
        "ffd8ffc3000b100005000601011100ffc400160001010100000000000000000000000000070a10ffda0008010100010000cb6b6b6b6b74\
         44b6b6b6b6b7444b6b6b6b6b7444b6b6b6b6b7444b6b6b6b6b7fffd900",
    ),
    (
        [1, 6, 5, 0],
        "ffd8ffe000104a46494600010100000100010000ffdb004300080606070605080707070909080a0c140d0c0b0b0c1912130f141d1a1f1e\
         1d1a1c1c20242e2720222c231c1c2837292c30313434341f27393d38323c2e333432ffc0000b080005000601011100ffc4001400010000\
         0000000000000000000000000004ffc4001b10000104030000000000000000000000000500010713324152ffda0008010100003f0048e8\
         cc2578eb965fffd9",
    ),
    (
        [1, 6, 5, 2],
        "ffd8ffe000104a46494600010100000100010000ffdb004300080606070605080707070909080a0c140d0c0b0b0c1912130f141d1a1f1e\
         1d1a1c1c20242e2720222c231c1c2837292c30313434341f27393d38323c2e333432ffdb0043010909090c0b0c180d0d1832211c213232\
         323232323232323232323232323232323232323232323232323232323232323232323232323232323232323232323232323232ffc00011\
         080005000603012200021101031101ffc4001500010100000000000000000000000000000005ffc4001710010101010000000000000000\
         0000000000040313ffc4001501010100000000000000000000000000000506ffc4001c1100010305000000000000000000000000010003\
         050411132333ffda000c03010002110311003f008515baf300c3f174790eb0ab442c7db905ffd9",
    ),
    (
        [7, 6, 5, 0],
        "ff4fff510029000000000006000000050000000000000000000000060000000500000000000000000001070101ff52000c000000010002\
         04040001ff5c000a4040484850484850ff640025000143726561746564206279204f70656e4a5045472076657273696f6e20322e352e34\
         ff90000a0000000000220001ff93df803007a350475f7fc0108008c07c2180158b7fffd9",
    ),
    (
        [7, 6, 5, 1],
        "ff4fff5100290000000000060000000500000000000000000000000600000005000000000000000000010f0101ff52000c000000010002\
         04040001ff5c000a4080888890888890ff640025000143726561746564206279204f70656e4a5045472076657273696f6e20322e352e34\
         ff90000a00000000002c0001ff93dff890500781575a42270f930218c000f90100090fc007da08001592cdd9ffd9",
    ),
    (
        [8, 6, 5, 2],
        "ff4fff51002f000000000006000000050000000000000000000000060000000500000000000000000003070101070101070101ff52000c\
         00000001000204040000ff5c0011425f5250055005504757d357d35762ff640025000143726561746564206279204f70656e4a50454720\
         76657273696f6e20322e352e34ff90000a0000000000640001ff93c7e60c064c5b763a5bc7e60e0c10575e08391fc7e60c0644b5545\
         56fc01d0408c01d0408c01d08027fc03e11203e40801588c95f007e443fc03e11203e40801588c95f09a73e1fc03e11203e40801\
         68fe8af007e443fffd9",
    ),
];

/// Frames of each syntax.
pub fn seeds() -> Vec<Vec<u8>> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap_or_default(), 16).unwrap_or_default();
    let frame =
        |(head, hex): &([u8; 4], &str)| [&head[..], &hex.as_bytes().chunks(2).map(byte).collect::<Vec<_>>()].concat();
    let mut seeds: Vec<Vec<u8>> = FRAMES.iter().map(frame).collect();
    let ramp: Vec<u16> = (0..30).map(|i| i * 7 % 251 * 13).collect();
    let mut encoded = Vec::new();
    if jpegls::encode(&ramp, 6, 5, &mut encoded).is_ok() {
        seeds.push([&[5, 6, 5, 1][..], &encoded].concat());
    }
    // Run lengths: one segment of literals and one of runs for each byte of a sample.
    let mut runs = vec![0u8; 64];
    for (at, value) in [(0, 2), (4, 64), (8, 66)] {
        put(&mut runs, at, 4, false, value);
    }
    runs.extend([0xe3, 5, 29]);
    runs.extend(0..30u8);
    seeds.push([&[0, 6, 5, 1][..], &runs].concat());
    let mut single = vec![0u8; 64];
    put(&mut single, 0, 4, false, 1);
    put(&mut single, 4, 4, false, 64);
    single.extend([9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0xed, 7]);
    seeds.push([&[0, 6, 5, 0][..], &single].concat());
    seeds
}
