//! What a dataset is like, as nnU-Net looks at it before it plans: spacings, shapes without empty borders, and the
//! intensities of what is labelled.
//!
//! nnU-Net draws the same number of labelled voxels of every case at random. Here every case counts the same too, and
//! nothing is random: means and deviations are of all labelled voxels, percentiles of the same number of values from
//! each case, evenly spread over its sorted ones.

use std::path::{Path, PathBuf};

use revoxel_core::{IndexBox, Kind, Volume, Voxel, dispatch};
use revoxel_io::Loaded;
use revoxel_pipeline::{Pipeline, PipelineError};
use revoxel_runner::channel;
use revoxel_runner::dataset::{Case, DatasetError};
use revoxel_runner::limits::options;
use revoxel_runner::non_finite::settle;
use revoxel_runner::reading::options_of;
use revoxel_transforms::Registry;
use serde_json::{Map, Value, json};

/// Values of each case from which percentiles are taken, at most.
const SAMPLES: usize = 100_000;
/// How many times coarser one axis is where nnU-Net takes care of it.
const ANISOTROPY: f64 = 3.0;

/// A dataset.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fingerprint {
    /// The cases, in order.
    pub cases: Vec<CaseFacts>,
    /// Intensities of labelled voxels, by channel; `None` where nothing is labelled.
    pub channels: Vec<Option<Intensities>>,
}

/// A case.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseFacts {
    /// Its name.
    pub name: String,
    /// Voxel size, mm, axis 0 first.
    pub spacing: [f64; 3],
    /// Shape of the box around what is not 0 in any channel.
    pub shape: [usize; 3],
    /// The share of the volume that the box has.
    pub share: f64,
}

/// Intensities of labelled voxels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Intensities {
    /// Mean.
    pub mean: f64,
    /// The middle value.
    pub median: f64,
    /// Standard deviation of the population.
    pub std: f64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
    /// 0.5th percentile.
    pub percentile_00_5: f64,
    /// 99.5th percentile.
    pub percentile_99_5: f64,
}

/// Why a dataset has no fingerprint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FingerprintError {
    /// The layout is no pipeline.
    #[error(transparent)]
    Layout(#[from] PipelineError),
    /// There are no cases.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// There is no image of the first channel.
    #[error("{folder}: no file ends in _0000{ending}: give another ending, or a pipeline with the paths of the data")]
    NoImages {
        /// The folder of the images.
        folder: PathBuf,
        /// How their names end.
        ending: String,
    },
    /// A list of cases that cannot be used.
    #[error("{path}: {problem}")]
    List {
        /// The list.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The inputs do not fit.
    #[error("{0}")]
    Inputs(String),
    /// A case cannot be used.
    #[error("case {case}: {problem}")]
    Case {
        /// Its name.
        case: String,
        /// Why.
        problem: String,
    },
}

/// The layout of nnU-Net's raw data as a pipeline without steps: `imagesTr/{case}_0000…`, `labelsTr/{case}…`.
///
/// # Errors
/// Where there is no image of the first channel.
pub fn nnunet_layout(data: &Path, ending: &str) -> Result<Pipeline, FingerprintError> {
    let folder = data.join("imagesTr");
    let files = std::fs::read_dir(&folder).map_err(|error| DatasetError::Folder { path: folder.clone(), error })?;
    let names: Vec<String> = files.flatten().map(|f| f.file_name().to_string_lossy().into_owned()).collect();
    let has = |channel: usize| names.iter().any(|n| n.ends_with(&format!("_{channel:04}{ending}")));
    let channels = (0..10_000).take_while(|c| has(*c)).count();
    if channels == 0 {
        return Err(FingerprintError::NoImages { folder, ending: ending.to_owned() });
    }
    let mut text = "version: 1\ninputs:\n".to_owned();
    let path = |folder: &str, middle: &str| Value::from(format!("{folder}/{{case}}{middle}{ending}"));
    for channel in 0..channels {
        let path = path("imagesTr", &format!("_{channel:04}"));
        text.push_str(&format!("  image_{channel:04}: {{ kind: image, path: {path} }}\n"));
    }
    text.push_str(&format!("  label: {{ kind: label, path: {} }}\n", path("labelsTr", "")));
    text.push_str("outputs: { label: { path: \"{case}.nii.gz\" } }\ntrace: \"{case}.json\"\n");
    Ok(Pipeline::parse("layout of nnU-Net", &text, &[], &Registry::basic())?)
}

/// The layout of a `dataset.json` of the Medical Segmentation Decathlon: its training cases, and the modalities as
/// channels of one file. Paths in it are relative to its folder.
///
/// # Errors
/// Where the file cannot be read, or lists no training cases.
pub fn decathlon_layout(list: &Path) -> Result<Pipeline, FingerprintError> {
    let fault = |problem: String| FingerprintError::List { path: list.to_owned(), problem };
    let text = std::fs::read_to_string(list).map_err(|e| fault(e.to_string()))?;
    let text = text.trim_start_matches('\u{feff}');
    let document: Value = serde_json::from_str(text).map_err(|e| fault(format!("not JSON: {e}")))?;
    if !document["training"].is_array() {
        return Err(fault("it has no list \"training\", as the Medical Segmentation Decathlon has it".to_owned()));
    }
    let name = Value::from(list.file_name().unwrap_or_default().to_string_lossy());
    let mut text = format!("version: 1\ncases: {{ from: {name}, split: training }}\ninputs:\n");
    match document["modality"].as_object().map_or(1, Map::len) {
        0 | 1 => text.push_str("  image: { kind: image }\n"),
        several => (0..several).for_each(|channel| {
            let input = format!("{{ kind: image, path: \"{{image}}\", channel: {channel} }}");
            text.push_str(&format!("  image_{channel:04}: {input}\n"));
        }),
    }
    text.push_str(
        "  label: { kind: label }\noutputs: { label: { path: \"{case}.nii.gz\" } }\ntrace: \"{case}.json\"\n",
    );
    Ok(Pipeline::parse("layout of the Decathlon", &text, &[], &Registry::basic())?)
}

impl Fingerprint {
    /// Looks at cases: all images of the layout are channels, the first label says what is labelled.
    ///
    /// # Errors
    /// Where an input is missing, cannot be read, or lies on another grid.
    pub fn of(layout: &Pipeline, cases: &[Case]) -> Result<Self, FingerprintError> {
        let keys = |kind: Kind| layout.inputs.iter().filter(move |i| i.kind == kind).map(|i| i.key.as_str());
        let images: Vec<&str> = keys(Kind::Image).collect();
        let Some(label) = keys(Kind::Label).next().filter(|_| !images.is_empty()) else {
            return Err(FingerprintError::Inputs("the pipeline needs an image and a label as inputs".to_owned()));
        };
        let mut facts = Vec::new();
        let mut pools: Vec<Pool> = images.iter().map(|_| Pool::default()).collect();
        for case in cases {
            let looked = look(layout, case, (&images, label), &mut pools);
            facts.push(looked.map_err(|problem| FingerprintError::Case { case: case.name.to_string(), problem })?);
        }
        Ok(Self { cases: facts, channels: pools.into_iter().map(Pool::finish).collect() })
    }

    /// The voxel size that nnU-Net would plan for (mm, axis 0 first): the median of each axis; where one axis is much
    /// coarser and has far fewer voxels, its 10th percentile, but not finer than the other axes.
    pub fn target_spacing(&self) -> Option<[f64; 3]> {
        if self.cases.is_empty() {
            return None;
        }
        // Axes in nnU-Net's order, so that ties of the coarsest axis fall alike.
        let spacings = |axis: usize| sorted(self.cases.iter().map(|c| c.spacing[2 - axis]).collect());
        let sizes = |axis: usize| sorted(self.cases.iter().map(|c| c.shape[2 - axis] as f64).collect());
        let mut target = [0, 1, 2].map(|a| percentile(&spacings(a), 50.0));
        let size = [0, 1, 2].map(|a| percentile(&sizes(a), 50.0));
        let worst = (0..3).fold(0, |worst, a| if target[a] > target[worst] { a } else { worst });
        let others: Vec<usize> = (0..3).filter(|a| *a != worst).collect();
        let coarsest = others.iter().map(|a| target[*a]).fold(0.0, f64::max);
        let fewest = others.iter().map(|a| size[*a]).fold(f64::INFINITY, f64::min);
        if target[worst] > ANISOTROPY * coarsest && size[worst] * ANISOTROPY < fewest {
            let fine = percentile(&spacings(worst), 10.0);
            target[worst] = if fine < coarsest { coarsest + 1e-5 } else { fine };
        }
        target.reverse();
        Some(target)
    }

    /// As nnU-Net writes it (dataset_fingerprint.json), and the target spacing: axes slowest first.
    pub fn nnunet(&self) -> Value {
        let back = |v: [f64; 3]| [v[2], v[1], v[0]];
        let channels: Map<String, Value> = self
            .channels
            .iter()
            .enumerate()
            .map(|(c, i)| {
                let value = i.map_or(Value::Null, |i| {
                    json!({
                        "max": i.max, "mean": i.mean, "median": i.median, "min": i.min,
                        "percentile_00_5": i.percentile_00_5, "percentile_99_5": i.percentile_99_5, "std": i.std,
                    })
                });
                (c.to_string(), value)
            })
            .collect();
        let shares = sorted(self.cases.iter().map(|c| c.share).collect());
        json!({
            "foreground_intensity_properties_per_channel": channels,
            "median_relative_size_after_cropping": percentile(&shares, 50.0),
            "shapes_after_crop": self.cases.iter().map(|c| [c.shape[2], c.shape[1], c.shape[0]]).collect::<Vec<_>>(),
            "target_spacing": self.target_spacing().map(back),
            "spacings": self.cases.iter().map(|c| back(c.spacing)).collect::<Vec<_>>(),
        })
    }
}

fn look(
    layout: &Pipeline,
    case: &Case,
    (images, label): (&[&str], &str),
    pools: &mut [Pool],
) -> Result<CaseFacts, String> {
    if let Some((key, path)) = case.missing.first() {
        return Err(format!("{key}: {} does not exist", path.display()));
    }
    let read = |key: &str, kind: Kind| {
        let path = case.inputs.get(key).ok_or_else(|| format!("missing input: {key}"))?;
        if case.files(key).count() > 1 {
            return Err(format!("{key} has several files: write one input for each channel"));
        }
        let how = layout.input(key).map_or_else(options, |input| options_of(layout, input, case));
        let Loaded { mut volume, info } = revoxel_io::read_with(path, kind, &how).map_err(|e| e.to_string())?;
        if info.slices.is_some() {
            return Err(format!("{}: its slices lie unevenly", path.display()));
        }
        if let Some(input) = layout.input(key) {
            volume = channel::take(input, path, volume).map_err(|e| e.to_string())?;
            settle(input, path, &mut volume).map_err(|e| e.to_string())?;
        }
        Ok::<_, String>(volume)
    };
    let label = read(label, Kind::Label)?;
    let grid = *label.grid();
    let mut volumes = Vec::new();
    let mut region: Option<IndexBox> = None;
    for key in images {
        let volume = read(key, Kind::Image)?;
        let relation = revoxel_core::Relation::between(volume.grid(), &grid);
        if volume.grid().shape() != grid.shape() || !relation.agrees() {
            return Err(format!("{key} is on ({}), but the label is on ({grid}): {relation}", volume.grid()));
        }
        region = around(region, filled(&volume));
        volumes.push(volume);
    }
    // nnU-Net keeps a case of zeros whole.
    let region = region.unwrap_or_else(|| IndexBox::of_shape(grid.shape()));
    let inside = labelled(&label, &region);
    for (pool, volume) in pools.iter_mut().zip(&volumes) {
        pool.add(values(volume, &inside));
    }
    let count = |shape: [usize; 3]| shape.iter().product::<usize>() as f64;
    let spacing = volumes.first().map_or(grid, |v| *v.grid()).nominal_spacing();
    Ok(CaseFacts {
        name: case.name.to_string(),
        spacing,
        shape: region.shape,
        share: count(region.shape) / count(grid.shape()),
    })
}

fn around(a: Option<IndexBox>, b: Option<IndexBox>) -> Option<IndexBox> {
    let (Some(a), Some(b)) = (a, b) else { return a.or(b) };
    Some(IndexBox::from_bounds(
        [0, 1, 2].map(|i| a.start[i].min(b.start[i])),
        [0, 1, 2].map(|i| a.end()[i].max(b.end()[i])),
    ))
}

/// The box around what is not 0.
fn filled(volume: &Volume) -> Option<IndexBox> {
    let [nx, ny, nz] = volume.grid().shape();
    let mut found: Option<([i64; 3], [i64; 3])> = None;
    let counts = |x: f64| x != 0.0 && x.is_finite();
    dispatch!(volume.voxels(), v => for (number, row) in v.chunks(nx).enumerate() {
        let Some(first) = row.iter().position(|x| counts(x.to_f64())) else { continue };
        let last = row.iter().rposition(|x| counts(x.to_f64())).unwrap_or(first);
        let (y, z) = ((number % ny) as i64, (number / ny % nz) as i64);
        let (low, high) = ([first as i64, y, z], [last as i64 + 1, y + 1, z + 1]);
        found = Some(found.map_or((low, high), |(a, b)| {
            ([0, 1, 2].map(|i| a[i].min(low[i])), [0, 1, 2].map(|i| b[i].max(high[i])))
        }));
    });
    found.map(|(low, high)| IndexBox::from_bounds(low, high))
}

/// Positions of voxels above 0 inside a box.
fn labelled(label: &Volume, region: &IndexBox) -> Vec<usize> {
    let [nx, ny, _] = label.grid().shape();
    let (start, end) = (region.start.map(|s| s as usize), region.end().map(|e| e as usize));
    dispatch!(label.voxels(), v => {
        let mut found = Vec::new();
        for z in start[2]..end[2] {
            for y in start[1]..end[1] {
                let row = (z * ny + y) * nx;
                found.extend((row + start[0]..row + end[0]).filter(|at| v[*at].to_f64() > 0.0));
            }
        }
        found
    })
}

fn values(volume: &Volume, at: &[usize]) -> Vec<f64> {
    dispatch!(volume.voxels(), v => at.iter().map(|i| v[*i].to_f64()).collect())
}

/// Labelled values of a channel over all cases.
#[derive(Debug, Default)]
struct Pool {
    samples: Vec<f64>,
    /// Mean and mean square of each case.
    moments: Vec<(f64, f64)>,
    range: Option<(f64, f64)>,
}

impl Pool {
    fn add(&mut self, values: Vec<f64>) {
        let values = sorted(values.into_iter().filter(|v| v.is_finite()).collect());
        let (Some(low), Some(high)) = (values.first(), values.last()) else { return };
        self.range = Some(self.range.map_or((*low, *high), |(a, b)| (a.min(*low), b.max(*high))));
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let spread = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
        self.moments.push((mean, spread));
        // The values themselves, as a draw gives them, each as often as another.
        self.samples.extend((0..SAMPLES).map(|i| values[(2 * i + 1) * values.len() / (2 * SAMPLES)]));
    }

    fn finish(self) -> Option<Intensities> {
        let (min, max) = self.range?;
        let count = self.moments.len() as f64;
        let mean = self.moments.iter().map(|m| m.0).sum::<f64>() / count;
        // The spread within the cases and between them.
        let spread = self.moments.iter().map(|(m, s)| s + (m - mean).powi(2)).sum::<f64>() / count;
        let samples = sorted(self.samples);
        let at = |percent: f64| percentile(&samples, percent);
        Some(Intensities {
            mean,
            median: at(50.0),
            std: spread.sqrt(),
            min,
            max,
            percentile_00_5: at(0.5),
            percentile_99_5: at(99.5),
        })
    }
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// A percentile of sorted values, between two of them by their distance (numpy's default); 0 where there is none.
fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = percent / 100.0 * last as f64;
    let (below, part) = (place.floor() as usize, place.fract());
    let (low, high) = (sorted[below.min(last)], sorted[(below + 1).min(last)]);
    low + (high - low) * part
}

#[cfg(test)]
mod tests;
