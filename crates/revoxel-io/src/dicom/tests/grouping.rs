//! Which images belong together: passes, quantities, frames that are ranked, images without a place or a rescale.

use super::writer::Object;
use super::*;
use crate::{FramesPolicy, IncompletePolicy, RescalePolicy};

const INSTANCE: u32 = 0x0020_0013;

/// Reads with options that a function changes.
fn with(objects: impl IntoIterator<Item = Object>, change: impl Fn(&mut ReadOptions)) -> Result<Loaded, ReadError> {
    let mut options = ReadOptions::default();
    change(&mut options);
    read(folder(objects).path(), &options)
}

/// The first value of each slice of a frame.
fn slices(loaded: &Loaded, frame: usize) -> Vec<f64> {
    (0..loaded.info.grid.shape()[2]).map(|k| loaded.volume.value([0, 0, k], frame)).collect()
}

#[test]
fn frames_of_reference_split_nothing_that_stacks() {
    let each = stack(&[0.0, 1.0, 2.0]).into_iter().enumerate();
    let loaded = read_default(each.map(|(i, o)| o.text(0x0020_0052, "UI", &format!("1.7.{i}")))).unwrap();
    assert_eq!(loaded.info.grid.shape()[2], 3);
    assert!(warnings(&loaded)[0].contains("FrameOfReferenceUID (0020,0052) differs between slices (3 different)"));
    let half = stack(&[0.0, 1.0, 2.0]).into_iter().enumerate();
    let loaded = read_default(half.map(|(i, o)| if i % 2 == 1 { o.without(0x0020_0052) } else { o })).unwrap();
    assert!(warnings(&loaded)[0].contains("(1 different, 1 slice without one)"));
    for (tag, vr, name) in [(0x0010_0020, "LO", "PatientID"), (0x0020_000D, "UI", "StudyInstanceUID")] {
        let each = stack(&[0.0, 1.0, 2.0]).into_iter().enumerate();
        let loaded = read_default(each.map(|(i, o)| o.text(tag, vr, &format!("1.7.{}", i % 2)))).unwrap();
        assert!(warnings(&loaded)[0].contains(&format!("{name} (")), "{:?}", warnings(&loaded));
        assert!(warnings(&loaded)[0].contains("differs between slices (2 different)"));
    }
    // At the same places it tells two volumes apart.
    let twice = (0..6).map(|i| {
        let place = Object::slice(i, [0.0, 0.0, (i % 3) as f64]).without(INSTANCE);
        place.text(0x0020_0052, "UI", if i < 3 { "1.7" } else { "1.8" })
    });
    refused(read_default(twice.clone()), &["contains 2 volumes in one series", "frame of reference 1.8"]);
    let second = with(twice, |o| o.select = Some("frame of reference 1.8".to_owned())).unwrap();
    assert_eq!(slices(&second, 0), [-700.0, -600.0, -500.0]);
}

/// Two passes of four slices, the second half a step behind the first, which `key` tells apart.
fn two_passes(thickness: &str, key: impl Fn(Object, usize) -> Object) -> Vec<Object> {
    let image = |i: usize| {
        let (pass, slice) = (i / 4, i % 4);
        let place = [0.0, 0.0, 5.0 * slice as f64 + 2.5 * pass as f64];
        key(Object::slice(i, place).text(0x0018_0050, "DS", thickness), pass)
    };
    (0..8).map(image).collect()
}

#[test]
fn passes_are_never_interleaved_without_a_word() {
    fn t(name: &str, key: impl Fn(Object, usize) -> Object + Copy) {
        refused(
            read_default(two_passes("5", key)),
            &["contains 2 volumes in one series", name, "`select:`", "4 slices"],
        );
        for (pass, expected) in [(0, [-1000.0, -900.0, -800.0, -700.0]), (1, [-600.0, -500.0, -400.0, -300.0])] {
            let number = (pass + 1).to_string();
            let loaded = with(two_passes("5", key), |o| o.series = number.parse().ok()).unwrap();
            assert_eq!((slices(&loaded, 0), loaded.info.grid.spacing()[2]), (expected.to_vec(), 5.0), "{name}");
        }
        let loaded = with(two_passes("5", key), |o| o.select = Some(name.to_owned())).unwrap();
        assert_eq!(slices(&loaded, 0)[0], -600.0, "{name}");
    }
    t("kernel B70f", |o, pass| o.text(0x0018_1210, "SH", ["B30f", "B70f"][pass]));
    t("acquisition 2", |o, pass| o.text(0x0020_0012, "IS", &(pass + 1).to_string()));
    t("echo 2", |o, pass| o.text(0x0018_0086, "IS", &(pass + 1).to_string()));
    t("image type ORIGINAL\\PRIMARY\\VMI", |o, pass| {
        o.text(0x0008_0008, "CS", ["ORIGINAL\\PRIMARY\\AXIAL", "ORIGINAL\\PRIMARY\\VMI"][pass])
    });
    // Attributes that alone would say nothing.
    t("acquisition time 120200", |o, pass| o.text(0x0008_0032, "TM", ["120000", "120200"][pass]));
    t("series time 120200", |o, pass| o.text(0x0008_0031, "TM", ["120000", "120200"][pass]));
    t("repetition time 2500", |o, pass| o.text(0x0018_0080, "DS", ["500", "2500"][pass]));
    t("sequence se2d1", |o, pass| o.text(0x0018_0024, "SH", ["fl2d1", "se2d1"][pass]));
    t("scan options FS", |o, pass| o.text(0x0018_0022, "CS", ["", "FS"][pass]));
    t("contrast agent Gd", |o, pass| o.text(0x0018_0010, "LO", ["", "Gd"][pass]));
    t("protocol venous", |o, pass| o.text(0x0018_1030, "LO", ["arterial", "venous"][pass]));
    t("reconstruction diameter 400", |o, pass| o.text(0x0018_1100, "DS", ["350", "400"][pass]));
    t("phase encoding direction ROW", |o, pass| o.text(0x0018_1312, "CS", ["COL", "ROW"][pass]));
    t("trigger time 600", |o, pass| o.text(0x0018_1060, "DS", ["100", "600"][pass]));
    t("tube current 300", |o, pass| o.text(0x0018_1151, "IS", ["100", "300"][pass]));
    // Halves of one stack may be acquired one after the other, which is nothing to be told of; and where no part is an
    // even stack, the attributes say nothing.
    let odd_first = two_passes("2.5", |o, pass| o.text(0x0008_0032, "TM", ["120000", "120200"][pass]));
    let loaded = read_default(odd_first).unwrap();
    assert_eq!((loaded.info.grid.shape()[2], warnings(&loaded)), (8, Vec::<String>::new()));
    let mixed = stack(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).into_iter().enumerate();
    let loaded =
        read_default(mixed.map(|(i, o)| {
            o.text(0x0018_1151, "IS", ["1", "2", "2", "1", "2", "1", "1"][i]).text(0x0018_0050, "DS", "5")
        }));
    assert_eq!(loaded.unwrap().info.grid.shape()[2], 7);
    // Halves of one stack: slices as thick as the gap between all of them. It is read, and said.
    let halves = |name, of: fn(Object, usize) -> Object| {
        let loaded = read_default(two_passes("2.5", of)).unwrap();
        assert_eq!((loaded.info.grid.shape()[2], loaded.info.grid.spacing()[2]), (8, 2.5));
        assert!(warnings(&loaded)[0].contains(&format!("the {name} alternates along the stack")));
    };
    halves("acquisition", |o, pass| o.text(0x0020_0012, "IS", &pass.to_string()));
    halves("content time", |o, pass| o.text(0x0008_0033, "TM", &format!("12{pass}000")));
    // Kernels that no rule sorts are said.
    let kernels = [0, 1, 1, 0, 1, 0, 0].into_iter().enumerate();
    let loaded = read_default(
        kernels.map(|(i, kernel)| Object::slice(i, [0.0, 0.0, i as f64]).text(0x0018_1210, "SH", ["a", "b"][kernel])),
    );
    assert!(warnings(&loaded.unwrap())[0].contains("the kernel alternates along the stack"));
    // Kernels are never halves; blocks that follow each other are no passes; each slice in its own time is none.
    refused(read_default(two_passes("2.5", |o, pass| o.text(0x0018_1210, "SH", ["a", "b"][pass]))), &["2 volumes"]);
    let blocks = stack(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]).into_iter().enumerate();
    assert!(read_default(blocks.map(|(i, o)| o.text(0x0020_0012, "IS", &(i / 3).to_string()))).is_ok());
    let times = stack(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]).into_iter().enumerate();
    let loaded =
        read_default(times.map(|(i, o)| o.text(0x0008_0033, "TM", &format!("1200{:02}", i % 2 * 30 + i)))).unwrap();
    assert_eq!(warnings(&loaded), [""; 0]);
    // At the same places a kernel makes no frames.
    let same =
        (0..6).map(|i| Object::slice(i, [0.0, 0.0, (i % 3) as f64]).text(0x0018_1210, "SH", ["soft", "sharp"][i / 3]));
    refused(read_default(same), &["contains 2 volumes in one series", "kernel sharp"]);
}

/// Two images of three slices at the same places.
fn two_kinds(first: &str, second: &str) -> Vec<Object> {
    let image = |i: usize| {
        let kind = if i < 3 { first } else { second };
        Object::slice(i, [0.0, 0.0, (i % 3) as f64]).text(0x0008_0008, "CS", &format!("ORIGINAL\\PRIMARY\\{kind}"))
    };
    (0..6).map(image).collect()
}

#[test]
fn quantities_are_volumes_of_their_own() {
    for (first, second, name) in [
        ("M\\NONE", "P\\NONE", "phase"),
        ("M_FFE\\M\\FFE", "PHASE MAP\\P\\FFE", "phase"),
        ("M\\IN_PHASE", "M\\OPP_PHASE", "magnitude opposed phase"),
        ("W", "F", "fat"),
        ("M", "FIELD_MAP", "field map"),
        ("R", "I", "imaginary part"),
    ] {
        let hint = "read the quantities as frames of one volume with `frames: stack`";
        refused(read_default(two_kinds(first, second)), &["contains 2 volumes in one series", name, hint]);
        let chosen = with(two_kinds(first, second), |o| o.select = Some(name.to_owned())).unwrap();
        assert_eq!((slices(&chosen, 0)[0], chosen.info.channels), (-700.0, 1), "{name}");
        let both = with(two_kinds(first, second), |o| o.frames = FramesPolicy::Stack).unwrap();
        assert_eq!(both.info.channels, 2, "{name}");
        assert!(warnings(&both)[0].contains("distinguished by quantity"), "{:?}", warnings(&both));
    }
    // Units differ where both are said.
    let unit = |i: usize| Object::slice(i, [0.0, 0.0, (i % 3) as f64]);
    let units = (0..6).map(|i| unit(i).text(0x0054_1001, "CS", if i < 3 { "BQML" } else { "GML" }));
    refused(read_default(units), &["contains 2 volumes", "unit GML"]);
    let types = (0..6).map(|i| unit(i).text(0x0028_1054, "LO", if i < 3 { "HU" } else { "OD" }));
    refused(read_default(types), &["contains 2 volumes", "unit OD"]);
    let some = stack(&[0.0, 1.0, 2.0]).into_iter().enumerate();
    assert!(read_default(some.map(|(i, o)| if i == 1 { o.text(0x0028_1054, "LO", "HU") } else { o })).is_ok());
}

/// Three slices at two times each, numbered slice by slice: value 100 (2 slice + time).
fn by_slice(tags: impl Fn(Object, usize, usize) -> Object) -> Vec<Object> {
    let image = |i: usize| {
        let (slice, time) = (i / 2, i % 2);
        tags(Object::slice(i, [0.0, 0.0, 4.0 * slice as f64]).text(INSTANCE, "IS", &(i + 1).to_string()), slice, time)
    };
    (0..6).rev().map(image).collect()
}

#[test]
fn frames_are_ranked_where_times_differ_from_slice_to_slice() {
    fn t(by: &str, step: Option<f64>, tags: impl Fn(Object, usize, usize) -> Object) {
        let loaded = read_default(by_slice(tags)).unwrap();
        assert!(warnings(&loaded)[0].contains(&format!("distinguished by {by}")), "{:?}", warnings(&loaded));
        assert_eq!(slices(&loaded, 0), [-1000.0, -800.0, -600.0], "{by}");
        assert_eq!(slices(&loaded, 1), [-900.0, -700.0, -500.0], "{by}");
        assert_eq!(loaded.info.facts.frame_spacing, step, "{by}");
    }
    t("trigger time, ranked", Some(0.03), |o, s, t| o.numbers(0x0018_1060, &[t as f64 * (30.0 + s as f64)]));
    t("acquisition time, ranked", Some(2.0), |o, s, t| o.text(0x0008_0032, "TM", &format!("12000{}.{s}", 2 * t)));
    t("content time, ranked", None, |o, s, t| o.text(0x0008_0033, "TM", &format!("12000{t}.{s}")));
    t("instance number, ranked", None, |o, _, _| o);
    // A number that counts down tells nothing of a time that goes up.
    t("acquisition time, ranked", Some(3.0), |o, s, t| {
        let number = 100 - 2 * s - t;
        o.text(INSTANCE, "IS", &number.to_string()).text(0x0008_002a, "DT", &format!("2024010112000{}.{s}", 3 * t))
    });
    // Values that frames share come first.
    t("cardiac percentage", None, |o, _, t| o.raw(0x0020_9241, "FL", (t as f32 * 40.0).to_le_bytes()));
    let gradient = |o: Object, _: usize, t: usize| {
        let direction: Vec<u8> = [t as f64, 0.5, -0.5].iter().flat_map(|v| v.to_le_bytes()).collect();
        o.raw(0x0018_9087, "FD", 1000f64.to_le_bytes()).raw(0x0018_9089, "FD", direction)
    };
    t("gradient", None, gradient);
    t("temporal position", Some(2.5), |o, _, t| {
        o.text(0x0020_0100, "IS", &t.to_string()).numbers(0x0018_0080, &[2500.0])
    });
}

#[test]
fn an_incomplete_last_frame_is_named_and_dropped() {
    let frames =
        |i: usize, time: usize| Object::slice(i, [0.0, 0.0, (i % 3) as f64]).text(0x0020_0100, "IS", &time.to_string());
    let objects = || (0..8).map(|i| frames(i, i / 3));
    refused(
        read_default(objects()),
        &["frame 3, the last by temporal position, has only 2 of 3 slices", "`incomplete: drop`"],
    );
    let drop = |o: &mut ReadOptions| o.incomplete = IncompletePolicy::Drop;
    let loaded = with(objects(), drop).unwrap();
    assert_eq!((loaded.info.channels, slices(&loaded, 1)), (2, vec![-700.0, -600.0, -500.0]));
    assert!(warnings(&loaded).iter().any(|w| w.contains("incomplete last frame: 2 images are left out")));
    // Ranked ones too.
    let mut ranked = by_slice(|o, s, t| o.numbers(0x0018_1060, &[t as f64 * (30.0 + s as f64)]));
    ranked.extend((0..2).map(|s| {
        let image = Object::slice(20 + s, [0.0, 0.0, 4.0 * s as f64]).text(INSTANCE, "IS", &(20 + s).to_string());
        image.numbers(0x0018_1060, &[100.0 + s as f64])
    }));
    refused(read_default(ranked.clone()), &["frame 3, the last by trigger time", "has only 2 of 3 slices"]);
    assert_eq!(with(ranked, drop).unwrap().info.channels, 2);
    // Not the last one: something else is wrong.
    let middle = (0..9).filter(|i| *i != 4).map(|i| frames(i, i / 3));
    refused(with(middle, drop), &["stacks with different slices (3, 2, 3)"]);
}

#[test]
fn a_slice_without_rescale_is_not_taken_for_one_with() {
    let without = || {
        let each = stack(&[0.0, 1.0, 2.0]).into_iter().enumerate();
        each.map(|(i, o)| if i == 1 { o.without(0x0028_1052).without(0x0028_1053) } else { o }).collect::<Vec<_>>()
    };
    refused(
        read_default(without()),
        &[
            "1.dcm: RescaleSlope (0028,1053) or RescaleIntercept (0028,1052) is missing",
            "1 of 3 images",
            "`rescale: assume`",
        ],
    );
    let loaded = with(without(), |o| o.rescale = RescalePolicy::Assume).unwrap();
    assert_eq!(slices(&loaded, 0), [-1000.0, -900.0, -800.0]);
    // An intercept alone may be missing.
    let half = || {
        let each = stack(&[0.0, 1.0, 2.0]).into_iter().enumerate();
        each.map(|(i, o)| if i == 2 { o.without(0x0028_1052) } else { o })
    };
    refused(read_default(half()), &["2.dcm: RescaleSlope"]);
    assert_eq!(slices(&with(half(), |o| o.rescale = RescalePolicy::Assume).unwrap(), 0), [-1000.0, -900.0, -800.0]);
    // Others that differ give nothing to assume; one that changes nothing is no rescale.
    let mut several = without();
    several[0] = several[0].clone().text(0x0028_1052, "DS", "-5");
    refused(with(several, |o| o.rescale = RescalePolicy::Assume), &["RescaleSlope"]);
    let plain = without()
        .into_iter()
        .map(|o| if o.elements.contains_key(&0x0028_1052) { o.text(0x0028_1052, "DS", "0") } else { o });
    assert_eq!(slices(&read_default(plain).unwrap(), 0), [0.0, 100.0, 200.0]);
}

#[test]
fn images_without_a_place_are_set_aside() {
    let capture = || Object::slice(90, [0.0; 3]).without(0x0020_0032).without(0x0020_0037);
    let loaded =
        read_default(stack(&[0.0, 1.0]).into_iter().chain([capture().short(0x0028_0010, 1).pixels(&[1; 4])])).unwrap();
    assert_eq!(loaded.info.grid.shape()[2], 2);
    assert!(warnings(&loaded)[0].contains("1 image without a position is left out"));
    // Whatever its pixels are.
    let palette = capture().text(0x0028_0004, "CS", "PALETTE COLOR");
    assert!(read_default(stack(&[0.0, 1.0]).into_iter().chain([palette])).is_ok());
    refused(read_default([capture()]), &["ImagePositionPatient (0020,0032) is missing"]);
    // An image for planning that is asked for is read.
    let scout = |i, z| Object::slice(i, [0.0, 0.0, z]).text(0x0008_0008, "CS", "ORIGINAL\\PRIMARY\\LOCALIZER");
    let folder = folder(stack(&[0.0, 1.0]).into_iter().chain([scout(8, 7.0), scout(9, 7.0)]));
    let loaded = read(&folder.path().join("3.dcm"), &ReadOptions::default()).unwrap();
    assert_eq!((loaded.info.grid.shape()[2], loaded.volume.value([0, 0, 0], 0)), (1, -100.0));
    assert_eq!(read(folder.path(), &ReadOptions::default()).unwrap().info.grid.shape()[2], 2);
    assert_eq!(read_default([scout(1, 0.0), scout(2, 3.0)]).unwrap().info.grid.shape()[2], 2);
}

#[test]
fn equal_instance_uids_are_copies_only_where_all_is_equal() {
    let same = || stack(&[0.0, 1.0, 2.0]).into_iter().map(|o| o.text(0x0008_0018, "UI", "1.2.3"));
    let loaded = read_default(same()).unwrap();
    assert_eq!(loaded.info.grid.shape()[2], 3);
    assert!(warnings(&loaded)[0].contains("2 files have the SOPInstanceUID"), "{:?}", warnings(&loaded));
    // Read by the name of one of them, too.
    let folder = folder(same());
    assert_eq!(read(&folder.path().join("1.dcm"), &ReadOptions::default()).unwrap().info.grid.shape()[2], 3);
    let copied = stack(&[0.0, 1.0]).into_iter().chain(stack(&[0.0]));
    let loaded = read_default(copied).unwrap();
    assert_eq!(
        (loaded.info.grid.shape()[2], warnings(&loaded)),
        (2, vec!["1 file is a copy of another and is left out".to_owned()])
    );
}

#[test]
fn pixels_of_other_sizes_and_signs_share_a_volume() {
    let signed = |i: usize, o: Object| match i {
        1 => o.short(0x0028_0103, 1).text(0x0028_1052, "DS", "0").pixels(&[65036; 12]),
        _ => o,
    };
    let mixed = stack(&[0.0, 1.0, 2.0]).into_iter().enumerate().map(|(i, o)| signed(i, o));
    // 65036 of 12 signed bits is -500.
    assert_eq!(slices(&read_default(mixed).unwrap(), 0), [-1000.0, -500.0, -800.0]);
    let small = |o: Object| {
        let bits = o.short(0x0028_0100, 8).short(0x0028_0101, 8).short(0x0028_0102, 7);
        bits.raw(0x7fe0_0010, "OB", vec![7; 12])
    };
    let mixed = stack(&[0.0, 1.0, 2.0]).into_iter().enumerate().map(|(i, o)| if i == 2 { small(o) } else { o });
    assert_eq!(slices(&read_default(mixed).unwrap(), 0), [-1000.0, -900.0, -993.0]);
}

#[test]
fn a_series_is_chosen_by_what_it_is() {
    let series = |uid: &str, number: &str, description: &str, z: &[f64]| {
        let objects = stack(z).into_iter().enumerate().map(|(i, o)| {
            let named = o.text(0x0020_000e, "UI", uid).text(0x0008_0018, "UI", &format!("{uid}.{i}"));
            named.text(0x0020_0011, "IS", number).text(0x0008_103e, "LO", description)
        });
        objects.collect::<Vec<_>>()
    };
    let all = [
        series("1.9", "2", "Lung thin B70f", &[0.0, 1.0, 2.0]),
        series("1.8", "3", "Lung thick", &[0.0, 5.0]),
        series("1.7", "4", "Abdomen thin", &[0.0, 1.0]),
    ]
    .concat();
    let folder = folder(all);
    let choose = |text: &str| read(folder.path(), &ReadOptions { series: text.parse().ok(), ..Default::default() });
    let shape = |text: &str| choose(text).unwrap_or_else(|e| panic!("{text}: {e}")).info.grid.shape()[2];
    assert_eq!((shape("lung THIN*"), shape("description=*thin*,min_slices=3"), shape("1.8")), (3, 3, 2));
    assert_eq!((shape("number=4"), shape("largest"), shape("1"), shape("modality=ct,largest")), (2, 3, 3, 3));
    refused(
        choose("*thin*"),
        &["contains 2 series", "1: CT 2 \"Lung thin B70f\", 3 slices", "3: CT 4 \"Abdomen thin\""],
    );
    refused(choose("description=*bone*"), &["no match for series \"description=*bone*\"", "Lung thick"]);
}

/// Frames of four slices in time, numbered frame by frame, without some images.
fn frame_by_frame(
    without: impl Fn(usize, usize) -> bool,
    tags: impl Fn(Object, usize, usize) -> Object,
) -> Vec<Object> {
    let all = (0..4).flat_map(|frame| (0..4).map(move |slice| (frame, slice)));
    let image = |(frame, slice): (usize, usize)| {
        let object = Object::slice(4 * frame + slice, [0.0, 0.0, 3.0 * slice as f64]);
        tags(object.text(INSTANCE, "IS", &(4 * frame + slice + 1).to_string()), frame, slice)
    };
    all.filter(|(frame, slice)| !without(*frame, *slice)).map(image).collect()
}

#[test]
fn images_that_are_lost_from_the_middle_shift_no_frames() {
    let drop = |o: &mut ReadOptions| o.incomplete = IncompletePolicy::Drop;
    // Frame 1 lacks slice 2: the later images of that slice are none of the frames before.
    let lost = || frame_by_frame(|f, s| (f, s) == (1, 2), |o, _, _| o);
    refused(with(lost(), drop), &["share the position"]);
    let timed = |o: Object, f: usize, s: usize| o.text(0x0008_0032, "TM", &format!("12000{}.{s}", 2 * f));
    refused(with(frame_by_frame(|f, s| (f, s) == (1, 2), timed), drop), &["share the position"]);
    // The last image of a slice may be dropped with its frame.
    let last = || frame_by_frame(|f, s| (f, s) == (3, 2), |o, _, _| o);
    refused(read_default(last()), &["frame 4, the last by instance number, ranked", "`incomplete: drop`"]);
    assert_eq!(with(last(), drop).unwrap().info.channels, 3);
    // Every slice lacks an image, and a value says which: ranks would mix the frames.
    let each = || frame_by_frame(|f, s| f == s, |o, f, _| o.text(0x0020_0100, "IS", &f.to_string()));
    refused(
        read_default(each()),
        &["temporal position splits the series into stacks with different slices (3, 3, 3, 3)"],
    );
}

#[test]
fn what_was_acquired_later_is_later() {
    let frames = |tags: &dyn Fn(Object, usize) -> Object| {
        let image = |i: usize| tags(Object::slice(i, [0.0, 0.0, (i % 3) as f64]).without(INSTANCE), i / 3);
        (0..6).map(image).collect::<Vec<_>>()
    };
    // Over midnight, with and without a date.
    let times = ["235958", "000003"];
    for tags in [
        &(|o: Object, f: usize| o.text(0x0008_0032, "TM", times[f])) as &dyn Fn(Object, usize) -> Object,
        &|o, f| o.text(0x0008_0033, "TM", times[f]).text(0x0008_0023, "DA", ["20240101", "20240102"][f]),
        &|o, f| o.text(0x0008_0033, "TM", times[f]),
        &|o, f| o.numbers(0x0054_1300, &[900.0 * f as f64]),
        &|o, f| o.numbers(0x0018_0082, &[100.0 + f as f64]),
        &|o, f| o.numbers(0x0018_1314, &[5.0 + f as f64]),
    ] {
        let loaded = read_default(frames(tags)).unwrap();
        assert_eq!(slices(&loaded, 0), [-1000.0, -900.0, -800.0], "{:?}", warnings(&loaded));
        assert_eq!(loaded.info.channels, 2);
    }
    // A heart beats twice: trigger times begin again, and acquisition times do not.
    let beats = by_slice(|o, s, t| {
        let trigger = [40.0, 5.0][t] + s as f64;
        o.numbers(0x0018_1060, &[trigger]).text(0x0008_0032, "TM", &format!("12000{}.{s}", 2 * t))
    });
    assert_eq!(slices(&read_default(beats).unwrap(), 0), [-1000.0, -800.0, -600.0]);
    // Steps that are not even are none, whatever the sequence repeats.
    let uneven = |o: Object, f: usize| {
        o.text(0x0008_0032, "TM", ["120000", "120002", "120009"][f]).numbers(0x0018_0080, &[2500.0])
    };
    let three = (0..9).map(|i| uneven(Object::slice(i, [0.0, 0.0, (i % 3) as f64]), i / 3));
    assert_eq!(read_default(three).unwrap().info.facts.frame_spacing, None);
    let short = frames(&|o, f| o.text(0x0020_0100, "IS", &f.to_string()).numbers(0x0018_0080, &[5.0]));
    assert_eq!(read_default(short).unwrap().info.facts.frame_spacing, None);
}

#[test]
fn honest_series_are_read_whole() {
    // One slice in time, where that is asked for.
    let cine = || (0..5).map(|i| Object::slice(i, [1.0; 3]).numbers(0x0018_1060, &[30.0 * i as f64]));
    refused(read_default(cine()), &["all 5 images share the position", "`frames: stack`"]);
    let loaded = with(cine(), |o| o.frames = FramesPolicy::Stack).unwrap();
    assert_eq!((loaded.info.channels, loaded.info.grid.shape()[2]), (5, 1));
    // A slice that says nothing of its quantity among others that say one.
    let some = stack(&[0.0, 1.0, 2.0]).into_iter().enumerate().map(|(i, o)| {
        let kind = if i == 1 { "ORIGINAL\\PRIMARY" } else { "ORIGINAL\\PRIMARY\\M" };
        o.text(0x0008_0008, "CS", kind)
    });
    assert_eq!(read_default(some).unwrap().info.grid.shape()[2], 3);
    // A report in a series of its own.
    let report = Object::slice(70, [0.0; 3]).without(0x0020_0032).text(0x0020_000e, "UI", "1.77");
    assert_eq!(read_default(stack(&[0.0, 1.0]).into_iter().chain([report])).unwrap().info.grid.shape()[2], 2);
    // Two stations of the table that overlap.
    let station = |i: usize| {
        let z = (i % 6) as f64 + if i < 6 { 0.0 } else { 4.0 };
        Object::slice(i, [0.0, 0.0, z]).text(0x0020_0012, "IS", &(i / 6 + 1).to_string())
    };
    refused(read_default((0..12).map(station)), &["contains 2 volumes in one series", "acquisition 2"]);
    // Patients without a series UID are not mixed.
    let patient = |i: usize| {
        let object = Object::slice(i, [0.0, 0.0, (i % 3) as f64 + if i < 3 { 0.0 } else { 0.5 }]);
        object.text(0x0020_000e, "UI", "").text(0x0010_0020, "LO", if i < 3 { "a" } else { "b" })
    };
    refused(read_default((0..6).map(patient)), &["contains 2 volumes", "3 slices"]);
}
