//! The bytes of a file: on disk, or in memory if they come from an archive or a deflated file.

use std::fs::File;
use std::io;

/// A file that can be read at any position, by several threads at once.
#[derive(Debug)]
pub(super) enum Bytes {
    Disk { file: File, length: u64 },
    Memory(Vec<u8>),
}

impl Bytes {
    /// How many there are.
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Disk { length, .. } => *length,
            Self::Memory(bytes) => bytes.len() as u64,
        }
    }

    /// So many bytes from a position on; the caller has checked that they exist.
    pub(super) fn part(&self, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        let length = usize::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let mut part = Vec::new();
        part.try_reserve_exact(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
        part.resize(length, 0);
        self.read_at(offset, &mut part)?;
        Ok(part)
    }

    /// Fills a buffer.
    pub(super) fn read_at(&self, offset: u64, to: &mut [u8]) -> io::Result<()> {
        match self {
            Self::Disk { file, .. } => read_exact_at(file, to, offset),
            Self::Memory(bytes) => {
                let start = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
                let end = start.checked_add(to.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
                to.copy_from_slice(bytes.get(start..end).ok_or(io::ErrorKind::UnexpectedEof)?);
                Ok(())
            }
        }
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, to: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, to, offset)
}

#[cfg(not(unix))]
fn read_exact_at(file: &File, to: &mut [u8], offset: u64) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};

    // A file of its own: the place in a file is shared by those who share the file.
    let mut file = file.try_clone()?;
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _guard = ONE.lock();
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(to)
}
