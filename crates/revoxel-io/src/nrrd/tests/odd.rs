//! Spellings that other writers use, and what is compressed by its first bytes.

use std::fs;
use std::io::Write;

use revoxel_core::{Kind, Voxels};

use super::read_as;
use crate::codecs::deflate::Effort;
use crate::{Loaded, ReadError};

fn read(header: &str, name: &str, content: &[u8]) -> Result<Loaded, ReadError> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), content).unwrap();
    let path = folder.path().join("scan.nhdr");
    fs::write(&path, header).unwrap();
    crate::read(&path, Kind::Image)
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
    let header = |encoding: &str, name: &str| {
        format!(
            "NRRD0004\ntype: uchar\ndimension: 3\nspace: left-posterior-superior\nsizes: 10 8 5\nspace directions: (1,0,0) (0,1,0) (0,0,2)\n\
             space origin: (1,2,3)\nencoding: {encoding}\ndata file: {name}\n"
        )
    };
    for name in ["a.raw", "a.raw.gz"] {
        for content in [packed.clone(), bz2(&values), zlib(&values)] {
            for (encoding, remark) in [("raw", "encoding is raw, but the values"), ("gzip", ""), ("bzip2", "")] {
                let loaded = read(&header(encoding, name), name, &content).unwrap();
                assert_eq!(loaded.volume.voxels().bytes(), values, "{name} {encoding}");
                assert!(remarks(&loaded).contains(remark) && loaded.info.warnings.len() <= 1, "{}", remarks(&loaded));
            }
        }
        let plain = read(&header("raw", name), name, &values).unwrap();
        assert_eq!((plain.volume.voxels().bytes(), remarks(&plain).as_str()), (&values[..], ""));
        let error = read(&header("gzip", name), name, &values).unwrap_err().to_string();
        assert!(error.contains("encoding is gzip: the gzip stream is"), "{error}");
    }
    // In the file of the header, too.
    let attached = |content: &[u8]| {
        let text = header("raw", "").replace("data file: \n", "\n");
        read_as("scan.nrrd", &[text.as_bytes(), content].concat()).unwrap()
    };
    assert_eq!(attached(&packed).volume.voxels().bytes(), values);
    assert_eq!(attached(&values).volume.voxels().bytes(), values);
}

#[test]
fn versions_1_to_6_are_read() {
    let text = |version: u8| {
        format!(
            "NRRD000{version}\ntype: uchar\ndimension: 3\nspace: LPS\nsizes: 1 1 2\nspace directions: (1,0,0) (0,1,0) \
             (0,0,2)\nspace origin: (1,2,3)\nencoding: ascii\n\n7 8\n"
        )
    };
    for version in 1..=6 {
        let loaded = read_as("scan.nrrd", text(version).as_bytes()).unwrap();
        assert_eq!((loaded.volume.voxels().get(1), remarks(&loaded).as_str()), (8.0, ""), "{version}");
    }
    for version in [0, 7] {
        let error = read_as("scan.nrrd", text(version).as_bytes()).unwrap_err().to_string();
        assert!(error.contains(&format!("magic is NRRD000{version}: must be NRRD0001 to NRRD0006")), "{error}");
    }
}

#[test]
fn other_spellings() {
    let text = |magic: &str, space: &str, values: &str| {
        let header = format!(
            "{magic}\ntype: short\ndimension: 3\nspace: {space}\nsizes: 2 3 1\nspace directions: (1,0,0) (0,1,0) (0,0,2)\n\
             space origin: (1,2,3)\nencoding: ascii\n\n{values}\n"
        );
        read_as("scan.nrrd", header.as_bytes())
    };
    let plain = text("NRRD0004", "left-posterior-superior", "1 -2 3 4 5 6").unwrap();
    assert_eq!(plain.volume.voxels(), &Voxels::from(vec![1i16, -2, 3, 4, 5, 6]));
    for (magic, space, values) in [
        ("NRRD00.01", "left-posterior-superior", "1 -2 3 4 5 6"),
        ("NRRD0004", "left posterior superior", "1 -2 3 4 5 6"),
        ("NRRD0004", "Left Posterior  Superior", "1, -2, 3,\n4, 5, 6"),
        ("NRRD0004", "left_posterior_superior", "1,-2,3,4,5,6,"),
        ("NRRD0004", "LPS", "1 , -2 , 3 , 4 , 5 , 6"),
    ] {
        let loaded = text(magic, space, values).unwrap();
        assert_eq!(
            (loaded.volume, loaded.info.grid),
            (plain.volume.clone(), plain.info.grid),
            "{magic} {space} {values}"
        );
    }
    let ras = text("NRRD0004", "right anterior superior", "1 2 3 4 5 6").unwrap();
    assert_eq!(ras.info.grid.origin(), [1.0, 2.0, 3.0]);
    for (magic, space, values, fragment) in [
        ("NRRD00.02", "LPS", "1 2 3 4 5 6", "magic is NRRD00.02"),
        ("NRRD0004", "left posterior", "1 2 3 4 5 6", "space is left posterior: unknown"),
        ("NRRD0004", "LPS", "1 2 3 4 5  ", "expected 6 values, the text has 5"),
        ("NRRD0004", "LPS", "1,0 2,0 3,0 4,0 5,0 6,0", "the text has more"),
    ] {
        let error = text(magic, space, values).unwrap_err().to_string();
        assert!(error.contains(fragment), "{error} lacks {fragment}");
    }
}

#[test]
fn frames_of_nifti_without_a_step_are_written_in_four_dimensions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nrrd");
    let fixture = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/four_d.nii.gz");
    let mut source = crate::read(fixture, Kind::Image).unwrap();
    source.info.facts.frame_spacing = None;
    crate::write(&path, &source.volume, &source.info.facts).unwrap();
    let read = crate::read(&path, Kind::Image).unwrap();
    assert_eq!((read.volume.voxels(), read.info.facts.frames), (source.volume.voxels(), Some(2)));
    let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
    assert!(text.contains("space: left-posterior-superior-time\n") && text.contains("\nsizes: 5 4 3 2\n"), "{text}");
}
