//! A volume in its source order and in any of the 48 anatomical systems, with the voxel → world matrices of both:
//! what MVloader is for. Its examples: a 10 × 10 × 10 ramp whose LPS affine is the identity, seen as RAS and as IAR.

use revoxel_core::{Affine, Frame, Grid, Kind, Orientation, Volume};
use revoxel_resample::reorient;

use crate::support::{Place, values};

/// The ramp; numpy's C order, so that the last index is fastest in its values.
fn ramp(channels: usize) -> Volume {
    let affine = Frame::Lps.affine_to_ras(&Affine::IDENTITY);
    let grid = Grid::new([10, 10, 10], affine).unwrap();
    let value = |n: usize| {
        let (c, i) = (n / 1000, n % 1000);
        (i % 10 * 100 + i / 10 % 10 * 10 + i / 100 + 1000 * c) as i16
    };
    let voxels: Vec<i16> = (0..1000 * channels).map(value).collect();
    Volume::new(voxels.into(), grid, Kind::Image, channels).unwrap()
}

fn rows(translation: f64) -> [[f64; 4]; 3] {
    let t = translation;
    [[1.0, 0.0, 0.0, t], [0.0, 1.0, 0.0, t], [0.0, 0.0, 1.0, t]]
}

#[test]
fn the_ramp_seen_as_ras() {
    let (source, ras) = (ramp(1), reorient(&ramp(1), &Orientation::RAS).unwrap());
    for (i, j, k) in [(0, 0, 0), (9, 0, 0), (3, 5, 7), (1, 9, 2)] {
        assert_eq!(ras.value([i, j, k], 0), source.value([9 - i, 9 - j, k], 0));
    }
    let mut expected = rows(-9.0);
    expected[2][3] = 0.0;
    assert_eq!(ras.grid().affine().rows(), expected);
    // The source's matrix, in its own system.
    assert_eq!(Frame::Lps.affine_from_ras(source.grid().affine()), Affine::IDENTITY);
}

#[test]
fn the_ramp_seen_as_iar() {
    let system: Orientation = "IAR".parse().unwrap();
    let (source, iar) = (ramp(1), reorient(&ramp(1), &system).unwrap());
    for (a, b, c) in [(0, 0, 0), (9, 0, 0), (3, 5, 7), (1, 9, 2)] {
        assert_eq!(iar.value([a, b, c], 0), source.value([9 - c, 9 - b, 9 - a], 0));
    }
    assert_eq!(system.world_from_ras().after(iar.grid().affine()).rows(), rows(-9.0));
}

#[test]
fn every_system_and_back_and_points_keep_their_place() {
    let source = ramp(2);
    for system in Orientation::all() {
        let seen = reorient(&source, &system).unwrap();
        assert_eq!(seen.grid().orientation(), system);
        let to_source = seen.grid().index_map_to(source.grid());
        let index = to_source.apply([2.0, 3.0, 4.0]).map(|v| v.round() as usize);
        assert_eq!(seen.value([2, 3, 4], 1), source.value(index, 1));
        assert_eq!(reorient(&seen, &source.grid().orientation()).unwrap(), source);
        // In its own system, every axis of the matrix points along its coordinate.
        let matrix = system.world_from_ras().after(seen.grid().affine());
        assert!((0..3).all(|a| matrix.rows()[a][a] == 1.0), "{system}");
    }
}

#[test]
fn vectors_and_frames_survive_load_reorder_and_save() {
    let place = Place::new();
    let source = ramp(3);
    let four_d = place.volume("frames.nii.gz", &source);
    let facts = revoxel_io::Facts { vector: true, ..Default::default() };
    revoxel_io::write(place.path("vectors.nii.gz"), &source, &facts).unwrap();
    assert!(four_d.exists());
    for name in ["frames", "vectors"] {
        let (input, output) = (format!("{name}.nii.gz"), format!("{name}-pir.nii"));
        place.revoxel(&["convert", &input, &output, "--orientation", "PIR"]).good();
        let turned = place.read(&output, Kind::Image);
        assert_eq!((turned.channels(), turned.grid().orientation().to_string().as_str()), (3, "PIR"));
        let facts = revoxel_io::info(place.path(&output)).unwrap().facts;
        assert_eq!(facts.vector, name == "vectors");
        let back = format!("{name}-back.nii.gz");
        place.revoxel(&["convert", &output, &back, "--orientation", "LPS"]).good();
        let back = place.read(&back, Kind::Image);
        assert_eq!((back.grid(), values(&back)), (source.grid(), values(&source)));
    }
}
