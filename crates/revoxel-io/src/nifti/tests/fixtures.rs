//! What nibabel reads, we read (`fixtures/make.py` recorded it), and the `nifti` crate agrees.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use nifti::{IntoNdArray, NiftiObject, ReaderOptions};
use revoxel_core::Kind;
use serde::Deserialize;

use super::fixture;
use crate::{Loaded, Warning};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Recorded {
    error: Option<String>,
    shape: Vec<usize>,
    stored: String,
    affine: [[f64; 4]; 3],
    sform_code: i16,
    qform_code: i16,
    range: Option<[f64; 2]>,
    sum: f64,
    first: Vec<f64>,
    last: Vec<f64>,
    extensions: Vec<(i32, usize)>,
}

fn recorded(name: &str) -> BTreeMap<String, Recorded> {
    serde_json::from_slice(&fs::read(fixture(name)).unwrap()).unwrap()
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * a.abs().max(b.abs()).max(1.0)
}

/// Compares what we read with what nibabel read; `unit` is what nibabel does not convert.
fn check(name: &str, loaded: &Loaded, expected: &Recorded, unit: f64) {
    let Loaded { volume, info } = loaded;
    let shape: Vec<usize> = expected.shape.iter().copied().chain([1; 3]).take(3).collect();
    assert_eq!(info.grid.shape()[..], shape, "{name}");
    let components = match expected.stored.as_str() {
        "void24" => 3,
        "void32" => 4,
        stored => {
            assert_eq!(info.stored.name(), stored, "{name}");
            1
        }
    };
    let channels: usize = expected.shape.iter().skip(3).product::<usize>() * components;
    assert_eq!((info.channels, volume.channels()), (channels, channels), "{name}");
    for (ours, theirs) in info.grid.affine().rows().iter().flatten().zip(expected.affine.iter().flatten()) {
        assert!(close(*ours, theirs * unit), "{name}: {ours} and {theirs}");
    }
    let codes = (info.facts.sform_code, info.facts.qform_code);
    assert_eq!(codes, (Some(expected.sform_code), Some(expected.qform_code)), "{name}");
    let count = volume.voxels().len();
    let values = |start: usize, n: usize| (start..start + n).map(|i| volume.voxels().get(i));
    assert!(values(0, expected.first.len()).zip(&expected.first).all(|(a, b)| close(a, *b)), "{name}: first values");
    let last = expected.last.len();
    assert!(values(count - last, last).zip(&expected.last).all(|(a, b)| close(a, *b)), "{name}: last values");
    let (low, high) = volume.voxels().min_max().unwrap();
    let [expected_low, expected_high] = expected.range.unwrap();
    assert!(close(low, expected_low) && close(high, expected_high), "{name}: {low} to {high}");
    let sum: f64 = values(0, count).filter(|v| v.is_finite()).sum();
    assert!((sum - expected.sum).abs() <= 1e-5 * expected.sum.abs().max(1.0), "{name}: {sum} and {}", expected.sum);
    assert_eq!(info.facts.extensions.len(), expected.extensions.len(), "{name}");
    for (ours, (code, length)) in info.facts.extensions.iter().zip(&expected.extensions) {
        // nibabel strips the padding.
        assert!(ours.code == *code && ours.content.len() >= *length, "{name}");
        assert!(ours.content[*length..].iter().all(|b| *b == 0), "{name}");
    }
}

#[test]
fn fixtures_are_read_as_nibabel_reads_them() {
    for (name, expected) in recorded("expected.json") {
        let loaded = crate::read(fixture(&name), Kind::Image).unwrap();
        let unit = match name.as_str() {
            "metres.nii" => 1e3,
            "micrometres.nii" => 1e-3,
            _ => 1.0,
        };
        check(&name, &loaded, &expected, unit);
        assert_eq!(crate::info(fixture(&name)).unwrap(), loaded.info, "{name}");
        let warnings = &loaded.info.warnings[..];
        match name.as_str() {
            "disagreeing.nii" => {
                assert!(matches!(warnings, [Warning::SformQformDisagree { mm }] if *mm > 0.5), "{name}: {warnings:?}");
            }
            "nifti2.nii" | "nifti2_big.nii.gz" => {
                let [Warning::SformQformDisagree { mm }, Warning::OtherSpacing { .. }] = warnings else {
                    panic!("{name}: {warnings:?}");
                };
                assert!(*mm > 0.5, "{name}: {warnings:?}");
            }
            // nibabel leaves 1 mm in pixdim where only an sform is set.
            "sform_only.nii" | "members.nii.gz" | "odd_extension.nii" => {
                assert!(matches!(warnings, [Warning::OtherSpacing { .. }]), "{name}: {warnings:?}");
            }
            "no_codes.nii" => assert_eq!(warnings, [Warning::NoTransform]),
            "two_d.nii" => {}
            _ => assert_eq!(warnings, [], "{name}"),
        }
    }
}

#[test]
fn real_files_are_read_as_nibabel_reads_them() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = std::env::var_os("REVOXEL_TEST_DATA").map_or(beside, PathBuf::from).join("nifti");
    if !data.is_dir() {
        eprintln!("skipped: {} is absent", data.display());
        return;
    }
    for (name, expected) in recorded("real.json") {
        let path = data.join(&name);
        match crate::read(&path, Kind::Image) {
            Ok(loaded) if expected.error.is_none() => check(&name, &loaded, &expected, 1.0),
            // nibabel does not mix .hdr with .img.gz.
            Ok(loaded) => assert_eq!((name.starts_with("minimal2"), loaded.volume.channels()), (true, 1), "{name}"),
            Err(error) => {
                let text = error.to_string();
                assert!(text.starts_with(&path.display().to_string()), "{text}");
                assert!(expected.error.is_some() || name.starts_with("complex/"), "{text}");
            }
        }
    }
}

#[test]
fn the_nifti_crate_agrees() {
    // Without what that crate does not know: NIfTI-2, gaps before the voxels, colours as channels.
    let known =
        ["dtype_", "big_endian", "sform_only", "qform_only", "qform_mirrored", "scaled_i2", "four_d", "pair.hdr"];
    let names = recorded("expected.json").into_keys().filter(|n| known.iter().any(|k| n.starts_with(k)));
    for name in names {
        let ours = crate::read(fixture(&name), Kind::Image).unwrap();
        let theirs = ReaderOptions::new().read_file(fixture(&name)).unwrap();
        let header = theirs.header().clone();
        let affine: ndarray::Array1<f64> = match header.sform_code > 0 {
            true => header.srow_x.iter().chain(&header.srow_y).chain(&header.srow_z).map(|v| f64::from(*v)).collect(),
            false => ndarray::Array1::from_vec(Vec::new()),
        };
        let rows = ours.info.grid.affine().rows();
        assert!(affine.iter().zip(rows.iter().flatten()).all(|(a, b)| a == b), "{name}");
        let values = theirs.into_volume().into_ndarray::<f64>().unwrap();
        assert_eq!(values.len(), ours.volume.voxels().len(), "{name}");
        // ndarray's transposed iteration is in the order of the file.
        for (i, value) in values.t().iter().enumerate() {
            assert!(close(*value, ours.volume.voxels().get(i)), "{name}: value {i}");
        }
    }
}
