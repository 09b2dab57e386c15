//! What the tests of the formats share.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use revoxel_core::{Affine, Dtype, Grid, Kind, Volume, Voxels, dispatch_dtype};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Recorded {
    shape: [usize; 3],
    channels: usize,
    dtype: String,
    affine: [[f64; 4]; 3],
    values: Vec<f64>,
}

/// Reads every fixture of a folder and compares it with what `make_nrrd_mha.py` recorded; `expected` says whether
/// the remarks on a file are those that it should have.
pub(crate) fn check_fixtures(folder: &Path, expected: impl Fn(&str, &[String]) -> bool) {
    let all: BTreeMap<String, Recorded> =
        serde_json::from_slice(&fs::read(folder.join("expected.json")).unwrap()).unwrap();
    for (name, recorded) in all {
        let loaded = crate::read(folder.join(&name), Kind::Image).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(crate::info(folder.join(&name)).unwrap().grid, loaded.info.grid, "{name}");
        let volume = &loaded.volume;
        assert_eq!((volume.grid().shape(), volume.channels()), (recorded.shape, recorded.channels), "{name}");
        assert_eq!((volume.dtype().name(), loaded.info.stored), (recorded.dtype.as_str(), volume.dtype()), "{name}");
        let difference = volume.grid().affine().max_abs_difference(&Affine::from_rows(recorded.affine));
        assert!(difference < 1e-9, "{name}: {difference}");
        let values: Vec<f64> = (0..volume.voxels().len()).map(|i| volume.voxels().get(i)).collect();
        assert_eq!(values, recorded.values, "{name}");
        let warnings: Vec<String> = loaded.info.warnings.iter().map(ToString::to_string).collect();
        assert!(expected(&name, &warnings), "{name}: {warnings:?}");
    }
}

/// A tilted, mirrored grid.
pub(crate) fn grid(shape: [usize; 3]) -> Grid {
    let rows = [[1.6276, -0.9154, -0.2, -80.25], [0.9397, 1.0724, -0.5, 41.5], [0.684, 0.2449, 2.7765, 12.125]];
    let mut rotation = Affine::from_rows(rows).nearest_rotation();
    rotation.iter_mut().for_each(|row| row[1] *= -1.0);
    Grid::new(shape, Affine::from_parts([2.0, 1.5, 3.0], rotation, [-80.25, 41.5, 12.125])).unwrap()
}

/// A small volume of any type and number of channels.
pub(crate) fn volume(dtype: Dtype, channels: usize) -> Volume {
    let count = 60 * channels;
    let voxels: Voxels =
        dispatch_dtype!(dtype, T => (0..count).map(|i| (i * 7 % 251 % 128) as T).collect::<Vec<T>>().into());
    Volume::new(voxels, grid([5, 4, 3]), Kind::Image, channels).unwrap()
}
