//! Arrays: .npy, and .npz with names.

use std::io::{Cursor, Read, Write};

use revoxel_core::testing::Draw;
use revoxel_io::Limits;
use revoxel_io::npy::{Tensor, npz_names, read, read_npz, write_npy};

use crate::mutate::{one, plain};
use crate::{MOST_DECODED, scratch, text};

/// Reads an input; what can be read is written and read again.
pub fn check(data: &[u8]) {
    #[allow(clippy::needless_update, reason = "there may be further limits")]
    let limits =
        Limits { max_volume: MOST_DECODED, memory: MOST_DECODED, max_expansion: 1, free_expansion: MOST_DECODED };
    let path = scratch::file("in.npz", data);
    let first = read(&path, &limits);
    if let Ok(names) = npz_names(&path) {
        for name in names.iter().take(4) {
            if let Ok(tensor) = read_npz(&path, Some(name), &limits) {
                round_trip(&tensor);
            }
        }
    }
    match first {
        Ok(tensor) => round_trip(&tensor),
        Err(e) => assert!(!e.to_string().is_empty()),
    }
}

fn round_trip(tensor: &Tensor) {
    assert_eq!(tensor.shape.iter().product::<usize>(), tensor.voxels.len());
    let path = scratch::folder().join("out.npy");
    write_npy(&path, tensor).unwrap_or_else(|e| panic!("what was read cannot be written: {e}"));
    let again = read(&path, &Limits::default()).unwrap_or_else(|e| panic!("what was written cannot be read: {e}"));
    assert_eq!((&again.shape, again.voxels.dtype()), (&tensor.shape, tensor.voxels.dtype()));
    assert!(again.voxels.bytes() == tensor.voxels.bytes());
}

const KNOWN: &[&str] = &[
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
    "{'descr': '>i2', 'fortran_order': True, 'shape': (2,), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (), }",
    "{'descr': '<f2', 'fortran_order': True, 'shape': (3, 2, 2), }",
    "{'descr': '|b1', 'fortran_order': False, 'shape': (0, 5), }",
    "{'descr': '<u8', 'fortran_order': False, 'shape': (4L,), }",
];

/// Changes the dictionary of an array and puts the right length in front of it; archives are unpacked and packed again.
pub fn mutate(bytes: &mut Vec<u8>, draw: &mut Draw) {
    if !bytes.starts_with(b"PK") {
        array(bytes, draw);
        return;
    }
    let Some(mut members) = unzip(bytes) else { return plain(bytes, draw) };
    match draw.int(0, 9) {
        0 => plain(bytes, draw),
        1 if !members.is_empty() => {
            let again = one(draw, &members).clone();
            members.push(again);
            *bytes = zip(&members, draw);
        }
        _ => {
            let at = draw.int(0, members.len().max(1) as i64 - 1) as usize;
            if let Some((_, content)) = members.get_mut(at) {
                array(content, draw);
            }
            *bytes = zip(&members, draw);
        }
    }
}

fn array(bytes: &mut Vec<u8>, draw: &mut Draw) {
    let wide = bytes.get(6).is_some_and(|version| *version >= 2);
    let start = if wide { 12 } else { 10 };
    let Some(end) = bytes.iter().position(|b| *b == b'\n').filter(|end| *end >= start) else {
        return plain(bytes, draw);
    };
    let values = bytes.split_off(end);
    let mut head = String::from_utf8_lossy(&bytes[start..]).into_owned();
    match draw.int(0, 5) {
        0 => head = (*one(draw, KNOWN)).to_owned(),
        1 => head = head.replacen("False", "True", 1),
        2 => {
            let types =
                ["<f4", ">f8", "|u1", "|i1", "<i2", ">u4", "<i8", "<f2", "|b1", "<c8", "|O", "<U3", "=f4", "<f16"];
            let (from, to) = (*one(draw, &types), *one(draw, &types));
            head = head.replace(from, to);
        }
        _ => text::numbers(&mut head, draw),
    }
    bytes.truncate(start);
    bytes.extend(head.as_bytes());
    // The length counts the line break.
    let length = (bytes.len() - start + 1) as u32;
    bytes[8..start].copy_from_slice(&length.to_le_bytes()[..start - 8]);
    bytes.extend(values);
    if draw.int(0, 3) == 0 {
        let length = bytes.len() + draw.int(0, 40) as usize;
        bytes.resize(length, 1);
    }
}

/// The members of a small archive.
pub fn unzip(bytes: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).ok()?;
    let mut members = Vec::new();
    for index in 0..archive.len().min(16) {
        let mut member = archive.by_index(index).ok()?;
        let mut content = Vec::new();
        let _ = (&mut member).take(1 << 16).read_to_end(&mut content);
        members.push((member.name().to_owned(), content));
    }
    Some(members)
}

/// An archive with the right checksums.
pub fn zip(members: &[(String, Vec<u8>)], draw: &mut Draw) -> Vec<u8> {
    let mut to = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        let method = *one(draw, &[zip::CompressionMethod::Stored, zip::CompressionMethod::Deflated]);
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        // A name that is there already is refused.
        if to.start_file(name.as_str(), options).is_ok() {
            let _ = to.write_all(content);
        }
    }
    to.finish().map(Cursor::into_inner).unwrap_or_default()
}

/// Arrays of several types and shapes, and an archive of them.
pub fn seeds() -> Vec<Vec<u8>> {
    let array = |head: &str, values: usize, wide: bool| {
        let length = (head.len() + 1) as u32;
        let version: &[u8] = if wide { &[2, 0] } else { &[1, 0] };
        let length = &length.to_le_bytes()[..if wide { 4 } else { 2 }];
        let values: Vec<u8> = (0..values).map(|i| (i * 5 % 60) as u8).collect();
        [b"\x93NUMPY", version, length, head.as_bytes(), b"\n", &values].concat()
    };
    let mut seeds: Vec<Vec<u8>> =
        KNOWN.iter().zip([24, 4, 1, 24, 0, 32]).enumerate().map(|(i, (head, n))| array(head, n, i % 2 == 1)).collect();
    let members: Vec<_> = seeds.iter().take(4).enumerate().map(|(i, a)| (format!("a{i}.npy"), a.clone())).collect();
    for count in [1, 4] {
        seeds.push(zip(&members[..count], &mut Draw::new(count as u64)));
    }
    seeds
}
