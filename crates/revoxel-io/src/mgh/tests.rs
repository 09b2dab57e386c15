//! What nibabel writes is read as nibabel reads it (`fixtures/make_mgh_mif.py` recorded it), and written again byte for
//! byte; files that lie are refused.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use revoxel_core::{Affine, Dtype, Grid, Kind, Volume};
use serde::Deserialize;

use crate::{Facts, Loaded, ReadError, SlabWriter, TimeUnit, Warning};

#[derive(Debug, Deserialize)]
struct Recorded {
    shape: Vec<usize>,
    affine: [[f64; 4]; 3],
    dtype: String,
    values: Vec<f64>,
}

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/mgh").join(name)
}

fn recorded() -> BTreeMap<String, Recorded> {
    serde_json::from_slice(&fs::read(fixture("expected.json")).unwrap()).unwrap()
}

fn read_as(name: &str, bytes: &[u8]) -> Result<Loaded, ReadError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    let info = crate::info(&path);
    let loaded = crate::read(&path, Kind::Image);
    if let (Ok(info), Ok(loaded)) = (info, &loaded) {
        assert_eq!(info, loaded.info);
    }
    loaded
}

#[test]
fn fixtures_are_read_as_nibabel_reads_them() {
    for (name, expected) in recorded() {
        let Loaded { volume, info } = crate::read(fixture(&name), Kind::Image).unwrap();
        assert_eq!(info.format, "MGH");
        assert_eq!(crate::info(fixture(&name)).unwrap(), info, "{name}");
        assert_eq!(info.grid.shape()[..], expected.shape[..3], "{name}");
        assert_eq!(info.channels, expected.shape.iter().skip(3).product::<usize>(), "{name}");
        assert_eq!(info.dtype.name(), expected.dtype, "{name}");
        for (ours, theirs) in info.grid.affine().rows().iter().flatten().zip(expected.affine.iter().flatten()) {
            assert!((ours - theirs).abs() < 1e-5, "{name}: {:?}, {:?}", info.grid.affine(), expected.affine);
        }
        let values: Vec<f64> = (0..volume.voxels().len()).map(|i| volume.voxels().get(i)).collect();
        assert_eq!(values, expected.values, "{name}");
        match name.as_str() {
            "no_place.mgh" => assert!(matches!(info.warnings[..], [Warning::NotPlaced { .. }]), "{:?}", info.warnings),
            _ => assert_eq!(info.warnings, [], "{name}"),
        }
        let time = (info.facts.frames, info.facts.frame_spacing, info.facts.time_unit);
        match name.as_str() {
            "frames.mgz" => assert_eq!(time, (Some(3), Some(2500.0), Some(TimeUnit::Millisecond))),
            _ => assert_eq!(time, (None, None, None), "{name}"),
        }
    }
}

#[test]
fn what_was_read_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    for name in recorded().into_keys().filter(|name| name != "no_place.mgh") {
        let loaded = crate::read(fixture(&name), Kind::Image).unwrap();
        let plain = folder.path().join("a.mgh");
        crate::write(&plain, &loaded.volume, &loaded.info.facts).unwrap();
        let source = fs::read(fixture(&name)).unwrap();
        if name.ends_with("mgh") {
            assert_eq!(fs::read(&plain).unwrap(), source, "{name}");
        }
        for packed in ["a.mgz", "a.mgh.gz"] {
            let packed = folder.path().join(packed);
            crate::write(&packed, &loaded.volume, &loaded.info.facts).unwrap();
            assert_eq!(fs::read(&packed).unwrap()[..2], [0x1f, 0x8b]);
            assert_eq!(crate::read(&packed, Kind::Image).unwrap(), loaded, "{name}");
        }
    }
}

#[test]
fn other_volumes_are_written_with_their_place_and_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mgz");
    let rows = [[-1.9, 0.2, 0.1, 80.5], [0.3, 0.02, 2.8, -41.25], [0.1, -1.4, 0.3, 12.0]];
    let direction = Affine::from_rows(rows).nearest_rotation();
    let affine = Affine::from_parts([0.7, 1.3, 2.9], direction, [80.5, -41.25, 12.0]);
    let grid = Grid::new([7, 5, 3], affine).unwrap();
    let values: Vec<i16> = (0..210).map(|i| i * 31 - 3000).collect();
    let volume = Volume::new(values.into(), grid, Kind::Image, 2).unwrap();
    let facts =
        Facts { frames: Some(2), frame_spacing: Some(1.5), time_unit: Some(TimeUnit::Second), ..Facts::default() };
    crate::write(&path, &volume, &facts).unwrap();
    let first = crate::read(&path, Kind::Image).unwrap();
    assert_eq!(first.volume.voxels(), volume.voxels());
    for (a, b) in first.info.grid.affine().rows().iter().flatten().zip(affine.rows().iter().flatten()) {
        assert!((a - b).abs() < 1e-5, "{:?}", first.info.grid.affine());
    }
    assert_eq!((first.info.facts.frames, first.info.facts.frame_spacing), (Some(2), Some(1500.0)));
    // The second time nothing moves, not even a last digit.
    crate::write(&path, &first.volume, &first.info.facts).unwrap();
    assert_eq!(crate::read(&path, Kind::Image).unwrap(), first);
    // In slabs, the same bytes.
    let parts = folder.path().join("b.mgz");
    let mut writer = SlabWriter::create(&parts, crate::Head::of(&volume), &facts, false).unwrap();
    assert!(!writer.holds_all());
    revoxel_core::dispatch!(volume.voxels(), v => {
        for slab in v.chunks(41) {
            writer.push(&slab.to_vec().into()).unwrap();
        }
    });
    writer.finish().unwrap();
    crate::write(&path, &volume, &facts).unwrap();
    assert_eq!(fs::read(&parts).unwrap(), fs::read(&path).unwrap());
    let wide = volume.cast(Dtype::U16);
    let error = crate::write(&path, &wide, &facts).unwrap_err().to_string();
    assert!(
        error.contains("MGH cannot store uint16, only uint8, int16, int32 and float32") && error.contains("`dtype:`"),
        "{error}"
    );
}

#[test]
fn files_that_lie_are_refused() {
    let good = fs::read(fixture("int16.mgh")).unwrap();
    let changed = |at: usize, bytes: &[u8]| {
        let mut changed = good.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        changed
    };
    let refused = |name: &str, bytes: &[u8], fragments: &[&str]| {
        let text = read_as(name, bytes).unwrap_err().to_string();
        assert!(text.contains(&format!("/{name}: ")), "{text}");
        assert!(fragments.iter().all(|f| text.contains(f)), "{text} lacks one of {fragments:?}");
    };
    refused("a.mgh", &[], &["the file has 0 bytes", "284"]);
    refused("a.mgh", &good[..283], &["the file has 283 bytes"]);
    refused("a.mgh", &good[..300], &["width, height, depth and nframes are [5, 4, 3, 1]", "ends after 300"]);
    refused("a.mgh", &changed(0, &[0, 0, 0, 2]), &["version is 2", "must be 1"]);
    refused("a.mgh", &changed(4, &[0; 4]), &["width is 0", "at least 1"]);
    refused("a.mgh", &changed(12, &[255; 4]), &["depth is -1"]);
    let most = i32::MAX.to_be_bytes();
    refused("a.mgh", &changed(4, &[most, most, most, most].concat()), &["2147483647", "addressed"]);
    refused("a.mgh", &changed(4, &[most, [0, 0, 0, 9], [0, 0, 0, 9]].concat()), &["ends after"]);
    for (kind, text) in [(2, "type is 2"), (6, "type is 6"), (-1, "type is -1"), (5, "supported are 0 (uint8)")] {
        refused("a.mgh", &changed(20, &i32::to_be_bytes(kind)), &[text]);
    }
    let nan = f32::NAN.to_be_bytes();
    refused("a.mgh", &changed(34, &nan), &["delta is [1.25, NaN, 4.0]: must be finite"]);
    refused("a.mgh", &changed(58, &nan), &["y_ras is", "finite"]);
    refused("a.mgh", &changed(78, &f32::INFINITY.to_be_bytes()), &["c_ras is [inf", "finite"]);
    refused("a.mgh", &changed(30, &[0; 12]), &["delta is [0.0, 0.0, 0.0]", "singular"]);
    refused("a.mgh", &changed(42, &[0; 36]), &["directions are", "singular"]);
    let whole = fs::read(fixture("frames.mgz")).unwrap();
    refused("a.mgz", &whole[..100], &["truncated"]);
    refused("a.mgz", &whole[..200.min(whole.len() - 9)], &["truncated"]);
    let mut damaged = whole.clone();
    let at = damaged.len() - 6;
    damaged[at] ^= 0x55;
    refused("a.mgz", &damaged, &["checksum"]);
    // By its content, whatever its name.
    assert_eq!(read_as("a.dat", &whole).unwrap().info.format, "MGH");
    assert!(read_as("a.dat", &[&[0, 0, 0, 1][..], &[7; 400]].concat()).is_err());
}
