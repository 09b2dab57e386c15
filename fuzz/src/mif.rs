//! MRtrix images with the values behind the header, or in a file beside it. The last byte chooses options.

use revoxel_core::testing::Draw;

use crate::mutate::{gunzip, gzip, plain};
use crate::{scratch, text, volume};

/// Reads an input as a file; `d.dat` lies beside it.
pub fn check(data: &[u8]) {
    let Some((choice, bytes)) = data.split_last() else { return };
    let values: Vec<u8> = (0..=255).cycle().take(1024).collect();
    scratch::file("d.dat", &values);
    let path = scratch::file("in.mif", bytes);
    volume::check_as(&path, &volume::options(*choice), *choice, ["mif", "mif.gz", "nii", "nrrd"]);
}

const KNOWN: &[&str] = &[
    "dim: 2,3,4",
    "dim: 2,3,4,2",
    "dim: 2,3,2,2,2",
    "dim: 2,3",
    "vox: 1,2,3",
    "vox: 1,2,3,nan",
    "vox: 1,2,3,2.5",
    "layout: +0,+1,+2",
    "layout: -0,-1,+2",
    "layout: +2,-0,+1",
    "layout: +1,+2,+3,+0",
    "layout: -3,+0,-1,+2",
    "datatype: Bit",
    "datatype: UInt8",
    "datatype: Int16LE",
    "datatype: Int16BE",
    "datatype: UInt32LE",
    "datatype: Int64BE",
    "datatype: Float32LE",
    "datatype: Float64BE",
    "datatype: CFloat32LE",
    "datatype: CFloat64BE",
    "transform: 1,0,0,10",
    "transform: 0,1,0,20",
    "transform: 0,0,1,30",
    "transform: 0,0,0,1",
    "scaling: 0,1",
    "scaling: -1024,0.5",
    "dw_scheme: 0,0,1,1000",
    "comments: some",
    "file: . 200",
    "file: . 0",
    "file: d.dat 0",
    "file: d.dat 16",
    "file: d.dat",
    "END",
];

/// Changes lines of the header, or bytes; compressed files are unpacked for it and packed again.
pub fn mutate(bytes: &mut Vec<u8>, draw: &mut Draw) {
    let choice = bytes.pop().unwrap_or_default();
    let packed = bytes.starts_with(&[0x1f, 0x8b]);
    let mut content = if packed { gunzip(bytes) } else { std::mem::take(bytes) };
    match draw.int(0, 3) {
        0 => plain(&mut content, draw),
        _ => text::in_bytes(&mut content, KNOWN, draw),
    }
    if draw.int(0, 7) == 0 {
        let length = content.len() + draw.int(0, 600) as usize;
        content.resize(length, draw.int(0, 255) as u8);
    }
    let pack = packed != (draw.int(0, 15) == 0);
    *bytes = if pack { gzip(&content) } else { content };
    bytes.push(if draw.int(0, 7) == 0 { draw.int(0, 255) as u8 } else { choice });
}

/// The samples, and files with other orders and types.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = volume::sample_files(&["mif", "mif.gz"]);
    for (layout, datatype, file) in [
        ("-0,-1,+2", "Int16BE", ". 200"),
        ("+2,-0,+1", "Bit", ". 200"),
        ("+1,+2,+0", "CFloat32LE", ". 200"),
        ("+0,+1,+2", "UInt8", "d.dat 16"),
    ] {
        let text = format!(
            "mrtrix image\ndim: 2,3,4\nvox: 1,2,3\nlayout: {layout}\ndatatype: {datatype}\ntransform: 0,1,0,10\n\
             transform: -1,0,0,20\ntransform: 0,0,1,30\nscaling: 0,1\nfile: {file}\nEND\n"
        );
        let mut bytes = text.into_bytes();
        bytes.resize(200, 0);
        bytes.extend((0..192).map(|i| i as u8));
        seeds.push(bytes);
    }
    seeds.into_iter().enumerate().map(|(i, mut bytes)| (bytes.push((i as u8).wrapping_mul(16)), bytes).1).collect()
}
