//! From stored bits to values.

use revoxel_core::{Dtype, Voxels};

use super::writer::Object;
use super::*;

fn one(change: impl Fn(Object) -> Object) -> Loaded {
    read_default([change(Object::slice(0, [0.0; 3]))]).unwrap()
}

fn first(loaded: &Loaded, count: usize) -> Vec<f64> {
    (0..count).map(|i| loaded.volume.voxels().get(i)).collect()
}

#[test]
fn bits_and_signs() {
    let pixels = |values: &'static [u16]| {
        move |o: Object| {
            let mut all = values.to_vec();
            all.resize(12, 0);
            o.pixels(&all).text(0x0028_1052, "DS", "0")
        }
    };
    // Bits above those stored are overlays.
    let loaded = one(pixels(&[0xf005, 0x0fff]));
    assert_eq!((first(&loaded, 2), loaded.volume.dtype()), (vec![5.0, 4095.0], Dtype::I16));
    let loaded = one(|o| pixels(&[0x0fff, 0x0800, 0x07ff])(o).short(0x0028_0103, 1));
    assert_eq!(first(&loaded, 3), [-1.0, -2048.0, 2047.0]);
    let loaded = one(|o| pixels(&[0x5678, 0xfff0])(o).short(0x0028_0102, 15));
    assert_eq!(first(&loaded, 2), [1383.0, 4095.0]);
    // Unsigned 16 bits stay integers as long as they fit.
    let wide = |o: Object| o.short(0x0028_0101, 16).short(0x0028_0102, 15);
    assert_eq!(one(|o| wide(pixels(&[32767])(o))).volume.dtype(), Dtype::I16);
    let loaded = one(|o| wide(pixels(&[40000])(o)));
    assert_eq!((first(&loaded, 1), loaded.volume.dtype()), (vec![40000.0], Dtype::F32));
    // 8 bits, and real numbers.
    let loaded =
        one(|o| o.short(0x0028_0100, 8).short(0x0028_0101, 8).short(0x0028_0102, 7).raw(0x7fe0_0010, "OB", [200; 12]));
    assert_eq!((first(&loaded, 1), loaded.info.stored), (vec![-800.0], Dtype::U8));
    let floats: Vec<u8> = (0..12).flat_map(|i| (i as f32 + 0.5).to_le_bytes()).collect();
    let loaded = one(|o| o.short(0x0028_0100, 32).without(0x7fe0_0010).raw(0x7fe0_0008, "OF", floats.clone()));
    assert_eq!((first(&loaded, 2), loaded.volume.dtype()), (vec![-999.5, -998.5], Dtype::F32));
    let long: Vec<u8> = (0..12u32).flat_map(|i| (i + 16_777_217).to_le_bytes()).collect();
    let bits =
        |o: Object| o.short(0x0028_0100, 32).short(0x0028_0101, 32).short(0x0028_0102, 31).text(0x0028_1052, "DS", "0");
    let loaded = one(|o| bits(o).raw(0x7fe0_0010, "OW", long.clone()));
    assert_eq!((first(&loaded, 1), loaded.volume.dtype()), (vec![16_777_217.0], Dtype::F64));
}

#[test]
fn integers_stay_integers_where_the_rescale_leaves_them() {
    let with = |slope: &'static str, intercept: &'static str| {
        let loaded = one(|o| o.text(0x0028_1053, "DS", slope).text(0x0028_1052, "DS", intercept));
        (first(&loaded, 2), loaded.volume.dtype())
    };
    assert_eq!(with("1", "-1000"), (vec![-1000.0, -999.0], Dtype::I16));
    assert_eq!(with("1.0", "3.0"), (vec![3.0, 4.0], Dtype::I16));
    assert_eq!(with("1", "0.5"), (vec![0.5, 1.5], Dtype::F32));
    assert_eq!(with("2", "0"), (vec![0.0, 2.0], Dtype::F32));
}

#[test]
fn row_56_every_slice_has_its_own_slope() {
    let slices = stack(&[0.0, 1.0, 2.0]).into_iter().enumerate();
    let scaled = slices.map(|(i, o)| if i == 1 { o.text(0x0028_1053, "DS", "0.5") } else { o });
    let loaded = read_default(scaled).unwrap();
    let values: Vec<f64> = (0..3).map(|k| loaded.volume.value([2, 0, k], 0)).collect();
    assert_eq!((values, loaded.volume.dtype()), (vec![-998.0, -949.0, -798.0], Dtype::F32));
}

#[test]
fn photometric_and_padding_are_reported() {
    let loaded = one(|o| o.text(0x0028_0004, "CS", "MONOCHROME1").raw(0x0028_0120, "US", 2000u16.to_le_bytes()));
    assert_eq!(first(&loaded, 2), [-1000.0, -999.0]);
    assert!(warnings(&loaded).iter().any(|w| w.contains("MONOCHROME1")));
    let facts = loaded.info.facts.dicom.unwrap();
    assert_eq!((facts.photometric.as_deref(), facts.padding), (Some("MONOCHROME1"), Some(1000.0)));
    // The sign of a padding value is that of the pixels.
    let signed = |o: Object| o.short(0x0028_0103, 1).raw(0x0028_0120, "US", (-2000i16).to_le_bytes());
    assert_eq!(one(signed).info.facts.dicom.unwrap().padding, Some(-3000.0));
}

#[test]
fn colours_become_channels() {
    let colour = |photometric: &'static str, planar: u16, pixels: Vec<u8>| {
        one(move |o| {
            o.short(0x0028_0002, 3)
                .text(0x0028_0004, "CS", photometric)
                .short(0x0028_0006, planar)
                .short(0x0028_0100, 8)
                .short(0x0028_0101, 8)
                .short(0x0028_0102, 7)
                .raw(0x7fe0_0010, "OB", pixels.clone())
        })
    };
    let interleaved: Vec<u8> = (0..12).flat_map(|p| [p, 100 + p, 200 + p]).collect();
    let planes: Vec<u8> = [0, 100, 200].into_iter().flat_map(|c| (0..12).map(move |p| c + p)).collect();
    let loaded = colour("RGB", 0, interleaved);
    assert_eq!((loaded.info.channels, loaded.info.facts.colour), (3, true));
    assert_eq!(loaded.volume.voxels(), &Voxels::from(planes.clone()));
    assert_eq!(colour("RGB", 1, planes.clone()).volume.voxels(), &Voxels::from(planes));
    // Grey, and pure red.
    let mut ybr = vec![128; 36];
    ybr[..3].copy_from_slice(&[76, 85, 255]);
    let loaded = colour("YBR_FULL", 0, ybr);
    let channel = |c, i| loaded.volume.value([i, 0, 0], c);
    assert_eq!([channel(0, 0), channel(1, 0), channel(2, 0)], [254.0, 0.0, 0.0]);
    assert_eq!([channel(0, 1), channel(1, 1), channel(2, 1)], [128.0; 3]);
}
