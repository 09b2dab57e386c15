//! Converts the bytes of a frame to the values of the volume.

use revoxel_core::Voxel;

use super::format::{Number, Photometric, PixelFormat};
use super::table::Table;

/// The integer of some stored bits.
#[inline(always)]
fn integer(raw: u32, format: &PixelFormat, signed: bool) -> i32 {
    let unused = 32 - format.stored;
    let top = (raw >> format.shift) << unused;
    if signed { (top as i32) >> unused } else { (top >> unused) as i32 }
}

/// Calls `to` with every sample of up to 16 bits, in the order of the file.
#[inline(always)]
fn each_small(raw: &[u8], big_endian: bool, format: &PixelFormat, signed: bool, mut to: impl FnMut(usize, i32)) {
    match (format.sample_bytes(), big_endian) {
        (1, _) => raw.iter().enumerate().for_each(|(i, b)| to(i, integer(u32::from(*b), format, signed))),
        (_, false) => raw
            .chunks_exact(2)
            .enumerate()
            .for_each(|(i, c)| to(i, integer(u32::from(u16::from_le_bytes([c[0], c[1]])), format, signed))),
        (_, true) => raw
            .chunks_exact(2)
            .enumerate()
            .for_each(|(i, c)| to(i, integer(u32::from(u16::from_be_bytes([c[0], c[1]])), format, signed))),
    }
}

/// Adds the intercept to samples that are already in place, as in the file. Returns whether all fit.
pub(super) fn in_place(values: &mut [i16], big_endian: bool, format: &PixelFormat, intercept: i32) -> bool {
    let signed = matches!(format.number, Number::Int { signed: true, .. });
    let swapped = big_endian != cfg!(target_endian = "big");
    let mut low = i32::MAX;
    let mut high = i32::MIN;
    let mut one = |v: &mut i16, stored: i32| {
        let value = stored.saturating_add(intercept);
        low = low.min(value);
        high = high.max(value);
        *v = value as i16;
    };
    match (signed, format.stored == 16, swapped) {
        (true, true, false) => values.iter_mut().for_each(|v| one(v, i32::from(*v))),
        (false, true, false) => values.iter_mut().for_each(|v| one(v, i32::from(*v as u16))),
        (_, _, false) => values.iter_mut().for_each(|v| one(v, integer(u32::from(*v as u16), format, signed))),
        _ => values.iter_mut().for_each(|v| {
            let raw = u32::from((*v as u16).swap_bytes());
            one(v, integer(raw, format, signed));
        }),
    }
    low >= i32::from(i16::MIN) && high <= i32::from(i16::MAX)
}

/// As [`in_place`], from bytes of 8 or 16 bits.
pub(super) fn to_i16(raw: &[u8], big_endian: bool, format: &PixelFormat, intercept: i32, to: &mut [i16]) -> bool {
    let signed = matches!(format.number, Number::Int { signed: true, .. });
    let mut fits = true;
    each_small(raw, big_endian, format, signed, |i, stored| {
        let value = stored.saturating_add(intercept);
        fits &= i16::try_from(value).is_ok();
        to[i] = value as i16;
    });
    fits
}

/// Rescales in f64.
pub(super) fn to_real<T: Voxel>(
    raw: &[u8],
    big_endian: bool,
    format: &PixelFormat,
    (slope, intercept): (f64, f64),
    to: &mut [T],
) {
    let scale = |v: f64| T::from_f64(v * slope + intercept);
    macro_rules! wide {
        ($type:ty, $value:expr) => {
            to.iter_mut().zip(raw.chunks_exact(size_of::<$type>())).for_each(|(to, c)| {
                let mut bytes = [0; size_of::<$type>()];
                bytes.copy_from_slice(c);
                let number = if big_endian { <$type>::from_be_bytes(bytes) } else { <$type>::from_le_bytes(bytes) };
                let value: fn($type, &PixelFormat) -> f64 = $value;
                *to = scale(value(number, format));
            })
        };
    }
    match format.number {
        Number::F32 => wide!(f32, |v, _| f64::from(v)),
        Number::F64 => wide!(f64, |v, _| v),
        Number::Int { bits: 32, signed: true } => wide!(u32, |v, f| f64::from(integer(v, f, true))),
        Number::Int { bits: 32, signed: false } => wide!(u32, |v, f| f64::from(integer(v, f, false) as u32)),
        Number::Int { signed, .. } => {
            each_small(raw, big_endian, format, signed, |i, stored| to[i] = scale(f64::from(stored)));
        }
    }
}

/// Values of a look-up table.
pub(super) fn through<T: Voxel>(raw: &[u8], big_endian: bool, format: &PixelFormat, table: &Table, to: &mut [T]) {
    let signed = matches!(format.number, Number::Int { signed: true, .. });
    each_small(raw, big_endian, format, signed, |i, stored| to[i] = T::from_f64(f64::from(table.value(stored))));
}

/// Gives both of two neighbouring pixels their shared colour differences.
///
/// ```text
/// Y Y Cb Cr …   →   Y Cb Cr Y Cb Cr …
/// ```
pub(super) fn unshare(pairs: &[u8], sample: usize, to: &mut Vec<u8>) {
    to.clear();
    for pair in pairs.chunks_exact(4 * sample) {
        let (luminance, differences) = pair.split_at(2 * sample);
        for one in luminance.chunks_exact(sample) {
            to.extend_from_slice(one);
            to.extend_from_slice(differences);
        }
    }
}

/// Separates colours into three planes and, if required, converts luminance and colour differences to red, green and
/// blue.
///
/// ```text
/// r g b r g b …   or   r r … g g … b b …   →   red plane, green plane, blue plane
/// ```
pub(super) fn to_colours<T: Voxel>(
    raw: &[u8],
    big_endian: bool,
    planar: bool,
    convert: bool,
    format: &PixelFormat,
    planes: [&mut [T]; 3],
) {
    let count = format.plane();
    let [red, green, blue] = planes;
    let size = format.sample_bytes();
    let sample = |pixel: usize, component: usize| {
        let at = size * if planar { component * count + pixel } else { 3 * pixel + component };
        let raw = match (size, big_endian) {
            (1, _) => u32::from(raw[at]),
            (_, false) => u32::from(u16::from_le_bytes([raw[at], raw[at + 1]])),
            (_, true) => u32::from(u16::from_be_bytes([raw[at], raw[at + 1]])),
        };
        f64::from(integer(raw, format, false))
    };
    let half = f64::from(1u32 << (format.stored - 1));
    let most = 2.0 * half - 1.0;
    for pixel in 0..count {
        let [a, b, c] = [0, 1, 2].map(|component| sample(pixel, component));
        let colour = match format.photometric {
            // ITU-R BT.601 over the full range (DICOM PS3.3 C.7.6.3.1.2).
            Photometric::Ybr if convert => {
                let (b, c) = (b - half, c - half);
                [a + 1.402 * c, a - 0.344_136 * b - 0.714_136 * c, a + 1.772 * b].map(|v| v.clamp(0.0, most))
            }
            _ => [a, b, c],
        };
        [red[pixel], green[pixel], blue[pixel]] = colour.map(T::from_f64);
    }
}
