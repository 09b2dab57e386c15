//! Large buffers.

use crate::error::ResampleError;

/// Checks that so many bytes of memory are available now. Later allocations cannot be refused, so callers check first.
///
/// # Errors
/// If they are not.
pub fn room(bytes: u64) -> Result<(), ResampleError> {
    let had = usize::try_from(bytes).is_ok_and(|bytes| Vec::<u8>::new().try_reserve_exact(bytes).is_ok());
    if had { Ok(()) } else { Err(ResampleError::Memory(bytes)) }
}

/// A buffer of zeros. Linux is asked to back large ones with huge pages, which saves most of the time for the first
/// touch of fresh memory.
#[allow(unsafe_code)]
pub(crate) fn zeroed<T: bytemuck::Zeroable + Clone>(length: usize) -> Vec<T> {
    let mut buffer = bytemuck::zeroed_vec::<T>(length);
    let bytes = length * std::mem::size_of::<T>();
    #[cfg(target_os = "linux")]
    if bytes >= 8 << 20 {
        const PAGE: usize = 2 << 20;
        let start = buffer.as_mut_ptr().addr();
        let first = start.next_multiple_of(PAGE);
        let length = (start + bytes).saturating_sub(first) / PAGE * PAGE;
        // SAFETY: the range lies in the buffer, and the advice changes nothing but the size of its pages.
        unsafe {
            libc::madvise(buffer.as_mut_ptr().byte_add(first - start).cast(), length, libc::MADV_HUGEPAGE);
        }
    }
    buffer
}
