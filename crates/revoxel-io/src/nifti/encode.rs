//! A header as bytes, in either byte order.

use super::header::{Header, Magic, Order, Version};

impl Header {
    /// The bytes of the header: 348 or 540.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut to = Encoder { bytes: vec![0; self.version.length()], order: self.order };
        match self.version {
            Version::One => self.encode_1(&mut to),
            Version::Two => self.encode_2(&mut to),
        }
        to.bytes
    }

    fn encode_1(&self, to: &mut Encoder) {
        to.number(0, 348i32.to_le_bytes());
        to.text(38, b"r");
        to.text(39, &[self.dim_info]);
        (0..8).for_each(|i| to.i16(40 + 2 * i, self.dim[i]));
        to.f32s(56, &self.intent_params);
        to.i16(68, self.intent_code.into());
        to.i16(70, self.datatype.into());
        to.i16(72, self.bitpix.into());
        to.i16(74, self.slice_start);
        to.f32s(76, &self.pixdim);
        to.f32s(108, &[self.vox_offset, self.scl_slope, self.scl_inter]);
        to.i16(120, self.slice_end);
        to.text(122, &[self.slice_code as u8, self.xyzt_units as u8]);
        to.f32s(124, &[self.cal_max, self.cal_min]);
        to.f32s(132, &[self.slice_duration, self.toffset]);
        to.text(148, &self.descrip);
        to.text(228, &self.aux_file);
        to.i16(252, self.qform_code.into());
        to.i16(254, self.sform_code.into());
        to.f32s(256, &self.quatern);
        to.f32s(268, &self.qoffset);
        (0..3).for_each(|row| to.f32s(280 + 16 * row, &self.srow[row]));
        to.text(328, &self.intent_name);
        let magic: &[u8] = match self.magic {
            Magic::Single => b"n+1",
            Magic::Pair => b"ni1",
            Magic::Absent => b"",
        };
        to.text(344, magic);
    }

    fn encode_2(&self, to: &mut Encoder) {
        to.number(0, 540i32.to_le_bytes());
        to.text(4, if self.magic == Magic::Pair { b"ni2\0\r\n\x1a\n" } else { b"n+2\0\r\n\x1a\n" });
        to.i16(12, self.datatype.into());
        to.i16(14, self.bitpix.into());
        (0..8).for_each(|i| to.number(16 + 8 * i, self.dim[i].to_le_bytes()));
        to.f64s(80, &self.intent_params);
        to.f64s(104, &self.pixdim);
        to.number(168, (self.vox_offset as i64).to_le_bytes());
        to.f64s(176, &[self.scl_slope, self.scl_inter]);
        to.f64s(192, &[self.cal_max, self.cal_min]);
        to.f64s(208, &[self.slice_duration, self.toffset]);
        to.number(224, self.slice_start.to_le_bytes());
        to.number(232, self.slice_end.to_le_bytes());
        to.text(240, &self.descrip);
        to.text(320, &self.aux_file);
        to.number(344, self.qform_code.to_le_bytes());
        to.number(348, self.sform_code.to_le_bytes());
        to.f64s(352, &self.quatern);
        to.f64s(376, &self.qoffset);
        (0..3).for_each(|row| to.f64s(400 + 32 * row, &self.srow[row]));
        to.number(496, self.slice_code.to_le_bytes());
        to.number(500, self.xyzt_units.to_le_bytes());
        to.number(504, self.intent_code.to_le_bytes());
        to.text(508, &self.intent_name);
        to.text(524, &[self.dim_info]);
    }
}

struct Encoder {
    bytes: Vec<u8>,
    order: Order,
}

impl Encoder {
    fn text(&mut self, at: usize, text: &[u8]) {
        self.bytes[at..at + text.len()].copy_from_slice(text);
    }

    /// A number given least significant byte first.
    fn number<const N: usize>(&mut self, at: usize, mut bytes: [u8; N]) {
        if self.order == Order::Big {
            bytes.reverse();
        }
        self.text(at, &bytes);
    }

    fn i16(&mut self, at: usize, value: i64) {
        self.number(at, (value as i16).to_le_bytes());
    }

    fn f32s(&mut self, at: usize, values: &[f64]) {
        for (i, value) in values.iter().enumerate() {
            self.number(at + 4 * i, (*value as f32).to_le_bytes());
        }
    }

    fn f64s(&mut self, at: usize, values: &[f64]) {
        for (i, value) in values.iter().enumerate() {
            self.number(at + 8 * i, value.to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_parsed() {
        for (version, magic) in [(Version::One, Magic::Pair), (Version::Two, Magic::Single)] {
            for order in [Order::Little, Order::Big] {
                let header = Header {
                    version,
                    order,
                    magic,
                    dim_info: 57,
                    dim: [4, 2, 3, 300, 5, 6, 7, 8],
                    intent_params: [1.5, 2.5, 3.5],
                    intent_code: 1007,
                    datatype: 4,
                    bitpix: 16,
                    slice_start: 1,
                    slice_end: 29,
                    slice_code: 3,
                    slice_duration: 0.5,
                    pixdim: [-1., 0.5, 0.25, 2., 3., 4., 5., 6.],
                    vox_offset: 1008.,
                    scl_slope: 2.,
                    scl_inter: -1024.,
                    xyzt_units: 10,
                    toffset: 8.5,
                    cal_max: 90.25,
                    cal_min: -3.5,
                    descrip: [b'd'; 80],
                    aux_file: [b'a'; 24],
                    intent_name: [b'i'; 16],
                    qform_code: 1,
                    sform_code: 4,
                    quatern: [0.25, -0.5, 0.125],
                    qoffset: [10., 20., -30.],
                    srow: [[1., 2., 3., 4.], [5., 6., 7., 8.], [9., 10., 11., 12.]],
                    originator: [0; 3],
                };
                let bytes = header.encode();
                assert_eq!(Header::parse(&bytes, 0).unwrap(), header);
            }
        }
    }
}
