//! Reading bzip2.

use bzip2::bufread::MultiBzDecoder;
use revoxel_core::Voxel;

use super::stream::{self, Codec, StreamError, StreamTail};

/// Decodes and drops `skip` bytes, then decodes `count` values in the byte order of the file. bzip2 can make a million
/// bytes of one, so the length of the file is no bound: memory grows with the decoded bytes, and the caller must
/// compare `count` with the limit.
pub(crate) fn decode<T: Voxel>(
    compressed: &[u8],
    skip: usize,
    count: usize,
    limit: u64,
) -> Result<(Vec<T>, StreamTail), StreamError> {
    stream::decode(Codec::Bzip2, compressed, MultiBzDecoder::new, MultiBzDecoder::into_inner, (skip, count), limit)
}
