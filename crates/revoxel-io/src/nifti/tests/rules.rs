//! Rules that no other test holds: what is said of transforms that disagree, units, and the matrix that is written.

use std::fs;

use revoxel_core::testing::Draw;
use revoxel_core::{Affine, Grid, Kind, Volume};

use super::{changed, read_as};
use crate::nifti::header::Header;
use crate::{Facts, Warning};

#[test]
fn the_worst_corner_is_said_in_mm() {
    // A shift moves every corner alike; a turn moves one most.
    let shifted = read_as("a.nii", &changed(1, |h| h.qoffset[2] += 3.0)).unwrap();
    assert_eq!(*shifted.volume.grid(), grid_of(&changed(1, |_| ())));
    let [Warning::SformQformDisagree { mm }] = shifted.info.warnings[..] else { panic!("{:?}", shifted.info) };
    assert!((mm - 3.0).abs() < 1e-4, "{mm}");
    let bytes = changed(1, |h| h.quatern[0] += 0.1);
    let by_qform = grid_of(&changed(1, |h| {
        h.quatern[0] += 0.1;
        h.sform_code = 0;
    }));
    let followed = read_as("a.nii", &bytes).unwrap();
    let [Warning::SformQformDisagree { mm }] = followed.info.warnings[..] else { panic!("{:?}", followed.info) };
    let pairs = followed.info.grid.outer_corners().into_iter().zip(by_qform.outer_corners());
    let worst = pairs.map(|(a, b)| revoxel_core::affine::distance(a, b)).fold(0.0, f64::max);
    assert!(worst > 0.5 && (mm - worst).abs() < 1e-6, "{mm} {worst}");
}

fn grid_of(bytes: &[u8]) -> Grid {
    read_as("b.nii", bytes).unwrap().info.grid
}

#[test]
fn lengths_are_millimetres_where_no_unit_is_said() {
    let with = |units: i32| {
        let loaded = read_as("a.nii", &changed(1, |h| h.xyzt_units = units)).unwrap();
        assert_eq!(loaded.info.warnings, []);
        loaded.info.grid.spacing()
    };
    let [mm, unknown, metres, micrometres] = [with(2), with(0), with(1), with(3)];
    assert_eq!(unknown, mm);
    for axis in 0..3 {
        assert!((metres[axis] / mm[axis] - 1e3).abs() < 1e-9 && (micrometres[axis] / mm[axis] - 1e-3).abs() < 1e-12);
    }
}

#[test]
fn the_matrix_stays_orthonormal_in_32_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nii");
    let mut draw = Draw::new(11);
    for spacing in [[1.0, 1.0, 1.0], [0.02, 0.7, 9.0], [1e-3, 2e-3, 5e-3], [300.0, 0.3, 3.0]] {
        for _ in 0..50 {
            let rough = *draw.grid(4).affine();
            let affine = Affine::from_parts(spacing, rough.nearest_rotation(), [-1234.567, 0.001, 98765.4]);
            let volume = Volume::new(vec![0u8; 8].into(), Grid::new([2; 3], affine).unwrap(), Kind::Label, 1).unwrap();
            assert_eq!(crate::write(&path, &volume, &Facts::default()).unwrap(), []);
            let header = Header::parse(&fs::read(&path).unwrap(), 0).unwrap();
            assert_eq!((header.sform_code, header.qform_code), (1, 1));
            // As ITK computes it: R · Rᵀ is the identity to 1e-4.
            let r = header.srow.map(|row| [0, 1, 2].map(|axis| row[axis] / header.pixdim[axis + 1]));
            for (i, j) in (0..3).flat_map(|i| (0..3).map(move |j| (i, j))) {
                let product: f64 = (0..3).map(|k| r[i][k] * r[j][k]).sum();
                assert!((product - f64::from(u8::from(i == j))).abs() < 1e-4, "{spacing:?}: {product}");
            }
        }
    }
}
