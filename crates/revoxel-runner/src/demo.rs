//! The demonstration: a phantom through a shipped pipeline and back.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use revoxel_core::{Kind, Volume, Voxel, dispatch};
use revoxel_invert::{Recipe, Trace};
use revoxel_io::npy::{Tensor, write_npy};
use revoxel_io::{Facts, Head};
use revoxel_pipeline::Pipeline;
use revoxel_resample::Interpolation;
use revoxel_transforms::Registry;

use crate::compare::{Criteria, compare};
use crate::dataset::discover;
use crate::executor::{Execution, Outcome, run};
use crate::files::{make_folder_of, read_text, write_text};
use crate::kept::{Kept, Written};
use crate::measure::{Measured, measure};
use crate::memory;
use crate::older::Owners;
use crate::phantom::{PARTS, phantom};
use crate::prediction::{Reading, read};
use crate::preflight::{Strictness, check};

/// The shipped pipeline that the demonstration runs.
pub const PIPELINE: &str = include_str!("demo/ct-1mm.yaml");

/// What the demonstration found.
#[derive(Clone, Debug)]
pub struct Demo {
    /// The labels.
    pub rows: Vec<DemoRow>,
    /// The files written, with what they are.
    pub files: Vec<(PathBuf, &'static str)>,
    /// Whether the inverted prediction's file has the source's grid bit for bit.
    pub same_grid: bool,
}

/// A label at every stage.
#[derive(Clone, Debug)]
pub struct DemoRow {
    /// The label.
    pub label: u8,
    /// Its name.
    pub name: &'static str,
    /// Volume by the formula of its shape, mm³.
    pub truth: f64,
    /// Volume of its voxels in the source, mm³.
    pub source: f64,
    /// Volume after preprocessing, mm³.
    pub preprocessed: f64,
    /// Volume of the inverted prediction, mm³.
    pub inverted: f64,
    /// Dice coefficient of the inverted prediction with the source.
    pub dice: f64,
}

/// Runs the demonstration in a folder.
///
/// # Errors
/// What went wrong, for people.
pub fn run_in(folder: &Path) -> Result<Demo, String> {
    let text = |e: &dyn Display| e.to_string();
    let (data, out) = (folder.join("data"), folder.join("out"));
    let files = [
        (folder.join("ct-1mm.yaml"), "the pipeline"),
        (data.join("images/phantom.nii.gz"), "the scan: oblique, 1.4 × 1.4 × 3 mm"),
        (data.join("labels/phantom.nii.gz"), "its labels"),
        (out.join("phantom/image.nii.gz"), "preprocessed scan"),
        (out.join("phantom/label.nii.gz"), "preprocessed labels"),
        (out.join("phantom/trace.json"), "the trace of the case"),
        (folder.join("prediction.npy"), "mock prediction: logits on the model's grid"),
        (folder.join("restored.nii.gz"), "the prediction back on the scan's grid"),
    ];
    let [pipeline_file, image_file, label_file, _, processed_file, trace_file, prediction_file, restored_file] =
        [0, 1, 2, 3, 4, 5, 6, 7].map(|i| files[i].0.clone());
    for (file, _) in &files {
        make_folder_of(file).map_err(|e| text(&e))?;
    }

    // The phantom, and a run of the pipeline on it.
    let (image, labels) = phantom().map_err(|e| text(&e))?;
    write_text(&pipeline_file, PIPELINE).map_err(|e| text(&e))?;
    revoxel_io::write(&image_file, &image, &Facts::default()).map_err(|e| text(&e))?;
    revoxel_io::write(&label_file, &labels, &Facts::default()).map_err(|e| text(&e))?;
    let pipeline = Pipeline::parse("ct-1mm.yaml", PIPELINE, &[], &Registry::basic()).map_err(|e| text(&e))?;
    let cases = discover(&pipeline, &data).map_err(|e| text(&e))?;
    let checked: Vec<_> = check(&pipeline, cases, Strictness::default())
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(|refused| refused.problem.text)?;
    let execution = Execution { jobs: 1, memory: memory::default_budget(), keep_going: false, retries: 0 };
    for outcome in run(&pipeline, &checked, (&data, &out), &Owners::default(), &execution, &|_, _| {}) {
        if let Outcome::Failed(problem) = outcome {
            return Err(problem.text);
        }
    }

    // A perfect network: certain of the label that is there.
    let processed = revoxel_io::read(&processed_file, Kind::Label).map_err(|e| text(&e))?.volume;
    write_npy(&prediction_file, &logits(&processed)).map_err(|e| text(&e))?;

    // Back, with nothing but the trace and the prediction.
    let trace = Trace::from_json(&read_text(&trace_file).map_err(|e| text(&e))?).map_err(|e| text(&e))?;
    let record = trace.volume("image").map_err(|e| text(&e))?;
    let model = record.result.grid.grid().map_err(|e| text(&e))?;
    let reading = Reading { argmax: true, ..Reading::default() };
    let prediction = read(&prediction_file, &model, &reading).map_err(|e| text(&e))?;
    let interpolation = Some(Interpolation::Cubic);
    let options = Recipe { argmax: true, interpolation, ..Recipe::default() };
    let inverted = record.invert(prediction, options).map_err(|e| text(&e))?;
    let head = Head::of(&inverted.volume);
    let written = Written { path: &restored_file, key: "image", kind: Kind::Label, head: &head };
    let kept = Kept::on_source(&written, record, false, &revoxel_io::LabelNames::new());
    revoxel_io::write(&restored_file, &inverted.volume, &kept.facts).map_err(|e| text(&e))?;

    // What the files say.
    let restored = revoxel_io::read(&restored_file, Kind::Label).map_err(|e| text(&e))?.volume;
    let source = revoxel_io::read(&label_file, Kind::Label).map_err(|e| text(&e))?.volume;
    let measured = |volume: &Volume| measure(volume).map_err(|e| text(&e));
    let (in_source, in_processed, in_restored) = (measured(&source)?, measured(&processed)?, measured(&restored)?);
    let mm3 = |measured: &Measured, label: u8| {
        measured.labels.iter().find(|m| m.label == i128::from(label)).map_or(0.0, |m| m.mm3)
    };
    let labels = compare(&restored, &source, &Criteria::default()).labels.and_then(Result::ok);
    let dice = |label: u8| labels.as_ref()?.overlaps.get(&i128::from(label)).map(|o| o.dice());
    let rows = PARTS.iter().map(|part| DemoRow {
        label: part.label,
        name: part.name,
        truth: part.volume(),
        source: mm3(&in_source, part.label),
        preprocessed: mm3(&in_processed, part.label),
        inverted: mm3(&in_restored, part.label),
        dice: dice(part.label).unwrap_or(0.0),
    });
    Ok(Demo { rows: rows.collect(), files: files.to_vec(), same_grid: restored.grid() == source.grid() })
}

/// One channel per label: 5 where it is, −5 elsewhere; axes czyx, as nnU-Net's.
fn logits(labels: &Volume) -> Tensor {
    let [nx, ny, nz] = labels.grid().shape();
    let channels = PARTS.len() + 1;
    let mut values: Vec<f32> = Vec::with_capacity(channels * nx * ny * nz);
    for channel in 0..channels {
        let score = |v: f64| if v == channel as f64 { 5.0 } else { -5.0 };
        dispatch!(labels.voxels(), v => values.extend(v.iter().map(|x| score(x.to_f64()))));
    }
    Tensor { shape: vec![channels, nz, ny, nx], voxels: values.into() }
}
