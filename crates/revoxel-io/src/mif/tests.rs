//! What mrconvert writes is read as mrconvert reads it (`fixtures/make_mgh_mif.py` recorded it), and what is written comes
//! back; files that lie are refused.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use revoxel_core::{Affine, Dtype, Grid, Kind, Volume, Voxels, dispatch_dtype};
use serde::Deserialize;

use crate::{ComplexPolicy, Facts, Loaded, MifFacts, ReadError, ReadOptions, SlabWriter, TimeUnit};

#[derive(Debug, Deserialize)]
struct Recorded {
    shape: Vec<usize>,
    affine: [[f64; 4]; 3],
    values: Vec<f64>,
}

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/mif").join(name)
}

fn recorded() -> BTreeMap<String, Recorded> {
    serde_json::from_slice(&fs::read(fixture("expected.json")).unwrap()).unwrap()
}

fn complex() -> ReadOptions {
    ReadOptions { complex: ComplexPolicy::Channels, ..ReadOptions::default() }
}

#[test]
fn fixtures_are_read_as_mrconvert_reads_them() {
    for (name, expected) in recorded() {
        let Loaded { volume, info } = crate::read_with(fixture(&name), Kind::Image, &complex()).unwrap();
        assert_eq!(info.format, "MRtrix");
        assert_eq!(crate::info_with(fixture(&name), &complex()).unwrap(), info, "{name}");
        assert_eq!(info.grid.shape()[..], expected.shape[..3], "{name}");
        let parts = if name == "complex.mif" { 2 } else { 1 };
        assert_eq!(info.channels, expected.shape.iter().skip(3).product::<usize>() * parts, "{name}");
        for (ours, theirs) in info.grid.affine().rows().iter().flatten().zip(expected.affine.iter().flatten()) {
            // mrconvert writes NIfTI, in 32 bits.
            assert!((ours - theirs).abs() < 1e-5, "{name}: {:?}, {:?}", info.grid.affine(), expected.affine);
        }
        let values: Vec<f64> = (0..volume.voxels().len()).map(|i| volume.voxels().get(i)).collect();
        assert_eq!(values, expected.values, "{name}");
        let step = (info.facts.frames, info.facts.frame_spacing, info.facts.time_unit);
        match name.as_str() {
            "frames_first.mif" => assert_eq!(step, (Some(2), Some(2.5), Some(TimeUnit::Second))),
            "frames.mif.gz" => assert_eq!(step, (Some(2), Some(0.75), Some(TimeUnit::Second))),
            _ => {}
        }
        assert_eq!(info.dtype, volume.dtype(), "{name}");
        let odd = ["complex.mif", "scaled_float.mif", "scaled_bits.mif"].contains(&name.as_str());
        assert_eq!(info.warnings.len(), usize::from(odd), "{name}: {:?}", info.warnings);
    }
    let error = crate::read(fixture("complex.mif"), Kind::Image).unwrap_err().to_string();
    assert!(error.contains("datatype is CFloat32LE") && error.contains("`complex: channels`"), "{error}");
    let parts = crate::parts(fixture("header.mih"), &ReadOptions::default()).unwrap();
    assert_eq!(parts, [fixture("header.dat")]);
}

#[test]
fn lines_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let loaded = crate::read(fixture("gradients.mif"), Kind::Image).unwrap();
    let own = loaded.info.facts.mif.as_deref().unwrap();
    let schemes: Vec<&str> = own.keys.iter().filter(|(k, _)| k == "dw_scheme").map(|(_, v)| v.as_str()).collect();
    assert_eq!(schemes, ["0,0,1,0", "0.6,0.8,0,1000"]);
    for name in ["a.mif", "a.mif.gz", "a.mih"] {
        let path = folder.path().join(name);
        crate::write(&path, &loaded.volume, &loaded.info.facts).unwrap();
        let read = crate::read(&path, Kind::Image).unwrap();
        assert_eq!((read.volume, read.info.facts), (loaded.volume.clone(), loaded.info.facts.clone()), "{name}");
    }
    assert_eq!(fs::read(folder.path().join("a.dat")).unwrap(), loaded.volume.voxels().bytes());
}

fn grid() -> Grid {
    let rows = [[-1.9, 0.2, 0.1, 80.5], [0.3, 0.02, 2.8, -41.25], [0.1, -1.4, 0.3, 12.0]];
    let direction = Affine::from_rows(rows).nearest_rotation();
    Grid::new([7, 5, 3], Affine::from_parts([0.7, 1.3, 2.9], direction, [80.5, -41.25, 12.0])).unwrap()
}

#[test]
fn every_type_and_name() {
    let folder = tempfile::tempdir().unwrap();
    for (number, dtype) in Dtype::ALL.into_iter().enumerate() {
        let channels = 1 + number % 3;
        let voxels: Voxels = dispatch_dtype!(dtype, T => (0..105 * channels).map(|i| (i * 7 % 251 % 128) as T).collect::<Vec<T>>().into());
        let volume = Volume::new(voxels, grid(), Kind::Image, channels).unwrap();
        let facts = Facts {
            frames: (channels > 1).then_some(channels),
            frame_spacing: (channels == 3).then_some(1500.0),
            time_unit: (channels == 3).then_some(TimeUnit::Millisecond),
            description: Some("one\ntwo".to_owned()),
            ..Facts::default()
        };
        for name in ["a.mif", "a.mif.gz", "a.mih"] {
            let path = folder.path().join(name);
            crate::write(&path, &volume, &facts).unwrap();
            let first = crate::read(&path, Kind::Image).unwrap();
            assert_eq!(first.volume.voxels(), volume.voxels(), "{name}");
            assert_eq!((first.info.facts.frames, first.info.warnings.len()), (facts.frames, 0), "{name}");
            assert_eq!(first.info.facts.frame_spacing, facts.frame_spacing.map(|step| step / 1000.0));
            assert_eq!(first.info.facts.description.as_deref(), Some("one two"));
            for (a, b) in first.info.grid.affine().rows().iter().flatten().zip(grid().affine().rows().iter().flatten())
            {
                assert!((a - b).abs() < 1e-12, "{:?}", first.info.grid.affine());
            }
            let parts = folder.path().join(format!("b{name}"));
            let mut writer = SlabWriter::create(&parts, crate::Head::of(&volume), &facts, false).unwrap();
            revoxel_core::dispatch!(volume.voxels(), v => {
                for slab in v.chunks(41) {
                    writer.push(&slab.to_vec().into()).unwrap();
                }
            });
            writer.finish().unwrap();
            if name != "a.mih" {
                assert_eq!(fs::read(&parts).unwrap(), fs::read(&path).unwrap());
            }
            assert_eq!(crate::read(&parts, Kind::Image).unwrap().volume, first.volume);
        }
    }
}

#[test]
fn axes_beyond_the_third() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mif");
    let facts = Facts { frames: Some(2), vector: true, ..Facts::default() };
    let volume = Volume::new((0..630i16).collect::<Vec<_>>().into(), grid(), Kind::Image, 6).unwrap();
    crate::write(&path, &volume, &facts).unwrap();
    assert!(String::from_utf8_lossy(&fs::read(&path).unwrap()).contains("\ndim: 7,5,3,2,3\n"));
    let read = crate::read(&path, Kind::Image).unwrap();
    assert_eq!((read.volume.channels(), read.info.facts.frames, read.info.facts.vector), (6, Some(2), true));
    assert_eq!(read.volume.voxels(), volume.voxels());
    // Keys that hold a line per volume go with the volumes.
    let own = MifFacts { keys: vec![("dw_scheme".into(), "0,0,1,0".into()), ("a".into(), "b".into())] };
    let facts = Facts { mif: Some(Box::new(own)), ..Facts::default() };
    let change =
        crate::facts::Change { shape: [7, 5, 3], moves: &[], channels: [2, 1], values: crate::facts::Values::Same };
    let carried = crate::facts::carry(&facts, &change);
    assert_eq!(carried.facts.mif.unwrap().keys, [("a".to_owned(), "b".to_owned())]);
    assert_eq!(carried.dropped.len(), 1);
}

fn header(changes: &[(&str, &str)]) -> Vec<u8> {
    let lines = [
        ("dim", "4,3,2"),
        ("vox", "1,2,3"),
        ("layout", "+0,+1,+2"),
        ("datatype", "Int16LE"),
        ("scaling", ""),
        ("transform", "1,0,0,10; 0,1,0,20; 0,0,1,30"),
        ("file", ". 200"),
    ];
    let mut text = "mrtrix image\n".to_owned();
    for (key, value) in lines {
        match changes.iter().find(|(k, _)| *k == key).map_or(value, |(_, value)| value) {
            "" => {}
            value => text.extend(value.split("; ").map(|value| format!("{key}: {value}\n"))),
        }
    }
    let mut bytes = (text + "END\n").into_bytes();
    bytes.resize(200, 0);
    bytes.extend((0..24i16).flat_map(i16::to_le_bytes));
    bytes
}

fn read_as(name: &str, bytes: &[u8]) -> Result<Loaded, ReadError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    crate::read(&path, Kind::Image)
}

/// A file with these values in the place of the usual ones.
fn scaled(datatype: &str, scaling: &str, values: &[u8]) -> Result<Loaded, ReadError> {
    let bytes = header(&[("datatype", datatype), ("scaling", scaling)]);
    read_as("a.mif", &[&bytes[..200], values].concat())
}

/// mrconvert 3.0.3 scales integers, and neither floating-point values, complex ones nor bits.
#[test]
fn scaling_is_for_integers() {
    let whole: Vec<u8> = (0..24i16).flat_map(i16::to_le_bytes).collect();
    let single: Vec<u8> = (0..24u8).flat_map(|v| f32::from(v).to_le_bytes()).collect();
    let double: Vec<u8> = (0..24u8).flat_map(|v| f64::from(v).to_le_bytes()).collect();
    let loaded = scaled("Int16LE", "2,3", &whole).unwrap();
    assert_eq!((loaded.volume.dtype(), loaded.volume.voxels().get(5)), (Dtype::F32, 17.0));
    assert_eq!(loaded.info.warnings, []);
    for (name, values, dtype, second) in [
        ("Float32LE", &single, Dtype::F32, 1.0),
        ("Float64LE", &double, Dtype::F64, 1.0),
        ("Bit", &vec![0xaa; 3], Dtype::U8, 0.0),
    ] {
        for scaling in ["2,3", "0,0", "nan,3", "0,inf"] {
            let Loaded { volume, info } = scaled(name, scaling, values).unwrap();
            assert_eq!((volume.dtype(), info.dtype, volume.voxels().get(1)), (dtype, dtype, second), "{name}");
            let remarks: Vec<String> = info.warnings.iter().map(ToString::to_string).collect();
            assert_eq!(remarks.len(), 1, "{remarks:?}");
            let start = format!("scaling is {scaling}: not applied, because values are ");
            assert!(remarks[0].starts_with(&start), "{remarks:?}");
        }
        assert_eq!(scaled(name, "0,1", values).unwrap().info.warnings, []);
        let text = scaled(name, "2", values).unwrap_err().to_string();
        assert!(text.contains("scaling is 2: expected 2 values"), "{text}");
    }
    let text = scaled("Int16LE", "nan,1", &whole).unwrap_err().to_string();
    assert!(text.contains("scaling is nan,1") && text.contains("finite"), "{text}");
}

#[test]
fn files_that_lie_are_refused() {
    let good = read_as("a.mif", &header(&[])).unwrap();
    assert_eq!(good.volume.voxels(), &Voxels::from((0..24i16).collect::<Vec<_>>()));
    assert_eq!((good.info.grid.spacing(), good.info.grid.origin()), ([1.0, 2.0, 3.0], [10.0, 20.0, 30.0]));
    let refused = |changes: &[(&str, &str)], fragment: &str| {
        let text = read_as("a.mif", &header(changes)).unwrap_err().to_string();
        assert!(text.contains("/a.mif: ") && text.contains(fragment), "{text} lacks {fragment}");
    };
    refused(&[("dim", "")], "dim is absent: it is required");
    refused(&[("dim", "4,3,0")], "dim is 4 3 0: every axis must have at least 1 sample");
    refused(&[("dim", "4,3,-2")], "at least 1 sample");
    refused(&[("dim", "9223372036854775807,3,2")], "addressed");
    refused(&[("dim", "400,300,200")], "dim is 400,300,200 (Int16LE)");
    refused(&[("dim", "4,x,2")], "whole numbers");
    refused(&[("dim", "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1")], "must be 1 to 16");
    refused(&[("vox", "1,2,0")], "vox is 1,2,0: the size of a voxel must be a positive number");
    refused(&[("vox", "1,nan,1")], "positive number");
    refused(&[("vox", "1,2")], "expected 3 values, found 2");
    refused(&[("layout", "+0,+1")], "layout is +0,+1: expected 3 values");
    refused(&[("layout", "+0,+1,+1")], "each once");
    refused(&[("datatype", "Int24LE")], "datatype is Int24LE: unknown");
    refused(&[("datatype", "CInt16LE")], "datatype is CInt16LE: unknown");
    refused(&[("datatype", "Int16LE; Int8")], "appears twice");
    refused(&[("transform", "1,0,0,10; 0,1,0,20")], "expected 12 values, found 8");
    refused(&[("transform", "1,0,0,10; 0,1,0,20; 0,0,0,30")], "singular");
    refused(&[("transform", "1,0,0,inf; 0,1,0,20; 0,0,1,30")], "finite");
    refused(&[("file", "")], "file is absent: it is required");
    refused(&[("file", ". 3")], "file is . 3: must be");
    refused(&[("file", ". 100000")], "past the end of the file");
    refused(&[("file", ". 210")], "ends after 248");
    refused(&[("file", "../a.dat 0")], "allow_outside: true");
    refused(&[("file", "/etc/passwd 0")], "outside the folder of the header");
    refused(&[("file", "none.dat 0")], "cannot be read");
    refused(&[("file", "a.mif 0")], "this is the header itself");
    let cut = String::from_utf8(header(&[])[..160].to_vec()).unwrap().replace("END\n", "");
    let text = read_as("a.mif", cut.trim_end_matches('\0').as_bytes()).unwrap_err().to_string();
    assert!(text.contains("END is absent: it is required"), "{text}");
    let text = read_as("a.mif", b"mrtrix\n").unwrap_err().to_string();
    assert!(text.contains("first line is mrtrix: "), "{text}");
    // Without a transform, MRtrix takes the world's origin in the centre.
    let centred = read_as("a.mif", &header(&[("transform", "")])).unwrap();
    assert_eq!(centred.info.grid.origin(), [-1.5, -2.0, -1.5]);
    assert!(centred.info.warnings[0].to_string().contains("transform is absent"));
    let whole = fs::read(fixture("frames.mif.gz")).unwrap();
    let text = read_as("a.mif.gz", &whole[..whole.len() - 20]).unwrap_err().to_string();
    assert!(text.contains("truncated"), "{text}");
    let text = read_as("a.mif.gz", &whole[..40]).unwrap_err().to_string();
    assert!(text.contains("truncated") || text.contains("first line"), "{text}");
}
