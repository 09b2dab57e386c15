//! Files that lie: each gives an error that names the file, the attribute and the value, within bounded time.

use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use rayon::prelude::*;
use std::io::Write;

use super::writer::{Object, element};
use super::*;
use crate::Limits;

const RLE: &str = "1.2.840.10008.1.2.5";
const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";
const JPEG_2000: &str = "1.2.840.10008.1.2.4.90";
const DEFLATED: &str = "1.2.840.10008.1.2.1.99";

fn slice() -> Object {
    Object::slice(0, [0.0; 3])
}

/// Reads bytes as `bad.dcm`, within bounded time; an error starts with the file's name.
fn outcome(bytes: &[u8]) -> Result<Loaded, ReadError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.dcm");
    std::fs::write(&path, bytes).unwrap();
    let start = Instant::now();
    let result = read(&path, &ReadOptions::default());
    assert!(start.elapsed() < Duration::from_secs(5));
    if let Err(error) = &result {
        assert!(error.to_string().contains("/bad.dcm: "), "{error}");
    }
    result
}

fn t(object: Object, fragments: &[&str]) {
    refused(outcome(&object.bytes()), fragments);
}

#[test]
fn row_47_truncated() {
    let bytes = slice().bytes();
    refused(outcome(&bytes[..bytes.len() - 1]), &["PixelData (7FE0,0010)", "24 bytes", "past the end of the file"]);
    t(slice().raw(0x7fe0_0010, "OW", [0; 22]), &["PixelData (7FE0,0010) is 22 bytes", "4×3×1", "24 bytes"]);
    refused(outcome(&bytes[..301]), &["truncated"]);
    refused(outcome(&bytes[..140]), &["(0002,0000)", "past the end of the file, which has 140 bytes"]);
    assert!(matches!(outcome(b"nothing at all"), Err(ReadError::Unrecognised { .. })));
    assert!(matches!(outcome(b""), Err(ReadError::Unrecognised { .. })));
}

#[test]
fn row_48_a_huge_image_in_ten_bytes() {
    let huge = |frames: &str| {
        slice().text(0x0028_0008, "IS", frames).short(0x0028_0010, 65535).short(0x0028_0011, 65535).fragments(
            RLE,
            &[],
            &[vec![0; 10]],
        )
    };
    t(huge("1000000000"), &["NumberOfFrames (0028,0008) is 1000000000", "fragments"]);
    t(huge("1"), &["compressed bytes would expand to 8589672450", "limit of 67108864", "raise the limit"]);
    let wide = Limits { max_expansion: 1 << 40, ..Limits::default() };
    for syntax in [RLE, "1.2.840.10008.1.2.4.70", JPEG_LS, JPEG_2000] {
        let result =
            read(folder([huge("1").syntax(syntax)]).path(), &ReadOptions { limits: wide, ..Default::default() });
        refused(result, &["frame 1 cannot be decoded", syntax, "10 compressed bytes cannot decode to the 8589672450"]);
    }
    let limits = Limits { max_volume: 1 << 20, ..Limits::default() };
    let result = read(folder([huge("1")]).path(), &ReadOptions { limits, ..Default::default() });
    refused(result, &["8589672450", "limit of 1048576", "raise the limit"]);
}

#[test]
fn row_49_bits() {
    t(slice().short(0x0028_0101, 0), &["BitsStored (0028,0101) is 0"]);
    t(slice().short(0x0028_0101, 17), &["BitsStored (0028,0101) is 17"]);
    t(slice().short(0x0028_0102, 10), &["HighBit (0028,0102) is 10"]);
    t(slice().short(0x0028_0102, 16), &["HighBit (0028,0102) is 16"]);
    t(slice().short(0x0028_0100, 12), &["BitsAllocated (0028,0100) is 12", "8, 16 or 32"]);
    t(slice().short(0x0028_0103, 2), &["PixelRepresentation (0028,0103) is 2"]);
    t(slice().short(0x0028_0002, 2), &["SamplesPerPixel (0028,0002) is 2"]);
    t(slice().text(0x0028_0004, "CS", "PALETTE COLOR"), &["RedPaletteColorLookupTableDescriptor (0028,1101)"]);
    t(slice().short(0x0028_0010, 0), &["Rows (0028,0010) is 0"]);
    t(slice().without(0x0028_0011), &["Columns (0028,0011) is missing"]);
}

#[test]
fn row_50_deep_sequences() {
    let open = [&element(0x0040_a730, "SQ", &[])[..8], &[255; 4], &[0xfe, 0xff, 0, 0xe0, 255, 255, 255, 255]].concat();
    let bytes = [slice().head(), element(0x0008_0016, "UI", b"1.2 "), open.repeat(100_000)].concat();
    refused(outcome(&bytes), &["(0040,A730) is too deep", "at most 48 levels of nested sequences"]);
    refused(outcome(&[slice().head(), open].concat()), &["truncated"]);
}

#[test]
fn row_51_a_damaged_meta_group() {
    let mut bytes = slice().bytes();
    bytes[132 + 4..132 + 6].copy_from_slice(b"?!");
    refused(outcome(&bytes), &["value representation of FileMetaInformationGroupLength (0002,0000) is \"?!\""]);
    let long = element(0x0002_0001, "OB", &[0; 4]);
    let mut bytes = [slice().head()[..132].to_vec(), long].concat();
    bytes[140..144].copy_from_slice(&0xffff_fffeu32.to_le_bytes());
    refused(outcome(&bytes), &["(0002,0001)", "4294967294 bytes from byte 144 on extend past the end of the file"]);
}

#[test]
fn row_52_orientations() {
    let must = "at right angles";
    let six = |values: [f64; 6]| slice().numbers(0x0020_0037, &values);
    let field = "ImageOrientationPatient (0020,0037)";
    t(six([0.0; 6]), &[field, must]);
    t(six([1., 0., 0., 1., 0., 0.]), &[field, "[1.0, 0.0, 0.0, 1.0, 0.0, 0.0]", must]);
    t(six([1.01, 0., 0., 0., 1., 0.]), &[field, must]);
    t(slice().numbers(0x0020_0037, &[1., 0., 0., 0., 1.]), &[field, "must have 6 values"]);
    t(slice().text(0x0020_0037, "DS", "NaN\\0\\0\\0\\1\\0"), &[field, "number"]);
    t(slice().without(0x0020_0037), &[field, "is missing"]);
    t(slice().numbers(0x0020_0032, &[0.0; 2]), &["ImagePositionPatient (0020,0032)", "must have 3 values"]);
    t(slice().text(0x0020_0032, "DS", "0\\0\\inf"), &["ImagePositionPatient (0020,0032)"]);
    assert!(outcome(&six([1., 0.0005, 0., 0., 1., 0.]).bytes()).is_ok());
}

#[test]
fn row_53_pixel_spacings() {
    let field = "PixelSpacing (0028,0030)";
    t(slice().numbers(0x0028_0030, &[0.0, 0.5]), &[field, "[0.0, 0.5]", "larger than 0"]);
    t(slice().numbers(0x0028_0030, &[-1.0, 0.5]), &[field, "[-1.0, 0.5]"]);
    t(slice().text(0x0028_0030, "DS", "0,5\\0,5"), &[field, "\"0,5\\\\0,5\"", "no comma"]);
    t(slice().numbers(0x0028_0030, &[0.5]), &[field, "must have 2 values"]);
    t(slice().without(0x0028_0030), &[field, "is missing"]);
    t(slice().numbers(0x0028_1053, &[0.0]), &["RescaleSlope (0028,1053) is 0"]);
}

#[test]
fn row_55_instance_numbers_do_not_matter() {
    let slices = stack(&[0.0, 1.0, 2.0]).into_iter().enumerate();
    let odd = slices.map(|(i, o)| if i == 0 { o.text(0x0020_0013, "IS", "900") } else { o.without(0x0020_0013) });
    assert_eq!(read_default(odd).unwrap().volume.value([0, 0, 2], 0), -800.0);
}

#[test]
fn a_damaged_slice_spoils_its_series() {
    let mut objects = stack(&[0.0, 1.0, 2.0]);
    objects[2] = objects[2].clone().numbers(0x0020_0037, &[0.0; 6]);
    refused(read_default(objects.clone()), &["/2.dcm: ImageOrientationPatient (0020,0037)"]);
    // Another series in the folder stays readable, and a scan says which one is damaged, and by which file.
    let other = |i: usize| Object::slice(10 + i, [0.0, 0.0, i as f64]).text(0x0020_000e, "UI", "1.2.9");
    objects.extend((0..2).map(|i| other(i).text(0x0020_0011, "IS", "8")));
    let folder = folder(objects);
    let scan = crate::dicom::scan(folder.path(), &ReadOptions::default()).unwrap();
    let problems: Vec<bool> = scan.series.iter().map(|s| s.problem.is_some()).collect();
    assert_eq!(problems, [true, false]);
    let problem = scan.series[0].problem.as_deref().unwrap();
    assert!(problem.contains("/2.dcm: ImageOrientationPatient (0020,0037)"), "{problem}");
    let chosen = |series: &str| read(folder.path(), &ReadOptions { series: series.parse().ok(), ..Default::default() });
    assert_eq!(chosen("1.2.9").unwrap().info.grid.shape()[2], 2);
    refused(chosen("1.2.3"), &["/2.dcm: ImageOrientationPatient (0020,0037)"]);
}

#[test]
fn row_60_offset_tables() {
    let frames = |table: &[u32], count: usize| {
        let places = [0.0, 1.0];
        let items = places.map(|z| {
            let position = Object::empty().numbers(0x0020_0032, &[0.0, 0.0, z]);
            Object::empty().sequence(0x0020_9113, &[position])
        });
        slice().text(0x0028_0008, "IS", "2").sequence(0x5200_9230, &items).fragments(
            RLE,
            table,
            &vec![vec![0; 64]; count],
        )
    };
    t(frames(&[0, 9999], 3), &["fragments of PixelData", "does not divide 3 fragments into 2 frames"]);
    t(frames(&[], 3), &["into 2 frames"]);
    t(frames(&[0, 72], 1), &["2 frames need at least as many fragments, found 1"]);
    // With one fragment for each frame the table is not needed; these segments are wrong.
    t(frames(&[5, 9999], 2), &["frame 1 cannot be decoded (RLE Lossless", "0 segments"]);
    let mut bytes = slice().fragments(RLE, &[], &[vec![0; 64]]).bytes();
    bytes.truncate(bytes.len() - 8);
    refused(outcome(&bytes), &["the file ends before the next fragment"]);
    let at = bytes.len() - 64 - 4;
    bytes[at..at + 4].copy_from_slice(&70u32.to_le_bytes());
    refused(outcome(&bytes), &["a fragment of 70 bytes extends past the end of the file"]);
}

#[test]
fn row_61_codecs_that_disagree() {
    let segments = |count: u32| [count, 64, 70].map(u32::to_le_bytes).concat();
    let packed = |count: u32| [segments(count), vec![0; 52], vec![0xf5, 0, 0, 0, 0, 0, 0xf5, 7]].concat();
    let loaded = outcome(&slice().fragments(RLE, &[], &[packed(2)]).bytes()).unwrap();
    assert_eq!(loaded.volume.value([3, 2, 0], 0), 7.0 - 1000.0);
    t(slice().fragments(RLE, &[], &[packed(4)]), &["4 segments, but the attributes require 2"]);
    let jpeg =
        |bits: u8, rows: u8, columns: u8| vec![0xff, 0xd8, 0xff, 0xf7, 0, 11, bits, 0, rows, 0, columns, 1, 1, 0x11, 0];
    t(slice().fragments(JPEG_LS, &[], &[jpeg(12, 30, 4)]), &["4×30×1 samples", "4×3", JPEG_LS]);
    t(slice().fragments(JPEG_LS, &[], &[jpeg(17, 3, 4)]), &["17 bits", "BitsAllocated (0028,0100) is 16"]);
    t(slice().fragments(JPEG_LS, &[], &[jpeg(12, 3, 4)]), &["frame 1 cannot be decoded", "JPEG-LS Lossless"]);
    t(slice().fragments(JPEG_2000, &[], &[vec![0xff, 0x4f, 0xff, 0x51]]), &["no JPEG 2000 size marker"]);
    t(slice().syntax(RLE), &["PixelData (7FE0,0010) is 24 bytes", "undefined length"]);
    let unknown = "1.2.840.10008.1.2.4.201";
    t(
        slice().fragments(unknown, &[], &[vec![0; 8]]),
        &["High-Throughput JPEG 2000", "(Lossless Only) (1.2.840.10008.1.2.4.201)"],
    );
    t(slice().fragments("1.2.3.4.5", &[], &[vec![0; 8]]), &["(1.2.3.4.5) cannot be decoded"]);
}

#[test]
fn row_62_a_deflate_bomb() {
    let deflated = |data: &[u8]| {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(data).unwrap();
        [slice().syntax(DEFLATED).head(), encoder.finish().unwrap()].concat()
    };
    let loaded = outcome(&deflated(&slice().data())).unwrap();
    assert_eq!(loaded.volume.value([3, 2, 0], 0), 11.0 - 1000.0);
    let huge = [slice().without(0x7fe0_0010).data(), element(0x7fe0_0010, "OW", &vec![0; 64 << 20])].concat();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bomb.dcm");
    std::fs::write(&path, deflated(&huge)).unwrap();
    refused(
        read(&path, &ReadOptions::default()),
        &["/bomb.dcm", "PixelData (7FE0,0010) is 67108864 bytes", "4×3×1", "24 bytes"],
    );
    let bad = [slice().syntax(DEFLATED).head(), vec![0xff; 30]].concat();
    refused(outcome(&bad), &["/bad.dcm: "]);
}

#[test]
fn other_beginnings() {
    let data = slice().data();
    let loaded = outcome(&data).unwrap();
    assert_eq!(loaded.volume.value([3, 2, 0], 0), 11.0 - 1000.0);
    assert!(outcome(&slice().bytes()[128 + 4..]).is_ok());
}

#[test]
fn row_64_many_files() {
    const FILES: usize = 100_000;
    let folder = tempfile::tempdir().unwrap();
    (0..FILES).into_par_iter().for_each(|i| {
        let object = Object::slice(i, [0.0, 0.0, i as f64]).short(0x0028_0101, 16).short(0x0028_0102, 15);
        std::fs::write(folder.path().join(i.to_string()), object.pixels(&[1; 12]).bytes()).unwrap();
    });
    let start = Instant::now();
    let loaded = read(folder.path(), &ReadOptions::default()).unwrap();
    assert_eq!((loaded.info.grid.shape()[2], loaded.info.warnings.len()), (FILES, 0));
    println!("{FILES} files: {:.1} s", start.elapsed().as_secs_f64());
    assert!(start.elapsed() < Duration::from_secs(300), "{:?}", start.elapsed());
}
