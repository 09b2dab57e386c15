//! Finds and replaces values that are not finite, and keeps them from spreading.
//!
//! A step that reads neighbours would spread one NaN to all of them, and a recursive filter would spread it to the
//! whole volume. [`Holes`] fills such values from their neighbours during the step, and puts them back afterwards.

use std::fmt;

use revoxel_core::{Dtype, Frame, Volume, VolumeError, Voxel, Voxels, parallel};

/// Values checked in one block.
const BLOCK: usize = 1 << 16;

/// How many values of a volume are NaN or infinite, and where the first one is.
#[derive(Clone, Debug, PartialEq)]
pub struct NonFinite {
    /// How many are NaN.
    pub nan: usize,
    /// How many are infinite.
    pub infinite: usize,
    /// How many values there are.
    pub values: usize,
    /// The first one, in the order of memory.
    pub value: f64,
    /// Its index.
    pub index: [usize; 3],
    /// Its channel, from 0; `None` in a volume of one channel.
    pub channel: Option<usize>,
    /// Its position in RAS+ mm.
    pub place: [f64; 3],
}

impl NonFinite {
    /// How many there are.
    pub const fn count(&self) -> usize {
        self.nan + self.infinite
    }

    /// Checks a volume; `None` if all values are finite. Integer types are not scanned.
    pub fn of(volume: &Volume) -> Option<Self> {
        if all_finite(volume.voxels()) {
            return None;
        }
        Self::of_flags(volume, &flags(volume.voxels(), flag))
    }

    /// Checks for NaN only.
    pub fn nan_of(volume: &Volume) -> Option<Self> {
        if all_finite(volume.voxels()) {
            return None;
        }
        let nan = |v: f64| if v.is_nan() { NAN } else { FINITE };
        Self::of_flags(volume, &flags(volume.voxels(), nan))
    }

    /// Counts the flags of a volume's values.
    fn of_flags(volume: &Volume, flags: &[u8]) -> Option<Self> {
        let first = flags.iter().position(|f| *f != FINITE)?;
        let count = |wanted: fn(u8) -> bool| -> usize {
            let counts = parallel::map(flags.chunks(BLOCK), |flags| flags.iter().filter(|f| wanted(**f)).count());
            counts.into_iter().sum()
        };
        let ([nx, ny, _], size) = (volume.grid().shape(), volume.grid().voxel_count());
        let position = first % size;
        let index = [position % nx, position / nx % ny, position / (nx * ny)];
        Some(Self {
            nan: count(|f| f == NAN),
            infinite: count(|f| f == ABOVE || f == BELOW),
            values: flags.len(),
            value: volume.voxels().get(first),
            index,
            channel: (volume.channels() > 1).then_some(first / size),
            place: volume.grid().affine().apply(index.map(|i| i as f64)),
        })
    }
}

impl fmt::Display for NonFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let point = |p: [f64; 3]| {
            let [x, y, z] = p.map(|v| if v.abs() < 5e-4 { 0.0 } else { v });
            format!("({x:.3}, {y:.3}, {z:.3})")
        };
        let Self { nan, infinite, values, value, index, .. } = self;
        let channel = self.channel.map_or(String::new(), |c| format!(" of channel {c}"));
        let (ras, lps) = (point(self.place), point(Frame::Lps.point_from_ras(self.place)));
        let are = if self.count() == 1 { "is" } else { "are" };
        write!(
            f,
            "{} of {values} values {are} not finite ({nan} NaN, {infinite} infinite); the first, {value}, is at index \
             {index:?}{channel}, RAS {ras}, LPS {lps} mm",
            self.count()
        )
    }
}

/// Whether every value is finite. Integer types are not scanned.
pub fn all_finite(voxels: &Voxels) -> bool {
    // Flags are gathered without a branch, so that the loop is vectorised.
    match voxels {
        Voxels::F32(values) => parallel::all(values.chunks(BLOCK), |block| {
            const EXPONENT: u32 = 0x7f80_0000;
            block.iter().fold(0, |found, v| found | u32::from(v.to_bits() & EXPONENT == EXPONENT)) == 0
        }),
        Voxels::F64(values) => parallel::all(values.chunks(BLOCK), |block| {
            const EXPONENT: u64 = 0x7ff0_0000_0000_0000;
            block.iter().fold(0, |found, v| found | u64::from(v.to_bits() & EXPONENT == EXPONENT)) == 0
        }),
        _ => true,
    }
}

/// The voxels with a number in place of every value that is not finite.
pub fn replaced(voxels: Voxels, number: f64) -> Voxels {
    fn of<T: Voxel>(mut values: Vec<T>, number: f64) -> Vec<T> {
        let number = T::from_f64(number);
        parallel::each(values.chunks_mut(BLOCK), |values| {
            values.iter_mut().filter(|v| !v.to_f64().is_finite()).for_each(|v| *v = number);
        });
        values
    }
    match voxels {
        Voxels::F32(values) => of(values.into_vec(), number).into(),
        Voxels::F64(values) => of(values.into_vec(), number).into(),
        whole => whole,
    }
}

/// The class of a value.
const FINITE: u8 = 0;
const NAN: u8 = 1;
const ABOVE: u8 = 2;
const BELOW: u8 = 3;

fn flag(value: f64) -> u8 {
    match value {
        _ if value.is_finite() => FINITE,
        _ if value.is_nan() => NAN,
        _ if value > 0.0 => ABOVE,
        _ => BELOW,
    }
}

/// The flag of every value. Integer types are not scanned.
fn flags(voxels: &Voxels, flag: impl Fn(f64) -> u8 + Sync) -> Vec<u8> {
    match voxels {
        Voxels::F32(values) => parallel::map_values(values, |v| flag(f64::from(v))),
        Voxels::F64(values) => parallel::map_values(values, flag),
        whole => vec![FINITE; whole.len()],
    }
}

fn value_of(flag: u8) -> f64 {
    match flag {
        ABOVE => f64::INFINITY,
        BELOW => f64::NEG_INFINITY,
        _ => f64::NAN,
    }
}

/// The values of a volume that are not finite.
#[derive(Clone, Debug)]
pub struct Holes {
    flags: Vec<u8>,
    /// Voxels in a channel.
    size: usize,
    facts: NonFinite,
}

impl Holes {
    /// The holes of a volume; `None` if all values are finite.
    pub fn of(volume: &Volume) -> Option<Self> {
        if all_finite(volume.voxels()) {
            return None;
        }
        let flags = flags(volume.voxels(), flag);
        let facts = NonFinite::of_flags(volume, &flags)?;
        Some(Self { flags, size: volume.grid().voxel_count(), facts })
    }

    /// Their number, and where the first one is.
    pub const fn facts(&self) -> &NonFinite {
        &self.facts
    }

    /// The volume with numbers in the holes: interpolated along axis 0 between the closest finite values on both
    /// sides. Rows without a finite value are copied from the closest row that has one, planes from the closest plane,
    /// else they are 0.
    ///
    /// # Errors
    /// Never for the volume of these holes.
    pub fn filled(&self, volume: Volume) -> Result<Volume, VolumeError> {
        let (grid, kind, channels) = (*volume.grid(), volume.kind(), volume.channels());
        let voxels = match volume.into_voxels() {
            Voxels::F32(values) => filled(values.into_vec(), &self.flags, grid.shape()).into(),
            Voxels::F64(values) => filled(values.into_vec(), &self.flags, grid.shape()).into(),
            whole => whole,
        };
        Volume::new(voxels, grid, kind, channels)
    }

    /// The volume with the original values put back into the holes. If its number of channels has changed, every voxel
    /// that was a hole in any channel becomes NaN.
    ///
    /// # Errors
    /// Never for a volume on the same grid.
    pub fn put_back(&self, volume: Volume) -> Result<Volume, VolumeError> {
        fn put<T: Voxel>(mut values: Vec<T>, holes: &Holes) -> Vec<T> {
            let flags = holes.flags_of(values.len());
            parallel::each(values.chunks_mut(BLOCK).zip(flags.chunks(BLOCK)), |(values, flags)| {
                for (value, flag) in values.iter_mut().zip(flags).filter(|(_, flag)| **flag != FINITE) {
                    *value = T::from_f64(value_of(*flag));
                }
            });
            values
        }
        let (grid, kind, channels) = (*volume.grid(), volume.kind(), volume.channels());
        let voxels = match volume.into_voxels() {
            Voxels::F32(values) => put(values.into_vec(), self).into(),
            Voxels::F64(values) => put(values.into_vec(), self).into(),
            whole => whole,
        };
        Volume::new(voxels, grid, kind, channels)
    }

    /// The values of a later volume on the same grid that are not finite and lie outside these holes.
    pub fn beyond(&self, volume: &Volume) -> Option<NonFinite> {
        let voxels = volume.voxels();
        if all_finite(voxels) {
            return None;
        }
        let mut flags = flags(voxels, flag);
        let own = self.flags_of(flags.len());
        parallel::each(flags.chunks_mut(BLOCK).zip(own.chunks(BLOCK)), |(flags, own)| {
            flags.iter_mut().zip(own).filter(|(_, own)| **own != FINITE).for_each(|(flag, _)| *flag = FINITE);
        });
        NonFinite::of_flags(volume, &flags)
    }

    /// A mask on the grid of the volume, with as many channels: 1 in the holes, else 0.
    pub fn mask(&self) -> Vec<u8> {
        parallel::map_values(&self.flags, |f| u8::from(f != FINITE))
    }

    /// The flags of a volume with so many values: these, or, if channels were added or dropped, NaN for all channels.
    fn flags_of(&self, values: usize) -> std::borrow::Cow<'_, [u8]> {
        if values == self.flags.len() {
            return (&self.flags[..]).into();
        }
        let mut any = vec![FINITE; self.size];
        for channel in self.flags.chunks(self.size) {
            any.iter_mut().zip(channel).filter(|(_, f)| **f != FINITE).for_each(|(any, _)| *any = NAN);
        }
        any.repeat(values / self.size.max(1)).into()
    }
}

fn filled<T: Voxel>(mut values: Vec<T>, flags: &[u8], [nx, ny, nz]: [usize; 3]) -> Vec<T> {
    let length = nx * parallel::together(nx);
    let rows = parallel::map(values.chunks_mut(length).zip(flags.chunks(length)), |(rows, flags)| {
        rows.chunks_mut(nx).zip(flags.chunks(nx)).map(|(row, flags)| fill_row(row, flags)).collect::<Vec<bool>>()
    });
    let rows = rows.concat();
    for (channel, rows) in values.chunks_mut(nx * ny * nz).zip(rows.chunks(ny * nz)) {
        if rows.iter().all(|some| *some) {
            continue;
        }
        let planes: Vec<bool> = channel
            .chunks_mut(nx * ny)
            .zip(rows.chunks(ny))
            .map(|(plane, rows)| copy_closest(plane, nx, rows))
            .collect();
        if !copy_closest(channel, nx * ny, &planes) {
            channel.fill(T::from_f64(0.0));
        }
    }
    values
}

/// Fills the holes of a row; returns whether it has a finite value.
fn fill_row<T: Voxel>(row: &mut [T], flags: &[u8]) -> bool {
    let mut last: Option<usize> = None;
    for i in 0..row.len() {
        if flags[i] != FINITE {
            continue;
        }
        match last {
            None => {
                let value = row[i];
                row[..i].fill(value);
            }
            Some(before) => {
                let (low, high, gap) = (row[before].to_f64(), row[i].to_f64(), (i - before) as f64);
                for (k, value) in row[before + 1..i].iter_mut().enumerate() {
                    let share = (k + 1) as f64 / gap;
                    *value = T::from_f64(low * (1.0 - share) + high * share);
                }
            }
        }
        last = Some(i);
    }
    let Some(last) = last else { return false };
    let value = row[last];
    row[last + 1..].fill(value);
    true
}

/// Copies the closest part with values to each part without; returns whether there is one.
fn copy_closest<T: Copy>(parts: &mut [T], length: usize, some: &[bool]) -> bool {
    for (i, has) in some.iter().enumerate().filter(|(_, has)| !**has) {
        debug_assert!(!has);
        let closest = (0..some.len()).filter(|j| some[*j]).min_by_key(|j| i.abs_diff(*j));
        let Some(from) = closest else { return false };
        parts.copy_within(from * length..(from + 1) * length, i * length);
    }
    some.iter().any(|has| *has)
}

/// Puts NaN where the resampled mask is above rounding noise.
pub(crate) fn mark<T: Voxel>(reached: &[f32], values: &mut [T]) {
    let nan = T::from_f64(f64::NAN);
    parallel::each(values.chunks_mut(BLOCK).zip(reached.chunks(BLOCK)), |(values, reached)| {
        for (value, reached) in values.iter_mut().zip(reached) {
            if *reached > 1e-6 {
                *value = nan;
            }
        }
    });
}

/// Whether a type can hold values that are not finite.
pub(crate) const fn may_have_holes(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::F32 | Dtype::F64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::{Affine, Grid, Kind};

    const NONE: f32 = f32::NAN;
    const MORE: f32 = f32::INFINITY;

    fn volume(values: Vec<f32>, shape: [usize; 3], channels: usize) -> Volume {
        let affine = Affine::from_rows([[0.0, -2.0, 0.0, 5.0], [1.5, 0.0, 0.0, -4.0], [0.0, 0.3, 3.0, 1.0]]);
        Volume::new(values.into(), Grid::new(shape, affine).unwrap(), Kind::Image, channels).unwrap()
    }

    #[test]
    fn the_first_is_found_with_its_place_on_an_oblique_grid() {
        for at in 0..12 {
            for bad in [NONE, MORE, -MORE] {
                let mut values = vec![1.0f32; 24];
                (values[12 + at], values[23]) = (bad, -MORE);
                let found = NonFinite::of(&volume(values.clone(), [3, 2, 2], 2)).unwrap();
                let nan = usize::from(bad.is_nan() && at < 11);
                let all = if at == 11 { 1 } else { 2 };
                assert_eq!((found.nan, found.infinite, found.values), (nan, all - nan, 24));
                assert_eq!((found.index, found.channel), ([at % 3, at / 3 % 2, at / 6], Some(1)));
                let [i, j, k] = found.index.map(|i| i as f64);
                let place = [5.0 - 2.0 * j, 1.5 * i - 4.0, 1.0 + 0.3 * j + 3.0 * k];
                assert!((0..3).all(|a| (found.place[a] - place[a]).abs() < 1e-12), "{found}");
                let wide = volume(values, [3, 2, 2], 2).cast(Dtype::F64);
                assert_eq!(NonFinite::of(&wide).unwrap().index, found.index);
            }
        }
        let one = volume(vec![1.0, NONE, 2.0], [3, 1, 1], 1);
        let text = NonFinite::of(&one).unwrap().to_string();
        let expected = "1 of 3 values is not finite (1 NaN, 0 infinite); the first, NaN, is at index [1, 0, 0], RAS \
                        (5.000, -2.500, 1.000), LPS (-5.000, 2.500, 1.000) mm";
        assert_eq!(text, expected);
        assert_eq!(NonFinite::of(&volume(vec![1.0, f32::MAX, f32::MIN], [3, 1, 1], 1)), None);
        assert!(all_finite(&vec![1i64, i64::MAX].into()));
    }

    #[test]
    fn every_place_of_a_long_buffer_is_looked_at() {
        let mut values = vec![0.5f64; 3 * BLOCK + 7];
        for at in [0, 1, BLOCK - 1, BLOCK, 2 * BLOCK + 5, 3 * BLOCK + 6] {
            for bad in [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                values[at] = bad;
                assert!(!all_finite(&values.clone().into()), "{at}");
                assert!(!all_finite(&Voxels::from(values.clone()).cast(Dtype::F32)), "{at}");
                values[at] = 0.5;
            }
        }
        assert!(all_finite(&values.into()));
    }

    #[test]
    fn holes_are_filled_from_their_neighbours_and_put_back() {
        let t = |values: Vec<f32>, shape: [usize; 3], expected: Vec<f32>| {
            let volume = volume(values.clone(), shape, 1);
            let holes = Holes::of(&volume).unwrap();
            let filled = holes.filled(volume).unwrap();
            assert_eq!(filled.voxels(), &Voxels::from(expected));
            let back = holes.put_back(filled).unwrap();
            let bits = |v: &Voxels| (0..v.len()).map(|i| v.get(i).to_string()).collect::<Vec<_>>();
            assert_eq!(bits(back.voxels()), bits(&values.into()));
        };
        t(vec![NONE, 2.0, MORE, NONE, 5.0, -MORE], [6, 1, 1], vec![2.0, 2.0, 3.0, 4.0, 5.0, 5.0]);
        t(vec![NONE, NONE, 7.0, MORE, NONE, NONE], [2, 3, 1], vec![7.0; 6]);
        t(vec![1.0, 2.0, NONE, NONE, NONE, NONE, 9.0, 8.0], [2, 1, 4], vec![1.0, 2.0, 1.0, 2.0, 9.0, 8.0, 9.0, 8.0]);
        t(vec![NONE, MORE], [1, 2, 1], vec![0.0, 0.0]);
    }

    #[test]
    fn holes_know_what_lies_beyond_them_whatever_the_channels() {
        let holes = Holes::of(&volume(vec![1.0, NONE, 2.0, 3.0, 4.0, MORE], [3, 1, 1], 2)).unwrap();
        assert_eq!(holes.mask(), [0, 1, 0, 0, 0, 1]);
        assert_eq!(holes.beyond(&volume(vec![1.0, MORE, 2.0, 3.0, 4.0, 5.0], [3, 1, 1], 2)), None);
        let beyond = holes.beyond(&volume(vec![1.0, MORE, 2.0, 3.0, NONE, 5.0], [3, 1, 1], 2)).unwrap();
        assert_eq!((beyond.count(), beyond.index, beyond.channel), (1, [1, 0, 0], Some(1)));
        assert_eq!(holes.beyond(&volume(vec![1.0, NONE, NONE], [3, 1, 1], 1)), None);
        let one = holes.put_back(volume(vec![1.0, 2.0, 3.0], [3, 1, 1], 1)).unwrap();
        assert!(one.value([0, 0, 0], 0) == 1.0 && [1, 2].iter().all(|i| one.value([*i, 0, 0], 0).is_nan()));
    }

    #[test]
    fn a_number_replaces_all() {
        let values = replaced(vec![NONE, 1.0, MORE, -MORE].into(), -7.5);
        assert_eq!(values, vec![-7.5f32, 1.0, -7.5, -7.5].into());
        assert_eq!(replaced(vec![3u8].into(), 1.0), vec![3u8].into());
    }
}
