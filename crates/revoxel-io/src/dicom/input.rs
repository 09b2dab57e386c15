//! Sequential reading of a file of known or unknown length, without trusting its headers.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::problem::DicomError;
use super::tags::Scope;

/// A sequence of bytes that can be skipped.
pub(super) trait Source: Read {
    /// Skips bytes.
    fn skip(&mut self, count: u64) -> io::Result<()>;
}

impl Source for File {
    fn skip(&mut self, count: u64) -> io::Result<()> {
        let count = i64::try_from(count).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        self.seek(SeekFrom::Current(count)).map(drop)
    }
}

/// A source that cannot seek.
pub(super) struct Stream<R>(pub(super) R);

impl<R: Read> Read for Stream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read> Source for Stream<R> {
    fn skip(&mut self, count: u64) -> io::Result<()> {
        let skipped = io::copy(&mut (&mut self.0).take(count), &mut io::sink())?;
        if skipped < count { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

/// A position in a source.
pub(super) struct Input<'a> {
    source: &'a mut dyn Source,
    buffer: Vec<u8>,
    /// Next byte in the buffer.
    next: usize,
    /// The position of that byte in the source.
    position: u64,
    /// Length of the source, if known.
    length: Option<u64>,
    /// Bytes that the attributes kept so far take.
    kept: u64,
    /// How many they may take.
    most: u64,
    /// The attributes that are kept, if only some are needed.
    scope: Option<&'a Scope>,
}

/// The maximum bytes of attributes in a header; those of 100,000 frames take half of it.
const MOST_KEPT: u64 = 64 << 20;
/// The maximum with contours.
const MOST_CONTOURS: u64 = 1 << 30;
/// Bytes per read; most headers fit into one.
const STEP: usize = 16 << 10;

impl<'a> Input<'a> {
    pub(super) fn new(source: &'a mut dyn Source, length: Option<u64>) -> Self {
        Self { source, buffer: Vec::new(), next: 0, position: 0, length, kept: 0, most: MOST_KEPT, scope: None }
    }

    /// Also keeps the contours of structures.
    pub(super) fn with_contours(self) -> Self {
        Self { most: MOST_CONTOURS, ..self }
    }

    /// Keeps these attributes alone.
    pub(super) fn with_scope(self, scope: Option<&'a Scope>) -> Self {
        Self { scope, ..self }
    }

    /// The attributes that are kept; `None` for all that are ever read.
    pub(super) fn scope(&self) -> Option<&'a Scope> {
        self.scope
    }

    /// The most bytes that attributes may take.
    pub(super) fn most_kept(&self) -> u64 {
        self.most
    }

    /// Whether the contours of structures are kept.
    pub(super) fn contours(&self) -> bool {
        self.most > MOST_KEPT
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn length(&self) -> Option<u64> {
        self.length
    }

    /// The next bytes (fewer at the end), without consuming them.
    pub(super) fn peek(&mut self, count: usize) -> Result<&[u8], DicomError> {
        if self.buffer.len() - self.next < count {
            self.buffer.drain(..self.next);
            self.next = 0;
            while self.buffer.len() < count {
                let filled = self.buffer.len();
                // Grows with what arrives: the count may be a lie.
                self.buffer.resize(filled + STEP.max((count - filled).min(filled)), 0);
                let read = self.source.read(&mut self.buffer[filled..]);
                self.buffer.truncate(filled + *read.as_ref().unwrap_or(&0));
                let end = match read {
                    Ok(count) => count == 0,
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => false,
                    Err(e) => return Err(DicomError::Io(e.to_string())),
                };
                if end {
                    break;
                }
            }
        }
        let end = self.buffer.len().min(self.next + count);
        Ok(&self.buffer[self.next..end])
    }

    /// The next bytes, all of them.
    pub(super) fn take(&mut self, count: usize) -> Result<&[u8], DicomError> {
        if self.peek(count)?.len() < count {
            return Err(DicomError::Truncated(self.position + (self.buffer.len() - self.next) as u64));
        }
        let start = self.next;
        self.next += count;
        self.position += count as u64;
        Ok(&self.buffer[start..self.next])
    }

    /// Skips bytes.
    pub(super) fn skip(&mut self, count: u64) -> Result<(), DicomError> {
        let buffered = (self.buffer.len() - self.next) as u64;
        self.position = self.position.saturating_add(count);
        if count <= buffered {
            self.next += count as usize;
            return Ok(());
        }
        self.buffer.clear();
        self.next = 0;
        self.source.skip(count - buffered).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => DicomError::Truncated(self.position),
            _ => DicomError::Io(e.to_string()),
        })
    }

    /// Counts the kept bytes of the source, which may decode to far more than its size; returns whether they are too
    /// many.
    pub(super) fn keep(&mut self, bytes: u64) -> bool {
        self.kept = self.kept.saturating_add(bytes);
        self.kept > self.most
    }

    /// Whether nothing is left.
    pub(super) fn at_end(&mut self) -> Result<bool, DicomError> {
        Ok(self.peek(1)?.is_empty())
    }
}
