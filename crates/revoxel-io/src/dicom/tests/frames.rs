//! Several images at each place, and files of several frames.

use super::writer::Object;
use super::*;

/// Two frames of three slices, distinguished by what `key` writes.
fn two_frames(key: impl Fn(Object, usize) -> Object) -> Vec<Object> {
    let image = |i: usize| Object::slice(i, [0.0, 0.0, 2.0 * (i % 3) as f64]);
    // The second frame's files come first.
    (0..6).rev().map(|i| key(image(i), i / 3)).collect()
}

#[test]
fn repeated_positions_become_frames() {
    fn t(by: &str, key: impl Fn(Object, usize) -> Object) {
        let plain = |o: Object, f| key(o.without(0x0020_0013), f);
        let loaded = read_default(two_frames(plain)).unwrap();
        assert_eq!((loaded.info.channels, loaded.info.grid.shape()), (2, [4, 3, 3]), "{by}");
        assert_eq!((loaded.volume.value([0, 0, 1], 0), loaded.volume.value([0, 0, 1], 1)), (-900.0, -600.0), "{by}");
        assert!(warnings(&loaded)[0].contains(&format!("distinguished by {by}: read as 2 frames")));
    }
    t("temporal position", |o, f| o.text(0x0020_0100, "IS", &f.to_string()));
    t("echo number", |o, f| o.text(0x0018_0086, "IS", &f.to_string()));
    t("echo time", |o, f| o.numbers(0x0018_0081, &[10.0 + f as f64]));
    t("b-value", |o, f| o.raw(0x0018_9087, "FD", (1000.0 * f as f64).to_le_bytes()));
    t("b-value", |o, f| o.text(0x0019_100c, "IS", &(1000 * f).to_string()));
    t("trigger time", |o, f| o.numbers(0x0018_1060, &[100.0 * f as f64]));
    t("acquisition number", |o, f| o.text(0x0020_0012, "IS", &f.to_string()));
    t("content time", |o, f| o.text(0x0008_0033, "TM", &format!("12000{f}.5")));
    let loaded = read_default(two_frames(|o, f| o.text(0x0020_0013, "IS", &(10 + f).to_string()))).unwrap();
    assert!(warnings(&loaded)[0].contains("instance number"));
}

#[test]
fn the_first_key_that_makes_whole_stacks_tells_frames_apart() {
    fn t(by: &str, first: f64, key: impl Fn(Object, usize) -> Object) {
        let loaded = read_default(two_frames(|o, f| key(o.without(0x0020_0013), f))).unwrap();
        assert!(warnings(&loaded)[0].contains(&format!("distinguished by {by}: ")), "{by}: {:?}", warnings(&loaded));
        assert_eq!((loaded.info.channels, loaded.volume.value([0, 0, 0], 0)), (2, first), "{by}");
    }
    const TEMPORAL: u32 = 0x0020_0100;
    const ECHO: u32 = 0x0018_0086;
    const ACQUISITION: u32 = 0x0020_0012;
    // The later key counts the other way round.
    let both = |o: Object, f: usize, first: u32, second: u32| {
        o.text(first, "IS", &f.to_string()).text(second, "IS", &(1 - f).to_string())
    };
    t("temporal position", -1000.0, |o, f| both(o, f, TEMPORAL, ECHO));
    t("echo number", -1000.0, |o, f| both(o, f, ECHO, ACQUISITION));
    t("b-value", -1000.0, |o, f| both(o, f, 0x0019_100c, ACQUISITION));
    // One that is the same for all tells nothing.
    t("echo number", -700.0, |o, f| o.text(TEMPORAL, "IS", "1").text(ECHO, "IS", &(1 - f).to_string()));
}

#[test]
fn attributes_of_a_frame_come_before_shared_ones_and_those_before_the_files() {
    let places = [(4.0, [1, 3]), (0.0, [1, 1]), (2.0, [1, 2])];
    let plain = read_default([enhanced(&places)]).unwrap();
    let wrong = |o: Object| {
        o.numbers(0x0028_0030, &[9.0; 2])
            .numbers(0x0020_0032, &[9.0; 3])
            .numbers(0x0020_0037, &[0., 1., 0., 0., 0., 1.])
    };
    assert_eq!(read_default([wrong(enhanced(&places))]).unwrap().volume, plain.volume);
    let shared = Object::empty()
        .sequence(0x0020_9116, &[Object::empty().numbers(0x0020_0037, &[1., 0., 0., 0., 1., 0.])])
        .sequence(0x0028_9110, &[Object::empty().numbers(0x0028_0030, &[0.75, 0.5])])
        .sequence(0x0020_9113, &[Object::empty().numbers(0x0020_0032, &[7.0; 3])])
        .sequence(0x0028_9145, &[Object::empty().numbers(0x0028_1052, &[5.0]).numbers(0x0028_1053, &[3.0])]);
    let both = wrong(enhanced(&places)).sequence(0x5200_9229, &[shared]);
    assert_eq!(read_default([both]).unwrap().volume, plain.volume);
}

#[test]
fn acquisition_number_alone_never_splits() {
    let slices = stack(&[0.0, 1.0, 2.0]).into_iter().enumerate();
    let loaded = read_default(slices.map(|(i, o)| o.text(0x0020_0012, "IS", &i.to_string()))).unwrap();
    assert_eq!((loaded.info.channels, loaded.info.grid.shape()[2]), (1, 3));
}

#[test]
fn row_54_one_position_twice() {
    let twice = |change: fn(Object) -> Object| {
        let mut objects = stack(&[0.0, 1.0, 2.0, 3.0]);
        let again = change(objects[1].clone().text(0x0008_0018, "UI", "1.2.3.99"));
        objects.push(again);
        read_default(objects)
    };
    let fragments =
        ["2 images share the position [0.0, 0.0, 1.0]", "1.dcm and ", "4.dcm), and none", "acquisition number"];
    // The same pixels: a copy, which is left out and said.
    let loaded = twice(|o| o).unwrap();
    assert_eq!((loaded.info.grid.shape()[2], loaded.info.channels), (4, 1));
    assert_eq!(warnings(&loaded), ["1 file is a copy of another and is left out"]);
    assert_eq!(loaded.volume, read_default(stack(&[0.0, 1.0, 2.0, 3.0])).unwrap().volume);
    // Other pixels, or the same with another meaning: nothing says which is right.
    refused(twice(|o| o.pixels(&[7; 12])), &fragments);
    refused(twice(|o| o.text(0x0028_1052, "DS", "-999")), &fragments);
    refused(read_default((0..4).map(|i| Object::slice(i, [1.0; 3]))), &["4 images share the position [1.0, 1.0, 1.0]"]);
    let apart = (0..4).map(|i| Object::slice(i, [1.0; 3]).text(0x0020_0012, "IS", &i.to_string()));
    refused(read_default(apart), &["all 4 images share the position", "not a volume"]);
    let copies = (0..3).map(|i| Object::slice(0, [1.0; 3]).text(0x0008_0018, "UI", &format!("1.2.3.{i}")));
    assert_eq!(read_default(copies).unwrap().info.grid.shape(), [4, 3, 1]);
    // A frame that lacks a slice.
    let mut objects = two_frames(|o, f| o.text(0x0020_0100, "IS", &f.to_string()).without(0x0020_0013));
    objects.remove(0);
    refused(read_default(objects), &["frame 2, the last by temporal position, has only 2 of 3 slices (for example"]);
}

fn group(tag: u32, object: Object) -> Object {
    Object::empty().sequence(tag, &[object])
}

/// An enhanced file: 4×3, frames at these places with these indices, values 100 i, …
fn enhanced(frames: &[(f64, [u32; 2])]) -> Object {
    let items: Vec<Object> = frames
        .iter()
        .map(|(z, indices)| {
            let bytes: Vec<u8> = indices.iter().flat_map(|i| i.to_le_bytes()).collect();
            let content = Object::empty().text(0x0020_9056, "SH", "1").raw(0x0020_9157, "UL", bytes);
            let position = Object::empty().numbers(0x0020_0032, &[0.0, 0.0, *z]);
            let values = Object::empty().numbers(0x0028_1052, &[*z]).numbers(0x0028_1053, &[2.0]);
            group(0x0020_9111, content).sequence(0x0020_9113, &[position]).sequence(0x0028_9145, &[values])
        })
        .collect();
    let orientation = Object::empty().numbers(0x0020_0037, &[1., 0., 0., 0., 1., 0.]);
    let shared =
        group(0x0020_9116, orientation).sequence(0x0028_9110, &[Object::empty().numbers(0x0028_0030, &[0.75, 0.5])]);
    let pixels: Vec<u16> = (0..frames.len()).flat_map(|i| (0..12).map(move |p| (100 * i + p) as u16)).collect();
    Object::slice(0, [9.0; 3])
        .without(0x0020_0032)
        .without(0x0020_0037)
        .without(0x0028_0030)
        .text(0x0028_0008, "IS", &frames.len().to_string())
        .sequence(0x5200_9229, &[shared])
        .sequence(0x5200_9230, &items)
        .pixels(&pixels)
}

#[test]
fn frames_of_one_file_are_sorted_by_position() {
    let loaded = read_default([enhanced(&[(4.0, [1, 3]), (0.0, [1, 1]), (2.0, [1, 2])])]).unwrap();
    assert_eq!((loaded.info.grid.shape(), loaded.info.grid.spacing()), ([4, 3, 3], [0.5, 0.75, 2.0]));
    let values: Vec<f64> = (0..3).map(|k| loaded.volume.value([1, 0, k], 0)).collect();
    assert_eq!(values, [202.0, 404.0, 6.0]);
}

#[test]
fn dimension_indices_separate_frames() {
    let places = [(0.0, [1, 1]), (0.0, [2, 1]), (2.0, [1, 2]), (2.0, [2, 2])];
    let loaded = read_default([enhanced(&places)]).unwrap();
    assert_eq!((loaded.info.channels, loaded.info.grid.shape()[2]), (2, 2));
    assert_eq!((loaded.volume.value([0, 0, 1], 0), loaded.volume.value([0, 0, 1], 1)), (402.0, 602.0));
    assert!(warnings(&loaded)[0].contains("dimension index"));
}

#[test]
fn rows_58_and_59_numbers_of_frames() {
    let one = || Object::slice(0, [0.0; 3]);
    let frames = |o: Object, n: &str| read_default([o.text(0x0028_0008, "IS", n)]);
    refused(frames(one(), "1A"), &["0.dcm: NumberOfFrames (0028,0008) is \"1A\"", "number"]);
    refused(frames(one(), "0"), &["NumberOfFrames (0028,0008) is 0", "at least 1"]);
    refused(frames(one(), "-1"), &["NumberOfFrames (0028,0008) is -1"]);
    refused(frames(one(), "2"), &["PixelData (7FE0,0010) is 24 bytes", "4×3×2", "48 bytes"]);
    let pixels = one().pixels(&[0; 24]);
    let missing = "PerFrameFunctionalGroupsSequence (5200,9230) is missing";
    refused(frames(pixels, "2"), &[missing, "position", "nuclear medicine", "dcm2niix"]);
    let places = [(0.0, [1, 1]), (1.0, [1, 2]), (2.0, [1, 3])];
    refused(frames(enhanced(&places), "2"), &["PerFrameFunctionalGroupsSequence (5200,9230) is 3 items", "is 2"]);
}
