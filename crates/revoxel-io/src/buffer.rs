//! Typed buffers filled straight from files.

use std::fs::File;
use std::io::{self, Read};

use revoxel_core::{Buffer, Voxel};

use crate::map;

/// A buffer of zeros, or `None` if there is no memory for it.
pub(crate) fn zeroed<T: Voxel>(count: usize) -> Option<Vec<T>> {
    // Asks the system for zeroed pages: nothing is touched before it is filled.
    bytemuck::allocation::try_zeroed_slice_box(count).ok().map(<[T]>::into_vec)
}

/// Values at a position in a file whose length was checked: mapped if possible, else read.
pub(crate) fn map_or_read<T: Voxel>(from: &File, offset: u64, count: usize) -> io::Result<Buffer<T>> {
    map::values(from, offset, count).map_or_else(|| read_at(from, offset, count).map(Buffer::from), Ok)
}

/// Reads values from a position in a file whose length was checked, in parallel: most of the time is spent on touching
/// new memory.
#[cfg(unix)]
pub(crate) fn read_at<T: Voxel>(from: &File, offset: u64, count: usize) -> io::Result<Vec<T>> {
    use revoxel_core::parallel;
    use std::os::unix::fs::FileExt;

    const CHUNK: usize = 4 << 20;
    let mut buffer: Vec<T> = zeroed(count).ok_or(io::ErrorKind::OutOfMemory)?;
    fn fill(bytes: &mut [u8], from: &File, offset: u64) -> io::Result<()> {
        let read = |(i, chunk): (usize, &mut [u8])| from.read_exact_at(chunk, offset + (i * CHUNK) as u64);
        parallel::try_each(bytes.chunks_mut(CHUNK).enumerate(), read)
    }
    fill(bytemuck::cast_slice_mut(&mut buffer), from, offset)?;
    Ok(buffer)
}

/// Reads values from a position in a file whose length was checked.
#[cfg(not(unix))]
pub(crate) fn read_at<T: Voxel>(mut from: &File, offset: u64, count: usize) -> io::Result<Vec<T>> {
    use std::io::{Seek, SeekFrom};

    from.seek(SeekFrom::Start(offset))?;
    read_all(&mut from, count)
}

/// Fills a buffer whose length was checked against the file's.
pub(crate) fn read_all<T: Voxel>(from: &mut impl Read, count: usize) -> io::Result<Vec<T>> {
    let mut buffer = zeroed(count).ok_or(io::ErrorKind::OutOfMemory)?;
    from.read_exact(bytemuck::cast_slice_mut(&mut buffer))?;
    Ok(buffer)
}

/// Fills a buffer from a stream of claimed length: it grows as bytes arrive, to at most twice their size.
pub(crate) fn read_growing<T: Voxel>(from: &mut impl Read, count: usize) -> io::Result<Vec<T>> {
    const FIRST: usize = 4 << 20;
    let mut buffer: Vec<T> = Vec::new();
    while buffer.len() < count {
        let filled = buffer.len();
        let next = count.min((filled * 2).max(FIRST / size_of::<T>()));
        buffer.try_reserve_exact(next - filled).map_err(|_| io::ErrorKind::OutOfMemory)?;
        buffer.resize(next, T::default());
        from.read_exact(bytemuck::cast_slice_mut(&mut buffer[filled..]))?;
    }
    Ok(buffer)
}

/// Swaps the byte order of every value.
pub(crate) fn swap_bytes<T: Voxel>(values: &mut [T]) {
    match size_of::<T>() {
        2 => bytemuck::cast_slice_mut::<T, u16>(values).iter_mut().for_each(|v| *v = v.swap_bytes()),
        4 => bytemuck::cast_slice_mut::<T, u32>(values).iter_mut().for_each(|v| *v = v.swap_bytes()),
        8 => bytemuck::cast_slice_mut::<T, u64>(values).iter_mut().for_each(|v| *v = v.swap_bytes()),
        _ => {}
    }
}
