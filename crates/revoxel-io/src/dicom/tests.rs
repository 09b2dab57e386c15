//! Tests against a small writer of series, hostile files, what pydicom recorded of real ones, and archives.

mod archives;
mod codecs;
mod frames;
mod grouping;
mod hostile;
mod index;
mod labels;
mod lookup;
mod mosaic;
mod real;
mod recorded;
mod series;
mod structures;
mod values;
mod witness;

use std::path::{Path, PathBuf};

use revoxel_core::Kind;

use crate::dicom::testing as writer;
use crate::{Loaded, MissingPolicy, ReadError, ReadOptions, SlicePolicy};
use writer::Object;

/// A folder with files `0.dcm`, `1.dcm`, …
fn folder(objects: impl IntoIterator<Item = Object>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (i, object) in objects.into_iter().enumerate() {
        std::fs::write(folder.path().join(format!("{i}.dcm")), object.bytes()).unwrap();
    }
    folder
}

/// Slices at these places along z, the pixels of slice `i` counting from 100 i.
fn stack(z: &[f64]) -> Vec<Object> {
    z.iter().enumerate().map(|(i, z)| Object::slice(i, [0.0, 0.0, *z])).collect()
}

fn read(path: &Path, options: &ReadOptions) -> Result<Loaded, ReadError> {
    let info = crate::info_with(path, options);
    let loaded = crate::read_with(path, Kind::Image, options);
    match (&info, &loaded) {
        (Ok(info), Ok(loaded)) => assert_eq!((info.grid, info.channels), (loaded.info.grid, loaded.info.channels)),
        (Err(info), Err(read)) => assert_eq!(info.to_string(), read.to_string()),
        // Only pixels can spoil what a header promises.
        (Ok(_), Err(_)) => {}
        (Err(info), Ok(_)) => panic!("{info}"),
    }
    loaded
}

fn read_default(objects: impl IntoIterator<Item = Object>) -> Result<Loaded, ReadError> {
    read(folder(objects).path(), &ReadOptions::default())
}

fn read_sliced(objects: impl IntoIterator<Item = Object>, slices: SlicePolicy) -> Result<Loaded, ReadError> {
    read(folder(objects).path(), &ReadOptions { slices, ..ReadOptions::default() })
}

fn filling() -> ReadOptions {
    ReadOptions { missing: MissingPolicy::Interpolate, ..ReadOptions::default() }
}

fn warnings(loaded: &Loaded) -> Vec<String> {
    loaded.info.warnings.iter().map(ToString::to_string).collect()
}

/// An error with all of these fragments.
fn refused<T: std::fmt::Debug>(result: Result<T, ReadError>, fragments: &[&str]) {
    let text = result.expect_err(&fragments.join(" ")).to_string();
    assert!(fragments.iter().all(|f| text.contains(f)), "{text:?} lacks one of {fragments:?}");
}

fn close(a: &[f64], b: &[f64], tolerance: f64) {
    assert!(a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance), "{a:?} is not {b:?}");
}

/// A folder of real files, if there are any.
fn real(name: &str) -> Option<PathBuf> {
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let root = std::env::var_os("REVOXEL_TEST_DATA").map_or_else(default, PathBuf::from);
    let path = root.join("dicom").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: no test data at {}", path.display());
    None
}
