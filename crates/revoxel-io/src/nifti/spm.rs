//! The `.mat` file that SPM writes beside an Analyze pair: MATLAB 4 or 5, with the affine as `mat`, or as `M`.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use flate2::read::ZlibDecoder;
use revoxel_core::Affine;

/// The maximum size of such a file in bytes.
const MOST_BYTES: u64 = 1 << 20;
/// The maximum nesting of elements.
const MOST_DEPTH: usize = 2;

/// A matrix of 4 × 4, in rows.
type Matrix = [[f64; 4]; 4];

/// The affine from voxel index to RAS+ mm in a file. `Err(None)` if there is no such file, else what is wrong with it.
pub(super) fn affine(path: &Path) -> Result<Affine, Option<&'static str>> {
    let is_file = fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    let file = is_file.then(|| File::open(path).ok()).flatten().ok_or(None)?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes).map_err(|_| Some("it cannot be read"))?;
    of(&bytes).map_err(Some)
}

fn of(bytes: &[u8]) -> Result<Affine, &'static str> {
    let mut found = Found::default();
    match bytes.get(124..128) {
        Some([_, 1, b'I', b'M']) => found.elements(bytes.get(128..).unwrap_or_default(), true, 0),
        Some([1, _, b'M', b'I']) => found.elements(bytes.get(128..).unwrap_or_default(), false, 0),
        _ => found.old(bytes),
    };
    // `mat` is in RAS; `M` is of the time when SPM had x to the left.
    let matrix = match (found.mat, found.m) {
        (Some(mat), _) => mat,
        (None, Some([x, rest @ ..])) => {
            let [y, z, w] = rest;
            [x.map(|v| 0.0 - v), y, z, w]
        }
        (None, None) => return Err("not a MATLAB file with a 4 × 4 matrix named mat or M"),
    };
    let [x, y, z, last] = matrix;
    if last != [0.0, 0.0, 0.0, 1.0] {
        return Err("the last row of its matrix is not 0 0 0 1");
    }
    // MATLAB counts voxels from 1.
    let from_zero = [x, y, z].map(|[a, b, c, d]| [a, b, c, a + b + c + d]);
    let affine = Affine::from_rows(from_zero);
    match affine.inverse().is_some_and(|inverse| inverse.is_finite()) {
        true => Ok(affine),
        false => Err("its matrix is singular"),
    }
}

/// The matrices of a file.
#[derive(Default)]
struct Found {
    mat: Option<Matrix>,
    m: Option<Matrix>,
}

impl Found {
    /// Keeps a matrix stored column by column; of several consecutive matrices, the first.
    fn keep(&mut self, name: &[u8], rows: usize, values: &[f64]) {
        let slot = match name {
            b"mat" => &mut self.mat,
            b"M" => &mut self.m,
            _ => return,
        };
        if rows == 4 && values.len() >= 16 && slot.is_none() {
            *slot = Some([0, 1, 2, 3].map(|row| [0, 1, 2, 3].map(|column| values[4 * column + row])));
        }
    }

    /// Matrices of MATLAB 4: five numbers (type, rows, columns, complex flag, length of the name), name, values.
    fn old(&mut self, mut bytes: &[u8]) {
        while bytes.len() > 20 {
            let little = bytes[..4].iter().rev().fold(0u32, |n, b| n << 8 | u32::from(*b)) < 5000;
            let order = Bytes { little };
            let head: Vec<usize> = bytes[..20].chunks_exact(4).map(|b| order.whole(b) as usize).collect();
            let &[kind, rows, columns, complex, name_length] = &head[..] else { return };
            let size = match kind / 10 % 10 {
                0 => 8,
                1 | 2 => 4,
                3 | 4 => 2,
                5 => 1,
                _ => return,
            };
            // Full matrices of numbers, in an order that is known.
            let known = kind % 10 <= 1 && kind / 1000 <= 1 && complex <= 1;
            let count = rows.checked_mul(columns).and_then(|n| n.checked_mul(size * (1 + complex)));
            let values_at = name_length.checked_add(20);
            let end = count.zip(values_at).and_then(|(count, at)| at.checked_add(count));
            let (Some(at), Some(end), true) = (values_at, end, known) else { return };
            let Some(values) = bytes.get(at..end) else { return };
            let name = bytes[20..at].split(|b| *b == 0).next().unwrap_or_default();
            if kind % 100 == 0 && complex == 0 {
                let values: Vec<f64> = values.chunks_exact(8).map(|b| f64::from_bits(order.whole(b))).collect();
                self.keep(name, rows, if columns == 4 { &values } else { &[] });
            }
            bytes = &bytes[end..];
        }
    }

    /// Elements of MATLAB 5: a type, a length, and content.
    fn elements(&mut self, mut bytes: &[u8], little: bool, depth: usize) {
        let order = Bytes { little };
        while let Some((kind, content, rest)) = order.element(bytes) {
            match kind {
                14 => self.array(content, &order),
                15 if depth < MOST_DEPTH => {
                    let mut inside = Vec::new();
                    // What is damaged holds as much as could be decoded.
                    let _ = ZlibDecoder::new(content).take(MOST_BYTES).read_to_end(&mut inside);
                    self.elements(&inside, little, depth + 1);
                }
                _ => {}
            }
            bytes = rest;
        }
    }

    /// An array of MATLAB 5: flags, sizes, name, values, each an element.
    fn array(&mut self, bytes: &[u8], order: &Bytes) {
        let parts = || {
            let (_, flags, rest) = order.element(bytes)?;
            let (_, sizes, rest) = order.element(rest)?;
            let (_, name, rest) = order.element(rest)?;
            let (kind, values, _) = order.element(rest)?;
            // Full arrays of numbers that are not complex.
            let flags = order.whole(flags.get(..4)?);
            let plain = (6..=15).contains(&(flags & 255)) && flags & 0x800 == 0;
            let sizes: Vec<u64> = sizes.chunks_exact(4).map(|b| order.whole(b)).collect();
            (plain && sizes.starts_with(&[4, 4])).then(|| (name, order.numbers(kind, values)))
        };
        if let Some((name, Some(values))) = parts() {
            self.keep(name, 4, &values);
        }
    }
}

/// Numbers in a byte order.
struct Bytes {
    little: bool,
}

impl Bytes {
    /// A whole number of up to eight bytes.
    fn whole(&self, bytes: &[u8]) -> u64 {
        let add = |n: u64, b: &u8| n << 8 | u64::from(*b);
        if self.little { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) }
    }

    /// The type and the content of the first element, and what follows it. Short ones have both in four bytes.
    fn element<'a>(&self, bytes: &'a [u8]) -> Option<(u64, &'a [u8], &'a [u8])> {
        let first = self.whole(bytes.get(..4)?);
        if first >> 16 != 0 {
            let content = bytes.get(4..8)?.get(..(first >> 16) as usize)?;
            return Some((first & 0xffff, content, &bytes[8..]));
        }
        let length = usize::try_from(self.whole(bytes.get(4..8)?)).ok()?;
        let content = bytes.get(8..length.checked_add(8)?)?;
        // Compressed elements are not padded.
        let padded = if first == 15 { length } else { length.checked_next_multiple_of(8)? };
        Some((first, content, bytes.get(padded.saturating_add(8)..).unwrap_or_default()))
    }

    /// The values of an element: numbers of a type that may be narrower than the array's.
    fn numbers(&self, kind: u64, bytes: &[u8]) -> Option<Vec<f64>> {
        let each = |size: usize, of: &dyn Fn(u64) -> f64| bytes.chunks_exact(size).map(|b| of(self.whole(b))).collect();
        Some(match kind {
            1 => each(1, &|n| f64::from(n as u8 as i8)),
            2 => each(1, &|n| f64::from(n as u8)),
            3 => each(2, &|n| f64::from(n as u16 as i16)),
            4 => each(2, &|n| f64::from(n as u16)),
            5 => each(4, &|n| f64::from(n as u32 as i32)),
            6 => each(4, &|n| f64::from(n as u32)),
            7 => each(4, &|n| f64::from(f32::from_bits(n as u32))),
            9 => each(8, &f64::from_bits),
            _ => return None,
        })
    }
}
