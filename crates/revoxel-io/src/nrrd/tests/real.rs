//! Real files, where they are at hand.

use std::path::{Path, PathBuf};

use revoxel_core::Kind;

#[test]
fn every_variant_of_a_file_has_the_same_voxels() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = std::env::var_os("REVOXEL_TEST_DATA").map_or(beside, PathBuf::from).join("nrrd");
    if !data.is_dir() {
        eprintln!("skipped: {} is absent", data.display());
        return;
    }
    let read = |name: &str| crate::read(data.join(name), Kind::Label).unwrap_or_else(|e| panic!("{e}"));
    let reference = read("BallBinary30x30x30.nrrd");
    assert_eq!(reference.volume.voxels().min_max(), Some((0.0, 257.0)));
    assert_eq!(read("BallBinary30x30x30.nii.gz").volume.voxels(), reference.volume.voxels());
    for name in [
        ".nhdr",
        "_byteskip_minus_one.nhdr",
        "_byteskip_minus_one_nifti.nhdr",
        "_bz2.nrrd",
        "_gz.nrrd",
        "_gz_byteskip_minus_one.nrrd",
        "_gz_lineskip.nrrd",
    ] {
        let other = read(&format!("BallBinary30x30x30{name}"));
        assert_eq!(other.volume, reference.volume, "{name}");
    }
    // Without its byte skip, the header of the NIfTI file is among the voxels: 352 bytes too many.
    let shifted = read("BallBinary30x30x30_nifti.nhdr").info.warnings;
    assert!(shifted[0].to_string().contains("352 bytes after the voxels"), "{shifted:?}");
    let error = crate::read(data.join("BallBinary30x30x30_byteskip_minus_five.nhdr"), Kind::Label).unwrap_err();
    assert!(error.to_string().contains("byte skip is -5: must be 0 or more, or -1"), "{error}");
    for (name, shape) in [("test1d_ascii", [27, 1, 1]), ("test2d_ascii", [3, 9, 1]), ("test_customFields", [27, 1, 1])]
    {
        let loaded = read(&format!("{name}.nrrd"));
        assert_eq!(loaded.volume.grid().shape(), shape);
        assert_eq!((loaded.volume.voxels().get(0), loaded.volume.voxels().get(26)), (1.0, 27.0), "{name}");
    }
    let custom = read("test_customFields.nrrd").info.facts.nrrd.unwrap().key_values;
    assert_eq!((custom.len(), custom[0].0.as_str()), (10, "int"));
    let four_d = read("test_simple4d_raw.nrrd");
    assert_eq!((four_d.volume.grid().spacing(), four_d.volume.channels()), ([1.5, 1.5, 1.0], 1));
}
