//! Siemens mosaics, against what dcm2niix made of them (fixtures/make_dicom_mosaic.py, and a public set).

use serde_json::Value;

use super::writer::Object;
use super::*;
use crate::dicom::csa::tests::header;

fn recorded() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/dicom_mosaic")
}

#[test]
fn tiles_lie_where_dcm2niix_puts_them() {
    let expected: Value =
        serde_json::from_str(&std::fs::read_to_string(recorded().join("expected.json")).unwrap()).unwrap();
    let expected = expected.as_object().unwrap();
    assert_eq!(expected.len(), 6);
    for (name, expected) in expected {
        let loaded = read(&recorded().join(name), &ReadOptions::default()).unwrap();
        assert_eq!(loaded.info.grid.shape(), [6, 5, 7], "{name}");
        let frames = expected["shape"].as_array().unwrap().get(3).map_or(1, |n| n.as_u64().unwrap() as usize);
        assert_eq!(loaded.info.channels, frames, "{name}");
        let affine = loaded.info.grid.affine();
        for (value, place) in expected["places"].as_object().unwrap() {
            let value: f64 = value.parse().unwrap();
            let indices = (0..210).map(|i| [i % 6, i / 6 % 5, i / 30]);
            let at = indices.into_iter().find(|at| loaded.volume.value(*at, 0) == value).unwrap();
            let place: Vec<f64> = place.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
            close(&affine.apply(at.map(|i| i as f64)), &place, 1e-4);
        }
        for frame in 0..frames {
            let difference = loaded.volume.value([3, 2, 1], frame) - loaded.volume.value([3, 2, 1], 0);
            assert_eq!(difference, 100.0 * frame as f64, "{name}");
        }
    }
}

#[test]
fn a_file_of_a_series_stands_for_the_series() {
    let loaded = read(&recorded().join("three_times/1.dcm"), &ReadOptions::default()).unwrap();
    assert_eq!((loaded.info.channels, loaded.info.grid.shape()), (3, [6, 5, 7]));
}

#[test]
fn real_mosaics_are_those_of_dcm2niix() {
    for (folder, name) in
        [("mr_0003", "EPI_PE=AP_3"), ("mr_0004", "EPI_PE=PA_4"), ("mr_0005", "EPI_PE=RL_5"), ("mr_0006", "EPI_PE=LR_6")]
    {
        let Some(path) = real(&format!("mosaic/{folder}")) else { return };
        let loaded = read(&path, &ReadOptions::default()).unwrap();
        let nifti = real(&format!("mosaic/ref_dcm2niix/{name}.nii")).unwrap();
        let theirs = crate::read_with(&nifti, Kind::Image, &ReadOptions::default()).unwrap();
        assert_eq!((loaded.info.grid.shape(), loaded.info.channels), (theirs.info.grid.shape(), theirs.info.channels));
        let back = theirs.info.grid.affine().inverse().unwrap();
        let [columns, rows, slices] = loaded.info.grid.shape();
        for i in (0..columns * rows * slices).step_by(7) {
            let at = [i % columns, i / columns % rows, i / (columns * rows)];
            let there = back.apply(loaded.info.grid.affine().apply(at.map(|v| v as f64)));
            close(&there, &there.map(f64::round), 1e-3);
            let there = there.map(|v| v.round() as usize);
            for frame in 0..loaded.info.channels {
                assert_eq!(loaded.volume.value(at, frame), theirs.volume.value(there, frame), "{folder} {at:?}");
            }
        }
    }
}

/// A mosaic of four slices of 2×2 pixels; the pixels of tile k count from 10 k.
fn mosaic(entries: &[(&str, &[&str])]) -> Object {
    let pixels: Vec<u16> = (0..16)
        .map(|p| {
            let (r, c) = (p / 4, p % 4);
            (10 * (2 * (r / 2) + c / 2) + 2 * (r % 2) + c % 2) as u16
        })
        .collect();
    let object = Object::slice(0, [10.0, 20.0, 30.0])
        .text(0x0008_0008, "CS", "ORIGINAL\\PRIMARY\\M\\ND\\MOSAIC")
        .text(0x0018_0088, "DS", "3")
        .raw(0x0019_100a, "US", 4u16.to_le_bytes())
        .short(0x0028_0010, 4)
        .text(0x0028_1052, "DS", "0")
        .pixels(&pixels);
    match entries {
        [] => object,
        _ => object.raw(0x0029_1010, "OB", header(true, entries)),
    }
}

/// The protocol of slices with these places along z, whose centres are at x, y.
fn protocol(object: Object, places: &[[f64; 3]]) -> Object {
    let mut text = format!("### ASCCONV BEGIN ###\nsSliceArray.lSize\t = \t{}\n", places.len());
    for (i, place) in places.iter().enumerate() {
        for (axis, value) in ["dSag", "dCor", "dTra"].iter().zip(place).filter(|(_, v)| **v != 0.0) {
            text += &format!("sSliceArray.asSlice[{i}].sPosition.{axis}\t = \t{value}\n");
        }
    }
    object.raw(0x0029_1020, "OB", header(true, &[("MrPhoenixProtocol", &[&text])]))
}

const ALONG: (&str, &[&str]) = ("SliceNormalVector", &["0.0", "0.0", "1.0"]);
const AGAINST: (&str, &[&str]) = ("SliceNormalVector", &["0.0", "0.0", "-1.0"]);

#[test]
fn what_places_the_tiles() {
    // Pixels of 0.5 × 0.75 mm: the first tile begins one pixel further along rows and columns.
    let first = [10.5, 20.75, 30.0];
    let centre = |z: f64| [11.0, 21.5, z];
    let up = [30.0, 33.0, 36.0, 39.0].map(centre);
    let down = [39.0, 36.0, 33.0, 30.0].map(centre);
    let t = |object: Object, sign: f64| {
        let loaded = read_default([object]).unwrap();
        assert_eq!((loaded.info.grid.shape(), loaded.volume.dtype()), ([2, 2, 4], revoxel_core::Dtype::I16));
        for k in 0..4 {
            let slice = if sign > 0.0 { k } else { 3 - k };
            let place = loaded.info.grid.affine().apply([0.0, 0.0, slice as f64]);
            close(&place, &[-first[0], -first[1], first[2] + sign * 3.0 * k as f64], 1e-9);
            assert_eq!(loaded.volume.value([1, 1, slice], 0), 10.0 * k as f64 + 3.0);
        }
    };
    t(mosaic(&[ALONG]), 1.0);
    t(mosaic(&[AGAINST]), -1.0);
    t(mosaic(&[ALONG]).raw(0x0029_1010, "UN", header(false, &[ALONG, ("NumberOfImagesInMosaic", &["4"])])), 1.0);
    t(protocol(mosaic(&[ALONG]), &up), 1.0);
    // Without the normal: the first tile is at the first or the last of the protocol's slices.
    t(protocol(mosaic(&[]), &up), 1.0);
    t(protocol(mosaic(&[]), &[30.0, 27.0, 24.0, 21.0].map(centre)), -1.0);
    t(protocol(mosaic(&[]), &[21.0, 24.0, 27.0, 30.0].map(centre)), -1.0);
    t(protocol(mosaic(&[]), &down), 1.0);
    t(protocol(mosaic(&[]), &up).without(0x0018_0088), 1.0);
    // No word of a mosaic in the type of the image.
    let unnamed =
        |o: Object| o.text(0x0008_0008, "CS", "ORIGINAL\\PRIMARY\\M\\ND").text(0x0019_0010, "LO", "SIEMENS MR HEADER");
    t(unnamed(mosaic(&[ALONG])), 1.0);
}

#[test]
fn what_cannot_be_placed_is_refused() {
    let t = |object: Object, fragments: &[&str]| {
        refused(read_default([object]), &[&["Siemens mosaic", "slice positions"], fragments].concat());
    };
    let centre = |z: f64| [11.0, 21.5, z];
    let up = [30.0, 33.0, 36.0, 39.0].map(centre);
    t(mosaic(&[]), &["SliceNormalVector", "(0029,1010)", "(0029,1020)"]);
    t(mosaic(&[ALONG]).without(0x0018_0088), &["SpacingBetweenSlices (0018,0088)", "SliceThickness"]);
    t(mosaic(&[ALONG]).without(0x0019_100a), &["the number of slices", "(0019,100A)"]);
    t(mosaic(&[ALONG]).raw(0x0019_100a, "US", 5u16.to_le_bytes()), &["5 slices need 3×3 tiles"]);
    t(mosaic(&[ALONG, ("NumberOfImagesInMosaic", &["3"])]), &["is 3 in the CSA header and 4 in"]);
    t(mosaic(&[("SliceNormalVector", &["0.0", "1.0", "0.0"])]), &["[0.0, 1.0, 0.0]", "perpendicular"]);
    t(protocol(mosaic(&[AGAINST]), &up), &["points away", "sSliceArray"]);
    t(protocol(mosaic(&[ALONG]).text(0x0018_0088, "DS", "4"), &up), &["is 4 mm", "3.0000 mm apart"]);
    t(protocol(mosaic(&[ALONG]), &[30.0, 33.0, 37.0, 39.0].map(centre)), &["not evenly spaced"]);
    t(protocol(mosaic(&[]), &[130.0, 133.0, 136.0, 139.0].map(centre)), &["SliceNormalVector"]);
}
