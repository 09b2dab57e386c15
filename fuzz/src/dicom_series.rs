//! DICOM series: several files in a folder. An input is a recipe: which slices there are, where they lie, and what is
//! changed in which of them.

use revoxel_core::testing::Draw;

use crate::object::Object;
use crate::{dicom_file, scratch, volume};

/// Makes the series of a recipe and reads the folder.
pub fn check(data: &[u8]) {
    let folder = scratch::empty_folder("series");
    let mut from = data.iter().copied();
    let mut next = || from.next().unwrap_or_default();
    let choice = next();
    let (count, turn, step) = (usize::from(next() % 7), next(), next());
    let (sin, cos) = if turn < 128 { (0.0, 1.0) } else { (f64::from(turn) / 40.0).sin_cos() };
    let step = if step == 0 { 2.0 } else { f64::from(step) / 16.0 };
    for number in 0..count {
        let (jitter, edits) = (next(), next());
        let away = if jitter < 160 { 0.0 } else { f64::from(jitter as i8) / 256.0 };
        let z = number as f64 * step + away;
        let mut object =
            Object::slice(number, [1.0, -z * sin, z * cos]).numbers(0x0020_0037, &[1.0, 0.0, 0.0, 0.0, cos, sin]);
        // A quarter of the bytes changes attributes, by draws of their own.
        if edits >= 192 {
            let mut draw = Draw::new(u64::from(next()) << 8 | u64::from(edits));
            for _ in 0..1 + edits % 3 {
                dicom_file::change(&mut object, &mut draw);
            }
        }
        match edits % 16 {
            1 => object = object.text(0x0020_000e, "UI", "1.2.9"),
            2 => object = object.text(0x0020_0100, "IS", &(number % 2).to_string()),
            3 => object = object.numbers(0x0020_0032, &[1.0, 0.0, step]),
            4 => object = object.short(0x0028_0010, 4).short(0x0028_0011, 3),
            5 => object = object.text(0x0028_1053, "DS", "2"),
            6 => object = object.text(0x0008_0008, "CS", "ORIGINAL\\PRIMARY\\LOCALIZER"),
            // Left out.
            7 => continue,
            _ => {}
        }
        std::fs::write(folder.join(format!("{:02}.dcm", (number * 5) % 7)), object.bytes())
            .expect("it can be written to");
    }
    let options = volume::options(choice);
    if let Ok(scan) = revoxel_io::dicom::scan(&folder, &options) {
        assert!(scan.skipped.iter().all(|s| !s.reason.to_string().is_empty()));
    }
    volume::check(&folder, &options, choice);
}

/// Changes a byte of the recipe.
pub fn mutate(bytes: &mut Vec<u8>, draw: &mut Draw) {
    let at = draw.int(0, bytes.len() as i64) as usize;
    let new = draw.int(0, 255) as u8;
    match bytes.get_mut(at) {
        Some(byte) => *byte = new,
        None => bytes.push(new),
    }
}

/// Even, uneven and tilted stacks.
pub fn seeds() -> Vec<Vec<u8>> {
    let even = |choice, turn| vec![choice, 5, turn, 0, 0, 8, 0, 8, 0, 8, 0, 8, 0, 8];
    vec![
        even(0, 0),
        even(0x21, 140),
        vec![5, 6, 0, 40, 0, 8, 0, 8, 0, 7, 0, 8, 0, 8, 0, 8],
        vec![1, 5, 0, 0, 0, 8, 200, 8, 0, 8, 170, 8, 0, 8],
        vec![0, 6, 0, 0, 0, 2, 0, 2, 0, 2, 0, 2, 0, 2, 0, 2],
        vec![0, 4, 0, 0, 0, 8, 0, 8, 0, 3, 0, 8],
        vec![0x32, 5, 0, 0, 0, 200, 1, 0, 8, 0, 201, 7, 0, 8, 0, 8],
    ]
}
