//! DICOM segmentations and structure sets beside their series. An input is a byte of choices and such a file.

use revoxel_core::Kind;
use revoxel_core::testing::Draw;
use revoxel_io::{LabelOptions, OverlapPolicy, ReadOptions, Threshold, info_with, read_with};

use crate::object::{Object, PIXELS};
use crate::{dicom_file, mutate, scratch, volume};

const FRAME: &str = "1.2.3.4";
const SLICES: usize = 3;

fn position(slice: usize) -> [f64; 3] {
    [1.0, -2.0, 2.0 * slice as f64]
}

/// Writes the series and the file, and reads the labels of the folder.
pub fn check(data: &[u8]) {
    let Some((choice, file)) = data.split_first() else { return };
    let folder = scratch::empty_folder("labels");
    let series = (0..SLICES).map(|i| (format!("{i}.dcm"), Object::slice(i, position(i)).bytes()));
    for (name, bytes) in series.chain([("labels.dcm".to_owned(), file.to_vec())]) {
        std::fs::write(folder.join(name), bytes).expect("it can be written to");
    }
    let labels = LabelOptions {
        structures: if choice & 1 == 0 { Vec::new() } else { vec!["1".to_owned()] },
        threshold: Threshold::new(if choice & 2 == 0 { 0.5 } else { 0.01 }).expect("a fraction"),
        overlap: if choice & 4 == 0 { OverlapPolicy::Error } else { OverlapPolicy::Channels },
        ..LabelOptions::default()
    };
    let options = ReadOptions { kind: Some(Kind::Label), labels, ..volume::options(choice >> 3) };
    let path = if choice & 8 == 0 { folder.clone() } else { folder.join("labels.dcm") };
    let loaded = match read_with(&path, Kind::Label, &options) {
        Ok(loaded) => loaded,
        Err(e) => return assert!(!e.to_string().is_empty()),
    };
    let info = info_with(&path, &options).expect("the file can be read, and so its header");
    assert_eq!(
        (info.grid, info.channels, info.dtype),
        (*loaded.volume.grid(), loaded.info.channels, loaded.info.dtype)
    );
    // No label that is not in the list.
    let known = loaded.info.facts.dicom.iter().flat_map(|d| &d.labels).map(|l| f64::from(l.label)).collect::<Vec<_>>();
    let voxels = loaded.volume.voxels();
    if info.format.starts_with("DICOM ") {
        for i in 0..voxels.len() {
            let value = voxels.get(i);
            assert!(value == 0.0 || known.contains(&value), "label {value} of {known:?}");
        }
    }
    let again = read_with(&path, Kind::Label, &options).expect("what was read once can be read twice");
    assert!(again.volume.voxels().bytes() == voxels.bytes(), "two readings differ");
}

/// Changes attributes of the file, or bytes within its sequences.
pub fn mutate(bytes: &mut Vec<u8>, draw: &mut Draw) {
    let Some((choice, file)) = bytes.split_first() else { return bytes.push(0) };
    let (mut choice, mut file) = (*choice, file.to_vec());
    match draw.int(0, 5) {
        0 => choice = draw.int(0, 255) as u8,
        1 | 2 => match Object::parse(&file) {
            Some(mut object) => {
                dicom_file::change(&mut object, draw);
                file = object.bytes();
            }
            None => mutate::plain(&mut file, draw),
        },
        // A digit for a digit: texts of numbers stay texts of numbers.
        3 => {
            let digits: Vec<usize> = (0..file.len()).filter(|i| file[*i].is_ascii_digit()).collect();
            if !digits.is_empty() {
                file[*mutate::one(draw, &digits)] = b'0' + draw.int(0, 9) as u8;
            }
        }
        _ => mutate::plain(&mut file, draw),
    }
    *bytes = [&[choice], &file[..]].concat();
}

fn empty() -> Object {
    Object::empty()
}

/// What both kinds of file have.
fn common(class: &str, modality: &str) -> Object {
    empty()
        .text(0x0008_0016, "UI", class)
        .text(0x0008_0018, "UI", "1.2.5.1")
        .text(0x0008_0060, "CS", modality)
        .text(0x0020_000e, "UI", "1.2.5")
        .text(0x0020_0052, "UI", FRAME)
}

fn segmentation(class: &str, kind: &str, bits: u16, pixels: Vec<u8>) -> Vec<u8> {
    let segment = |number: u16| empty().short(0x0062_0004, number).text(0x0062_0005, "LO", &format!("s{number}"));
    let labelmap = kind == "LABELMAP";
    let frame = |number: usize| {
        let place = empty().numbers(0x0020_0032, &position(number % SLICES));
        let one = empty().sequence(0x0020_9113, &[place]);
        let segment = empty().short(0x0062_000b, 1 + (number / SLICES) as u16);
        if labelmap { one } else { one.sequence(0x0062_000a, &[segment]) }
    };
    let frames = if labelmap { SLICES } else { 2 * SLICES - 1 };
    let shared = empty()
        .sequence(0x0020_9116, &[empty().numbers(0x0020_0037, &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0])])
        .sequence(0x0028_9110, &[empty().numbers(0x0028_0030, &[0.75, 0.5]).numbers(0x0018_0050, &[2.0])]);
    let object = common(class, "SEG")
        .sequence(0x0008_1115, &[empty().text(0x0020_000e, "UI", "1.2.3")])
        .short(0x0028_0002, 1)
        .text(0x0028_0004, "CS", "MONOCHROME2")
        .text(0x0028_0008, "IS", &frames.to_string())
        .short(0x0028_0010, 3)
        .short(0x0028_0011, 4)
        .short(0x0028_0100, bits)
        .short(0x0028_0101, bits)
        .short(0x0028_0102, bits - 1)
        .short(0x0028_0103, 0)
        .text(0x0062_0001, "CS", kind)
        .sequence(0x0062_0002, &[segment(1), segment(2)])
        .short(0x0062_000e, 200)
        .sequence(0x5200_9229, &[shared])
        .sequence(0x5200_9230, &(0..frames).map(frame).collect::<Vec<_>>())
        .raw(PIXELS, if bits == 16 { "OW" } else { "OB" }, pixels);
    object.bytes()
}

fn structures() -> Vec<u8> {
    let contour = |slice: usize, points: &[[f64; 2]]| {
        let z = position(slice)[2];
        let numbers: Vec<f64> = points.iter().flat_map(|[x, y]| [*x, *y, z]).collect();
        empty()
            .text(0x3006_0042, "CS", "CLOSED_PLANAR")
            .text(0x3006_0046, "IS", &points.len().to_string())
            .numbers(0x3006_0050, &numbers)
    };
    let drawn = |number: usize, contours: &[Object]| {
        empty().sequence(0x3006_0040, contours).text(0x3006_0084, "IS", &number.to_string())
    };
    let named = |number: usize| {
        empty().text(0x3006_0022, "IS", &number.to_string()).text(0x3006_0026, "LO", &format!("r{number}"))
    };
    let outer = [[0.9, -2.2], [2.6, -2.1], [2.4, -0.4], [1.1, -0.6]];
    let inner = [[1.4, -1.8], [2.1, -1.7], [1.9, -0.9]];
    let series = empty().text(0x0020_000e, "UI", "1.2.3");
    let study = empty().sequence(0x3006_0014, &[series]);
    common("1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT")
        .sequence(0x3006_0010, &[empty().text(0x0020_0052, "UI", FRAME).sequence(0x3006_0012, &[study])])
        .sequence(0x3006_0020, &[named(1), named(2)])
        .sequence(
            0x3006_0039,
            &[drawn(1, &[contour(0, &outer), contour(0, &inner), contour(2, &outer)]), drawn(2, &[contour(1, &inner)])],
        )
        .bytes()
}

/// A segmentation of each kind and a structure set.
pub fn seeds() -> Vec<Vec<u8>> {
    let (class, labelmap) = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7");
    let bits: Vec<u8> = vec![0x5a, 0x0f, 0x18, 0x00, 0x31, 0x00, 0x80, 0x00];
    let fractions: Vec<u8> = (0..60).map(|i| if i < 36 { (i * 11 % 201) as u8 } else { 0 }).collect();
    let values: Vec<u8> = (0..36).map(|i| (i * 5 % 3) as u8).collect();
    let files = [
        segmentation(class, "BINARY", 1, bits),
        segmentation(class, "FRACTIONAL", 8, fractions),
        segmentation(labelmap, "LABELMAP", 8, values.clone()),
        segmentation(labelmap, "LABELMAP", 16, values.iter().flat_map(|v| [*v, 0]).collect()),
        structures(),
    ];
    files.iter().flat_map(|file| [0u8, 1, 4, 14].map(|choice| [&[choice], &file[..]].concat())).collect()
}

#[cfg(test)]
mod tests {
    /// Seeds that are refused reach nothing.
    #[test]
    fn seeds_are_read() {
        for (i, seed) in super::seeds().iter().enumerate() {
            let folder = crate::scratch::empty_folder(&format!("labels-seed-{i}"));
            for slice in 0..super::SLICES {
                let object = super::Object::slice(slice, super::position(slice));
                std::fs::write(folder.join(format!("{slice}.dcm")), object.bytes()).unwrap();
            }
            std::fs::write(folder.join("labels.dcm"), &seed[1..]).unwrap();
            let labels = super::LabelOptions { structures: vec!["1".to_owned()], ..Default::default() };
            let options = super::ReadOptions { labels, ..Default::default() };
            let loaded = super::read_with(&folder, super::Kind::Label, &options).unwrap();
            assert!(
                loaded.info.warnings.iter().all(|w| w.to_string().contains("FRACTIONAL")),
                "{:?}",
                loaded.info.warnings
            );
            super::check(seed);
        }
    }
}
