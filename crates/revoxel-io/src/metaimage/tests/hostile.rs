//! Files that lie: each gives an error that names the file, the field and the value, or a reading that is stated.

use std::fs;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use revoxel_core::Kind;

use super::{fixture, read_as};
use crate::codecs::deflate::Effort;
use crate::codecs::zlib;
use crate::{Limits, Loaded, ReadError, ReadOptions};

/// A good header without its last line, of 4×3×2 int16.
const GOOD: &str = "ObjectType = Image\nNDims = 3\nBinaryData = True\nTransformMatrix = 1 0 0 0 1 0 0 0 1\n\
    Offset = 1 2 3\nElementSpacing = 1 1 2\nDimSize = 4 3 2\nElementType = MET_SHORT\n";

fn values() -> Vec<u8> {
    (0..24i16).flat_map(i16::to_le_bytes).collect()
}

/// A header with changes: an empty value removes a key, a key that is not there is appended.
fn header(changes: &[(&str, &str)]) -> String {
    let mut lines: Vec<String> = GOOD.lines().map(str::to_owned).collect();
    lines.push("ElementDataFile = LOCAL".to_owned());
    for (key, value) in changes {
        lines.retain(|line| !line.starts_with(&format!("{key} = ")));
        let before_last = if *key == "ElementDataFile" { lines.len() } else { lines.len() - 1 };
        if !value.is_empty() {
            lines.insert(before_last, format!("{key} = {value}"));
        }
    }
    lines.join("\n") + "\n"
}

fn file(changes: &[(&str, &str)]) -> Vec<u8> {
    [header(changes).as_bytes(), &values()].concat()
}

/// Reads within bounded time; the file's name is in every message.
fn outcome(bytes: &[u8]) -> Result<Loaded, String> {
    let start = Instant::now();
    let result = read_as("scan.mha", bytes).map_err(|error| error.to_string());
    assert!(start.elapsed() < Duration::from_secs(5));
    if let Err(text) = &result {
        assert!(text.contains("/scan.mha: ") && text.len() < 600, "{text}");
    }
    result
}

fn refused_bytes(bytes: &[u8], fragment: &str) {
    let text = outcome(bytes).expect_err(fragment);
    assert!(text.contains(fragment), "{text} lacks {fragment}");
}

fn refused(changes: &[(&str, &str)], fragment: &str) {
    refused_bytes(&file(changes), fragment);
}

/// A good reading with just this remark (none where it is empty).
fn accepted(bytes: &[u8], remark: &str) {
    let loaded = outcome(bytes).unwrap();
    let remarks: Vec<String> = loaded.info.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(loaded.volume.voxels().get(23), 23.0, "{remarks:?}");
    assert!(
        remarks.len() == usize::from(!remark.is_empty()) && remarks.iter().all(|r| r.contains(remark)),
        "{remarks:?}"
    );
}

#[test]
fn rows_37_and_38_sizes() {
    accepted(&file(&[]), "");
    refused(&[("NDims", "0")], "NDims is 0: must be 1 to 10");
    refused(&[("NDims", "11")], "NDims is 11: must be 1 to 10");
    refused(&[("NDims", "1000000000")], "NDims is 1000000000: must be 1 to 10");
    refused(&[("NDims", "2")], "DimSize is 4 3 2: expected 2 values, found 3");
    refused(&[("NDims", "")], "NDims is absent: it is required");
    refused(&[("DimSize", "")], "DimSize is absent");
    refused(&[("DimSize", "4 3 -2")], "DimSize is 4 3 -2: every axis must have at least 1 sample");
    refused(&[("DimSize", "4 3 0")], "DimSize is 4 3 0: every axis");
    refused(
        &[("DimSize", "4294967296 4294967296 2")],
        "DimSize is 4294967296 4294967296 2: more values than can be addressed",
    );
    refused(&[("DimSize", "4 3 200000")], "DimSize is 4 3 200000 (channels: 1): the values need 4800000 bytes");
    accepted(&[file(&[]), vec![0; 5]].concat(), "5 bytes after the voxels");
}

#[test]
fn rows_39_and_40_geometry() {
    for (value, fragment) in [
        ("1 0 2", "the size of a voxel must be a positive number"),
        ("1 -1 2", "the size of a voxel must be a positive number"),
        ("1 nan 2", "must be a finite number"),
        ("1 inf 2", "must be a finite number"),
        ("1 2", "expected 3 values, found 2"),
        ("1 x 2", "must be numbers separated by spaces"),
    ] {
        refused(&[("ElementSpacing", value)], &format!("ElementSpacing is {value}: {fragment}"));
        refused(&[("ElementSpacing", ""), ("ElementSize", value)], &format!("ElementSize is {value}: {fragment}"));
    }
    refused(&[("ElementSpacing", "1e-200 1e-200 1e-200")], "singular");
    accepted(&file(&[("ElementSpacing", "")]), "ElementSpacing is absent: assumed 1 mm");
    accepted(&file(&[("Offset", "")]), "Offset is absent: assumed 0");
    accepted(&file(&[("DimSize", "4 6 1"), ("ElementSpacing", "1 1 0")]), "ElementSpacing is 0: not applied");
    let t = |value: &str, fragment: &str| {
        refused(&[("TransformMatrix", value)], &format!("TransformMatrix is {value}: {fragment}"))
    };
    t("0 0 0 0 0 0 0 0 0", "the affine is singular");
    t("1 0 0 1 0 0 0 0 1", "the affine is singular");
    t("1 0 0 0 1 0 0 0", "expected 9 values, found 8");
    t("1 0 0 0 nan 0 0 0 1", "must be a finite number");
    refused(&[("Offset", "1 2 inf")], "Offset is 1 2 inf: must be a finite number");
    refused(&[("Offset", ""), ("Origin", "1 2")], "Origin is 1 2: expected 3 values");
    let sheared = outcome(&file(&[("TransformMatrix", "1 0 0 0.3 1 0 0 0 1")])).unwrap();
    assert!(sheared.info.grid.affine().shear() > 0.2);
    let time = [("NDims", "4"), ("DimSize", "4 3 1 2"), ("ElementSpacing", "1 1 1 1"), ("Offset", "0 0 0 0")];
    let matrix = [("TransformMatrix", "1 0 0 1 0 1 0 0 0 0 1 0 0 0 0 1")];
    refused(&[&time[..], &matrix[..]].concat(), "mixes space and time");
}

#[test]
fn row_41_compression() {
    let stream = |bytes: &[u8]| {
        let mut out = Vec::new();
        zlib::compress(&[bytes], Effort::Usual, &mut out).unwrap();
        out
    };
    let with = |size: &str, sizes: &str, stream: &[u8]| {
        let changes = [("CompressedData", "True"), ("CompressedDataSize", size), ("DimSize", sizes)];
        [header(&changes).as_bytes(), stream].concat()
    };
    let whole = stream(&values());
    accepted(&with("", "4 3 2", &whole), "");
    accepted(&with("0", "4 3 2", &whole), "");
    accepted(&with(&whole.len().to_string(), "4 3 2", &whole), "");
    refused_bytes(&with("99999", "4 3 2", &whole), "CompressedDataSize is 99999: past the end");
    refused_bytes(&with("-5", "4 3 2", &whole), "CompressedDataSize is -5: must be a whole number");
    refused_bytes(
        &with("", "4 3 2", &whole[..whole.len() - 6]),
        "CompressedData is True: the zlib stream is truncated",
    );
    refused_bytes(
        &with("", "4 3 3", &whole),
        "CompressedData is True: the zlib stream decodes to 48 bytes, but the header requires 72",
    );
    refused_bytes(&with("", "4 3 2", &values()), "CompressedData is True: the zlib stream is damaged");
    refused_bytes(&with("", "100000 100000 2", &whole), "but 40000000000 are needed");
    let bomb = stream(&vec![0; 100 << 20]);
    let loaded = outcome(&with("", "4 3 2", &bomb)).unwrap();
    assert!(loaded.info.warnings[0].to_string().contains("bytes after the voxels"));
    refused_bytes(
        &file(&[("CompressedData", "perhaps")]),
        "CompressedData is perhaps: unknown; supported are True and False",
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.mha");
    fs::write(&path, with("", "1024 1024 50", &bomb)).unwrap();
    let options =
        ReadOptions { limits: Limits { max_volume: 10 << 20, ..Limits::default() }, ..ReadOptions::default() };
    assert!(matches!(crate::read_with(&path, Kind::Image, &options), Err(ReadError::Limit { limit: 10_485_760, .. })));
}

#[test]
fn rows_42_and_43_skips_and_channels() {
    accepted(&file(&[("HeaderSize", "-1")]), "");
    refused(&[("HeaderSize", "-1"), ("DimSize", "4 3 3")], "DimSize is 4 3 3 (channels: 1): the values need 72 bytes");
    refused(&[("HeaderSize", "-2")], "HeaderSize is -2: must be 0 or more, or -1");
    refused(&[("HeaderSize", "99999")], "HeaderSize is 99999: past the end of the file");
    refused(
        &[("HeaderSize", "-1"), ("CompressedData", "True")],
        "HeaderSize is -1: cannot be combined with CompressedData",
    );
    refused(&[("HeaderSize", "-1"), ("BinaryData", "False")], "HeaderSize is -1: not supported");
    for value in ["0", "-1"] {
        refused(&[("ElementNumberOfChannels", value)], &format!("ElementNumberOfChannels is {value}: must be 1 to"));
    }
    refused(&[("ElementNumberOfChannels", "1000000000")], "(channels: 1000000000): the values need 48000000000 bytes");
    refused(
        &[("ElementNumberOfChannels", "9223372036854775807")],
        "ElementNumberOfChannels is 9223372036854775807: more values",
    );
}

#[test]
fn row_44_files() {
    let t = |value: &str, behind: &str, fragment: &str| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scan.mhd");
        fs::write(folder.path().join("a.raw"), values()).unwrap();
        fs::write(&path, header(&[("ElementDataFile", value)]) + behind).unwrap();
        let text = crate::read(&path, Kind::Image).unwrap_err().to_string();
        assert!(text.contains("/scan.mhd: ElementDataFile is ") && text.contains(fragment), "{text} lacks {fragment}");
    };
    t("%s%n 1 2 1", "", "the name must have exactly one number");
    t("s%d.raw 1 1000000000 1", "", "1000000000 files do not match sizes that need 2");
    t("../a.raw", "", "outside the folder of the header");
    t("/etc/passwd", "", "outside the folder");
    t("../%d.raw 1 2 1", "", "outside the folder");
    t("LIST", "../a.raw\na.raw\n", "outside the folder");
    t("LIST", "a.raw\n", "1 files do not match sizes that need 2");
    t("LIST 7", "a.raw\n", "must be 0 to 3");
    t("scan.mhd", "", "this is the header itself");
    t("missing.raw", "", "the file cannot be read");
    t(".", "", "not a regular file");
}

#[test]
fn rows_45_and_46_last_line_and_types() {
    refused_bytes(GOOD.as_bytes(), "ElementDataFile is absent: it is required");
    refused_bytes(&[header(&[]).as_bytes(), b"NDims = 3\n", &values()].concat(), "must be the last field");
    refused(&[("ElementType", "MET_HALF")], "ElementType is MET_HALF: unknown; supported are MET_CHAR");
    refused(&[("ElementType", "MET_STRING")], "ElementType is MET_STRING: not supported");
    refused(&[("ElementType", "")], "ElementType is absent");
    refused_bytes(
        &[GOOD.as_bytes(), b"Offset = 0 0 0\nElementDataFile = LOCAL\n"].concat(),
        "Offset is 0 0 0: the field appears twice",
    );
    refused_bytes(
        &[GOOD.as_bytes(), &vec![b'x'; 40 << 20]].concat(),
        "header length is 33554432: the header does not end",
    );
    refused_bytes(b"nothing of the kind", "line 1 is nothing of the kind: not a header line");
    refused_bytes(b"", "ElementDataFile is absent");
    let slope = [("ElementToIntensityFunctionSlope", "2")];
    accepted(&file(&slope), "ElementToIntensityFunctionSlope is 2: not applied, as in ITK");
    refused(&[("BinaryData", "False")], "BinaryData is False: value 0 is");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_does_not_panic(
        name in prop::sample::select(vec!["itk_zlib.mha", "itk_vector.mha", "itk_four_d.mha", "gzip.mha", "ascii.mha", "itk_two_d.mha", "list.mhd", "pattern.mhd"]),
        flips in prop::collection::vec((0usize..900, any::<u8>()), 1..12),
        cut in prop::option::of(0usize..900),
    ) {
        let mut bytes = fs::read(fixture(name)).unwrap();
        let length = bytes.len();
        flips.iter().for_each(|(at, value)| bytes[at % length] = *value);
        bytes.truncate(cut.unwrap_or(usize::MAX));
        let _ = read_as(name, &bytes);
    }
}
