//! `revoxel fingerprint`

use std::path::{Path, PathBuf};

use revoxel_import::fingerprint::{Fingerprint, FingerprintError, decathlon_layout, nnunet_layout};
use revoxel_runner::dataset::{discover, select};

use super::failure::{Failure, Outcome};
use super::show;
use super::table::table;

/// Show the spacings, shapes without empty borders and intensities of labelled voxels of a dataset, and the voxel size
/// that nnU-Net would choose. Every case has the same weight; nothing is random.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The data folder, with imagesTr/CASE_0000.nii.gz and labelsTr/CASE.nii.gz unless --pipeline is given; or a
    /// dataset.json of the Medical Segmentation Decathlon.
    data: PathBuf,
    /// A pipeline file whose inputs give the paths of the data.
    #[arg(long, value_name = "FILE")]
    pipeline: Option<PathBuf>,
    /// File extension of images and labels.
    #[arg(long, default_value = ".nii.gz", conflicts_with = "pipeline")]
    ending: String,
    /// Use only this case; repeatable.
    #[arg(long = "case", value_name = "NAME")]
    cases: Vec<String>,
    /// Print one JSON document in the format of nnU-Net's dataset_fingerprint.json.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let is_list = args.data.is_file();
    let data = match args.data.parent().filter(|_| is_list) {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => &args.data,
    };
    let layout = match &args.pipeline {
        Some(path) => super::pipeline_file::load(path, &[])?,
        None if is_list => decathlon_layout(&args.data)?,
        None => nnunet_layout(data, &args.ending)?,
    };
    let cases = discover(&layout, data).and_then(|c| select(c, &args.cases, data));
    let found = Fingerprint::of(&layout, &cases.map_err(|e| super::chosen::failure(&e))?)?;
    if args.json {
        return show::json(&found.nnunet());
    }
    let sizes = |v: [f64; 3]| v.map(|s| format!("{s:.4}")).join(" × ");
    let row = |c: &revoxel_import::fingerprint::CaseFacts| {
        let shape = c.shape.map(|n| n.to_string()).join(" × ");
        vec![c.name.clone(), sizes(c.spacing), shape, format!("{:.1} %", 100.0 * c.share)]
    };
    let rows: Vec<Vec<String>> = found.cases.iter().map(row).collect();
    show::text(&table(&["case", "spacing (mm)", "shape after crop", "share of volume"], &rows))?;
    let rows: Vec<Vec<String>> = found
        .channels
        .iter()
        .enumerate()
        .map(|(channel, values)| {
            let numbers = values.map(|i| {
                [i.mean, i.std, i.min, i.percentile_00_5, i.median, i.percentile_99_5, i.max].map(|v| format!("{v:.4}"))
            });
            let numbers = numbers.unwrap_or_else(|| std::array::from_fn(|_| "-".to_owned()));
            std::iter::once(channel.to_string()).chain(numbers).collect()
        })
        .collect();
    show::text("\nlabelled voxels\n")?;
    show::text(&table(&["channel", "mean", "std", "min", "0.5 %", "median", "99.5 %", "max"], &rows))?;
    match found.target_spacing() {
        Some(target) => show::text(&format!("\ntarget spacing (nnU-Net's rule): {} mm\n", sizes(target))),
        None => Ok(()),
    }
}

impl From<FingerprintError> for Failure {
    fn from(error: FingerprintError) -> Self {
        match &error {
            FingerprintError::Layout(error) => Self::pipeline(error),
            FingerprintError::NoImages { .. } => Self::usage(error).with_help(
                "the options are --ending and --pipeline; a dataset.json of the Decathlon can be given instead of \
                     the folder",
            ),
            FingerprintError::Case { .. } => Self::work(error),
            _ => Self::usage(error),
        }
    }
}
