//! Printing answers.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use revoxel_core::{Dtype, Frame, Grid};
use revoxel_io::Loaded;
use revoxel_runner::places::Places;
use revoxel_runner::printable::printable;
use serde::Serialize;
use serde_json::{Value, json};

use super::failure::{Failure, Outcome};

/// Refuses a file that is there already, and one that would replace another file with it: an `.hdr` has its values in an
/// `.img`.
pub(super) fn free(path: &Path, overwrite: bool) -> Outcome {
    let beside = revoxel_io::written_beside(path);
    match [path].into_iter().chain(beside.iter().map(PathBuf::as_path)).find(|p| p.exists()) {
        Some(there) if !overwrite => {
            let problem = format!("{} exists already: pass --overwrite to replace it", there.display());
            Err(Failure::usage(problem))
        }
        _ => Ok(()),
    }
}

/// Refuses an output that is one of the files that are read, whether or not it may be overwritten.
pub(super) fn apart(output: &Path, inputs: &[(&Path, &str)]) -> Outcome {
    let mut places = Places::default();
    for (input, what) in inputs {
        places.read(input, &[], what);
    }
    places.add(output, "the output").map_err(Failure::usage)
}

/// A number of things: `1 case`, `2 cases`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Prints text on standard output. A reader that has gone away is no error. Nothing in it is obeyed by a terminal.
pub(super) fn text(text: &str) -> Outcome {
    match std::io::stdout().write_all(printable(text).as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::work(format!("standard output: {e}"))),
        _ => Ok(()),
    }
}

/// Whether a JSON document was printed.
static PRINTED: AtomicBool = AtomicBool::new(false);

/// Whether a JSON document was printed: there is to be one only.
pub(super) fn has_printed() -> bool {
    PRINTED.load(Ordering::SeqCst)
}

/// Prints one JSON document on standard output.
pub(super) fn json(value: &impl Serialize) -> Outcome {
    let document = pretty(value)?;
    PRINTED.store(true, Ordering::SeqCst);
    out(&format!("{document}\n"))
}

/// Prints what is safe to print.
fn out(text: &str) -> Outcome {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::work(format!("standard output: {e}"))),
        _ => Ok(()),
    }
}

/// A JSON document as it is printed.
fn pretty(value: &impl Serialize) -> Result<String, Failure> {
    let document = serde_json::to_string_pretty(value).map_err(Failure::work)?;
    // What JSON leaves as it is, in texts, where it stands for itself, has an escape in JSON too.
    let special = |c: char| matches!(u32::from(c), 0x7f..=0x9f | 0x202a..=0x202e | 0x2066..=0x2069);
    if !document.contains(special) {
        return Ok(document);
    }
    let mut plain = String::with_capacity(document.len());
    for c in document.chars() {
        match special(c) {
            true => plain.push_str(&format!("\\u{:04x}", u32::from(c))),
            false => plain.push(c),
        }
    }
    Ok(plain)
}

/// One JSON document with a long list in it, printed while the list is made.
pub(super) struct LongList {
    any: bool,
}

impl LongList {
    /// Prints the fields before the list, and begins it.
    pub(super) fn begin(fields: &Value, name: &str) -> Result<Self, Failure> {
        let before = pretty(fields)?;
        let before = before.strip_suffix("\n}").unwrap_or(&before);
        PRINTED.store(true, Ordering::SeqCst);
        out(&format!("{before},\n  {name:?}: ["))?;
        Ok(Self { any: false })
    }

    /// Prints entries of the list, each made by [`entry`](Self::entry).
    pub(super) fn push(&mut self, entries: &[String]) -> Outcome {
        let mut text = String::new();
        for entry in entries {
            text.push_str(if self.any { ",\n" } else { "\n" });
            text.push_str(entry);
            self.any = true;
        }
        out(&text)
    }

    /// An entry of the list as it is printed.
    pub(super) fn entry(value: &Value) -> Result<String, Failure> {
        Ok(format!("    {}", pretty(value)?.replace('\n', "\n    ")))
    }

    /// Ends the list, and prints the fields behind it.
    pub(super) fn end(self, fields: &Value) -> Outcome {
        let after = pretty(fields)?;
        let after = after.strip_prefix("{\n").unwrap_or(&after);
        out(&format!("{}],\n{after}\n", if self.any { "\n  " } else { "" }))
    }
}

/// A grid as data: RAS+ mm, and what ITK would call origin and direction in LPS+.
pub(super) fn grid(grid: &Grid) -> Value {
    let lps = Frame::Lps.affine_from_ras(grid.affine());
    let (low, high) = grid.bounds();
    let [a, b, c] = grid.affine().rows();
    let mut document = json!({
        "shape": grid.shape(),
        "spacing_mm": grid.spacing(),
        "orientation": grid.orientation().to_string(),
        "affine_ras": [a, b, c, [0.0, 0.0, 0.0, 1.0]],
        "origin_ras": grid.origin(),
        "origin_lps": lps.translation(),
        "direction_lps": lps.direction(),
        "bounds_ras": [low, high],
        "voxel_mm3": grid.voxel_volume(),
        "shear": grid.affine().shear(),
    });
    if grid.is_planar() {
        document["planar"] = true.into();
    }
    document
}

/// A point with three decimals.
pub(super) fn point(p: [f64; 3]) -> String {
    // Rounded zeros have no sign.
    let [x, y, z] = p.map(|v| if v.abs() < 5e-4 { 0.0 } else { v });
    format!("({x:.3}, {y:.3}, {z:.3})")
}

/// A label as a number: all digits of it, as far as int64 and uint64 go, and no volume holds others.
pub(super) fn label(label: i128) -> Value {
    u64::try_from(label).map(Value::from).or_else(|_| i64::try_from(label).map(Value::from)).unwrap_or_default()
}

/// What to say of a file whose integers do not all survive reading, and `None` of any other.
pub(super) fn rounded_by_reading(loaded: &Loaded) -> Option<String> {
    let stored = loaded.info.stored;
    let lost = stored.is_integer() && stored.size() > 2 && loaded.volume.dtype() == Dtype::F32;
    lost.then(|| format!("{stored} with a scale is read as float32, which holds 24 bits"))
}
