//! What is written is read again, and what is read is written again.

use std::fs;

use revoxel_core::{Affine, Dtype, Grid, Kind, Volume};

use super::fixture;
use crate::Facts;
use crate::nrrd::NrrdFacts;
use crate::textual::testing::{grid, volume};

#[test]
fn every_type_and_name() {
    let folder = tempfile::tempdir().unwrap();
    for dtype in Dtype::ALL {
        for raw in [false, true] {
            for name in ["a.nrrd", "b.nhdr", "C.NHDR"] {
                let path = folder.path().join(name);
                let own = NrrdFacts { encoding: Some(if raw { "raw" } else { "gzip" }.into()), ..NrrdFacts::default() };
                let facts = Facts { nrrd: Some(Box::new(own)), ..Facts::default() };
                for channels in [1, 2] {
                    let written = volume(dtype, channels);
                    assert_eq!(crate::write(&path, &written, &facts).unwrap(), []);
                    let read = crate::read(&path, Kind::Image).unwrap();
                    assert_eq!((&read.volume, &read.info.warnings[..]), (&written, &[][..]), "{name} {dtype} {raw}");
                    let bytes = fs::read(&path).unwrap();
                    crate::write(&path, &read.volume, &read.info.facts).unwrap();
                    assert_eq!(fs::read(&path).unwrap(), bytes, "{name} {dtype}");
                }
            }
        }
    }
    let mut left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["C.NHDR", "C.raw", "C.raw.gz", "a.nrrd", "b.nhdr", "b.raw", "b.raw.gz"]);
}

#[test]
fn fixtures_come_back() {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(fixture("")).unwrap() {
        let source = entry.unwrap().path();
        let name = source.file_name().unwrap().to_string_lossy().into_owned();
        if !name.ends_with(".nrrd") && !name.ends_with(".nhdr") {
            continue;
        }
        let first = crate::read(&source, Kind::Image).unwrap();
        let path = folder.path().join(&name);
        crate::write(&path, &first.volume, &first.info.facts).unwrap();
        let second = crate::read(&path, Kind::Image).unwrap();
        // In a space of two dimensions NRRD has no name for the frame.
        let frame = |w: &&crate::Warning| matches!(w, crate::Warning::UnknownFrame { value, .. } if value == "2");
        let flat = first.volume.grid().is_planar();
        assert_eq!(second.info.warnings.iter().filter(|w| !(flat && frame(w))).count(), 0, "{name}");
        assert_eq!(second.volume, first.volume, "{name}");
        let (a, b) = (first.info.facts.nrrd.as_ref().unwrap(), second.info.facts.nrrd.as_ref().unwrap());
        assert_eq!((&a.key_values, &a.fields, a.measurement_frame), (&b.key_values, &b.fields, b.measurement_frame));
        let of_channels = |facts: &NrrdFacts| {
            let axes = facts.axes.iter().enumerate().filter(|(_, axis)| !axis.space);
            axes.map(|(at, axis)| (at, axis.clone())).collect::<Vec<_>>()
        };
        assert_eq!(of_channels(a), of_channels(b), "{name}");
        let (a, b) = (&first.info.facts, &second.info.facts);
        assert_eq!((a.vector, a.colour, a.frames, a.time_unit), (b.vector, b.colour, b.frames, b.time_unit), "{name}");
        let json = serde_json::to_string(&b).unwrap();
        assert_eq!(serde_json::from_str::<Facts>(&json).unwrap(), *b, "{name}");
    }
}

#[test]
fn channels_follow_the_facts() {
    fn t(channels: usize, dtype: Dtype, facts: Facts, sizes: &str, kinds: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.nrrd");
        let written = volume(dtype, channels);
        crate::write(&path, &written, &facts).unwrap();
        let bytes = fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains(&format!("\nsizes: {sizes}\n")), "{text}");
        assert!(text.contains(&format!("\nkinds: {kinds}\n")), "{text}");
        let read = crate::read(&path, Kind::Image).unwrap();
        assert_eq!(read.volume, written, "{facts:?}");
        assert_eq!((read.info.facts.vector, read.info.facts.colour), (facts.vector, facts.colour));
    }
    let none = Facts::default;
    let domain = "domain domain domain";
    t(1, Dtype::U8, none(), "5 4 3", domain);
    t(2, Dtype::F32, none(), "2 5 4 3", &format!("list {domain}"));
    // As SimpleITK opens it: in four dimensions, with a step of 1.
    t(2, Dtype::F32, Facts { frames: Some(2), ..none() }, "5 4 3 2", &format!("{domain} time"));
    t(3, Dtype::F32, Facts { vector: true, ..none() }, "3 5 4 3", &format!("vector {domain}"));
    t(3, Dtype::U8, Facts { colour: true, ..none() }, "3 5 4 3", &format!("RGB-color {domain}"));
    t(6, Dtype::F32, Facts { vector: true, frames: Some(2), ..none() }, "3 5 4 3 2", &format!("vector {domain} time"));
    t(
        8,
        Dtype::U8,
        Facts { colour: true, frames: Some(2), ..none() },
        "4 5 4 3 2",
        &format!("RGBA-color {domain} time"),
    );
}

#[test]
fn facts_of_another_shape_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.seg.nrrd");
    let facts = crate::info(fixture("slicer.seg.nrrd")).unwrap().facts;
    let other = Volume::new(vec![1u8; 2 * 210].into(), grid([7, 6, 5]), Kind::Label, 2).unwrap();
    crate::write(&path, &other, &facts).unwrap();
    let read = crate::read(&path, Kind::Label).unwrap();
    assert_eq!(read.volume, other);
    let pairs = read.info.facts.nrrd.unwrap().key_values;
    let extents: Vec<_> = pairs.iter().filter(|(key, _)| key.ends_with("_Extent")).collect();
    assert!(extents.len() == 2 && extents.iter().all(|(_, value)| value == "0 6 0 5 0 4"), "{pairs:?}");
    // Another number of channels: no axis of the source is meant.
    let plain = Volume::new(vec![1u8; 210].into(), grid([7, 6, 5]), Kind::Label, 1).unwrap();
    crate::write(&path, &plain, &facts).unwrap();
    assert_eq!(crate::read(&path, Kind::Label).unwrap().volume, plain);
}

#[test]
fn shear_and_every_bit_of_the_affine_are_kept() {
    let rows = [[0.1, 0.3, 1e-9, 1e5 + 0.1], [-0.7, 1.0 / 3.0, 0.0, -2e-7], [0.0, 0.2, 2.5, 7.0]];
    let written = Volume::new(vec![0u8; 8].into(), Grid::new([2; 3], Affine::from_rows(rows)).unwrap(), Kind::Label, 1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nrrd");
    crate::write(&path, written.as_ref().unwrap(), &Facts::default()).unwrap();
    assert_eq!(crate::read(&path, Kind::Label).unwrap().volume, written.unwrap());
}
