//! Tests against what nibabel recorded, against the `nifti` crate, against hostile files, and against itself.

mod fixtures;
mod hostile;
mod odd;
mod pairs;
mod property;
mod round_trip;
mod rules;

use std::path::PathBuf;

use revoxel_core::{Affine, Dtype, Grid, Kind, Volume, Voxels, dispatch_dtype};

use super::header::{Header, Order, Version};
use crate::{Facts, ReadError, codecs};

/// A folder of this crate.
fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// A tilted grid.
fn grid(shape: [usize; 3]) -> Grid {
    let rows = [[1.6276, -0.9154, -0.2, -80.25], [0.9397, 1.0724, -0.5, 41.5], [0.684, 0.2449, 2.7765, 12.125]];
    let rough = Affine::from_rows(rows);
    Grid::new(shape, Affine::from_parts([2.0, 1.5, 3.0], rough.nearest_rotation(), [-80.25, 41.5, 12.125])).unwrap()
}

/// 0, 7, 14, … mod 251, in any type.
fn ramp(dtype: Dtype, count: usize) -> Voxels {
    dispatch_dtype!(dtype, T => (0..count).map(|i| (i * 7 % 251 % 128) as T).collect::<Vec<T>>().into())
}

fn volume(dtype: Dtype, channels: usize) -> Volume {
    let grid = grid([5, 4, 3]);
    Volume::new(ramp(dtype, 60 * channels), grid, Kind::Image, channels).unwrap()
}

/// The bytes of a good single file, 4×3×2 int16, written by this crate.
fn good(version: u8) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("good.nii");
    let voxels = Voxels::from((0..24i16).collect::<Vec<_>>());
    let volume = Volume::new(voxels, grid([4, 3, 2]), Kind::Image, 1).unwrap();
    crate::write(&path, &volume, &Facts { version: Some(version), ..Facts::default() }).unwrap();
    std::fs::read(path).unwrap()
}

/// A file with the header changed and the voxels kept; the header can also change its byte order.
fn changed(version: u8, change: impl FnOnce(&mut Header)) -> Vec<u8> {
    let bytes = good(version);
    let mut header = Header::parse(&bytes, 0).unwrap();
    let length = header.version.length();
    change(&mut header);
    let mut voxels = bytes[length + 4..].to_vec();
    if header.order != Order::NATIVE {
        voxels.chunks_exact_mut(2).for_each(<[u8]>::reverse);
    }
    [header.encode(), vec![0; 4], voxels].concat()
}

/// Reads bytes as a file of some name.
fn read_as(name: &str, bytes: &[u8]) -> Result<crate::Loaded, ReadError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let info = crate::info(&path);
    let loaded = crate::read(&path, Kind::Image);
    if let (Ok(info), Ok(loaded)) = (&info, &loaded) {
        assert_eq!((&info.grid, info.dtype), (&loaded.info.grid, loaded.volume.dtype()));
    }
    loaded
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    codecs::gzip::compress(&[bytes], codecs::deflate::Effort::Usual, &mut out).unwrap();
    out
}

#[test]
fn versions_have_their_lengths() {
    assert_eq!([Version::One.length(), Version::Two.length()], [348, 540]);
    assert_eq!([good(1).len(), good(2).len()], [352 + 48, 544 + 48]);
}
