//! DICOM files made of attributes, and attributes found in files.

use std::collections::BTreeMap;

/// Attributes by tag, with value representation and value, and how the file is written.
#[derive(Clone, Debug)]
pub struct Object {
    /// The UID of the transfer syntax.
    pub syntax: String,
    /// The attributes.
    pub elements: BTreeMap<u32, (String, Vec<u8>)>,
}

/// Explicit VR, little endian.
pub const EXPLICIT: &str = "1.2.840.10008.1.2.1";
/// The tag of the pixels.
pub const PIXELS: u32 = 0x7fe0_0010;

impl Object {
    /// A CT slice of 4 columns and 3 rows at a place.
    pub fn slice(number: usize, position: [f64; 3]) -> Self {
        let pixels: Vec<u8> = (0..12).flat_map(|p| ((100 * number + p * 7) as u16).to_le_bytes()).collect();
        Self { syntax: EXPLICIT.to_owned(), elements: BTreeMap::new() }
            .text(0x0008_0008, "CS", "ORIGINAL\\PRIMARY\\AXIAL")
            .text(0x0008_0016, "UI", "1.2.840.10008.5.1.4.1.1.2")
            .text(0x0008_0018, "UI", &format!("1.2.3.{number}"))
            .text(0x0008_0060, "CS", "CT")
            .text(0x0020_000e, "UI", "1.2.3")
            .text(0x0020_0011, "IS", "7")
            .text(0x0020_0013, "IS", &number.to_string())
            .numbers(0x0020_0032, &position)
            .numbers(0x0020_0037, &[1., 0., 0., 0., 1., 0.])
            .text(0x0020_0052, "UI", "1.2.3.4")
            .short(0x0028_0002, 1)
            .text(0x0028_0004, "CS", "MONOCHROME2")
            .short(0x0028_0010, 3)
            .short(0x0028_0011, 4)
            .numbers(0x0028_0030, &[0.75, 0.5])
            .short(0x0028_0100, 16)
            .short(0x0028_0101, 12)
            .short(0x0028_0102, 11)
            .short(0x0028_0103, 0)
            .text(0x0028_1052, "DS", "-1000")
            .text(0x0028_1053, "DS", "1")
            .raw(PIXELS, "OW", pixels)
    }

    /// With an attribute of these bytes.
    pub fn raw(mut self, tag: u32, vr: &str, value: impl Into<Vec<u8>>) -> Self {
        self.elements.insert(tag, (vr.to_owned(), value.into()));
        self
    }

    /// With an attribute of text.
    pub fn text(self, tag: u32, vr: &str, value: &str) -> Self {
        let mut bytes = value.as_bytes().to_vec();
        bytes.resize(bytes.len().next_multiple_of(2), if vr == "UI" { 0 } else { b' ' });
        self.raw(tag, vr, bytes)
    }

    /// With an attribute of decimal numbers.
    pub fn numbers(self, tag: u32, values: &[f64]) -> Self {
        self.text(tag, "DS", &values.iter().map(ToString::to_string).collect::<Vec<_>>().join("\\"))
    }

    /// With an attribute of one number of 16 bits.
    pub fn short(self, tag: u32, value: u16) -> Self {
        self.raw(tag, "US", value.to_le_bytes())
    }

    /// With a sequence of items.
    pub fn sequence(self, tag: u32, items: &[Object]) -> Self {
        let bytes: Vec<u8> = items.iter().flat_map(|o| item(&o.data())).collect();
        self.raw(tag, "SQ", bytes)
    }

    /// Nothing yet.
    pub fn empty() -> Self {
        Self { syntax: EXPLICIT.to_owned(), elements: BTreeMap::new() }
    }

    /// With pixels that are compressed, a fragment for each frame.
    pub fn frames(mut self, syntax: &str, fragments: &[&[u8]]) -> Self {
        self.syntax = syntax.to_owned();
        let mut bytes = item(&[]);
        for fragment in fragments {
            let mut even = fragment.to_vec();
            even.resize(even.len().next_multiple_of(2), 0);
            bytes.extend(item(&even));
        }
        bytes.extend([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
        self.raw(PIXELS, "encapsulated", bytes)
    }

    fn data(&self) -> Vec<u8> {
        self.elements.iter().flat_map(|(tag, (vr, value))| element(*tag, vr, value)).collect()
    }

    /// The file.
    pub fn bytes(&self) -> Vec<u8> {
        let mut uid = self.syntax.clone().into_bytes();
        uid.resize(uid.len().next_multiple_of(2), 0);
        let meta = element(0x0002_0010, "UI", &uid);
        let length = element(0x0002_0000, "UL", &(meta.len() as u32).to_le_bytes());
        let mut data = self.data();
        if self.syntax == "1.2.840.10008.1.2.1.99" {
            // A deflate stream without head and checksum.
            let zlib = crate::mutate::deflate(&data);
            data = zlib[2..zlib.len() - 4].to_vec();
        }
        [vec![0; 128], b"DICM".to_vec(), length, meta, data].concat()
    }

    /// The attributes of a file in explicit VR, as far as they can be followed.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.get(132..)?;
        let mut object = Self::empty();
        while let Some((tag, vr, value, behind)) = next(rest) {
            if tag == 0x0002_0010 {
                object.syntax = String::from_utf8_lossy(value).trim_end_matches('\0').to_owned();
            } else if tag > 0x0002_ffff {
                object.elements.insert(tag, (vr, value.to_vec()));
            }
            rest = behind;
        }
        (!object.elements.is_empty()).then_some(object)
    }
}

/// The attribute at the start of some bytes, and what is behind it.
fn next(bytes: &[u8]) -> Option<(u32, String, &[u8], &[u8])> {
    let head = bytes.first_chunk::<8>()?;
    let tag = u32::from_be_bytes([head[1], head[0], head[3], head[2]]);
    let vr = std::str::from_utf8(&head[4..6]).ok()?.to_owned();
    let wide = ["OB", "OW", "OF", "OD", "SQ", "UN"].contains(&vr.as_str());
    let (start, length) = if wide {
        (12, u32::from_le_bytes(*bytes.get(8..12)?.first_chunk()?) as usize)
    } else {
        (8, usize::from(u16::from_le_bytes([head[6], head[7]])))
    };
    if length == u32::MAX as usize {
        // Compressed pixels are the last attribute.
        return Some((tag, "encapsulated".to_owned(), bytes.get(start..)?, &[]));
    }
    let value = bytes.get(start..start + length)?;
    Some((tag, vr, value, &bytes[start + length..]))
}

fn tag_bytes(tag: u32) -> [u8; 4] {
    let [a, b, c, d] = tag.to_be_bytes();
    [b, a, d, c]
}

fn element(tag: u32, vr: &str, value: &[u8]) -> Vec<u8> {
    let length = (value.len() as u32).to_le_bytes();
    let head = match vr {
        "encapsulated" => [b"OB\0\0".to_vec(), vec![255; 4]].concat(),
        "OB" | "OW" | "OF" | "OD" | "SQ" | "UN" => [vr.as_bytes(), &[0, 0], &length].concat(),
        _ => [vr.as_bytes(), &length[..2]].concat(),
    };
    [&tag_bytes(tag)[..], &head, value].concat()
}

fn item(bytes: &[u8]) -> Vec<u8> {
    [&tag_bytes(0xfffe_e000)[..], &(bytes.len() as u32).to_le_bytes(), bytes].concat()
}
