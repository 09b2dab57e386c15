//! Gzip, bzip2, zlib and deflate: what is decoded is what another decoder says, damage is never taken for data, and
//! what the encoders make can be decoded by others. The first two bytes choose what is done.

use std::io::Read;

use revoxel_core::testing::Draw;
use revoxel_core::{Dtype, Kind};
use revoxel_io::codecs::deflate::Effort;
use revoxel_io::codecs::{gzip, zlib};
use revoxel_io::read_with;

use crate::mutate::{self, plain};
use crate::{scratch, volume};

/// Decodes an input inside of a file, or encodes it.
pub fn check(data: &[u8]) {
    let [way, count, bytes @ ..] = data else { return };
    let count = usize::from(*count) * 8 + 1;
    match way % 5 {
        0 => nrrd("gzip", count, bytes),
        1 => nrrd("bzip2", count, bytes),
        2 => metaimage(count, bytes),
        _ => encode(*way, bytes),
    }
}

fn nrrd(encoding: &str, count: usize, bytes: &[u8]) {
    let head = format!("NRRD0004\ntype: uint8\ndimension: 3\nsizes: {count} 1 1\nencoding: {encoding}\n\n");
    let path = scratch::file("in.nrrd", &[head.as_bytes(), bytes].concat());
    let Ok(loaded) = read_with(&path, Kind::Image, &volume::options(0)) else { return };
    // What is compressed is known by its first bytes, whatever the header says.
    let encoding = match bytes {
        [0x1f, 0x8b, ..] => "gzip",
        [b'B', b'Z', b'h', ..] => "bzip2",
        _ => return,
    };
    let mut decoded = Vec::new();
    if encoding == "gzip" {
        let _ = flate2::read::MultiGzDecoder::new(bytes).take(count as u64).read_to_end(&mut decoded);
    } else {
        let _ = bzip2::read::MultiBzDecoder::new(bytes).take(count as u64).read_to_end(&mut decoded);
    }
    assert!(loaded.volume.voxels().bytes() == decoded, "{encoding}: another decoder gives other bytes");
    // The first member holds all of it: then its checksum must be right.
    let mut first = Vec::new();
    let sound = if encoding == "gzip" {
        flate2::read::GzDecoder::new(bytes).read_to_end(&mut first)
    } else {
        bzip2::read::BzDecoder::new(bytes).read_to_end(&mut first)
    };
    assert!(first.len() < count || sound.is_ok(), "{encoding}: damage that is not seen: {sound:?}");
}

fn metaimage(count: usize, bytes: &[u8]) {
    let head = format!(
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nCompressedData = True\nCompressedDataSize = {}\n\
         DimSize = {count} 1 1\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n",
        bytes.len()
    );
    let path = scratch::file("in.mha", &[head.as_bytes(), bytes].concat());
    let Ok(loaded) = read_with(&path, Kind::Image, &volume::options(0)) else { return };
    let mut decoded = Vec::new();
    // MetaIO takes what gzip has made as well.
    let sound = match bytes.starts_with(&[0x1f, 0x8b]) {
        true => flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut decoded),
        false => flate2::read::ZlibDecoder::new(bytes).read_to_end(&mut decoded),
    };
    let right = decoded.get(..count).is_some_and(|d| loaded.volume.voxels().bytes() == d);
    assert!(right, "zlib: another decoder gives other bytes");
    assert!(sound.is_ok(), "zlib: damage that is not seen: {sound:?}");
}

fn encode(way: u8, bytes: &[u8]) {
    let dtype = [Dtype::U8, Dtype::I16, Dtype::U32, Dtype::F32][usize::from(way >> 4 & 3)];
    let effort = Effort::for_voxels(dtype);
    // Repeated, so that there is something far behind to refer to.
    let long = bytes.repeat(1 + usize::from(way >> 6) * 40);
    let (front, back) = long.split_at(long.len() / 3);
    let mut packed = Vec::new();
    let mut decoded = Vec::new();
    let sound = if way % 5 == 3 {
        gzip::compress(&[front, back], effort, &mut packed).expect("memory can be written to");
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut decoded)
    } else {
        zlib::compress(&[front, back], effort, &mut packed).expect("memory can be written to");
        flate2::read::ZlibDecoder::new(&packed[..]).read_to_end(&mut decoded)
    };
    assert!(sound.is_ok() && decoded == long, "{effort:?}: what was encoded decodes to something else: {sound:?}");
}

/// Changes what is compressed and compresses it again, or the compressed bytes.
pub fn mutate(bytes: &mut Vec<u8>, draw: &mut Draw) {
    if bytes.len() < 3 || draw.int(0, 1) == 0 {
        return plain(bytes, draw);
    }
    let packed = bytes.split_off(2);
    let (unpack, pack): (fn(&[u8]) -> Vec<u8>, fn(&[u8]) -> Vec<u8>) = match bytes[0] % 5 {
        0 => (mutate::gunzip, mutate::gzip),
        1 => (mutate::bunzip, mutate::bzip),
        2 => (mutate::inflate, mutate::deflate),
        _ => (<[u8]>::to_vec, <[u8]>::to_vec),
    };
    let mut content = unpack(&packed);
    plain(&mut content, draw);
    if draw.int(0, 3) == 0 {
        bytes[1] = ((content.len().max(1) - 1) / 8).min(255) as u8;
    }
    bytes.extend(pack(&content));
}

/// Each of the ways.
pub fn seeds() -> Vec<Vec<u8>> {
    let content: Vec<u8> = (0..161u32).map(|i| (i * i / 7 % 13) as u8).collect();
    let two = [mutate::gzip(&content[..80]), mutate::gzip(&content[80..])].concat();
    vec![
        [vec![0, 20], mutate::gzip(&content)].concat(),
        [vec![0, 20], two].concat(),
        [vec![1, 20], mutate::bzip(&content)].concat(),
        [vec![2, 20], mutate::deflate(&content)].concat(),
        [vec![3 + 5 * 13, 0], content.clone()].concat(),
        [vec![4 + 5 * 20, 0], content.clone()].concat(),
        [vec![3, 0], content.clone()].concat(),
        [vec![4 + 5 * 30, 0], content].concat(),
    ]
}
