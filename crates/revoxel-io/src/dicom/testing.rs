//! A writer of small DICOM files, for tests only.

use std::collections::BTreeMap;

pub const EXPLICIT: &str = "1.2.840.10008.1.2.1";
pub const CT: &str = "1.2.840.10008.5.1.4.1.1.2";

/// A file: attributes by tag, with value representation and value.
#[derive(Clone, Debug)]
pub struct Object {
    pub syntax: String,
    pub elements: BTreeMap<u32, (String, Vec<u8>)>,
}

impl Object {
    /// Slice `i` of a CT series: 4 columns, 3 rows, pixels of 0.5 mm, 100 i, 100 i + 1, … − 1000.
    pub fn slice(i: usize, position: [f64; 3]) -> Self {
        let object = Self { syntax: EXPLICIT.to_owned(), elements: BTreeMap::new() };
        let pixels: Vec<u16> = (0..12).map(|p| (100 * i + p) as u16).collect();
        object
            .text(0x0008_0008, "CS", "ORIGINAL\\PRIMARY\\AXIAL")
            .text(0x0008_0016, "UI", CT)
            .text(0x0008_0018, "UI", &format!("1.2.3.{i}"))
            .text(0x0008_0060, "CS", "CT")
            .text(0x0008_103e, "LO", "Thorax")
            .text(0x0018_0050, "DS", "99")
            .text(0x0020_000e, "UI", "1.2.3")
            .text(0x0020_0011, "IS", "7")
            .text(0x0020_0013, "IS", &(50 - i as i64).to_string())
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
            .pixels(&pixels)
    }

    pub fn raw(mut self, tag: u32, vr: &str, value: impl Into<Vec<u8>>) -> Self {
        self.elements.insert(tag, (vr.to_owned(), value.into()));
        self
    }

    pub fn text(self, tag: u32, vr: &str, value: &str) -> Self {
        let pad = if vr == "UI" { 0 } else { b' ' };
        let mut bytes = value.as_bytes().to_vec();
        bytes.resize(bytes.len().next_multiple_of(2), pad);
        self.raw(tag, vr, bytes)
    }

    /// Decimal strings.
    pub fn numbers(self, tag: u32, values: &[f64]) -> Self {
        let text = values.iter().map(ToString::to_string).collect::<Vec<_>>().join("\\");
        self.text(tag, "DS", &text)
    }

    pub fn short(self, tag: u32, value: u16) -> Self {
        self.raw(tag, "US", value.to_le_bytes())
    }

    pub fn pixels(self, values: &[u16]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.raw(0x7fe0_0010, "OW", bytes)
    }

    /// Compressed pixels: an offset table and fragments.
    pub fn fragments(mut self, syntax: &str, table: &[u32], fragments: &[Vec<u8>]) -> Self {
        self.syntax = syntax.to_owned();
        let table: Vec<u8> = table.iter().flat_map(|v| v.to_le_bytes()).collect();
        let mut bytes = item(&table);
        fragments.iter().for_each(|f| bytes.extend(item(f)));
        bytes.extend([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
        self.raw(0x7fe0_0010, "encapsulated", bytes)
    }

    pub fn without(mut self, tag: u32) -> Self {
        self.elements.remove(&tag);
        self
    }

    pub fn syntax(mut self, uid: &str) -> Self {
        self.syntax = uid.to_owned();
        self
    }

    /// A sequence of items, each made of the elements of an object.
    pub fn sequence(self, tag: u32, items: &[Object]) -> Self {
        let bytes: Vec<u8> = items.iter().flat_map(|o| item(&o.data())).collect();
        self.raw(tag, "SQ", bytes)
    }

    /// The same as an attribute of unknown kind, whose items have no value representations or have them.
    pub fn unknown_sequence(self, tag: u32, items: &[Object], implicit: bool) -> Self {
        let data = |o: &Object| if implicit { o.implicit_data() } else { o.data() };
        let bytes: Vec<u8> = items.iter().flat_map(|o| item(&data(o))).collect();
        self.raw(tag, "UN", bytes)
    }

    /// Nothing but what is added.
    pub fn empty() -> Self {
        Self { syntax: EXPLICIT.to_owned(), elements: BTreeMap::new() }
    }

    /// The data set in explicit little endian.
    pub fn data(&self) -> Vec<u8> {
        self.elements.iter().flat_map(|(tag, (vr, value))| element(*tag, vr, value)).collect()
    }

    /// The data set in implicit little endian; sequences of it too.
    fn implicit_data(&self) -> Vec<u8> {
        let one = |(tag, (vr, value)): (&u32, &(String, Vec<u8>))| {
            let value = if vr == "SQ" { implicit_items(value) } else { value.clone() };
            [&tag_bytes(*tag)[..], &(value.len() as u32).to_le_bytes(), &value].concat()
        };
        self.elements.iter().flat_map(one).collect()
    }

    /// Preamble and meta group.
    pub fn head(&self) -> Vec<u8> {
        let mut uid = self.syntax.clone().into_bytes();
        uid.resize(uid.len().next_multiple_of(2), 0);
        let meta = element(0x0002_0010, "UI", &uid);
        let length = element(0x0002_0000, "UL", &(meta.len() as u32).to_le_bytes());
        [vec![0; 128], b"DICM".to_vec(), length, meta].concat()
    }

    pub fn bytes(&self) -> Vec<u8> {
        [self.head(), self.data()].concat()
    }
}

fn tag_bytes(tag: u32) -> [u8; 4] {
    let [a, b, c, d] = tag.to_be_bytes();
    [b, a, d, c]
}

/// One attribute in explicit little endian.
pub fn element(tag: u32, vr: &str, value: &[u8]) -> Vec<u8> {
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

/// Items with explicit elements of short and long form, as items of implicit ones.
fn implicit_items(mut bytes: &[u8]) -> Vec<u8> {
    let mut items = Vec::new();
    let long = |b: &[u8]| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize;
    while !bytes.is_empty() {
        let (mut content, rest) = bytes[8..].split_at(long(&bytes[4..]));
        bytes = rest;
        let mut out = Vec::new();
        while !content.is_empty() {
            let head = match &content[4..6] {
                b"SQ" | b"OB" | b"OW" | b"UN" => (12, long(&content[8..])),
                _ => (8, usize::from(u16::from_le_bytes([content[6], content[7]]))),
            };
            let value = &content[head.0..head.0 + head.1];
            let value = if &content[4..6] == b"SQ" { implicit_items(value) } else { value.to_vec() };
            out.extend([&content[..4], &(value.len() as u32).to_le_bytes(), &value].concat());
            content = &content[head.0 + head.1..];
        }
        items.extend(item(&out));
    }
    items
}
