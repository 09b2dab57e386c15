//! Tests against what SimpleITK and pynrrd read, against hostile files, and against itself.

mod hostile;
mod odd;
mod real;
mod round_trip;

use std::path::PathBuf;

use revoxel_core::Kind;

use crate::{Loaded, ReadError};

/// A folder of this crate.
fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/nrrd").join(name)
}

/// Reads bytes as a file of some name; the header alone gives the same.
fn read_as(name: &str, bytes: &[u8]) -> Result<Loaded, ReadError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let info = crate::info(&path);
    let loaded = crate::read(&path, Kind::Image);
    if let (Ok(info), Ok(loaded)) = (&info, &loaded) {
        assert_eq!((&info.grid, info.dtype), (&loaded.info.grid, loaded.volume.dtype()));
    }
    loaded
}

#[test]
fn fixtures_are_read_as_others_read_them() {
    crate::textual::testing::check_fixtures(&fixture(""), |name, warnings| match name {
        "old_cell.nrrd" | "old_node.nrrd" => warnings.len() == 1 && warnings[0].contains("space is absent"),
        "two_d.nrrd" | "one_d.nrrd" => !warnings.is_empty() && warnings[0].contains("space is absent"),
        "skip_gzip.nhdr" | "end_gzip.nhdr" => true,
        _ => warnings.is_empty(),
    });
}

#[test]
fn facts_are_kept() {
    let facts = |name: &str| crate::info(fixture(name)).unwrap().facts;
    let slicer = facts("slicer.seg.nrrd").nrrd.unwrap();
    assert_eq!(slicer.key_values.len(), 12);
    assert_eq!(slicer.key_values[1], ("Segment0_Name".to_owned(), "left\nlung \\ a".to_owned()));
    let kinds: Vec<_> = slicer.axes.iter().map(|axis| (axis.kind.as_deref(), axis.space)).collect();
    assert_eq!(kinds, [(Some("list"), false), (Some("domain"), true), (Some("domain"), true), (Some("domain"), true)]);
    let time = facts("time.nrrd");
    assert_eq!((time.frame_spacing, time.time_unit), (Some(2.5), Some(crate::TimeUnit::Second)));
    assert!(facts("rgb_middle.nrrd").colour && facts("itk_vector.nrrd").vector);
    // About z by 30 degrees, as columns; in RAS x and y are reversed.
    let frame = facts("pynrrd_raw.nrrd").nrrd.unwrap().measurement_frame.unwrap();
    assert!((frame[0][0] + 0.866_025_4).abs() < 1e-6 && (frame[0][1] + 0.5).abs() < 1e-6, "{frame:?}");
}
