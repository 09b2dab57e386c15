//! What is written is read again, and what is read is written again.

use std::fs;

use revoxel_core::{Dtype, Kind};

use super::fixture;
use crate::Facts;
use crate::metaimage::MetaImageFacts;
use crate::textual::testing::volume;

/// How far an entry of an affine may move: spacing and direction are stored apart.
const ROUNDING: f64 = 1e-14;

#[test]
fn every_type_and_name() {
    let folder = tempfile::tempdir().unwrap();
    for dtype in Dtype::ALL {
        for compressed in [true, false] {
            for name in ["a.mha", "b.mhd", "C.MHD"] {
                let path = folder.path().join(name);
                let own = MetaImageFacts { compressed: Some(compressed), ..MetaImageFacts::default() };
                let facts = Facts { metaimage: Some(Box::new(own)), ..Facts::default() };
                for channels in [1, 2] {
                    let written = volume(dtype, channels);
                    assert_eq!(crate::write(&path, &written, &facts).unwrap(), []);
                    let read = crate::read(&path, Kind::Image).unwrap();
                    assert_eq!(read.info.warnings, [], "{name} {dtype} {compressed}");
                    assert_eq!(read.volume.voxels(), written.voxels(), "{name} {dtype} {compressed}");
                    let moved = read.volume.grid().affine().max_abs_difference(written.grid().affine());
                    assert!(moved <= ROUNDING, "{moved}");
                    crate::write(&path, &read.volume, &read.info.facts).unwrap();
                    assert_eq!(crate::read(&path, Kind::Image).unwrap().volume.voxels(), written.voxels());
                }
            }
        }
    }
    let mut left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["C.MHD", "C.raw", "C.zraw", "a.mha", "b.mhd", "b.raw", "b.zraw"]);
}

#[test]
fn fixtures_come_back() {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(fixture("")).unwrap() {
        let source = entry.unwrap().path();
        let name = source.file_name().unwrap().to_string_lossy().into_owned();
        if !name.ends_with(".mha") && !name.ends_with(".mhd") {
            continue;
        }
        let first = crate::read(&source, Kind::Image).unwrap();
        let path = folder.path().join(&name);
        crate::write(&path, &first.volume, &first.info.facts).unwrap();
        let second = crate::read(&path, Kind::Image).unwrap();
        assert_eq!(second.info.warnings, [], "{name}");
        assert_eq!(second.volume.voxels(), first.volume.voxels(), "{name}");
        let moved = second.volume.grid().affine().max_abs_difference(first.volume.grid().affine());
        assert!(moved <= ROUNDING, "{name}: {moved}");
        let (mut a, mut b) = (first.info.facts.clone(), second.info.facts.clone());
        let json = serde_json::to_string(&b).unwrap();
        assert_eq!(serde_json::from_str::<Facts>(&json).unwrap(), b, "{name}");
        for facts in [&mut a, &mut b] {
            // ITK writes this; so do we, where the source had none.
            facts.metaimage.as_mut().unwrap().keys.retain(|(key, _)| key != "CenterOfRotation");
        }
        assert_eq!(a, b, "{name}");
    }
}

#[test]
fn channels_follow_the_facts() {
    fn t(channels: usize, dtype: Dtype, facts: Facts, sizes: &str, components: usize) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mha");
        let written = volume(dtype, channels);
        crate::write(&path, &written, &facts).unwrap();
        let bytes = fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains(&format!("\nDimSize = {sizes}\n")), "{text}");
        assert_eq!(text.contains(&format!("\nElementNumberOfChannels = {components}\n")), components > 1, "{text}");
        assert_eq!(crate::read(&path, Kind::Image).unwrap().volume.voxels(), written.voxels(), "{facts:?}");
    }
    let none = Facts::default;
    let frames = |axes: &[usize]| {
        let own = MetaImageFacts { frame_axes: axes.to_vec(), ..MetaImageFacts::default() };
        Facts { metaimage: Some(Box::new(own)), ..none() }
    };
    t(1, Dtype::U8, none(), "5 4 3", 1);
    t(2, Dtype::F32, none(), "5 4 3", 2);
    t(3, Dtype::U8, Facts { colour: true, ..none() }, "5 4 3", 3);
    t(6, Dtype::F32, Facts { vector: true, frames: Some(2), ..none() }, "5 4 3 2", 3);
    t(6, Dtype::U8, Facts { colour: true, frames: Some(2), ..none() }, "5 4 3 2", 3);
    t(6, Dtype::I16, frames(&[6]), "5 4 3 6", 1);
    t(6, Dtype::I16, frames(&[2, 3]), "5 4 3 2 3", 1);
    t(6, Dtype::I16, frames(&[5]), "5 4 3", 6);
}
