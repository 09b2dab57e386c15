//! Writing single files and pairs.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use revoxel_core::Volume;

use super::compose::{Composed, compose};
use super::header::{Magic, Order};
use super::{extensions, pair};
use crate::atomic::partly;
use crate::codecs::deflate::Effort;
use crate::codecs::gzip;
use crate::format::Wrote;
use crate::open::{empty, has_extension};
use crate::sink::{Head, Sink, Slabs};
use crate::{Facts, WriteError, values};

/// Writes a volume into the file `to`, which gets the name `path` later. For a pair, the other file is written, too.
pub(super) fn write(path: &Path, to: &Path, volume: &Volume, facts: &Facts) -> Result<Wrote, WriteError> {
    let is_pair = pair::is_header(path) || pair::is_voxels(path);
    let magic = if is_pair { Magic::Pair } else { Magic::Single };
    let behind_header = extensions::encode(&facts.extensions, Order::NATIVE);
    let Composed { header, stored, warnings } = compose(path, &Head::of(volume), facts, magic, behind_header.len())?;
    let mut front = header.encode();
    front.extend(behind_header);
    let bytes = match stored.components {
        1 => Cow::Borrowed(volume.voxels().bytes()),
        n => Cow::Owned(values::together(volume.voxels().bytes(), n, volume.grid().voxel_count())),
    };
    let effort = Effort::for_voxels(stored.dtype);
    let fill = |path: &Path, to: &Path, parts: &[&[u8]]| fill(path, to, parts, effort);
    let other = |extension: &str, part: &[u8]| {
        let other = pair::partner(path, extension, false);
        partly(&other, |to| fill(&other, to, &[part])).map(|(file, ())| Some(file))
    };
    let beside = if !is_pair {
        fill(path, to, &[&front, &bytes])?;
        None
    } else if pair::is_header(path) {
        fill(path, to, &[&front])?;
        other("img", &bytes)?
    } else {
        fill(path, to, &[&bytes])?;
        other("hdr", &front)?
    };
    Ok(Wrote { warnings, beside })
}

/// The other file of a pair.
pub(super) fn beside(path: &Path) -> Vec<PathBuf> {
    let other = match (pair::is_header(path), pair::is_voxels(path)) {
        (true, _) => Some("img"),
        (_, true) => Some("hdr"),
        _ => None,
    };
    other.map(|extension| pair::partner(path, extension, false)).into_iter().collect()
}

/// Begins a single file whose voxels come in slabs. `None` for pairs, and if the file stores voxels in another order
/// (colours).
pub(super) fn slabs(path: &Path, file: File, head: &Head, facts: &Facts) -> Result<Option<Slabs>, WriteError> {
    if pair::is_header(path) || pair::is_voxels(path) {
        return Ok(None);
    }
    let behind_header = extensions::encode(&facts.extensions, Order::NATIVE);
    let Composed { header, stored, warnings } = compose(path, head, facts, Magic::Single, behind_header.len())?;
    if stored.components != 1 {
        return Ok(None);
    }
    let mut front = header.encode();
    front.extend(behind_header);
    let effort = Effort::for_voxels(stored.dtype);
    let to: io::Result<Box<dyn Sink>> = match has_extension(path, "gz") {
        true => gzip::Stream::new(file, &front, effort).map(|s| Box::new(s) as Box<dyn Sink>),
        false => plain(file, &front).map(|s| Box::new(s) as Box<dyn Sink>),
    };
    let to = to.map_err(|reason| WriteError::Io { path: path.to_owned(), reason })?;
    Ok(Some(Slabs { to, warnings }))
}

fn plain(mut file: File, front: &[u8]) -> io::Result<File> {
    file.write_all(front)?;
    Ok(file)
}

/// Writes parts one after the other, compressed if the name says so.
fn fill(path: &Path, to: &Path, parts: &[&[u8]], effort: Effort) -> Result<(), WriteError> {
    let write = || {
        let mut file = empty(to)?;
        if has_extension(path, "gz") {
            return gzip::compress(parts, effort, &mut file);
        }
        let mut file = BufWriter::new(file);
        parts.iter().try_for_each(|part| file.write_all(part))?;
        file.flush()
    };
    write().map_err(|reason| WriteError::Io { path: path.to_owned(), reason })
}
