//! Writing: values after the header (`.mif`, `.mif.gz`), or in another file (`.mih` with `.dat`).

use std::fs::File;
use std::path::{Path, PathBuf};

use revoxel_core::Volume;

use super::header::MAGIC;
use super::types;
use crate::atomic::partly;
use crate::codecs::deflate::Effort;
use crate::codecs::gzip;
use crate::format::Wrote;
use crate::open::{empty, has_extension};
use crate::sink::{Head, Sink, Slabs};
use crate::textual::fill;
use crate::textual::numbers::{number, spaced};
use crate::{Facts, WriteError};

/// Writes a volume into the file `to`, which gets the name `path` later.
pub(super) fn write(path: &Path, to: &Path, volume: &Volume, facts: &Facts) -> Result<Wrote, WriteError> {
    let failed = |reason| WriteError::Io { path: path.to_owned(), reason };
    let head = Head::of(volume);
    let Some(mut slabs) = slabs(path, empty(to).map_err(failed)?, &head, facts)? else {
        let data = path.with_extension("dat");
        let name = data.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (beside, ()) = partly(&data, |to| fill::plain(&data, to, &[volume.voxels().bytes()]))?;
        let text = format!("{}file: {name}\n", header(&head, facts));
        fill::plain(path, to, &[text.as_bytes()])?;
        return Ok(Wrote { warnings: Vec::new(), beside: Some(beside) });
    };
    slabs.to.push(volume.voxels().bytes()).map_err(failed)?;
    slabs.to.finish().map_err(failed)?;
    Ok(slabs.warnings.into())
}

/// The file with the values of a `.mih`.
pub(super) fn beside(path: &Path) -> Vec<PathBuf> {
    if has_extension(path, "mih") { vec![path.with_extension("dat")] } else { Vec::new() }
}

/// Begins a single file whose voxels come in slabs; `None` for a `.mih`.
pub(super) fn slabs(path: &Path, mut file: File, head: &Head, facts: &Facts) -> Result<Option<Slabs>, WriteError> {
    if has_extension(path, "mih") {
        return Ok(None);
    }
    let mut front = header(head, facts).into_bytes();
    let offset = start_of_values(front.len());
    front.extend(format!("file: . {offset}\nEND\n").bytes());
    front.resize(offset, 0);
    let failed = |reason| WriteError::Io { path: path.to_owned(), reason };
    let to: Box<dyn Sink> = match has_extension(path, "gz") {
        true => Box::new(gzip::Stream::new(file, &front, Effort::for_voxels(head.dtype)).map_err(failed)?),
        false => {
            file.push(&front).map_err(failed)?;
            Box::new(file)
        }
    };
    Ok(Some(Slabs { to, warnings: Vec::new() }))
}

/// Where values start after a header of so many bytes without its last two lines: at a multiple of 16.
fn start_of_values(length: usize) -> usize {
    const LAST_LINES: usize = "file: . ".len() + 20 + "\nEND\n".len();
    (length + LAST_LINES).next_multiple_of(16)
}

/// All lines but the last two.
fn header(head: &Head, facts: &Facts) -> String {
    let affine = head.grid.affine();
    let (spacing, rows, direction) = (affine.spacing(), affine.rows(), affine.direction());
    let axes = frame_axes(head, facts);
    let of_space = if axes.is_empty() { head.grid.axes().max(3) } else { 3 };
    let sizes: Vec<usize> = head.grid.shape().into_iter().take(of_space).chain(axes.iter().copied()).collect();
    let step = facts.in_seconds(facts.frame_spacing).filter(|step| step.is_finite() && *step > 0.0);
    let vox = spacing.into_iter().take(of_space).map(number).chain(
        (0..axes.len())
            .map(|axis| if axis == 0 { step.map_or_else(|| "nan".to_owned(), number) } else { "nan".to_owned() }),
    );
    let mut lines = vec![MAGIC.to_owned()];
    let mut line = |key: &str, value: &str| lines.push(format!("{}: {}", one_line(key), one_line(value)));
    line("dim", &sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join(","));
    line("vox", &vox.collect::<Vec<_>>().join(","));
    line("layout", &(0..sizes.len()).map(|rank| format!("+{rank}")).collect::<Vec<_>>().join(","));
    line("datatype", types::name(head.dtype));
    for row in 0..3 {
        let numbers = direction[row].into_iter().chain([rows[row][3]]);
        line("transform", &spaced(numbers).replace(' ', ","));
    }
    if let Some(description) = &facts.description {
        line("comments", description);
    }
    for (key, value) in facts.mif.iter().flat_map(|own| &own.keys) {
        line(key, value);
    }
    lines.push(String::new());
    lines.join("\n")
}

/// The axes beyond the third: frames, then components.
fn frame_axes(head: &Head, facts: &Facts) -> Vec<usize> {
    let frames = facts.frames.filter(|n| *n > 0 && head.channels.is_multiple_of(*n));
    match frames {
        Some(frames) if facts.vector && head.channels > frames => vec![frames, head.channels / frames],
        Some(_) => vec![head.channels],
        None if head.channels > 1 => vec![head.channels],
        None => Vec::new(),
    }
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}
