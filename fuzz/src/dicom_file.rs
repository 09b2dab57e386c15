//! Single DICOM files, also of several frames. The last byte of an input chooses options.

use revoxel_core::testing::Draw;

use crate::mutate::{NUMBERS, WORDS, one, plain};
use crate::object::{EXPLICIT, Object, PIXELS};
use crate::{scratch, text, volume};

/// Reads an input as a file.
pub fn check(data: &[u8]) {
    let Some((choice, bytes)) = data.split_last() else { return };
    let path = scratch::file("in.dcm", bytes);
    let options = volume::options(*choice);
    if let Ok(scan) = revoxel_io::dicom::scan(&path, &options) {
        assert!(scan.skipped.iter().all(|s| !s.reason.to_string().is_empty()));
    }
    volume::check(&path, &options, *choice);
}

/// Tags that are read, and their value representations.
const TAGS: &[(u32, &str)] = &[
    (0x0008_0008, "CS"),
    (0x0008_0016, "UI"),
    (0x0008_0018, "UI"),
    (0x0008_0033, "TM"),
    (0x0008_103e, "LO"),
    (0x0018_0050, "DS"),
    (0x0018_0081, "DS"),
    (0x0018_0086, "IS"),
    (0x0018_0088, "DS"),
    (0x0018_1060, "DS"),
    (0x0018_5100, "CS"),
    (0x0018_9087, "FD"),
    (0x0019_100c, "IS"),
    (0x0020_000e, "UI"),
    (0x0020_0011, "IS"),
    (0x0020_0012, "IS"),
    (0x0020_0013, "IS"),
    (0x0020_0032, "DS"),
    (0x0020_0037, "DS"),
    (0x0020_0052, "UI"),
    (0x0020_0100, "IS"),
    (0x0028_0002, "US"),
    (0x0028_0004, "CS"),
    (0x0028_0006, "US"),
    (0x0028_0008, "IS"),
    (0x0028_0010, "US"),
    (0x0028_0011, "US"),
    (0x0028_0030, "DS"),
    (0x0028_0100, "US"),
    (0x0028_0101, "US"),
    (0x0028_0102, "US"),
    (0x0028_0103, "US"),
    (0x0028_1052, "DS"),
    (0x0028_1053, "DS"),
    (0x0028_3000, "SQ"),
    (0x5200_9229, "SQ"),
    (0x5200_9230, "SQ"),
    (0x7fe0_0008, "OF"),
    (0x7fe0_0009, "OD"),
    (PIXELS, "OW"),
    (PIXELS, "OB"),
];

const SYNTAXES: [&str; 14] = [
    "1.2.840.10008.1.2",
    EXPLICIT,
    "1.2.840.10008.1.2.2",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.1.98",
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.201",
    "1.2",
];

const TEXTS: [&str; 14] = [
    "MONOCHROME1",
    "MONOCHROME2",
    "RGB",
    "YBR_FULL",
    "YBR_FULL_422",
    "PALETTE COLOR",
    "ORIGINAL\\PRIMARY\\LOCALIZER",
    "1\\0\\0\\0\\1\\0",
    "0\\1\\0\\0\\0\\-1",
    "1\\0\\0\\0.6\\0.8\\0",
    "0.5\\0.5",
    "1.2.840.10008.5.1.4.1.1.4.1",
    "120000.5",
    "0\\0\\5",
];

/// Changes an attribute.
pub fn change(object: &mut Object, draw: &mut Draw) {
    let tags: Vec<u32> = object.elements.keys().copied().collect();
    match draw.int(0, 11) {
        0 => object.syntax = (*one(draw, &SYNTAXES)).to_owned(),
        1 if !tags.is_empty() => {
            object.elements.remove(one(draw, &tags));
        }
        2 => {
            let (tag, vr) = *one(draw, TAGS);
            let value = value(vr, draw);
            object.elements.insert(tag, (vr.to_owned(), value));
        }
        3 => {
            // As many pixels as the attributes ask for, or nearly.
            let of = |tag| object.elements.get(&tag).and_then(|(_, v)| v.first()).map_or(1, |b| usize::from(*b));
            let size = (of(0x0028_0010) * of(0x0028_0011) * of(0x0028_0002) * of(0x0028_0100) / 8).min(1 << 14);
            let size = size.saturating_add_signed(draw.int(-1, 1) as isize);
            let fill = draw.int(0, 255) as usize;
            object.elements.insert(PIXELS, ("OW".to_owned(), (0..size).map(|i| (i * fill) as u8).collect()));
        }
        _ if tags.is_empty() => {}
        _ => {
            let tag = *one(draw, &tags);
            let Some((vr, bytes)) = object.elements.get_mut(&tag) else { return };
            match draw.int(0, 3) {
                0 => *bytes = value(vr, draw),
                1 if bytes.is_ascii() => {
                    let mut words = String::from_utf8_lossy(bytes).into_owned();
                    text::numbers(&mut words, draw);
                    *bytes = words.into_bytes();
                    bytes.resize(bytes.len().next_multiple_of(2), b' ');
                }
                2 => {
                    let known = TAGS.iter().find(|(t, _)| *t == tag).map_or("UN", |(_, vr)| vr);
                    *bytes = value(known, draw);
                }
                _ => plain(bytes, draw),
            }
        }
    }
}

fn value(vr: &str, draw: &mut Draw) -> Vec<u8> {
    match vr {
        "US" => (*one(draw, &[0, 1, 2, 3, 4, 8, 11, 12, 15, 16, 17, 32, 255, 256, 65535u16])).to_le_bytes().to_vec(),
        "FD" | "OD" => (*one(draw, &NUMBERS) as f64).to_le_bytes().to_vec(),
        "DS" | "IS" => {
            let words: Vec<&str> = (0..draw.int(1, 6)).map(|_| *one(draw, &WORDS)).collect();
            words.join("\\").into_bytes()
        }
        "SQ" => {
            let position = [0; 3].map(|_| draw.real(-5.0, 5.0));
            let inner = Object::empty().numbers(0x0020_0032, &position);
            let group = Object::empty().sequence(0x0020_9113, &[inner]);
            let count = draw.int(0, 3) as usize;
            Object::empty().sequence(1, &vec![group; count]).elements.remove(&1).map_or(Vec::new(), |(_, bytes)| bytes)
        }
        _ => (*one(draw, &TEXTS)).as_bytes().to_vec(),
    }
}

/// Changes an attribute, with the lengths around it put right.
pub fn mutate(bytes: &mut Vec<u8>, draw: &mut Draw) {
    let choice = bytes.pop().unwrap_or_default();
    match Object::parse(bytes) {
        Some(mut object) if draw.int(0, 7) > 0 => {
            change(&mut object, draw);
            *bytes = object.bytes();
        }
        _ => plain(bytes, draw),
    }
    bytes.push(if draw.int(0, 7) == 0 { draw.int(0, 255) as u8 } else { choice });
}

/// Several frames in one file, with their places in sequences.
fn enhanced() -> Object {
    let place = |z: f64| {
        let position = Object::empty().numbers(0x0020_0032, &[1.0, 2.0, z]);
        let content = Object::empty().short(0x0020_9156, z as u16);
        Object::empty().sequence(0x0020_9113, &[position]).sequence(0x0020_9111, &[content])
    };
    let turn = Object::empty().numbers(0x0020_0037, &[1., 0., 0., 0., 1., 0.]);
    let size = Object::empty().numbers(0x0028_0030, &[0.75, 0.5]);
    let scale = Object::empty().text(0x0028_1052, "DS", "-1000").text(0x0028_1053, "DS", "2");
    let shared = Object::empty().sequence(0x0020_9116, &[turn]).sequence(0x0028_9110, &[size]);
    let shared = shared.sequence(0x0028_9145, &[scale]);
    let mut object = Object::slice(0, [0.0; 3]);
    for tag in [0x0020_0032, 0x0020_0037, 0x0028_0030, 0x0028_1052, 0x0028_1053] {
        object.elements.remove(&tag);
    }
    let pixels: Vec<u8> = (0..36u16).flat_map(|p| (p * 9).to_le_bytes()).collect();
    object
        .text(0x0008_0016, "UI", "1.2.840.10008.5.1.4.1.1.2.1")
        .text(0x0028_0008, "IS", "3")
        .sequence(0x5200_9229, &[shared])
        .sequence(0x5200_9230, &[place(0.0), place(2.0), place(4.0)])
        .raw(PIXELS, "OW", pixels)
}

/// A slice in several syntaxes, colours, a file of several frames.
pub fn seeds() -> Vec<Vec<u8>> {
    let slice = || Object::slice(3, [-10.0, 20.5, 3.0]);
    let mut deflated = slice();
    deflated.syntax = "1.2.840.10008.1.2.1.99".to_owned();
    let colour = slice()
        .short(0x0028_0002, 3)
        .short(0x0028_0006, 0)
        .text(0x0028_0004, "CS", "RGB")
        .short(0x0028_0100, 8)
        .short(0x0028_0101, 8)
        .short(0x0028_0102, 7)
        .raw(PIXELS, "OB", (0..36u8).map(|p| p * 7).collect::<Vec<_>>());
    let floats =
        slice().raw(0x7fe0_0008, "OF", (0..12).flat_map(|p| (p as f32 * 0.7).to_le_bytes()).collect::<Vec<_>>());
    let floats = Object { elements: floats.elements.into_iter().filter(|(t, _)| *t != PIXELS).collect(), ..floats }
        .short(0x0028_0100, 32);
    let signed = slice().short(0x0028_0103, 1).short(0x0028_0101, 16).short(0x0028_0102, 15);
    let objects = [slice(), deflated, colour, floats, signed, enhanced()];
    objects.iter().enumerate().map(|(i, o)| [o.bytes(), vec![(i as u8).wrapping_mul(16)]].concat()).collect()
}
