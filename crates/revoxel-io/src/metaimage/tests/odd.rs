//! Files that say odd things: read as ITK reads them, with a remark; and what is compressed by its first bytes.

use std::fs;
use std::io::Write;

use revoxel_core::Kind;

use crate::codecs::deflate::Effort;
use crate::{Loaded, ReadError};

fn read(header: &str, data: &[(&str, &[u8])]) -> Result<Loaded, ReadError> {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in data {
        fs::write(folder.path().join(name), content).unwrap();
    }
    let path = folder.path().join("scan.mhd");
    fs::write(&path, header).unwrap();
    crate::read(&path, Kind::Image)
}

fn header(more: &str, file: &str) -> String {
    format!(
        "ObjectType = Image\nNDims = 3\nOffset = 1 2 3\nElementSpacing = 1 1 2\nDimSize = 10 8 5\nElementType = MET_UCHAR\n\
         {more}ElementDataFile = {file}\n"
    )
}

fn remarks(loaded: &Loaded) -> String {
    loaded.info.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Bytes that gzip keeps as they are.
fn noise(count: usize) -> Vec<u8> {
    (0..count as u64).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) as u8).collect()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    crate::codecs::gzip::compress(&[bytes], Effort::Usual, &mut packed).unwrap();
    packed
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    crate::codecs::zlib::compress(&[bytes], Effort::Usual, &mut packed).unwrap();
    packed
}

fn bz2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Values whose gzip stream is exactly as long as they are.
fn as_long_as_packed() -> (Vec<u8>, Vec<u8>) {
    // Each of the last bytes is one that repeats, so that the stream is shorter than the values by then.
    let found = (0..400).find_map(|tail| {
        let values = [noise(400 - tail), vec![7; tail]].concat();
        let packed = gz(&values);
        (packed.len() == values.len()).then_some((values, packed))
    });
    found.expect("one of them")
}

#[test]
fn first_bytes_say_what_is_compressed() {
    let (values, packed) = as_long_as_packed();
    assert_eq!((values.len(), packed.len()), (400, 400));
    let said = "CompressedData = True\n";
    for name in ["a.raw", "a.zraw", "a.raw.gz"] {
        for (content, of) in [(packed.clone(), "gzip"), (zlib(&values), "zlib"), (bz2(&values), "bzip2")] {
            for (more, remark) in [("", "CompressedData is False, but the values"), (said, "")] {
                let loaded = read(&header(more, name), &[(name, &content)]).unwrap();
                assert_eq!(loaded.volume.voxels().bytes(), values, "{name} {of} {more}");
                assert!(remarks(&loaded).contains(remark) && loaded.info.warnings.len() <= 1, "{}", remarks(&loaded));
            }
        }
        let loaded = read(&header("", name), &[(name, &values)]).unwrap();
        assert_eq!((loaded.volume.voxels().bytes(), remarks(&loaded).as_str()), (&values[..], ""), "{name}");
        // Said to be compressed, and not: no guess by the size.
        let error = read(&header(said, name), &[(name, &values)]).unwrap_err().to_string();
        assert!(error.contains("CompressedData is True: the zlib stream is"), "{error}");
    }
    // Voxels that begin like a stream, but cannot be decoded.
    for begin in [&[0x1f, 0x8b, 8, 0][..], &[0x78, 0x9c], b"BZh91AY&SY"] {
        let mut like = values.clone();
        like[..begin.len()].copy_from_slice(begin);
        let loaded = read(&header("", "a.raw"), &[("a.raw", &like)]).unwrap();
        assert_eq!((loaded.volume.voxels().bytes(), remarks(&loaded).as_str()), (&like[..], ""));
    }
    // Some files of several.
    let (first, second) = values.split_at(240);
    let list = header("", "LIST\na\nb\nc\nd\ne");
    let parts: Vec<Vec<u8>> =
        values.chunks(80).enumerate().map(|(i, v)| if i % 2 == 0 { gz(v) } else { v.to_vec() }).collect();
    let files: Vec<(&str, &[u8])> =
        ["a", "b", "c", "d", "e"].into_iter().zip(parts.iter().map(Vec::as_slice)).collect();
    assert_eq!(read(&list, &files).unwrap().volume.voxels().bytes(), [first, second].concat());
    // Compressed values behind bytes that are to be skipped.
    let behind = [&[9; 16][..], &gz(&values), &[0; 100]].concat();
    let error = read(&header("HeaderSize = 16\n", "a.raw"), &[("a.raw", &behind)]).unwrap_err().to_string();
    assert!(error.contains("HeaderSize is 16") && error.contains("compressed values after"), "{error}");
}

#[test]
fn the_world_is_lps_whatever_anatomical_orientation_says() {
    let values = noise(400);
    for letters in ["RAI", "LPS", "RAS", "ASL", "???"] {
        let header = header(&format!("AnatomicalOrientation = {letters}\n"), "a.raw");
        let loaded = read(&header, &[("a.raw", &values)]).unwrap();
        // RAS: x and y are negated.
        let info = &loaded.info;
        assert_eq!(info.grid.origin(), [-1.0, -2.0, 3.0], "{letters}");
        assert_eq!(info.grid.affine().column(0), [-1.0, 0.0, 0.0], "{letters}");
        assert_eq!(remarks(&loaded), "", "{letters}");
    }
}

#[test]
fn lines_behind_the_last_and_numbers_too_many_are_as_itk_has_them() {
    let values = noise(400);
    let plain = read(&header("", "a.raw"), &[("a.raw", &values)]).unwrap();
    let behind = read(&(header("", "a.raw") + "ElementSpacing = 9 9 9\n\nNote = x\n"), &[("a.raw", &values)]).unwrap();
    assert_eq!((&behind.volume, behind.info.grid), (&plain.volume, plain.info.grid));
    assert_eq!(remarks(&behind), "2 lines are ignored after ElementDataFile, as in ITK: ElementSpacing = 9 9 9");
    let surplus = "ObjectType = Image\nNDims = 3\nOffset = 1 2 3 4\nElementSpacing = 1 1 2 2.5\nDimSize = 10 8 5 1\n\
                   ElementType = MET_UCHAR\nElementDataFile = a.raw\n";
    let read_surplus = read(surplus, &[("a.raw", &values)]).unwrap();
    assert_eq!((&read_surplus.volume, read_surplus.info.grid), (&plain.volume, plain.info.grid));
    let said = remarks(&read_surplus);
    for remark in ["DimSize is 10 8 5 1: numbers after the first 3", "ElementSpacing is 1 1 2 2.5", "Offset is 1 2 3 4"]
    {
        assert!(said.contains(remark), "{said}");
    }
    let frames = surplus.replace("10 8 5 1", "10 8 5 2");
    let error = read(&frames, &[("a.raw", &values)]).unwrap_err().to_string();
    assert!(error.contains("DimSize is 10 8 5 2: expected 3 values, found 4"), "{error}");
    let matrix = header("TransformMatrix = 1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1\n", "a.raw");
    let error = read(&matrix, &[("a.raw", &values)]).unwrap_err().to_string();
    assert!(error.contains("expected 9 values, found 16"), "{error}");
}

#[test]
fn four_dimensions_stay_four_through_nifti_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let source = crate::read(super::fixture("itk_four_d.mha"), Kind::Image).unwrap();
    crate::write(at("a.nii.gz"), &source.volume, &source.info.facts).unwrap();
    let nifti = crate::read(at("a.nii.gz"), Kind::Image).unwrap();
    assert_eq!((nifti.info.facts.frames, nifti.info.facts.frame_spacing), (source.info.facts.frames, Some(2.5)));
    assert!(source.info.facts.frames.is_some() && !nifti.info.facts.vector);
    crate::write(at("b.mha"), &nifti.volume, &nifti.info.facts).unwrap();
    let back = crate::read(at("b.mha"), Kind::Image).unwrap();
    assert_eq!((&back.volume.voxels(), back.info.facts.frames), (&source.volume.voxels(), source.info.facts.frames));
    assert_eq!((back.info.facts.frame_spacing, back.info.facts.vector), (Some(2.5), false));
}
