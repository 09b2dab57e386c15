//! `revoxel import`

use std::path::{Path, PathBuf};

use revoxel_import::{Imported, monai, nnunet};
use revoxel_runner::files::read_text;
use serde_json::Value;

use super::failure::{Failure, Outcome};
use super::show;

/// Write a pipeline that does what the preprocessing of another program does.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, clap::Subcommand)]
enum From {
    /// From the plans of nnU-Net v2 (plans.json), with the export of its predictions.
    Nnunet(Nnunet),
    /// From the configuration of a MONAI bundle, or any file with a list of its transforms.
    Monai(Monai),
}

#[derive(Debug, clap::Args)]
struct Nnunet {
    /// plans.json, in the folder of the trained model or of the preprocessed data.
    plans: PathBuf,
    /// dataset.json beside it: channels, labels and regions.
    dataset: Option<PathBuf>,
    /// The configuration.
    #[arg(long, default_value = "3d_fullres")]
    configuration: String,
    /// Folder of the images in the data folder.
    #[arg(long, default_value = "imagesTr")]
    images: String,
    /// Folder of the labels in the data folder.
    #[arg(long, default_value = "labelsTr")]
    labels: String,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, clap::Args)]
struct Monai {
    /// The configuration: YAML or JSON. Of several files, later ones are laid over earlier ones, as in
    /// `train.json evaluate.json`.
    #[arg(required = true)]
    configs: Vec<PathBuf>,
    /// The list of transforms, such as preprocessing or train#preprocessing; the first `Compose` by default.
    #[arg(long, value_name = "ID")]
    transforms: Option<String>,
    /// The list of transforms that treats predictions, for the section `restore`, or none; by default the first `Compose`
    /// with "post" in its id beside that list, or else of the file.
    #[arg(long, value_name = "ID")]
    postprocessing: Option<String>,
    /// Leave random transforms out.
    #[arg(long)]
    skip_random: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, clap::Args)]
struct Output {
    /// The pipeline file; standard output by default.
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Replace the file if it is there already.
    #[arg(long)]
    overwrite: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    match &args.from {
        From::Nnunet(args) => {
            let plans = read(&args.plans)?;
            let dataset = args.dataset.as_deref().map(read).transpose()?;
            let options = nnunet::Options {
                configuration: args.configuration.clone(),
                images: args.images.clone(),
                labels: args.labels.clone(),
            };
            let imported = nnunet::pipeline(&plans, dataset.as_ref(), &options)
                .map_err(|e| Failure::usage(format!("{}: {e}", args.of(e.file).display())))?;
            write(&imported, &args.output)
        }
        From::Monai(args) => {
            let read = |path: &PathBuf| Ok((path.display().to_string(), read_text(path).map_err(Failure::usage)?));
            let files = args.configs.iter().map(read).collect::<Result<Vec<_>, Failure>>()?;
            let files: Vec<monai::File<'_>> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
            let options = monai::Options {
                transforms: args.transforms.as_deref(),
                postprocessing: args.postprocessing.as_deref(),
                skip_random: args.skip_random,
                registry: &revoxel::registry(),
            };
            let imported = monai::pipeline(&files, &options).map_err(|e| Failure::pipeline(&e))?;
            write(&imported, &args.output)
        }
    }
}

impl Nnunet {
    /// The path of one of the two files.
    fn of(&self, file: nnunet::Source) -> &Path {
        match (file, &self.dataset) {
            (nnunet::Source::Dataset, Some(dataset)) => dataset,
            _ => &self.plans,
        }
    }
}

fn read(path: &Path) -> Result<Value, Failure> {
    let text = read_text(path).map_err(Failure::usage)?;
    serde_json::from_str(&text).map_err(|e| Failure::usage(format!("{}: {e}", path.display())))
}

fn write(imported: &Imported, output: &Output) -> Outcome {
    let name = output.output.as_ref().map_or_else(|| "pipeline.yaml".to_owned(), |p| p.display().to_string());
    imported.check(&name, &revoxel::registry()).map_err(|e| Failure::pipeline(&e))?;
    for note in &imported.notes {
        say!("note: {note}");
    }
    let Some(path) = &output.output else { return show::text(&imported.text) };
    if path.exists() && !output.overwrite {
        let problem = format!("{} is there already: use --overwrite to replace it", path.display());
        return Err(Failure::usage(problem));
    }
    revoxel_runner::files::write_text(path, &imported.text).map_err(Failure::work)
}
