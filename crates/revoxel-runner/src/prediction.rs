//! Reading what a model made: a volume file, or an array without geometry.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use revoxel_core::{Dtype, Grid, Kind, Volume, VolumeError, Voxel, Voxels, dispatch};
use revoxel_io::ReadError;
use revoxel_io::npy::{self, Tensor};
use revoxel_resample::NonFinite;

use crate::kind_values::{KindError, SaidBy, as_whole_numbers, checked};
use crate::limits::{limits, options};
use crate::problem::Setting;

/// The order of an array's axes, as its shape gives them; the last axis is fastest (C order).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrayAxes {
    /// Axis 0 first: MONAI and nibabel without channels.
    Xyz,
    /// Axis 2 first: SimpleITK and nnU-Net without channels.
    Zyx,
    /// Channels, then axis 0: MONAI.
    Cxyz,
    /// Channels, then axis 2: nnU-Net.
    Czyx,
}

impl ArrayAxes {
    const ALL: [Self; 4] = [Self::Xyz, Self::Zyx, Self::Cxyz, Self::Czyx];

    /// The name as written on the command line, of a volume or of a 2-D one.
    pub const fn name(self, planar: bool) -> &'static str {
        match (self, planar) {
            (Self::Xyz, false) => "xyz",
            (Self::Zyx, false) => "zyx",
            (Self::Cxyz, false) => "cxyz",
            (Self::Czyx, false) => "czyx",
            (Self::Xyz, true) => "xy",
            (Self::Zyx, true) => "yx",
            (Self::Cxyz, true) => "cxy",
            (Self::Czyx, true) => "cyx",
        }
    }

    /// Channels and spatial shape of an array with this shape, where it has that many axes; for a 2-D grid the slice
    /// axis may be left out.
    fn split(self, shape: &[usize], planar: bool) -> Option<(usize, [usize; 3])> {
        match (self, shape) {
            (Self::Xyz, &[x, y, z]) | (Self::Zyx, &[z, y, x]) => Some((1, [x, y, z])),
            (Self::Cxyz, &[c, x, y, z]) | (Self::Czyx, &[c, z, y, x]) => Some((c, [x, y, z])),
            (Self::Xyz, &[x, y]) | (Self::Zyx, &[y, x]) if planar => Some((1, [x, y, 1])),
            (Self::Cxyz, &[c, x, y]) | (Self::Czyx, &[c, y, x]) if planar => Some((c, [x, y, 1])),
            _ => None,
        }
    }

    /// Whether axis 0 is fastest, as it is in a volume.
    const fn is_reversed(self) -> bool {
        matches!(self, Self::Zyx | Self::Czyx)
    }
}

impl FromStr for ArrayAxes {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|a| a.name(false) == name || a.name(true) == name);
        found.ok_or_else(|| format!("{name:?}: expected xyz, zyx, cxyz or czyx (for 2-D also xy, yx, cxy or cyx)"))
    }
}

/// More channels than this are not read.
const MOST_CHANNELS: usize = 65_535;

/// How a prediction is to be read.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// What its values mean; seen from the values where it is not given.
    pub kind: Option<Kind>,
    /// The order of an array's axes; seen from the shape where it is not given and only one order fits.
    pub axes: Option<ArrayAxes>,
    /// Whether channels are to be reduced to labels, so that they are scores.
    pub argmax: bool,
    /// What the volume is whose grid it goes back to: whole numbers of any sign are labels beside a label map.
    pub beside: Option<Kind>,
}

/// Why a prediction cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PredictionError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The array does not fit the grid.
    #[error("{path}: an array of shape {shape:?} as {tried} does not fit the pipeline's result of {grid:?} voxels")]
    Shape {
        /// The file.
        path: PathBuf,
        /// Shape of the array.
        shape: Vec<usize>,
        /// Shape of the grid.
        grid: [usize; 3],
        /// The orders that were tried.
        tried: String,
    },
    /// Several orders fit.
    #[error("{path}: an array of shape {shape:?} fits as {fits}: choose one")]
    Ambiguous {
        /// The file.
        path: PathBuf,
        /// Shape of the array.
        shape: Vec<usize>,
        /// The orders that fit.
        fits: String,
    },
    /// More channels than any model has classes.
    #[error("{path}: an array of {channels} channels: expected at most {MOST_CHANNELS}")]
    Channels {
        /// The file.
        path: PathBuf,
        /// Channels of the array.
        channels: usize,
    },
    /// Nobody says what the values mean.
    #[error("{path}: cannot infer the kind of values ({why}): choose label, probability, logit or image")]
    Kind {
        /// The file.
        path: PathBuf,
        /// Why it cannot be seen.
        why: &'static str,
    },
    /// Labels that are not finite.
    #[error("{path}: {found}; labels cannot be NaN or infinite: replace these values first, or choose another kind")]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// How many there are, and where.
        found: Box<NonFinite>,
    },
    /// The values are not of the kind.
    #[error(transparent)]
    Values(#[from] KindError),
    /// The values do not fill the grid.
    #[error(transparent)]
    Volume(#[from] VolumeError),
}

impl PredictionError {
    /// What a caller can set, of what the message speaks of.
    pub fn settings(&self) -> Vec<Setting> {
        match self {
            Self::Read(error) => error.settings().into_iter().map(Setting::File).collect(),
            Self::Ambiguous { .. } => vec![Setting::Axes],
            Self::Kind { .. } => vec![Setting::Kind(&[Kind::Label, Kind::Probability, Kind::Logit, Kind::Image])],
            Self::NotFinite { .. } => vec![Setting::Kind(&[Kind::Probability, Kind::Logit, Kind::Image])],
            Self::Values(error) => error.settings(),
            _ => Vec::new(),
        }
    }
}

/// What the header of a prediction says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PredictionHead {
    /// Its channels.
    pub channels: usize,
    /// The type of its values.
    pub dtype: Dtype,
    /// Where it lies; arrays lie on the model's grid.
    pub grid: Grid,
}

impl PredictionHead {
    /// Whether it looks like a label map: whole numbers in one channel.
    pub const fn is_label_map(&self) -> bool {
        self.channels == 1 && self.dtype.is_integer()
    }

    /// What its values are, as [`read`] will find; `None` where only the values tell.
    ///
    /// # Errors
    /// Where the header says already that it cannot be told.
    pub fn kind(&self, path: &Path, reading: &Reading) -> Result<Option<Kind>, PredictionError> {
        match reading.kind {
            Some(kind) => Ok(Some(kind)),
            None if reading.argmax => Ok(Some(Kind::Logit)),
            None if self.channels > 1 => Err(PredictionError::Kind { path: path.to_owned(), why: SEVERAL }),
            None if self.is_label_map() => Ok(Some(Kind::Label)),
            None => Ok(None),
        }
    }
}

/// Why the kind of several channels cannot be told.
const SEVERAL: &str = "several channels";

/// Reads the header of a prediction; the values are not touched.
///
/// # Errors
/// Where the header cannot be read, or an array does not fit the grid.
pub fn look(path: &Path, model: &Grid, axes: Option<ArrayAxes>) -> Result<PredictionHead, PredictionError> {
    if is_array(path) {
        let head = npy::head(path)?;
        let (_, channels) = layout(path, &head.shape, model, axes)?;
        return Ok(PredictionHead { channels, dtype: head.dtype, grid: *model });
    }
    let info = revoxel_io::info_with(path, &options())?;
    Ok(PredictionHead { channels: info.channels, dtype: info.dtype, grid: info.grid })
}

/// Reads a prediction. An array without geometry is taken to lie on `model`, the grid that the pipeline ended on.
///
/// # Errors
/// Where the file cannot be read, does not fit, or it cannot be told what its values mean.
pub fn read(path: &Path, model: &Grid, reading: &Reading) -> Result<Volume, PredictionError> {
    let (volume, stored) = if is_array(path) {
        let fits = |shape: &[usize]| layout(path, shape, model, reading.axes).map(drop);
        let tensor = npy::read_if(path, &limits(), fits)?;
        (on_grid(path, tensor, model, reading.axes)?, None)
    } else {
        let loaded = revoxel_io::read_with(path, Kind::Image, &options())?;
        for warning in &loaded.info.warnings {
            tracing::warn!("{}: {warning}", path.display());
        }
        (loaded.volume, Some(loaded.info.stored))
    };
    understood(path, volume, stored, reading)
}

/// A prediction in memory, with its kind: that of `reading`, or what is seen from the values. `path` is what errors call
/// it; `stored` is the type in its file, if there is one.
///
/// # Errors
/// Where it cannot be told what the values mean, or they are not of the kind.
pub fn understood(
    path: &Path,
    volume: Volume,
    stored: Option<Dtype>,
    reading: &Reading,
) -> Result<Volume, PredictionError> {
    let kind = kind_of(path, &volume, reading)?;
    let volume = checked(path, volume.with_kind(kind), stored, SaidBy::Command)?;
    // Labels that were stored as floating point become whole numbers again.
    if kind == Kind::Label { Ok(as_whole_numbers(path, volume)?) } else { Ok(volume) }
}

pub(crate) fn is_array(path: &Path) -> bool {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_lowercase();
    name.ends_with(".npy") || name.ends_with(".npz")
}

fn kind_of(path: &Path, volume: &Volume, reading: &Reading) -> Result<Kind, PredictionError> {
    let why = |why| PredictionError::Kind { path: path.to_owned(), why };
    let labels = reading.kind == Some(Kind::Label);
    // Values of other kinds are looked at where they are brought back.
    if (labels || reading.kind.is_none() && !reading.argmax && volume.channels() == 1)
        && let Some(found) = NonFinite::of(volume)
    {
        return Err(PredictionError::NotFinite { path: path.to_owned(), found: found.into() });
    }
    match reading.kind {
        Some(kind) => Ok(kind),
        // For the winner it makes no difference whether scores are probabilities or logits, but for places that
        // were not seen: certain background both ways.
        None if reading.argmax => Ok(Kind::Logit),
        None if volume.channels() > 1 => Err(why(SEVERAL)),
        None if !all_whole(volume.voxels()) => Err(why("not all are whole numbers")),
        None if reading.beside == Some(Kind::Label) => Ok(Kind::Label),
        // -1 marks what is to be ignored; scans have lower numbers.
        None if volume.voxels().whole_range().is_some_and(|(lowest, _)| lowest < -1) => {
            Err(why("whole numbers below -1, as in labels or in scans"))
        }
        None => Ok(Kind::Label),
    }
}

fn all_whole(voxels: &Voxels) -> bool {
    voxels.dtype().is_integer() || dispatch!(voxels, v => v.iter().all(|x| x.whole().is_some()))
}

/// The order of the axes of an array of some shape on a grid whose shape it must have, and its channels. Leading axes of
/// length 1 are batches.
///
/// # Errors
/// Where no order fits, or several do.
pub fn layout(
    path: &Path,
    shape: &[usize],
    model: &Grid,
    axes: Option<ArrayAxes>,
) -> Result<(ArrayAxes, usize), PredictionError> {
    let planar = model.is_planar();
    // Leading axes of length 1 are batches.
    let spare = shape.len().saturating_sub(model.axes());
    let batch = shape.iter().take(spare.saturating_sub(1)).take_while(|n| **n == 1).count();
    let inner = &shape[batch..];
    let tried: Vec<ArrayAxes> = axes.map_or(ArrayAxes::ALL.to_vec(), |a| vec![a]);
    let fits = |a: &ArrayAxes| a.split(inner, planar).filter(|(_, s)| *s == model.shape());
    let mut fitting: Vec<ArrayAxes> = tried.iter().copied().filter(|a| fits(a).is_some()).collect();
    // Of a 2-D volume an axis of length 1 is the slice or a channel, which is the same.
    fitting.sort_by_key(|a| a.is_reversed());
    fitting.dedup_by_key(|a| (a.is_reversed(), fits(a)));
    let names = |axes: &[ArrayAxes]| axes.iter().map(|a| a.name(planar)).collect::<Vec<_>>().join(" or ");
    let (path, shape) = (|| path.to_owned(), || shape.to_vec());
    match fitting[..] {
        [one] => match fits(&one).map_or(1, |(channels, _)| channels) {
            channels if channels > MOST_CHANNELS => Err(PredictionError::Channels { path: path(), channels }),
            channels => Ok((one, channels)),
        },
        [] => {
            let tried = names(&tried);
            Err(PredictionError::Shape { path: path(), shape: shape(), grid: model.shape(), tried })
        }
        _ => Err(PredictionError::Ambiguous { path: path(), shape: shape(), fits: names(&fitting) }),
    }
}

/// An array as a volume on a grid whose shape it must have.
fn on_grid(path: &Path, tensor: Tensor, model: &Grid, axes: Option<ArrayAxes>) -> Result<Volume, PredictionError> {
    let (axes, channels) = layout(path, &tensor.shape, model, axes)?;
    tracing::info!("{}: shape {:?} read as {}", path.display(), tensor.shape, axes.name(model.is_planar()));
    let voxels = match axes {
        // The last axis is fastest: that is axis 0 already.
        ArrayAxes::Zyx | ArrayAxes::Czyx => tensor.voxels,
        ArrayAxes::Xyz | ArrayAxes::Cxyz => {
            let bytes = tensor.voxels.bytes().len() as u64;
            let no_memory = || ReadError::Memory { path: path.to_owned(), bytes };
            dispatch!(&tensor.voxels, v => reversed(v, channels, model.shape()).ok_or_else(no_memory)?.into())
        }
    };
    Ok(Volume::new(voxels, *model, Kind::Image, channels)?)
}

/// From axis 2 fastest to axis 0 fastest, channel by channel.
fn reversed<T: Voxel>(values: &[T], channels: usize, [nx, ny, nz]: [usize; 3]) -> Option<Vec<T>> {
    let mut out = Vec::new();
    out.try_reserve_exact(values.len()).ok()?;
    for channel in values.chunks(nx * ny * nz).take(channels) {
        for z in 0..nz {
            for y in 0..ny {
                out.extend((0..nx).map(|x| channel[z + nz * (y + ny * x)]));
            }
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(shape: &[usize]) -> Tensor {
        let count = shape.iter().product::<usize>();
        Tensor { shape: shape.to_vec(), voxels: (0..count as i32).collect::<Vec<_>>().into() }
    }

    #[test]
    fn whole_numbers_are_labels_where_that_is_safe() {
        let model = Grid::without_geometry([4, 1, 1]).unwrap();
        let t = |voxels: Voxels, beside: Option<Kind>| {
            let volume = Volume::new(voxels, model, Kind::Image, 1).unwrap();
            kind_of(Path::new("p.npy"), &volume, &Reading { beside, ..Reading::default() }).map_err(|e| e.to_string())
        };
        assert_eq!(t(vec![0u8, 1, 2, 3].into(), None), Ok(Kind::Label));
        assert_eq!(t(vec![0i16, -1, 2, 3].into(), None), Ok(Kind::Label));
        assert_eq!(t(vec![0.0f32, -1.0, 2.0, 3.0].into(), Some(Kind::Image)), Ok(Kind::Label));
        assert!(t(vec![-1000i16, 0, 40, 3].into(), Some(Kind::Image)).unwrap_err().contains("below -1"));
        assert_eq!(t(vec![-1000i16, 0, 40, 3].into(), Some(Kind::Label)), Ok(Kind::Label));
        for values in [vec![0.5f32, 0.0, 0.0, 1.0], vec![0.9999, 1.0, 2.0, 3.0]] {
            assert!(t(values.into(), Some(Kind::Label)).unwrap_err().contains("not all are whole numbers"));
        }
        let error = t(vec![f32::NAN, 0.0, 0.0, 1.0].into(), Some(Kind::Label)).unwrap_err();
        assert!(error.contains("labels cannot be NaN"), "{error}");
    }

    #[test]
    fn arrays_find_their_axes() {
        let model = Grid::without_geometry([2, 3, 4]).unwrap();
        let t = |shape: &[usize], axes: Option<ArrayAxes>| on_grid(Path::new("p.npy"), tensor(shape), &model, axes);
        let xyz = t(&[2, 3, 4], None).unwrap();
        // In C order the last axis is fastest: index (1, 2, 3) is the last value, (0, 0, 1) the second.
        assert_eq!((xyz.value([1, 2, 3], 0), xyz.value([0, 0, 1], 0), xyz.value([1, 0, 0], 0)), (23.0, 1.0, 12.0));
        let zyx = t(&[4, 3, 2], None).unwrap();
        assert_eq!((zyx.value([1, 0, 0], 0), zyx.value([0, 0, 1], 0)), (1.0, 6.0));
        let batch = t(&[1, 5, 2, 3, 4], None).unwrap();
        assert_eq!((batch.channels(), batch.value([0, 0, 1], 2)), (5, 49.0));
        assert_eq!(t(&[5, 4, 3, 2], None).unwrap().value([1, 0, 0], 3), 73.0);
        assert!(t(&[4, 3, 3], None).unwrap_err().to_string().contains("does not fit"));
        assert!(t(&[2, 3, 4], Some(ArrayAxes::Zyx)).unwrap_err().to_string().contains("as zyx"));
        assert!(t(&[2, 3], None).is_err());
        let cube = Grid::without_geometry([3, 3, 3]).unwrap();
        let error = on_grid(Path::new("p.npy"), tensor(&[3, 3, 3]), &cube, None).unwrap_err().to_string();
        assert!(error.contains("xyz or zyx: choose one"), "{error}");
    }

    #[test]
    fn arrays_of_two_axes_fit_flat_grids() {
        let flat = Grid::without_geometry([3, 2, 1]).unwrap().planar();
        let t = |shape: &[usize], axes: Option<ArrayAxes>| on_grid(Path::new("p.npy"), tensor(shape), &flat, axes);
        let value = |shape: &[usize], channel| t(shape, None).unwrap().value([1, 0, 0], channel);
        // The last axis is fastest: of (x, y) the next along x is two values on, of (y, x) one.
        for shape in [&[3, 2][..], &[1, 3, 2], &[1, 1, 3, 2], &[3, 2, 1], &[1, 3, 2, 1]] {
            assert_eq!(value(shape, 0), 2.0, "{shape:?}");
        }
        for shape in [&[2, 3][..], &[1, 2, 3], &[1, 1, 2, 3]] {
            assert_eq!(value(shape, 0), 1.0, "{shape:?}");
        }
        assert_eq!((value(&[4, 3, 2], 3), value(&[4, 2, 3], 3), value(&[1, 4, 3, 2], 3)), (20.0, 19.0, 20.0));
        assert!(t(&[3, 2, 4], None).unwrap_err().to_string().contains("as xy or yx or cxy or cyx"));
        let square = Grid::without_geometry([3, 3, 1]).unwrap().planar();
        let error = on_grid(Path::new("p.npy"), tensor(&[3, 3]), &square, None).unwrap_err().to_string();
        assert!(error.contains("as xy or yx: choose one"), "{error}");
        for name in ["xy", "xyz"] {
            let axes = Some(name.parse().unwrap());
            assert_eq!(on_grid(Path::new("p.npy"), tensor(&[3, 3]), &square, axes).unwrap().value([1, 0, 0], 0), 3.0);
        }
        let one = Grid::without_geometry([1, 1, 1]).unwrap().planar();
        assert!(on_grid(Path::new("p.npy"), tensor(&[1, 1]), &one, Some(ArrayAxes::Xyz)).is_ok());
    }
}
