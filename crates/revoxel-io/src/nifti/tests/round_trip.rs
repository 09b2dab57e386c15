//! What is written is read again, and what is read is written again.

use std::fs;

use revoxel_core::affine::distance;
use revoxel_core::{Affine, Dtype, Grid, Kind, Volume};

use super::{fixture, gz, read_as, volume};
use crate::nifti::header::{Header, Order, Version};
use crate::nifti::stored_grid;
use crate::{Extension, Facts, SliceTiming, TimeUnit, Warning};

#[test]
fn every_type_version_and_name() {
    let folder = tempfile::tempdir().unwrap();
    for dtype in Dtype::ALL {
        for version in [1, 2] {
            for name in ["a.nii", "a.nii.gz", "b.hdr", "c.img", "d.hdr.gz", "e.IMG.gz"] {
                let path = folder.path().join(name);
                let written = volume(dtype, 1);
                let facts = Facts { version: Some(version), ..Facts::default() };
                assert_eq!(crate::write(&path, &written, &facts).unwrap(), []);
                let read = crate::read(&path, Kind::Image).unwrap();
                assert_eq!(read.info.warnings, [], "{name} {dtype}");
                assert_eq!(read.volume.voxels(), written.voxels(), "{name} {dtype}");
                let grid = if version == 1 { stored_grid(written.grid()) } else { *written.grid() };
                assert_eq!(*read.volume.grid(), grid, "{name} {dtype}");
                let codes = (read.info.facts.sform_code, read.info.facts.qform_code, read.info.facts.version);
                assert_eq!(codes, (Some(1), Some(1), Some(version)));
                let bytes = fs::read(&path).unwrap();
                crate::write(&path, &read.volume, &read.info.facts).unwrap();
                assert_eq!(fs::read(&path).unwrap(), bytes, "{name} {dtype}");
            }
        }
    }
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 10, "only the files themselves are left");
}

#[test]
fn the_other_byte_order_is_read() {
    for dtype in Dtype::ALL {
        for version in [1, 2] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.nii");
            let written = volume(dtype, 2);
            crate::write(&path, &written, &Facts { version: Some(version), ..Facts::default() }).unwrap();
            let bytes = fs::read(&path).unwrap();
            let mut header = Header::parse(&bytes, 0).unwrap();
            header.order = if Order::NATIVE == Order::Little { Order::Big } else { Order::Little };
            let mut voxels = bytes[header.version.length() + 4..].to_vec();
            voxels.chunks_exact_mut(dtype.size()).for_each(<[u8]>::reverse);
            let other = [header.encode(), vec![0; 4], voxels].concat();
            for (name, bytes) in [("b.nii", other.clone()), ("b.nii.gz", gz(&other))] {
                let read = read_as(name, &bytes).unwrap();
                assert_eq!(read.volume.voxels(), written.voxels(), "{dtype} {name}");
            }
        }
    }
}

#[test]
fn fixtures_come_back_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(fixture("")).unwrap() {
        let source = entry.unwrap().path();
        let name = source.file_name().unwrap().to_string_lossy().into_owned();
        let is_nifti = [".nii", ".nii.gz", ".hdr", ".hdr.gz"].iter().any(|e| name.ends_with(e));
        if !is_nifti {
            continue;
        }
        let first = crate::read(&source, Kind::Image).unwrap();
        let path = folder.path().join(&name);
        let warnings = crate::write(&path, &first.volume, &first.info.facts).unwrap();
        let sheared = first.volume.grid().affine().shear() > 0.01;
        assert!(warnings.len() == usize::from(sheared), "{name}: {warnings:?}");
        let second = crate::read(&path, Kind::Image).unwrap();
        assert_eq!(second.volume.voxels(), first.volume.voxels(), "{name}");
        let transforms = (first.info.facts.sform_code, first.info.facts.qform_code);
        let exact = transforms != (Some(0), Some(0)) && !name.contains("metres");
        assert!(!exact || second.volume.grid() == first.volume.grid(), "{name}");
        assert!(exact || *second.volume.grid() == stored_or_exact(&first), "{name}");
        let mut facts = first.info.facts.clone();
        facts.spatial_unit = Some(crate::SpatialUnit::Millimetre);
        if !exact && facts.sform_code == Some(0) {
            facts.sform_code = Some(facts.qform_code.unwrap().max(1));
            facts.qform_code = facts.sform_code;
        }
        for extension in &mut facts.extensions {
            let length = (extension.content.len() + 8).next_multiple_of(16) - 8;
            extension.content.resize(length, 0);
        }
        if sheared {
            facts.qform_code = Some(0);
        }
        assert_eq!(second.info.facts, facts, "{name}");
    }
}

fn stored_or_exact(loaded: &crate::Loaded) -> Grid {
    match loaded.info.facts.version {
        Some(2) => *loaded.volume.grid(),
        _ => stored_grid(loaded.volume.grid()),
    }
}

#[test]
fn facts_come_back() {
    let facts = Facts {
        version: Some(1),
        sform_code: Some(4),
        qform_code: Some(0),
        time_unit: Some(TimeUnit::Second),
        frame_spacing: Some(2.5),
        time_offset: Some(-1.0),
        frames: Some(3),
        description: Some("x".repeat(79)),
        aux_file: Some("aux".into()),
        intent_code: Some(1006),
        intent_name: Some("name".into()),
        intent_params: Some([1.0, 0.0, 2.0]),
        slices: Some(SliceTiming { dim_info: 57, code: 3, start: 0, end: 2, duration: 0.5 }),
        extensions: vec![
            Extension { code: 6, content: b"a comment of 24 bytes...".to_vec() },
            Extension { code: 4, content: vec![7; 1000] },
        ],
        ..Facts::default()
    };
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.nii.gz", "a.hdr"] {
        let path = folder.path().join(name);
        crate::write(&path, &volume(Dtype::I16, 3), &facts).unwrap();
        let read = crate::read(&path, Kind::Image).unwrap().info.facts;
        let expected = Facts { spatial_unit: read.spatial_unit, ..facts.clone() };
        assert_eq!(read, expected);
    }
    let long = Facts { description: Some("é".repeat(60)), ..Facts::default() };
    let path = folder.path().join("long.nii");
    crate::write(&path, &volume(Dtype::I16, 1), &long).unwrap();
    assert_eq!(crate::info(&path).unwrap().facts.description, Some("é".repeat(39)));
}

#[test]
fn axes_follow_the_facts() {
    fn t(channels: usize, dtype: Dtype, facts: Facts, expected: [i64; 6], datatype: i32) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.nii");
        let written = volume(dtype, channels);
        crate::write(&path, &written, &facts).unwrap();
        let header = Header::parse(&fs::read(&path).unwrap(), 0).unwrap();
        assert_eq!((&header.dim[..6], header.datatype), (&expected[..], datatype), "{channels} {facts:?}");
        assert_eq!(crate::read(&path, Kind::Image).unwrap().volume.voxels(), written.voxels());
    }
    let none = Facts::default;
    t(1, Dtype::U8, none(), [3, 5, 4, 3, 1, 1], 2);
    t(3, Dtype::U8, none(), [4, 5, 4, 3, 3, 1], 2);
    t(3, Dtype::F32, Facts { vector: true, ..none() }, [5, 5, 4, 3, 1, 3], 16);
    t(6, Dtype::F32, Facts { vector: true, frames: Some(2), ..none() }, [5, 5, 4, 3, 2, 3], 16);
    t(5, Dtype::F32, Facts { vector: true, frames: Some(2), ..none() }, [5, 5, 4, 3, 1, 5], 16);
    t(3, Dtype::U8, Facts { colour: true, ..none() }, [3, 5, 4, 3, 1, 1], 128);
    t(8, Dtype::U8, Facts { colour: true, frames: Some(2), ..none() }, [4, 5, 4, 3, 2, 1], 2304);
    t(3, Dtype::I16, Facts { colour: true, ..none() }, [4, 5, 4, 3, 3, 1], 4);
    t(2, Dtype::U8, Facts { colour: true, frames: Some(0), ..none() }, [4, 5, 4, 3, 2, 1], 2);
}

#[test]
fn the_qform_is_the_sform() {
    let turns = [
        [[-1., 0., 0.], [0., -1., 0.], [0., 0., 1.]],
        [[0., 0., 1.], [1., 0., 0.], [0., 1., 0.]],
        [[0., 0., -1.], [1., 0., 0.], [0., 1., 0.]],
        super::grid([2; 3]).affine().direction(),
    ];
    for linear in turns {
        for spacing in [[1., 1., 1.], [0.7, 0.7, 5.0]] {
            let affine = Affine::from_parts(spacing, linear, [-120.3, 88.1, 1000.7]);
            let grid = Grid::new([256, 256, 100], affine).unwrap();
            let small = Grid::new([2, 2, 2], affine).unwrap();
            let written = Volume::new(vec![0u8; 8].into(), small, Kind::Label, 1).unwrap();
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.nii");
            assert_eq!(crate::write(&path, &written, &Facts::default()).unwrap(), []);
            // Without the sform the qform is followed.
            let mut bytes = fs::read(&path).unwrap();
            bytes[254..256].copy_from_slice(&[0, 0]);
            let read = read_as("q.nii", &bytes).unwrap();
            let corners = grid.outer_corners().map(|c| grid.world_to_index().apply(c));
            let worst = corners.map(|c| distance(read.info.grid.affine().apply(c), affine.apply(c)));
            assert!(worst.into_iter().all(|d| d < 1e-3), "{linear:?} {spacing:?}: {worst:?}");
        }
    }
}

#[test]
fn shear_is_written_as_sform_only() {
    let affine = Affine::from_rows([[1., 0.2, 0., 5.], [0., 1., 0., 6.], [0., 0., 2., 7.]]);
    let grid = Grid::new([2, 2, 2], affine).unwrap();
    let sheared = Volume::new(vec![0u8; 8].into(), grid, Kind::Label, 1).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nii");
    let warnings = crate::write(&path, &sheared, &Facts::default()).unwrap();
    assert!(matches!(warnings[..], [Warning::Sheared { sine }] if (sine - 0.196).abs() < 1e-3));
    let info = crate::info(&path).unwrap();
    assert_eq!((info.facts.sform_code, info.facts.qform_code), (Some(1), Some(0)));
    assert_eq!(info.grid, stored_grid(&grid));
}

#[test]
fn long_axes_go_to_version_2() {
    let grid = Grid::without_geometry([40_000, 1, 1]).unwrap();
    let long = Volume::new(vec![3u8; 40_000].into(), grid, Kind::Label, 1).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nii");
    crate::write(&path, &long, &Facts::default()).unwrap();
    let read = crate::read(&path, Kind::Label).unwrap();
    assert_eq!((read.info.format, &read.volume), ("NIfTI-2", &long));
    assert_eq!(Header::parse(&fs::read(&path).unwrap(), 0).unwrap().version, Version::Two);
}

#[test]
fn what_cannot_be_written_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let written = volume(Dtype::U8, 1);
    let t = |name: &str, volume: &Volume, fragment: &str| {
        let error = crate::write(folder.path().join(name), volume, &Facts::default()).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(fragment), "{error}");
    };
    t("a.xyz", &written, ".nii.gz");
    t("nii", &written, "no known extension");
    t("missing/a.nii", &written, "does not exist");
    let huge = Grid::new([5, 4, 3], Affine::scaling([1., 1., 1.]).with_translation([1e39, 0., 0.])).unwrap();
    t("a.nii", &written.clone().on_grid(huge).unwrap(), "srow_x is 1e39");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(crate::writable_extension("x/A.NII.GZ") && !crate::writable_extension("a.gz"));
}

#[test]
fn a_step_in_time_that_nobody_knows_is_no_second() {
    let folder = tempfile::tempdir().unwrap();
    let grid = Grid::without_geometry([2, 2, 1]).unwrap();
    let volume = Volume::new(vec![1u8; 12].into(), grid, Kind::Image, 3).unwrap();
    let facts = Facts { frames: Some(3), time_unit: Some(crate::TimeUnit::Second), ..Facts::default() };
    let path = folder.path().join("t.nii");
    crate::write(&path, &volume, &facts).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    // pixdim[4].
    assert_eq!(f32::from_le_bytes(bytes[92..96].try_into().unwrap()), 0.0);
    assert_eq!(crate::read(&path, Kind::Image).unwrap().info.facts.frame_spacing, None);
}
