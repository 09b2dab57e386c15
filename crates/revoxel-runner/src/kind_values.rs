//! Whether values are what the kind of their volume says: labels are whole, probabilities lie between 0 and 1.

use std::path::{Path, PathBuf};

use revoxel_core::{Dtype, Grid, Kind, Number, Volume, Voxel, Voxels, dispatch, parallel};

use crate::problem::Setting;

/// How far a label may lie from a whole number and a probability beyond 0 or 1: what rounding makes of numbers that
/// were stored with a scale, or in half precision.
pub const TOLERANCE: f64 = 1e-3;

/// Values that are not of their kind.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KindError {
    /// Labels that are not whole.
    #[error(
        "{path}: kind is label, but {count} of {voxels} values are not whole numbers (within {TOLERANCE}); the first \
         is {first}: {} if these are scores or intensities, or round the labels first",
        by.scores()
    )]
    Fractions {
        /// The file.
        path: PathBuf,
        /// Values that are not whole.
        count: usize,
        /// All values.
        voxels: usize,
        /// The first of them.
        first: Box<Place>,
        /// Where the kind was said.
        by: SaidBy,
    },
    /// Probabilities beyond 0 and 1.
    #[error(
        "{path}: kind is probability, but {count} of {voxels} values (from {lowest} to {highest}) are not between 0 \
         and 1 (within {TOLERANCE}); the first is {first}: {}, or scale the values to 0…1 first",
        by.no_probabilities()
    )]
    NoProbabilities {
        /// The file.
        path: PathBuf,
        /// The lowest value.
        lowest: f64,
        /// The highest value.
        highest: f64,
        /// Values beyond 0 and 1.
        count: usize,
        /// All values.
        voxels: usize,
        /// The first of them.
        first: Box<Place>,
        /// Where the kind was said.
        by: SaidBy,
    },
    /// Labels that single precision has rounded.
    #[error(
        "{path}: label {label} is not exact: the file stores {stored} with a scale, which is read as float32 and exact \
         up to 2^24 (16777216): store the labels without a scale"
    )]
    Rounded {
        /// The file.
        path: PathBuf,
        /// The voxel type in the file.
        stored: Dtype,
        /// A label.
        label: Number,
    },
    /// Labels that no voxel type holds.
    #[error("{path}: no integer voxel type holds the labels from {lowest} to {highest}")]
    TooFarApart {
        /// The file.
        path: PathBuf,
        /// The lowest label.
        lowest: i128,
        /// The highest label.
        highest: i128,
    },
}

impl KindError {
    /// What a caller can set, of what the message speaks of.
    pub fn settings(&self) -> Vec<Setting> {
        match self {
            Self::Fractions { by: SaidBy::Command, .. } => {
                vec![Setting::Kind(&[Kind::Probability, Kind::Logit, Kind::Image])]
            }
            Self::NoProbabilities { by: SaidBy::Command, .. } => vec![Setting::Kind(&[Kind::Logit, Kind::Image])],
            _ => Vec::new(),
        }
    }
}

/// A value and where it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// The value.
    pub value: Number,
    /// The voxel.
    pub index: [usize; 3],
    /// The channel, where there are several.
    pub channel: Option<usize>,
    /// The centre of the voxel, RAS+ millimetres.
    pub world: [f64; 3],
}

impl Place {
    fn of(volume: &Volume, position: usize) -> Self {
        let (grid, size) = (volume.grid(), volume.grid().voxel_count());
        let [nx, ny, _] = grid.shape();
        let within = position % size;
        let index = [within % nx, within / nx % ny, within / (nx * ny)];
        let value = dispatch!(volume.voxels(), v => Number::of(v[position]));
        let channel = (volume.channels() > 1).then_some(position / size);
        Self { value, index, channel, world: world(grid, index) }
    }
}

fn world(grid: &Grid, index: [usize; 3]) -> [f64; 3] {
    grid.index_to_world(index.map(|i| i as f64))
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ([i, j, k], [x, y, z]) = (self.index, self.world);
        write!(f, "{} at index ({i}, {j}, {k})", self.value)?;
        if let Some(channel) = self.channel {
            write!(f, " of channel {channel}")?;
        }
        write!(f, ", ({x:.2}, {y:.2}, {z:.2}) mm RAS")
    }
}

/// Where a kind was said, for what to say instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaidBy {
    /// An input of a pipeline. What is not finite has been looked at before.
    Pipeline,
    /// A command, of a prediction.
    Command,
}

impl SaidBy {
    const fn scores(self) -> &'static str {
        match self {
            Self::Pipeline => "declare `kind: probability`, `logit` or `image` for the input",
            Self::Command => "choose the kind probability, logit or image",
        }
    }

    const fn no_probabilities(self) -> &'static str {
        match self {
            Self::Pipeline => "declare `kind: logit` (scores before softmax or sigmoid) or `kind: image` for the input",
            Self::Command => "choose the kind logit (scores before softmax or sigmoid) or image",
        }
    }
}

/// A volume whose values are of its kind: labels that were stored with a fraction of a thousandth are whole again, and
/// a warning says so. `stored` is the voxel type in the file, where it is known.
///
/// # Errors
/// Where they are not.
pub fn checked(path: &Path, volume: Volume, stored: Option<Dtype>, by: SaidBy) -> Result<Volume, KindError> {
    match volume.kind() {
        Kind::Label => whole(path, volume, stored, by),
        Kind::Probability => probabilities(path, &volume, by).map(|()| volume),
        Kind::Image | Kind::Logit => Ok(volume),
    }
}

fn whole(path: &Path, volume: Volume, stored: Option<Dtype>, by: SaidBy) -> Result<Volume, KindError> {
    if volume.dtype().is_integer() {
        return Ok(volume);
    }
    let fraction = |value: f64| match value.is_finite() {
        true => (value - value.round_ties_even()).abs() > TOLERANCE,
        false => by == SaidBy::Command,
    };
    let path = path.to_owned();
    if let Some((count, first)) = found(volume.voxels(), fraction) {
        let (voxels, first) = (volume.voxels().len(), Place::of(&volume, first));
        return Err(KindError::Fractions { path, count, voxels, first: first.into(), by });
    }
    if let Some(stored) = stored.filter(|s| s.is_integer() && s.size() > 2 && volume.dtype() == Dtype::F32) {
        const EXACT: f64 = 16_777_216.0;
        if let Some((_, first)) = found(volume.voxels(), |value| value.abs() >= EXACT) {
            return Err(KindError::Rounded { path, stored, label: Place::of(&volume, first).value });
        }
    }
    let (rounded, volume) = rounded(volume);
    if let Some((count, first)) = rounded {
        let voxels = volume.voxels().len();
        tracing::warn!(
            "{}: rounded {count} of {voxels} labels to whole numbers less than {TOLERANCE} away; the first is {first}",
            path.display()
        );
    }
    Ok(volume)
}

/// The volume with values within [`TOLERANCE`] of whole numbers rounded to these; how many were, and the first.
pub fn rounded(volume: Volume) -> (Option<(usize, Place)>, Volume) {
    let off = |value: f64| {
        let off = (value - value.round_ties_even()).abs();
        off > 0.0 && off <= TOLERANCE
    };
    if volume.dtype().is_integer() {
        return (None, volume);
    }
    let Some((count, first)) = found(volume.voxels(), off) else { return (None, volume) };
    let first = Place::of(&volume, first);
    let (grid, kind, channels) = (*volume.grid(), volume.kind(), volume.channels());
    let mut voxels = volume.into_voxels();
    fn round<T: Voxel>(values: &mut [T], off: impl Fn(f64) -> bool + Sync) {
        parallel::each(values.chunks_mut(parallel::BLOCK), |values| {
            for v in values.iter_mut().filter(|v| off(v.to_f64())) {
                *v = T::from_f64(v.to_f64().round_ties_even() + 0.0);
            }
        });
    }
    dispatch!(&mut voxels, v => round(v, off));
    let volume = Volume::new(voxels, grid, kind, channels);
    (Some((count, first)), volume.unwrap_or_else(|_| unreachable!("as many voxels as before")))
}

/// A label map of floating point in the smallest type of whole numbers that holds its labels.
///
/// # Errors
/// Where none does.
pub(crate) fn as_whole_numbers(path: &Path, volume: Volume) -> Result<Volume, KindError> {
    if volume.dtype().is_integer() {
        return Ok(volume);
    }
    let (lowest, highest) = volume.voxels().whole_range().unwrap_or_default();
    match Dtype::smallest_for_whole(lowest.min(0), highest.max(0)) {
        Some(dtype) => Ok(volume.cast(dtype)),
        None => Err(KindError::TooFarApart { path: path.to_owned(), lowest, highest }),
    }
}

fn probabilities(path: &Path, volume: &Volume, by: SaidBy) -> Result<(), KindError> {
    // What is not finite is judged by the rules for that.
    let beyond = |value: f64| value.is_finite() && (value - 0.5).abs() > 0.5 + TOLERANCE;
    let Some((count, first)) = found(volume.voxels(), beyond) else { return Ok(()) };
    let (lowest, highest) = volume.voxels().min_max().unwrap_or_default();
    Err(KindError::NoProbabilities {
        path: path.to_owned(),
        lowest,
        highest,
        count,
        voxels: volume.voxels().len(),
        first: Place::of(volume, first).into(),
        by,
    })
}

/// How many values are wrong, and the position of the first.
fn found(voxels: &Voxels, wrong: impl Fn(f64) -> bool + Sync) -> Option<(usize, usize)> {
    const CHUNK: usize = 1 << 16;
    fn of<T: Voxel>(values: &[T], wrong: impl Fn(f64) -> bool + Sync) -> Option<(usize, usize)> {
        let chunk = |(number, values): (usize, &[T])| {
            let count = values.iter().filter(|v| wrong(v.to_f64())).count();
            let first = values.iter().position(|v| wrong(v.to_f64()));
            first.map(|first| (count, number * CHUNK + first))
        };
        let both = |a: Option<(usize, usize)>, b: Option<(usize, usize)>| match (a, b) {
            (Some(a), Some(b)) => Some((a.0 + b.0, a.1.min(b.1))),
            (a, b) => a.or(b),
        };
        parallel::map(values.chunks(CHUNK).enumerate(), chunk).into_iter().fold(None, both)
    }
    dispatch!(voxels, v => of(v, wrong))
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::Affine;

    fn volume(voxels: Voxels, kind: Kind, channels: usize) -> Volume {
        let rows = [[0.0, -2.0, 0.0, 10.0], [1.0, 0.0, 0.5, -20.0], [0.0, 0.0, 3.0, 5.0]];
        let grid = Grid::new([3, 2, 1], Affine::from_rows(rows)).unwrap();
        Volume::new(voxels, grid, kind, channels).unwrap()
    }

    fn check(volume: Volume, by: SaidBy) -> Result<Volume, String> {
        checked(Path::new("m.nii"), volume, None, by).map_err(|e| e.to_string())
    }

    #[test]
    fn fractions_are_no_labels() {
        let map = volume(vec![0.0f32, 1.0, 2.0, 3.0, 0.5, 0.25].into(), Kind::Label, 1);
        let error = check(map.clone(), SaidBy::Pipeline).unwrap_err();
        for part in ["m.nii", "2 of 6 values", "0.5 at index (1, 1, 0), (8.00, -19.00, 5.00) mm", "kind: probability"] {
            assert!(error.contains(part), "{part:?} is not in {error}");
        }
        assert!(check(map, SaidBy::Command).unwrap_err().contains("the kind probability"));
        let map = volume([vec![1.0f64; 6], vec![1.0, 1.0, 1.5, 1.0, 1.0, 1.0]].concat().into(), Kind::Label, 2);
        assert!(check(map, SaidBy::Command).unwrap_err().contains("1.5 at index (2, 0, 0) of channel 1"));
        let map = volume(vec![f32::NAN, 1.0, 2.0, 3.0, 0.0, 0.0].into(), Kind::Label, 1);
        assert!(check(map.clone(), SaidBy::Command).is_err());
        assert!(check(map, SaidBy::Pipeline).is_ok());
        assert!(check(volume(vec![0.5f32; 6].into(), Kind::Image, 1), SaidBy::Pipeline).is_ok());
    }

    #[test]
    fn labels_that_were_scaled_are_whole_again() {
        let map = volume(vec![0.99993f32, 1.99987, 3.0001, 0.0, -1.0005, 5.0].into(), Kind::Label, 1);
        let whole = check(map, SaidBy::Command).unwrap();
        assert_eq!(whole.voxels(), &vec![1.0f32, 2.0, 3.0, 0.0, -1.0, 5.0].into());
        let small = as_whole_numbers(Path::new("m.nii"), whole).unwrap();
        assert_eq!(small.voxels(), &vec![1i8, 2, 3, 0, -1, 5].into());
        let far = volume(vec![-1.0f64, 1e19, 0.0, 0.0, 0.0, 0.0].into(), Kind::Label, 1);
        let error = as_whole_numbers(Path::new("m.nii"), far).unwrap_err().to_string();
        assert!(error.contains("from -1 to 10000000000000000000"), "{error}");
        let large = volume(vec![33_554_434.0f32, 0.0, 0.0, 0.0, 0.0, 0.0].into(), Kind::Label, 1);
        let t = |stored: Dtype| checked(Path::new("m.nii"), large.clone(), Some(stored), SaidBy::Pipeline);
        assert!(t(Dtype::I32).unwrap_err().to_string().contains("int32 with a scale"));
        assert!(t(Dtype::F32).is_ok());
    }

    #[test]
    fn probabilities_lie_between_0_and_1() {
        let t = |voxels: Voxels| check(volume(voxels, Kind::Probability, 1), SaidBy::Command).map(|_| ());
        assert_eq!(t(vec![-0.0004f32, 0.0, 1.0, 1.0005, 0.5, f32::NAN].into()), Ok(()));
        assert_eq!(t(vec![0u8, 1, 1, 0, 0, 1].into()), Ok(()));
        let error = t(vec![0u8, 255, 128, 0, 0, 1].into()).unwrap_err();
        for part in ["from 0 to 255", "2 of 6", "the first is 255 at index (1, 0, 0)", "the kind logit"] {
            assert!(error.contains(part), "{part:?} is not in {error}");
        }
        assert!(t(vec![0.1f64, -3.5, 7.25, 0.0, 0.0, 0.0].into()).unwrap_err().contains("from -3.5 to 7.25"));
        // NaN and infinity are refused elsewhere, by name.
        assert_eq!(t(vec![0.5f32, f32::INFINITY, 0.0, 0.0, 0.0, 0.0].into()), Ok(()));
    }
}
