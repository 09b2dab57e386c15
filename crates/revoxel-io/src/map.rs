//! Files mapped into memory, whose voxels are used in place, and memory for decoded values.
//!
//! The only place with `unsafe` outside the kernels, because other programs may change a mapped file. If somebody
//! overwrites it meanwhile, some voxels are new and some are old, as with reading. If somebody makes it shorter, the
//! system ends the program. Our own files are never the cause, because they are written under another name and
//! renamed.

use std::cell::Cell;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use revoxel_core::{Buffer, Voxel, parallel};

/// Files of at least this size are mapped; reading smaller ones is faster.
const LEAST_BYTES: usize = 1 << 20;
/// Maps up to this size are filled at once.
#[cfg(target_os = "linux")]
const MOST_AT_HAND: usize = 1 << 30;
/// Bytes that one thread fills at a time; a multiple of every page size.
#[cfg(target_os = "linux")]
const CHUNK: usize = 8 << 20;

thread_local! {
    /// Whether maps of this thread are left as they are.
    static LAZY: Cell<bool> = const { Cell::new(false) };
}

/// Reads on this thread, where maps are not filled at once if `lazy` says so.
pub(crate) fn lazily<R>(lazy: bool, read: impl FnOnce() -> R) -> R {
    let before = LAZY.replace(lazy);
    let done = read();
    LAZY.set(before);
    done
}

/// `count` values from a position in a file, mapped. `None` if that is impossible or not worthwhile: the caller then
/// reads them.
pub(crate) fn values<T: Voxel>(file: &File, offset: u64, count: usize) -> Option<Buffer<T>> {
    // Elsewhere a file that is mapped cannot be replaced, and an output may have the name of an input.
    if !cfg!(unix) || count.checked_mul(size_of::<T>())? < LEAST_BYTES {
        return None;
    }
    // SAFETY: the map is only read. Others may write to the file meanwhile; every bit pattern is a value of `T`.
    #[expect(unsafe_code, reason = "there is no safe way to map a file")]
    let map = unsafe { memmap2::Mmap::map(file) }.ok()?;
    #[cfg(unix)]
    if !LAZY.get() {
        prepare(&map);
    }
    Buffer::shared(Arc::new(map), usize::try_from(offset).ok()?, count)
}

/// Loads the pages before they are used: loading them one by one costs five times as much. Very large files are only
/// announced to the system, because they may not fit into memory.
#[cfg(unix)]
fn prepare(map: &memmap2::Mmap) {
    // Both are advice: where the system does not take it, pages come when they are looked at.
    #[cfg(target_os = "linux")]
    if map.len() <= MOST_AT_HAND {
        let _ = parallel::try_each(0..map.len().div_ceil(CHUNK), |chunk| {
            let start = chunk * CHUNK;
            map.advise_range(memmap2::Advice::PopulateRead, start, CHUNK.min(map.len() - start))
        });
        return;
    }
    let _ = map.advise(memmap2::Advice::WillNeed);
}

/// Memory for decoded bytes, in the largest pages of the system: one of 2 MiB costs less than ten of 4 KiB.
pub(crate) struct Fresh {
    map: memmap2::MmapMut,
    /// Where the bytes lie in the map: it is larger, so that they can begin where a large page does.
    range: Range<usize>,
}

impl Fresh {
    /// Zeros. `None` if so few are requested that it is not worthwhile, or if there is no memory. With `at_hand`,
    /// every page is touched now. Without it, only written pages are, for a length that a file merely claims.
    pub(crate) fn new(length: usize, at_hand: bool) -> Option<Self> {
        const PAGE: usize = 4 << 10;
        const LARGE: usize = 2 << 20;
        if length < LEAST_BYTES {
            return None;
        }
        // Pages that nobody touches cost nothing.
        let map = memmap2::MmapMut::map_anon(length.checked_add(2 * LARGE)?).ok()?;
        let start = map.as_ptr().align_offset(LARGE);
        let mut fresh = Self { map, range: start..start + length };
        // A last page that would be mostly empty is left to small ones.
        #[cfg(target_os = "linux")]
        let _ = fresh.map.advise_range(memmap2::Advice::HugePage, start, (length + LARGE / 2) / LARGE * LARGE);
        if at_hand {
            // One thread that fills it later would wait for every page.
            parallel::each(fresh.bytes().chunks_mut(2 * LARGE), |part| {
                part.iter_mut().step_by(PAGE).for_each(|b| *b = 0)
            });
        }
        Some(fresh)
    }

    /// The bytes to fill.
    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        &mut self.map[self.range.clone()]
    }

    /// `count` values from byte `offset` on.
    pub(crate) fn values<T: Voxel>(mut self, offset: usize, count: usize) -> Option<Buffer<T>> {
        let mut start = self.range.start.checked_add(offset)?;
        if !offset.is_multiple_of(size_of::<T>()) {
            self.map.copy_within(start..self.range.end, self.range.start);
            start = self.range.start;
        }
        Buffer::shared(Arc::new(self.map.make_read_only().ok()?), start, count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn values_are_used_in_place() {
        let numbers: Vec<i16> = (0..600_000).map(|i| (i * 7 % 30_011) as i16).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[9; 352]).unwrap();
        file.write_all(bytemuck::cast_slice(&numbers)).unwrap();
        let mapped = values::<i16>(&file, 352, numbers.len());
        if cfg!(unix) {
            let mapped = mapped.unwrap();
            assert!(mapped.is_shared());
            assert_eq!(mapped.into_vec(), numbers);
        }
        assert!(values::<i16>(&file, 353, numbers.len() - 1).is_none(), "not aligned");
        assert!(values::<i16>(&file, 354, numbers.len()).is_none(), "too short");
        assert!(values::<i16>(&file, 352, 100).is_none(), "too little");
        assert!(values::<i16>(&file, 352, usize::MAX).is_none());
    }

    #[test]
    fn fresh_memory_holds_what_is_written_into_it() {
        for offset in [0, 352, 353] {
            let mut fresh = Fresh::new(offset + 1_200_000, offset > 0).unwrap();
            let numbers: Vec<i16> = (0..600_000).map(|i| (i * 7 % 30_011) as i16).collect();
            fresh.bytes()[offset..].copy_from_slice(bytemuck::cast_slice(&numbers));
            assert!(fresh.values::<i16>(offset, 600_000).unwrap().into_vec() == numbers, "{offset}");
        }
        assert!(Fresh::new(1000, true).is_none());
    }

    #[test]
    #[cfg(unix)]
    fn raw_voxels_of_every_format_are_mapped_and_stay_as_they_were() {
        use revoxel_core::{Kind, dispatch, testing::Draw};

        use crate::npy::{Tensor, read_npy, write_npy};
        use crate::{Facts, read, write};

        let folder = tempfile::tempdir().unwrap();
        let affine = *Draw::new(3).grid(9).affine();
        let grid = crate::nifti::stored_grid(&revoxel_core::Grid::new([97, 83, 71], affine).unwrap());
        let count = grid.voxel_count();
        let values: Vec<i16> = (0..count).map(|i| (i * 31 % 65_521) as i16).collect();
        assert!(2 * count > LEAST_BYTES, "{count}");
        let volume = revoxel_core::Volume::new(values.clone().into(), grid, Kind::Image, 1).unwrap();
        // Decoded values are shared too: they lie in memory of their own behind the header.
        for name in ["a.nii", "a.hdr", "a.nii.gz"] {
            let path = folder.path().join(name);
            write(&path, &volume, &Facts::default()).unwrap();
            let voxels = read(&path, Kind::Image).unwrap().volume.into_voxels();
            assert!(voxels.is_shared() && &voxels == volume.voxels(), "{name}");
            // Writing to the values does not write to the file, and the file can be replaced meanwhile.
            let mut changed = voxels.clone();
            dispatch!(&mut changed, v => v.iter_mut().for_each(|x| *x = Default::default()));
            write(&path, &volume.clone().with_voxels(changed).unwrap(), &Facts::default()).unwrap();
            assert!(&voxels == volume.voxels(), "{name}");
            assert_eq!(read(&path, Kind::Image).unwrap().volume.voxels().min_max(), Some((0.0, 0.0)), "{name}");
        }
        std::fs::write(folder.path().join("a.raw"), bytemuck::cast_slice(&values)).unwrap();
        let nrrd =
            "NRRD0004\ntype: short\ndimension: 3\nsizes: 97 83 71\nencoding: raw\nendian: little\ndata file: a.raw\n";
        let meta =
            "ObjectType = Image\nNDims = 3\nDimSize = 97 83 71\nElementType = MET_SHORT\nElementDataFile = a.raw\n";
        for (name, header) in [("a.nhdr", nrrd), ("a.mhd", meta)] {
            std::fs::write(folder.path().join(name), header).unwrap();
            let voxels = read(folder.path().join(name), Kind::Image).unwrap().volume.into_voxels();
            assert!(voxels.is_shared() && &voxels == volume.voxels(), "{name}");
        }
        let path = folder.path().join("a.npy");
        write_npy(&path, &Tensor { shape: vec![count], voxels: values.into() }).unwrap();
        let tensor = read_npy(&path, &Default::default()).unwrap();
        assert!(tensor.voxels.is_shared() && &tensor.voxels == volume.voxels());
    }
}
