//! What must hold of every file that can be read: its header agrees with its voxels, and what was read can be written
//! and read again.

use std::path::Path;

use revoxel_core::{Dtype, Grid, Kind, Volume};
use revoxel_io::{
    ComplexPolicy, Facts, Limits, Loaded, MissingPolicy, ReadOptions, SlicePolicy, info_with, read_with, write,
};

use crate::{MOST_DECODED, scratch};

/// Options with low limits; how slices are treated is drawn from the input.
pub fn options(choice: u8) -> ReadOptions {
    #[allow(clippy::needless_update, reason = "there may be further limits")]
    let limits =
        Limits { max_volume: MOST_DECODED, memory: MOST_DECODED, max_expansion: 1, free_expansion: MOST_DECODED };
    let slices = [SlicePolicy::Error, SlicePolicy::Regularize, SlicePolicy::Nominal][usize::from(choice % 3)];
    let missing = if choice & 4 == 0 { MissingPolicy::Error } else { MissingPolicy::Interpolate };
    let complex = if choice & 1 == 0 { ComplexPolicy::Channels } else { ComplexPolicy::Error };
    ReadOptions { limits, slices, missing, complex, ..ReadOptions::default() }
}

/// Reads a file (or a folder) by header and whole, and compares; then writes it and reads that again.
pub fn check(path: &Path, options: &ReadOptions, choice: u8) {
    check_as(path, options, choice, ["nii", "nii.gz", "nrrd", "mha"]);
}

/// The same, written under one of these names.
pub fn check_as(path: &Path, options: &ReadOptions, choice: u8, extensions: [&str; 4]) {
    let info = info_with(path, options);
    let kind = if choice & 8 == 0 { Kind::Image } else { Kind::Label };
    let loaded = read_with(path, kind, options);
    let (info, loaded) = match (info, loaded) {
        (Ok(info), Ok(loaded)) => (info, loaded),
        (Err(e), Ok(_)) => panic!("the file can be read, but not its header: {e}"),
        (_, Err(e)) => {
            // Every message can be made, and names something.
            assert!(!e.to_string().is_empty());
            return;
        }
    };
    assert_eq!(info.grid, loaded.info.grid);
    assert_eq!((info.format, info.stored), (loaded.info.format, loaded.info.stored));
    assert_eq!(info.channels, loaded.info.channels);
    assert_eq!(loaded.volume.channels(), info.channels);
    assert_eq!(*loaded.volume.grid(), info.grid);
    if kind == Kind::Image {
        // Whether 16 bits of a DICOM file hold values beyond those of int16, the pixels alone say.
        let wider = info.format == "DICOM" && (info.dtype, loaded.volume.dtype()) == (Dtype::I16, Dtype::F32);
        assert!(wider || info.dtype == loaded.volume.dtype(), "{} became {}", info.dtype, loaded.volume.dtype());
    }
    // No label gets a name that had none.
    let names = loaded.info.facts.label_names();
    for format in ["NIfTI", "NRRD"] {
        let mut facts = revoxel_io::Facts::default();
        facts.put_label_names(format, &names);
        assert!(facts.label_names().keys().all(|label| names.contains_key(label)));
    }
    for warning in &loaded.info.warnings {
        assert!(!warning.to_string().is_empty());
    }
    let again = read_with(path, kind, options).expect("what was read once can be read twice");
    assert!(same(&again.volume, &loaded.volume), "two readings differ");
    round_trip(&loaded, extensions[usize::from(choice >> 4 & 3)]);
}

/// Writes what was read, reads it, writes that: the first reading has the same voxels and the grid up to rounding,
/// the second is the same to the last bit.
fn round_trip(loaded: &Loaded, extension: &str) {
    let Some(first) = written(&loaded.volume, &loaded.info.facts, extension) else { return };
    assert_eq!(first.volume.voxels().bytes().len(), loaded.volume.voxels().bytes().len(), "{extension}");
    assert!(first.volume.voxels().bytes() == loaded.volume.voxels().bytes(), "{extension}: other voxels");
    assert_eq!(first.volume.channels(), loaded.volume.channels(), "{extension}");
    near(first.volume.grid(), loaded.volume.grid(), extension);
    let second = written(&first.volume, &first.info.facts, extension)
        .unwrap_or_else(|| panic!("{extension}: what was written once cannot be written again"));
    // MetaImage and MRtrix have voxel size and direction apart: their product is off by a last digit.
    let moved = |a: f64, b: f64| (a - b).abs() > 1e-14 * (a.abs() + b.abs());
    let rows = |v: &Volume| v.grid().affine().rows();
    let grid = match extension {
        "mha" | "mif" | "mif.gz" => {
            !rows(&first.volume).iter().flatten().zip(rows(&second.volume).iter().flatten()).any(|(a, b)| moved(*a, *b))
        }
        _ => second.volume.grid() == first.volume.grid(),
    };
    assert!(grid, "{extension}: {:?}, {:?}", first.info, second.info);
    assert!(second.volume.voxels().bytes() == first.volume.voxels().bytes(), "{extension}: other voxels");
}

fn written(volume: &Volume, facts: &Facts, extension: &str) -> Option<Loaded> {
    let path = scratch::folder().join(format!("out.{extension}"));
    let _ = std::fs::remove_file(&path);
    match write(&path, volume, facts) {
        Ok(_) => {}
        Err(e) => {
            assert!(!e.to_string().is_empty());
            assert!(!path.exists(), "{extension}: {e}, and yet there is a file");
            return None;
        }
    }
    // What was read from less than the limit may be more where it is written in another voxel type: no limit here.
    let loaded = read_with(&path, volume.kind(), &ReadOptions::default());
    Some(loaded.unwrap_or_else(|e| panic!("{extension}: what was written cannot be read: {e}")))
}

/// Whether voxels (to the bit) and grids are the same.
fn same(a: &Volume, b: &Volume) -> bool {
    a.grid() == b.grid()
        && a.channels() == b.channels()
        && a.dtype() == b.dtype()
        && a.voxels().bytes() == b.voxels().bytes()
}

/// Asserts that corners agree up to the rounding of single precision.
pub fn near(a: &Grid, b: &Grid, what: &str) {
    assert_eq!(a.shape(), b.shape(), "{what}");
    let corners = || a.corner_centres().into_iter().zip(b.corner_centres());
    let largest = corners().flat_map(|(a, b)| a.into_iter().chain(b)).fold(0.0, |m: f64, v| m.max(v.abs()));
    let columns = a.affine().rows().iter().flatten().fold(0.0, |m: f64, v| m.max(v.abs()));
    for (a, b) in corners() {
        for (a, b) in a.into_iter().zip(b) {
            assert!((a - b).abs() <= 1e-5 * (largest + columns), "{what}: {a} became {b}");
        }
    }
}

/// A small volume of each kind of grid and voxel type, to be written as a seed.
pub fn samples() -> Vec<Volume> {
    use revoxel_core::Voxels;
    use revoxel_core::testing::Draw;

    let dtypes = [Dtype::U8, Dtype::I16, Dtype::U16, Dtype::F32, Dtype::F64, Dtype::I32, Dtype::U64, Dtype::I8];
    let one = |(number, dtype): (usize, Dtype)| {
        let mut draw = Draw::new(number as u64 + 1);
        let grid = draw.grid(5);
        let channels = 1 + number % 3;
        let values: Voxels =
            (0..grid.voxel_count() * channels).map(|i| (i * 7 % 101) as f64).collect::<Vec<_>>().into();
        Volume::new(values.cast(dtype), grid, Kind::Image, channels).expect("as many values as voxels")
    };
    dtypes.into_iter().enumerate().map(one).collect()
}

/// The samples as files of some names, as bytes.
pub fn sample_files(extensions: &[&str]) -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    for (number, volume) in samples().iter().enumerate() {
        let path = scratch::folder().join(format!("seed.{}", extensions[number % extensions.len()]));
        if write(&path, volume, &Facts::default()).is_ok() {
            files.push(std::fs::read(&path).expect("it was written"));
        }
    }
    files
}
