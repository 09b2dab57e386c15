//! NRRD files with the values behind the header, or in a file beside it. The last byte of an input chooses options.

use revoxel_core::testing::Draw;

use crate::mutate::{bunzip, bzip, gunzip, gzip, plain};
use crate::{scratch, text, volume};

/// Reads an input as a file; `d.raw` and the like lie beside it.
pub fn check(data: &[u8]) {
    let Some((choice, bytes)) = data.split_last() else { return };
    let values: Vec<u8> = (0..=255).cycle().take(1024).collect();
    scratch::file("d.raw", &values);
    scratch::file("d1.raw", &values[..64]);
    scratch::file("d2.raw", &values[64..128]);
    let path = scratch::file("in.nrrd", bytes);
    volume::check(&path, &volume::options(*choice), *choice);
}

const KNOWN: &[&str] = &[
    "type: short",
    "type: unsigned char",
    "type: float",
    "type: double",
    "type: uint64",
    "type: block",
    "dimension: 3",
    "dimension: 4",
    "dimension: 2",
    "sizes: 2 3 4",
    "sizes: 3 2 2 2",
    "sizes: 2 3",
    "spacings: 1 2 3",
    "spacings: nan 1 1 1",
    "space: left-posterior-superior",
    "space: RAS",
    "space: scanner-xyz",
    "space: 3D-left-handed",
    "space dimension: 3",
    "space directions: (1,0,0) (0,2,0) (0,0,3)",
    "space directions: none (1,0,0) (0,2,0.5) (0,0,3)",
    "space origin: (1,2,3)",
    "kinds: domain domain domain",
    "kinds: vector domain domain domain",
    "kinds: domain domain domain list",
    "kinds: RGB-color domain domain domain",
    "encoding: raw",
    "encoding: gzip",
    "encoding: bzip2",
    "encoding: ascii",
    "encoding: hex",
    "endian: big",
    "endian: little",
    "data file: d.raw",
    "data file: d%d.raw 1 2 1",
    "data file: d%d.raw 1 2 1 3",
    "data file: LIST\nd1.raw\nd2.raw",
    "data file: LIST 2\nd1.raw\nd2.raw",
    "data file: ../d.raw",
    "line skip: 1",
    "byte skip: 4",
    "byte skip: -1",
    "axis mins: 0 0 0",
    "axis maxs: 3 4 5",
    "axis mins: nan 0 0",
    "centers: cell cell node",
    "space units: \"mm\" \"mm\" \"mm\"",
    "units: \"mm\" \"cm\" \"s\"",
    "labels: \"x\" \"y\" \"z\"",
    "thicknesses: 1 nan 2",
    "measurement frame: (1,0,0) (0,1,0) (0,0,1)",
    "content: a",
    "old min: 0",
    "old max: 9",
    "number: 24",
    "block size: 4",
    "min: 0",
    "max: 1",
    "key:=value",
    "modality:=DWMRI",
    "DWMRI_b-value:=1000",
    "DWMRI_gradient_0000:=1 0 0",
    "Segment0_ID:=a",
    "Segment0_LabelValue:=1",
    "Segment0_Layer:=0",
    "Segment0_Name:=b",
    "Segment1_LabelValue:=2",
    "Segment1_Layer:=1",
    "# comment",
    "NRRD0005",
    "NRRD0004",
    "NRRD0001",
    "sample units: HU",
    "",
];

/// Changes a line of the header, or the values in front of their compression.
pub fn mutate(bytes: &mut Vec<u8>, draw: &mut Draw) {
    let choice = bytes.pop().unwrap_or_default();
    let end = bytes.windows(2).position(|w| w == b"\n\n").map_or(bytes.len(), |at| at + 2);
    let mut values = bytes.split_off(end);
    if draw.int(0, 3) == 0 {
        let packing =
            [(&[0x1f, 0x8b][..], gunzip as fn(&[u8]) -> Vec<u8>, gzip as fn(&[u8]) -> Vec<u8>), (b"BZ", bunzip, bzip)];
        match packing.into_iter().find(|(magic, ..)| values.starts_with(magic)) {
            Some((_, unpack, pack)) => {
                let mut content = unpack(&values);
                plain(&mut content, draw);
                values = pack(&content);
            }
            None => plain(&mut values, draw),
        }
    } else {
        text::in_bytes(bytes, KNOWN, draw);
    }
    bytes.extend(values);
    bytes.push(if draw.int(0, 7) == 0 { draw.int(0, 255) as u8 } else { choice });
}

/// Files written by this program, and one for each encoding.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = volume::sample_files(&["nrrd"]);
    let head = "NRRD0005\ntype: int16\ndimension: 3\nspace: left-posterior-superior\nsizes: 2 3 2\n\
                space directions: (0.5,0,0.1) (0,0.75,0) (-0.1,0,2)\nkinds: domain domain domain\n\
                space origin: (-10,20.5,3)\n";
    let raw: Vec<u8> = (0..12i16).flat_map(|v| (v * 100 - 300).to_be_bytes()).collect();
    let text = (0..12).map(|v| (v * 100 - 300).to_string()).collect::<Vec<_>>().join(" ");
    let hex: String = raw.iter().map(|b| format!("{b:02x}")).collect();
    for (encoding, values) in [
        ("raw", raw.clone()),
        ("gzip", gzip(&raw)),
        ("bzip2", bzip(&raw)),
        ("ascii", text.into_bytes()),
        ("hex", hex.into_bytes()),
    ] {
        let head = format!("{head}encoding: {encoding}\nendian: big\nkey:=value\n\n");
        seeds.push([head.as_bytes(), &values].concat());
    }
    for files in ["data file: d.raw\n", "data file: d%d.raw 1 2 1\n", "data file: LIST\nd1.raw\nd2.raw\n"] {
        seeds.push(format!("{head}encoding: raw\nendian: little\n{files}").into_bytes());
    }
    let layers = "NRRD0005\ntype: unsigned char\ndimension: 4\nspace: RAS\nsizes: 2 2 2 1\n\
                  space directions: none (1,0,0) (0,1,0) (0,0,1)\nkinds: list domain domain domain\nencoding: raw\n\
                  space origin: (0,0,0)\nSegment0_ID:=a\nSegment0_LabelValue:=1\nSegment0_Layer:=0\n\
                  Segment1_ID:=b\nSegment1_LabelValue:=1\nSegment1_Layer:=1\n\n";
    seeds.push([layers.as_bytes(), &[1, 0, 0, 1, 1, 1, 0, 0]].concat());
    seeds.into_iter().enumerate().map(|(i, mut bytes)| (bytes.push((i as u8).wrapping_mul(16)), bytes).1).collect()
}
