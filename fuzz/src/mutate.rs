//! Changes of inputs that know what they change.

use std::io::{Read, Write};

use revoxel_core::testing::Draw;

/// Numbers at which programs break.
pub const NUMBERS: [i64; 24] = [
    0,
    1,
    -1,
    2,
    3,
    7,
    8,
    16,
    127,
    128,
    255,
    256,
    32767,
    32768,
    65535,
    65536,
    -32768,
    1_000_000,
    2_147_483_647,
    -2_147_483_648,
    4_294_967_295,
    4_294_967_296,
    i64::MAX,
    i64::MIN,
];

/// The same as text, with what else a number may be.
pub const WORDS: [&str; 22] = [
    "0",
    "1",
    "-1",
    "2",
    "3",
    "1e308",
    "-1e-320",
    "nan",
    "inf",
    "-inf",
    "1e400",
    "0.1",
    "65536",
    "2147483648",
    "18446744073709551616",
    "9223372036854775807",
    "",
    " ",
    "1,5",
    "0x10",
    "1e-7",
    "-0",
];

/// One of a list.
pub fn one<'a, T>(draw: &mut Draw, of: &'a [T]) -> &'a T {
    &of[draw.int(0, of.len() as i64 - 1) as usize]
}

/// Changes bytes: half of the time as libFuzzer does, else by `structured`, sometimes both.
pub fn apply(
    data: &mut [u8],
    size: usize,
    max_size: usize,
    seed: u32,
    structured: fn(&mut Vec<u8>, &mut Draw),
) -> usize {
    let mut draw = Draw::new(u64::from(seed));
    let way = draw.int(0, 7);
    let mut size = size;
    if way >= 3 {
        let mut bytes = data[..size].to_vec();
        for _ in 0..draw.int(1, 3) {
            structured(&mut bytes, &mut draw);
        }
        size = bytes.len().min(max_size);
        data[..size].copy_from_slice(&bytes[..size]);
    }
    if way <= 3 { libfuzzer_sys::fuzzer_mutate(data, size, max_size) } else { size }
}

/// libFuzzer's own changes, on a vector.
pub fn plain(bytes: &mut Vec<u8>, draw: &mut Draw) {
    // Every call of libFuzzer's may come only from inside of its mutator, and all of ours do.
    let size = bytes.len();
    bytes.resize(size + draw.int(0, 64) as usize, 0);
    let max = bytes.len().max(1);
    bytes.resize(max, 0);
    let size = libfuzzer_sys::fuzzer_mutate(bytes, size, max);
    bytes.truncate(size);
}

/// Overwrites bytes at a place with a number of some width, in the byte order of the file.
pub fn put(bytes: &mut [u8], at: usize, width: usize, big: bool, value: i64) {
    let Some(field) = bytes.get_mut(at..at + width) else { return };
    let little = value.to_le_bytes();
    field.iter_mut().enumerate().for_each(|(i, b)| *b = little[if big { width - 1 - i } else { i }]);
}

/// Decoded gzip, as far as it goes.
pub fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let _ = flate2::read::MultiGzDecoder::new(bytes).take(1 << 18).read_to_end(&mut decoded);
    decoded
}

/// Gzip with the right checksum.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let _ = to.write_all(bytes);
    to.finish().unwrap_or_default()
}

/// Decoded bzip2, as far as it goes.
pub fn bunzip(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let _ = bzip2::read::MultiBzDecoder::new(bytes).take(1 << 18).read_to_end(&mut decoded);
    decoded
}

/// Bzip2 with the right checksums.
pub fn bzip(bytes: &[u8]) -> Vec<u8> {
    let mut to = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    let _ = to.write_all(bytes);
    to.finish().unwrap_or_default()
}

/// Decoded zlib, as far as it goes.
pub fn inflate(bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let _ = flate2::read::ZlibDecoder::new(bytes).take(1 << 18).read_to_end(&mut decoded);
    decoded
}

/// Zlib with the right checksum.
pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut to = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    let _ = to.write_all(bytes);
    to.finish().unwrap_or_default()
}
