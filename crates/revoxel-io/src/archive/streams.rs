//! Consecutive compressed streams of a file, read to the end of the last one, where its checksum is.

use std::io::{self, BufRead, Read};

use bzip2::bufread::BzDecoder;
use flate2::bufread::GzDecoder;

/// A decoder of one stream.
pub(super) trait Decoder<R>: Read {
    /// The first byte of every such stream.
    const FIRST: u8;

    fn open(inner: R) -> Self;

    /// The rest after the stream.
    fn into_inner(self) -> R;
}

impl<R: BufRead> Decoder<R> for GzDecoder<R> {
    const FIRST: u8 = 0x1f;

    fn open(inner: R) -> Self {
        Self::new(inner)
    }

    fn into_inner(self) -> R {
        self.into_inner()
    }
}

impl<R: BufRead> Decoder<R> for BzDecoder<R> {
    const FIRST: u8 = b'B';

    fn open(inner: R) -> Self {
        Self::new(inner)
    }

    fn into_inner(self) -> R {
        self.into_inner()
    }
}

/// The decoded bytes of all streams. Bytes after them that do not begin like a stream are ignored, as by `gzip` and
/// `bzip2`.
pub(super) struct Streams<D> {
    decoder: Option<D>,
}

impl<D> Streams<D> {
    pub(super) fn new<R>(inner: R) -> Self
    where
        D: Decoder<R>,
    {
        Self { decoder: Some(D::open(inner)) }
    }
}

/// Continues with the next stream at the end of one.
pub(super) fn read_on<R: BufRead, D: Decoder<R>>(streams: &mut Streams<D>, buffer: &mut [u8]) -> io::Result<usize> {
    while let Some(decoder) = &mut streams.decoder {
        let count = decoder.read(buffer)?;
        if count > 0 || buffer.is_empty() {
            return Ok(count);
        }
        let inner = streams.decoder.take().map(D::into_inner);
        if let Some(mut inner) = inner
            && inner.fill_buf()?.first() == Some(&D::FIRST)
        {
            streams.decoder = Some(D::open(inner));
        }
    }
    Ok(0)
}

impl<R: BufRead> Read for Streams<GzDecoder<R>> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read_on(self, buffer)
    }
}

impl<R: BufRead> Read for Streams<BzDecoder<R>> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read_on(self, buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gz(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn bz2(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn all(mut from: impl Read) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).map(|_| bytes)
    }

    #[test]
    fn streams_in_a_row_with_anything_behind_them() {
        for behind in [&b""[..], b"\0\0\0\0", b"junk"] {
            let zipped = [gz(b"one "), gz(b"two"), behind.to_vec()].concat();
            assert_eq!(all(Streams::<GzDecoder<&[u8]>>::new(&zipped[..])).unwrap(), b"one two");
            let packed = [bz2(b"one "), bz2(b"two"), behind.to_vec()].concat();
            assert_eq!(all(Streams::<BzDecoder<&[u8]>>::new(&packed[..])).unwrap(), b"one two");
        }
    }

    #[test]
    fn a_stream_that_is_cut_off_or_damaged_is_an_error() {
        let data: Vec<u8> = (0..2000u32).map(|i| (i * i / 7) as u8).collect();
        let (zipped, packed) = ([gz(b"one"), gz(&data)].concat(), [bz2(b"one"), bz2(&data)].concat());
        for cut in 1..zipped.len() {
            let whole = cut == gz(b"one").len();
            assert_eq!(all(Streams::<GzDecoder<&[u8]>>::new(&zipped[..cut])).is_ok(), whole, "{cut}");
        }
        for cut in 1..packed.len() {
            let whole = cut == bz2(b"one").len();
            assert_eq!(all(Streams::<BzDecoder<&[u8]>>::new(&packed[..cut])).is_ok(), whole, "{cut}");
        }
    }
}
