//! Writes samples of what revoxel writes, for `fixtures/check_written.py`: `write_samples FOLDER`.
//!
//! Beside each file, `NAME.json` says what is in it: affine (RAS+ mm), shape, channels and type. Value i (x fastest, channels slowest) is
//! 7 i mod 251 mod 128.

use std::path::Path;

use revoxel_core::{Affine, Dtype, Grid, Kind, Volume, Voxels, dispatch_dtype};
use revoxel_io::metaimage::MetaImageFacts;
use revoxel_io::nrrd::NrrdFacts;
use revoxel_io::{Facts, write};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let folder = std::env::args_os().nth(1).ok_or("give a folder")?;
    let folder = Path::new(&folder);
    let (none, vector) = (Facts::default(), Facts { vector: true, ..Facts::default() });
    let colour = Facts { colour: true, ..Facts::default() };
    let raw = Facts {
        nrrd: Some(Box::new(NrrdFacts { encoding: Some("raw".into()), ..NrrdFacts::default() })),
        metaimage: Some(Box::new(MetaImageFacts { compressed: Some(false), ..MetaImageFacts::default() })),
        ..Facts::default()
    };
    let keys = vec![("key".to_owned(), "a\nb\\c".to_owned())];
    let kept = NrrdFacts {
        key_values: keys,
        measurement_frame: Some([[1., 0., 0.], [0., 0., 1.], [0., -1., 0.]]),
        ..NrrdFacts::default()
    };
    let kept = Facts { nrrd: Some(Box::new(kept)), description: Some("what it is".into()), ..Facts::default() };
    for extension in ["nrrd", "nhdr", "mha", "mhd"] {
        let sample = |name: &str, dtype, channels, grid, facts: &Facts| {
            one(&folder.join(format!("{name}.{extension}")), dtype, channels, grid, facts)
        };
        for dtype in Dtype::ALL {
            sample(dtype.name(), dtype, 1, oblique(1.0)?, &none)?;
        }
        sample("mirrored", Dtype::I16, 1, oblique(-1.0)?, &none)?;
        sample("sheared", Dtype::I16, 1, sheared()?, &none)?;
        sample("raw", Dtype::I16, 1, oblique(1.0)?, &raw)?;
        sample("vector", Dtype::F32, 3, oblique(1.0)?, &vector)?;
        sample("colour", Dtype::U8, 3, oblique(-1.0)?, &colour)?;
        sample("channels", Dtype::F32, 5, oblique(1.0)?, &none)?;
        sample("kept", Dtype::U16, 1, oblique(1.0)?, &kept)?;
    }
    Ok(())
}

fn oblique(sign: f64) -> Outcome<Grid> {
    let rows = [[1.6276, -0.9154, -0.2, 0.], [0.9397, 1.0724, -0.5, 0.], [0.684, 0.2449, 2.7765, 0.]];
    let mut rotation = Affine::from_rows(rows).nearest_rotation();
    rotation.iter_mut().for_each(|row| row[1] *= sign);
    Ok(Grid::new([70, 60, 50], Affine::from_parts([2.0, 1.5, 3.0], rotation, [-80.25, 41.5, 1e5 + 0.1]))?)
}

fn sheared() -> Outcome<Grid> {
    Ok(Grid::new([70, 60, 50], Affine::from_rows([[1., 0.3, 0., 5.], [0., 1.2, 0.1, 6.], [0., 0., 2., 7.]]))?)
}

fn one(path: &Path, dtype: Dtype, channels: usize, grid: Grid, facts: &Facts) -> Outcome<()> {
    let count = grid.voxel_count() * channels;
    let voxels: Voxels =
        dispatch_dtype!(dtype, T => (0..count).map(|i| (i * 7 % 251 % 128) as T).collect::<Vec<T>>().into());
    write(path, &Volume::new(voxels, grid, Kind::Image, channels)?, facts)?;
    let rows = grid.affine().rows();
    let about = serde_json::json!({
        "affine": rows, "shape": grid.shape(), "channels": channels, "dtype": dtype.name(),
    });
    let mut name = path.as_os_str().to_owned();
    name.push(".json");
    std::fs::write(name, about.to_string())?;
    Ok(())
}
