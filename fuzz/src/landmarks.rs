//! Files of the landmarks of a histogram: text, JSON, arrays.

use revoxel_core::testing::Draw;
use revoxel_runner::parameter_files::parameters;
use revoxel_transforms::Content;

use crate::{numpy, scratch, text};

/// Reads an input under each of the names.
pub fn check(data: &[u8]) {
    let Some((choice, bytes)) = data.split_first() else { return };
    let name = ["l.txt", "l.json", "l.npy", "l.npz"][usize::from(choice % 4)];
    scratch::file(name, bytes);
    for name in [name.to_owned(), format!("{name}#image")] {
        match parameters(scratch::folder(), Content::Landmarks, &name) {
            Ok(found) => {
                let numbers = found["landmarks"].as_array().expect("a list of numbers");
                assert!(numbers.iter().all(|n| n.as_f64().is_some_and(f64::is_finite)));
            }
            Err(e) => assert!(e.contains("l.")),
        }
    }
}

const KNOWN: &[&str] =
    &["image 0 1 2 3", "0 1 2", "[0, 1, 2.5]", "{\"image\": [0, 1]}", "nan 1", "t1 1e400", "\u{feff}1 2", "1,2,3"];

/// Changes a line, or an array.
pub fn mutate(bytes: &mut Vec<u8>, draw: &mut Draw) {
    if bytes.is_empty() {
        bytes.push(0);
    }
    let mut content = bytes.split_off(1);
    if bytes[0] % 4 > 1 {
        numpy::mutate(&mut content, draw)
    } else {
        text::in_bytes(&mut content, KNOWN, draw)
    }
    bytes.extend(content);
}

/// Each of the forms.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> =
        KNOWN.iter().enumerate().map(|(i, t)| [&[i as u8 % 2], t.as_bytes()].concat()).collect();
    for array in numpy::seeds() {
        let choice = if array.starts_with(b"PK") { 3 } else { 2 };
        seeds.push([vec![choice], array].concat());
    }
    seeds
}
