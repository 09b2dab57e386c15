//! `revoxel import`

use std::path::{Path, PathBuf};

use revoxel_import::{Imported, monai, nnunet};
use revoxel_runner::files::read_text;
use serde_json::Value;

use super::failure::{Failure, Outcome};
use super::show;

/// What follows the options in the help.
const AFTER_HELP: &str = "\
Examples:
  revoxel import nnunet plans.json dataset.json -o pipeline.yaml
  revoxel import monai train.json -o pipeline.yaml";

/// What follows the options of `import nnunet` in the help.
const AFTER_NNUNET: &str = "\
Example:
  revoxel import nnunet plans.json dataset.json --configuration 3d_fullres -o pipeline.yaml";

/// What follows the options of `import monai` in the help.
const AFTER_MONAI: &str = "\
Examples:
  revoxel import monai inference.json -o pipeline.yaml
  revoxel import monai train.json evaluate.json --transforms preprocessing --skip-random -o pipeline.yaml";

/// Import the preprocessing of another program as a pipeline.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, clap::Subcommand)]
enum From {
    /// Import the plans of nnU-Net v2 (plans.json), with the export of its predictions.
    Nnunet(Nnunet),
    /// Import the configuration of a MONAI bundle, or another file with a list of its transforms.
    Monai(Monai),
}

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_NNUNET)]
struct Nnunet {
    /// plans.json, from the folder of the trained model or of the preprocessed data.
    plans: PathBuf,
    /// dataset.json from the same folder: channels, labels and regions.
    dataset: Option<PathBuf>,
    /// The configuration to import.
    #[arg(long, value_name = "NAME", default_value = "3d_fullres")]
    configuration: String,
    /// Folder of the images in the data folder.
    #[arg(long, value_name = "DIR", default_value = "imagesTr")]
    images: String,
    /// Folder of the labels in the data folder.
    #[arg(long, value_name = "DIR", default_value = "labelsTr")]
    labels: String,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_MONAI)]
struct Monai {
    /// The configuration: YAML or JSON. With several files, later files override earlier ones, such as
    /// `train.json evaluate.json`.
    #[arg(required = true)]
    configs: Vec<PathBuf>,
    /// Id of the list of transforms, such as preprocessing or train#preprocessing [default: the first `Compose`].
    #[arg(long, value_name = "ID")]
    transforms: Option<String>,
    /// Id of the list of transforms of predictions, for the section `restore`, or none [default: the first `Compose`
    /// with "post" in its id next to --transforms, else in the file].
    #[arg(long, value_name = "ID")]
    postprocessing: Option<String>,
    /// Leave out random transforms.
    #[arg(long)]
    skip_random: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, clap::Args)]
struct Output {
    /// The pipeline file to write [default: standard output].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace an existing file.
    #[arg(long)]
    overwrite: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    match &args.from {
        From::Nnunet(args) => {
            apart(&args.output, [&args.plans].into_iter().chain(&args.dataset))?;
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
            apart(&args.output, args.configs.iter())?;
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

/// Refuses an output that is one of the files that are imported.
fn apart<'a>(output: &Output, from: impl Iterator<Item = &'a PathBuf>) -> Outcome {
    let from: Vec<(&Path, &str)> = from.map(|file| (file.as_path(), "an input")).collect();
    output.output.as_ref().map_or(Ok(()), |path| show::apart(path, &from))
}

fn write(imported: &Imported, output: &Output) -> Outcome {
    let name = output.output.as_ref().map_or_else(|| "pipeline.yaml".to_owned(), |p| p.display().to_string());
    imported.check(&name, &revoxel::registry()).map_err(|e| Failure::pipeline(&e))?;
    for note in &imported.notes {
        say!("note: {note}");
    }
    let Some(path) = &output.output else { return show::text(&imported.text) };
    if path.exists() && !output.overwrite {
        let problem = format!("{} exists already: pass --overwrite to replace it", path.display());
        return Err(Failure::usage(problem));
    }
    revoxel_runner::files::make_folder_of(path).map_err(Failure::work)?;
    revoxel_runner::files::write_text(path, &imported.text).map_err(Failure::work)
}
