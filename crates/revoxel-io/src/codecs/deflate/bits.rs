//! Writing bits, lowest first.

/// A buffer of bytes, allocated large enough for everything that will be written.
#[derive(Debug, Default)]
pub(super) struct Bits {
    bytes: Vec<u8>,
    length: usize,
    buffer: u64,
    count: u32,
}

impl Bits {
    /// Clears it, with room for so many bytes.
    pub(super) fn start(&mut self, room: usize) {
        if self.bytes.len() < room {
            self.bytes.resize(room, 0);
        }
        (self.length, self.buffer, self.count) = (0, 0, 0);
    }

    /// Adds bits. No more than 56 may be added between two calls of [`flush`](Self::flush).
    #[inline(always)]
    pub(super) fn add(&mut self, bits: u64, count: u32) {
        self.buffer |= bits << self.count;
        self.count += count;
    }

    /// Moves whole bytes out of the buffer.
    #[inline(always)]
    pub(super) fn flush(&mut self) {
        let full = self.count / 8;
        if let Some(to) = self.bytes.get_mut(self.length..self.length + 8) {
            to.copy_from_slice(&self.buffer.to_le_bytes());
        }
        self.length += full as usize;
        self.buffer >>= 8 * full;
        self.count -= 8 * full;
    }

    /// Bits and a flush.
    pub(super) fn put(&mut self, bits: u64, count: u32) {
        self.add(bits, count);
        self.flush();
    }

    /// Zeros up to the next whole byte.
    pub(super) fn align(&mut self) {
        self.count = self.count.next_multiple_of(8);
        self.flush();
    }

    /// Whole bytes, after [`align`](Self::align).
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }

    /// The written bytes up to the last whole byte.
    pub(super) fn written(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lowest_bits_come_first() {
        let mut bits = Bits::default();
        bits.start(64);
        bits.put(0b1, 1);
        bits.put(0b0110, 4);
        bits.put(0x1ff, 9);
        bits.align();
        bits.bytes(&[7, 8]);
        assert_eq!(bits.written(), [0b1110_1101, 0b0011_1111, 7, 8]);
    }
}
