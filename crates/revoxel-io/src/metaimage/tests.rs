//! Tests against what SimpleITK reads, against hostile files, and against itself.

mod hostile;
mod odd;
mod round_trip;

use std::path::PathBuf;

use revoxel_core::testing::Draw;
use revoxel_core::{Grid, Kind, Volume};

use crate::{Facts, Loaded, ReadError};

/// A folder of this crate.
fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/metaimage").join(name)
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
    crate::textual::testing::check_fixtures(&fixture(""), |_, warnings| warnings.is_empty());
}

#[test]
fn facts_are_kept() {
    let facts = |name: &str| crate::info(fixture(name)).unwrap().facts;
    let own = |name: &str| facts(name).metaimage.unwrap();
    let kept = [("My Key", "kept = as it is"), ("Modality", "MET_MOD_CT")];
    assert_eq!(own("size_and_spacing.mha").keys, kept.map(|(key, value)| (key.to_owned(), value.to_owned())));
    assert_eq!((own("itk.mha").compressed, own("itk_zlib.mhd").compressed), (Some(false), Some(true)));
    let series = facts("itk_four_d.mha");
    assert_eq!((series.frame_spacing, series.vector), (Some(2.5), false));
    assert!(facts("itk_rgb.mha").colour && facts("itk_vector.mha").vector);
}

#[test]
fn vectors_of_bytes_with_frames_keep_their_order() {
    // Three or four bytes are read as a colour, whose frames lie in another order than those of a vector.
    let folder = tempfile::tempdir().unwrap();
    for (components, frames) in [(3, 2), (4, 3), (2, 3), (5, 2)] {
        let grid = Grid::new([2, 3, 2], *Draw::new(7).grid(4).affine()).unwrap();
        let channels = components * frames;
        let values: Vec<u8> = (0..12 * channels).map(|i| i as u8).collect();
        let volume = Volume::new(values.into(), grid, Kind::Image, channels).unwrap();
        let facts = Facts { vector: true, frames: Some(frames), ..Facts::default() };
        for name in ["a.mha", "a.mhd", "a.nrrd", "a.nii"] {
            let path = folder.path().join(name);
            crate::write(&path, &volume, &facts).unwrap();
            let read = crate::read(&path, Kind::Image).unwrap().volume;
            assert_eq!(read.channels(), channels, "{name}");
            assert!(read.voxels().bytes() == volume.voxels().bytes(), "{name}: {components} × {frames}");
        }
    }
}
