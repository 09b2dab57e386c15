//! MetaImage files with the values behind the header, or in a file beside it. The last byte chooses options.

use revoxel_core::testing::Draw;

use crate::mutate::{deflate, inflate, plain};
use crate::{scratch, text, volume};

/// Reads an input as a file; `d.raw` and the like lie beside it.
pub fn check(data: &[u8]) {
    let Some((choice, bytes)) = data.split_last() else { return };
    let values: Vec<u8> = (0..=255).cycle().take(1024).collect();
    scratch::file("d.raw", &values);
    scratch::file("d1.raw", &values[..64]);
    scratch::file("d2.raw", &values[64..128]);
    let path = scratch::file("in.mha", bytes);
    volume::check(&path, &volume::options(*choice), *choice);
}

const KNOWN: &[&str] = &[
    "NDims = 2",
    "NDims = 3",
    "NDims = 4",
    "BinaryData = True",
    "BinaryData = False",
    "BinaryDataByteOrderMSB = True",
    "ElementByteOrderMSB = False",
    "CompressedData = True",
    "CompressedDataSize = 30",
    "CompressionLevel = 9",
    "TransformMatrix = 1 0 0 0 1 0 0 0 1",
    "TransformMatrix = 0 1 0 -1 0 0 0 0 1",
    "Rotation = 1 0 0 0 1 0 0 0 1",
    "Orientation = 1 0 0 0 1 0 0 0 1",
    "Offset = 1 2 3",
    "Position = 1 2 3",
    "Origin = 1 2 3",
    "CenterOfRotation = 1 0 0",
    "AnatomicalOrientation = RAI",
    "ElementSpacing = 1 2 3",
    "ElementSize = 1 2 3",
    "DimSize = 2 3 4",
    "DimSize = 2 3",
    "DimSize = 2 3 2 2",
    "HeaderSize = 4",
    "HeaderSize = -1",
    "Modality = MET_MOD_CT",
    "ElementNumberOfChannels = 3",
    "ElementType = MET_SHORT",
    "ElementType = MET_UCHAR",
    "ElementType = MET_FLOAT",
    "ElementType = MET_DOUBLE",
    "ElementType = MET_ULONG_LONG",
    "ElementType = MET_FLOAT_ARRAY",
    "ElementMin = 0",
    "ElementMax = 9",
    "ElementToIntensityFunctionSlope = 2",
    "ElementToIntensityFunctionOffset = 5",
    "ElementDataFile = LOCAL",
    "ElementDataFile = d.raw",
    "ElementDataFile = d%d.raw 1 2 1",
    "ElementDataFile = LIST\nd1.raw\nd2.raw",
    "ElementDataFile = LIST 2D\nd1.raw\nd2.raw",
    "ElementDataFile = ../d.raw",
    "ObjectType = Image",
    "ObjectSubType = x",
    "TransformType = Rigid",
    "Comment = a",
    "Name = b",
    "ID = 1",
    "ParentID = -1",
];

/// Changes a line of the header, or the values in front of their compression.
pub fn mutate(bytes: &mut Vec<u8>, draw: &mut Draw) {
    let choice = bytes.pop().unwrap_or_default();
    let mark = b"ElementDataFile";
    let found = bytes.windows(mark.len()).position(|w| w == mark);
    let line = |at: usize| bytes[at..].iter().position(|b| *b == b'\n').map(|n| at + n + 1);
    let end = found.and_then(line).unwrap_or(bytes.len());
    let mut values = bytes.split_off(end);
    if draw.int(0, 3) > 0 {
        text::in_bytes(bytes, KNOWN, draw);
    } else if values.first() == Some(&0x78) {
        let mut content = inflate(&values);
        plain(&mut content, draw);
        values = deflate(&content);
        // The header says how long they are.
        let text = String::from_utf8_lossy(bytes).into_owned();
        let fixed = text.split('\n').map(|line| match line.starts_with("CompressedDataSize") {
            true => format!("CompressedDataSize = {}", values.len()),
            false => line.to_owned(),
        });
        *bytes = fixed.collect::<Vec<_>>().join("\n").into_bytes();
    } else {
        plain(&mut values, draw);
    }
    bytes.extend(values);
    bytes.push(if draw.int(0, 7) == 0 { draw.int(0, 255) as u8 } else { choice });
}

/// Files written by this program, and one for each way to hold values.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = volume::sample_files(&["mha"]);
    let head = "ObjectType = Image\nNDims = 3\nTransformMatrix = 0.8 0.6 0 -0.6 0.8 0 0 0 1\nOffset = -10 20.5 3\n\
                CenterOfRotation = 0 0 0\nAnatomicalOrientation = RAI\nElementSpacing = 0.5 0.75 2\nDimSize = 2 3 2\n\
                ElementType = MET_SHORT\n";
    let raw: Vec<u8> = (0..12i16).flat_map(|v| (v * 100 - 300).to_be_bytes()).collect();
    let packed = deflate(&raw);
    let text = (0..12).map(|v| (v * 100 - 300).to_string()).collect::<Vec<_>>().join(" ");
    let size = format!("BinaryData = True\nCompressedData = True\nCompressedDataSize = {}\n", packed.len());
    for (lines, values) in [
        ("BinaryData = True\nBinaryDataByteOrderMSB = True\n", &raw),
        ("BinaryData = False\n", &text.into_bytes()),
        (&size, &packed),
    ] {
        seeds.push([format!("{head}{lines}ElementDataFile = LOCAL\n").as_bytes(), values].concat());
    }
    for files in ["d.raw", "d%d.raw 1 2 1", "LIST\nd1.raw\nd2.raw"] {
        seeds.push(format!("{head}BinaryData = True\nElementDataFile = {files}\n").into_bytes());
    }
    seeds.into_iter().enumerate().map(|(i, mut bytes)| (bytes.push((i as u8).wrapping_mul(16)), bytes).1).collect()
}
