//! Pairs of files, in all mixtures.

use std::fs;

use revoxel_core::{Dtype, Kind};

use super::{gz, volume};
use crate::{Facts, Warning};

#[test]
fn either_file_of_any_mixture_can_be_given() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let written = volume(Dtype::I16, 1);
    crate::write(at("a.hdr"), &written, &Facts::default()).unwrap();
    let (header, voxels) = (fs::read(at("a.hdr")).unwrap(), fs::read(at("a.img")).unwrap());
    fs::write(at("b.hdr"), &header).unwrap();
    fs::write(at("b.img.gz"), gz(&voxels)).unwrap();
    fs::write(at("c.hdr.gz"), gz(&header)).unwrap();
    fs::write(at("c.img"), &voxels).unwrap();
    fs::write(at("d.hdr"), gz(&header)).unwrap();
    fs::write(at("d.img"), gz(&voxels)).unwrap();
    for name in ["a.hdr", "a.img", "b.hdr", "b.img.gz", "c.hdr.gz", "c.img", "d.hdr", "d.img"] {
        let read = crate::read(at(name), Kind::Image).unwrap();
        assert_eq!(read.volume.voxels(), written.voxels(), "{name}");
        assert_eq!(read.info.warnings, [], "{name}");
    }
    let missing = |given: &str, partner: &str| {
        fs::remove_file(at(partner)).unwrap();
        let error = crate::read(at(given), Kind::Image).unwrap_err().to_string();
        assert!(error.starts_with(&at(given).display().to_string()), "{error}");
        assert!(error.contains(&format!("{}, is missing", at(partner).display())), "{error}");
    };
    missing("a.hdr", "a.img");
    fs::remove_file(at("c.hdr.gz")).unwrap();
    let error = crate::read(at("c.img"), Kind::Image).unwrap_err().to_string();
    assert!(error.contains("c.hdr, is missing"), "{error}");
}

#[test]
fn the_voxels_of_a_pair_may_start_later() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let written = volume(Dtype::F32, 1);
    crate::write(at("a.hdr"), &written, &Facts::default()).unwrap();
    let mut header = fs::read(at("a.hdr")).unwrap();
    header[108..112].copy_from_slice(&16f32.to_le_bytes());
    fs::write(at("a.hdr"), &header).unwrap();
    let voxels = fs::read(at("a.img")).unwrap();
    fs::write(at("a.img"), [vec![9; 16], voxels].concat()).unwrap();
    assert_eq!(crate::read(at("a.hdr"), Kind::Image).unwrap().volume.voxels(), written.voxels());
    fs::write(at("a.img"), [9; 100]).unwrap();
    let error = crate::read(at("a.hdr"), Kind::Image).unwrap_err().to_string();
    assert!(error.contains("need 240 bytes from byte 16 on, but the file ends after 100"), "{error}");
}

#[test]
fn analyze_is_read_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let written = volume(Dtype::I16, 1);
    crate::write(at("a.hdr"), &written, &Facts::default()).unwrap();
    let mut header = fs::read(at("a.hdr")).unwrap();
    header.truncate(348);
    // From byte 252 on Analyze means something else; there is no magic.
    header[252..].fill(0xaa);
    fs::write(at("a.hdr"), &header).unwrap();
    for name in ["a.hdr", "a.img"] {
        let read = crate::read(at(name), Kind::Image).unwrap();
        assert_eq!((read.info.format, &read.info.warnings[..]), ("Analyze 7.5", &[Warning::Analyze][..]));
        assert_eq!(read.info.grid.origin(), [4.0, -2.25, -3.0]);
        assert_eq!(read.volume.voxels(), written.voxels());
        assert_eq!(read.info.facts, Facts::default());
    }
}
