//! What a fingerprint counts, against numbers worked out apart. Whole datasets are compared with nnU-Net in the system
//! tests.

use super::*;
use revoxel_core::{Affine, Grid, Voxels};
use revoxel_io::Facts;
use revoxel_runner::dataset::discover;

fn facts(spacing: [f64; 3], shape: [usize; 3]) -> CaseFacts {
    CaseFacts { name: String::new(), spacing, shape, share: 1.0 }
}

#[test]
fn the_rule_of_the_target_spacing() {
    fn t(cases: &[([f64; 3], [usize; 3])], expected: [f64; 3]) {
        let cases = cases.iter().map(|(spacing, shape)| facts(*spacing, *shape)).collect();
        let found = Fingerprint { cases, channels: Vec::new() }.target_spacing().unwrap();
        assert!((0..3).all(|a| (found[a] - expected[a]).abs() < 1e-9), "{found:?} {expected:?}");
    }
    let large = [300, 300, 30];
    t(&[([1.0, 1.1, 2.0], large), ([3.0, 1.3, 2.2], large)], [2.0, 1.2, 2.1]);
    // One axis is coarse and short: its 10th percentile, between 3 and 5.
    t(&[([0.7, 0.7, 5.0], large), ([0.8, 0.7, 3.0], large), ([0.7, 0.7, 6.0], large)], [0.7, 0.7, 3.4]);
    // Coarse, but not short.
    let deep = [300, 300, 200];
    t(&[([0.7, 0.7, 5.0], deep), ([0.8, 0.7, 3.0], deep), ([0.7, 0.7, 6.0], deep)], [0.7, 0.7, 5.0]);
    // Not finer than the other axes.
    t(&[([1.0, 1.0, 0.2], large), ([1.0, 1.0, 5.0], large), ([1.0, 1.0, 6.0], large)], [1.0, 1.0, 1.16]);
    t(&[([1.5, 1.0, 0.2], large), ([1.5, 1.0, 5.0], large), ([1.5, 1.0, 6.0], large)], [1.5, 1.0, 1.5 + 1e-5]);
    // The coarse axis is the first.
    t(&[([4.0, 0.7, 0.7], [20, 90, 80]); 2], [4.0, 0.7, 0.7]);
    assert_eq!(Fingerprint::default().target_spacing(), None);
}

#[test]
fn percentiles_lie_between_values() {
    let t = |percent: f64, expected: f64| assert_eq!(percentile(&[1.0, 2.0, 4.0, 8.0], percent), expected);
    t(0.0, 1.0);
    t(50.0, 3.0);
    t(75.0, 5.0);
    t(100.0, 8.0);
    assert_eq!(percentile(&[], 50.0), 0.0);
}

/// A dataset of two cases in nnU-Net's layout, of 4 × 3 × 2 voxels each.
fn dataset() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let grid = Grid::new([4, 3, 2], Affine::scaling([0.5, 1.0, 2.0])).unwrap();
    let write = |path: &str, voxels: Voxels, kind: Kind| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let volume = Volume::new(voxels, grid, kind, 1).unwrap();
        revoxel_io::write(&path, &volume, &Facts::default()).unwrap();
    };
    for (case, first) in [("a", 10i16), ("b", 30)] {
        let (mut image, mut other, mut label) = (vec![0i16; 24], vec![0i16; 24], vec![0u8; 24]);
        // A row of three in the middle of the first slice; the second channel reaches one row farther.
        for (at, value) in [(5, 0), (6, 1), (7, 4)] {
            (image[at], label[at]) = (first + value, 1 + value as u8);
        }
        other[9] = -7;
        // Labelled, but outside of what is not 0.
        label[23] = 2;
        write(&format!("imagesTr/{case}_0000.nii"), image.into(), Kind::Image);
        write(&format!("imagesTr/{case}_0001.nii"), other.into(), Kind::Image);
        write(&format!("labelsTr/{case}.nii"), label.into(), Kind::Label);
    }
    folder
}

#[test]
fn boxes_and_intensities() {
    let folder = dataset();
    let layout = nnunet_layout(folder.path(), ".nii").unwrap();
    let found = Fingerprint::of(&layout, &discover(&layout, folder.path()).unwrap()).unwrap();
    let case = |name: &str| CaseFacts { name: name.to_owned(), share: 0.25, ..facts([0.5, 1.0, 2.0], [3, 2, 1]) };
    assert_eq!(found.cases, [case("a"), case("b")]);
    // 10, 11, 14 and 30, 31, 34.
    let i = found.channels[0].unwrap();
    let mean = (35.0 + 95.0) / 6.0;
    assert!((i.mean - mean).abs() < 1e-9 && (i.min, i.max) == (10.0, 34.0), "{i:?}");
    let square = |v: f64| (v - mean).powi(2);
    let deviation = ([10.0, 11.0, 14.0, 30.0, 31.0, 34.0].map(square).iter().sum::<f64>() / 6.0).sqrt();
    assert!((i.std - deviation).abs() < 1e-9, "{i:?} {deviation}");
    assert!(i.percentile_00_5 < 10.1 && i.percentile_99_5 > 33.8 && (14.0..=30.0).contains(&i.median), "{i:?}");
    assert_eq!(found.channels[1].unwrap().max, 0.0);
    let json = found.nnunet();
    assert_eq!(json["spacings"][0], serde_json::json!([2.0, 1.0, 0.5]));
    assert_eq!(json["shapes_after_crop"][1], serde_json::json!([1, 2, 3]));
    assert_eq!(json["target_spacing"], serde_json::json!([2.0, 1.0, 0.5]));
}

#[test]
fn a_case_of_zeros_is_kept_whole() {
    let folder = dataset();
    let grid = Grid::new([4, 3, 2], Affine::scaling([0.5, 1.0, 2.0])).unwrap();
    for channel in 0..2 {
        let path = folder.path().join(format!("imagesTr/b_000{channel}.nii"));
        let zeros = Volume::new(vec![0i16; 24].into(), grid, Kind::Image, 1).unwrap();
        revoxel_io::write(&path, &zeros, &Facts::default()).unwrap();
    }
    let layout = nnunet_layout(folder.path(), ".nii").unwrap();
    let found = Fingerprint::of(&layout, &discover(&layout, folder.path()).unwrap()).unwrap();
    assert_eq!(found.cases[1], CaseFacts { name: "b".to_owned(), ..facts([0.5, 1.0, 2.0], [4, 3, 2]) });
    // The mean of the one case and that of the other.
    let found = found.channels[0].unwrap();
    assert!((found.mean - 35.0 / 6.0).abs() < 1e-9 && found.min == 0.0, "{found:?}");
}

#[test]
fn datasets_that_are_refused() {
    let folder = dataset();
    let error = nnunet_layout(folder.path(), ".nrrd").unwrap_err().to_string();
    assert!(error.contains("_0000.nrrd: give another ending"), "{error}");
    let layout = nnunet_layout(folder.path(), ".nii").unwrap();
    let t = |path: &str, voxels: Voxels, shape: [usize; 3], kind: Kind, says: &str| {
        let path = folder.path().join(path);
        let grid = Grid::new(shape, Affine::scaling([0.5, 1.0, 2.0])).unwrap();
        let before = std::fs::read(&path).unwrap();
        let volume = Volume::new(voxels, grid, kind, 1).unwrap();
        revoxel_io::write(&path, &volume, &Facts::default()).unwrap();
        let error = Fingerprint::of(&layout, &discover(&layout, folder.path()).unwrap()).unwrap_err().to_string();
        assert!(error.contains("case b") && error.contains(says), "{error}");
        std::fs::write(&path, before).unwrap();
    };
    t("labelsTr/b.nii", vec![1u8; 8].into(), [2, 2, 2], Kind::Label, "but the label is on");
    std::fs::remove_file(folder.path().join("labelsTr/b.nii")).unwrap();
    let cases = discover(&layout, folder.path()).unwrap();
    let error = Fingerprint::of(&layout, &cases).unwrap_err().to_string();
    assert!(error.contains("case b: label: "), "{error}");
}
