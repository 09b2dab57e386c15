//! Options of commands that read a volume.

use std::path::{Path, PathBuf};

use revoxel_core::Kind;
use revoxel_io::{
    ComplexPolicy, FramesPolicy, IncompletePolicy, LabelOptions, Loaded, MissingPolicy, ReadError, ReadOptions,
    RescalePolicy, SeriesChoice, SeriesChoiceError, SlicePolicy,
};
use revoxel_runner::limits;

use super::failure::Failure;
use super::flags;

/// The heading of these options.
const DICOM: &str = "DICOM";

/// The error where no file is DICOM.
pub(super) const NO_DICOM: &str =
    "not DICOM: leave out --series, --select, --frames, --rescale, --incomplete, --slices and --missing";

/// Which images of a DICOM folder or archive are read, and how.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// The DICOM series to read: its number in the list of `info`, its UID, its description (* matches any text), or
    /// criteria such as "description=*thin*,modality=CT,min_slices=40,largest" (also uid, number). For a folder of
    /// pictures: the name of its files (* matches any text).
    #[arg(long, help_heading = DICOM, value_parser = choice)]
    series: Option<SeriesChoice>,
    /// The volume to read from a series that holds several, as `info` lists it, such as "kernel B30f" or phase.
    #[arg(long, help_heading = DICOM, value_name = "VOLUME")]
    select: Option<String>,
    /// Images of different quantities (magnitude, phase; water, fat) at the same positions: separate them into volumes,
    /// or stack them as frames of one volume.
    #[arg(long, help_heading = DICOM, value_parser = frames, default_value = "separate")]
    frames: FramesPolicy,
    /// Images without a rescale in a series where others have one: error, or assume the same rescale.
    #[arg(long, help_heading = DICOM, value_parser = rescale, default_value = "error")]
    rescale: RescalePolicy,
    /// A last frame that lacks slices: error or drop.
    #[arg(long, help_heading = DICOM, value_parser = incomplete, default_value = "error")]
    incomplete: IncompletePolicy,
    /// Unevenly spaced slices: error, regularize (resample them evenly) or nominal (read them as evenly spaced).
    #[arg(long, help_heading = DICOM, value_parser = slices, default_value = "error")]
    slices: SlicePolicy,
    /// Missing slices: error or interpolate.
    #[arg(long, help_heading = DICOM, value_parser = missing, default_value = "error")]
    missing: MissingPolicy,
    /// Complex voxels: error, or channels for the real and the imaginary part.
    #[arg(long, value_parser = complex, default_value = "error")]
    complex: ComplexPolicy,
    /// Voxel size in mm of TIFF, PNG and JPEG files, which do not store it, such as 0.5,0.5,2.
    #[arg(long, value_name = "X,Y,Z", value_parser = spacing)]
    spacing: Option<[f64; 3]>,
}

impl Args {
    /// Whether anything is said that holds for DICOM only; in folders, `series` holds for pictures too.
    pub(super) fn chooses_images(&self, is_folder: bool) -> bool {
        let series = self.series.clone().filter(|_| is_folder);
        let plain = ReadOptions { complex: self.complex, spacing: self.spacing, series, ..limits::options() };
        self.options() != plain
    }

    /// How a file is to be read.
    pub(super) fn options(&self) -> ReadOptions {
        ReadOptions {
            series: self.series.clone(),
            select: self.select.clone(),
            frames: self.frames,
            rescale: self.rescale,
            incomplete: self.incomplete,
            slices: self.slices,
            missing: self.missing,
            complex: self.complex,
            spacing: self.spacing,
            ..limits::options()
        }
    }
}

/// How one of several files is read.
struct Each {
    kind: Kind,
    options: ReadOptions,
    dicom: bool,
    /// Whether the voxel size that was given is that of this file.
    sized: bool,
}

impl Each {
    fn of(path: &Path, kind: Option<Kind>, args: &Args, labels: &LabelOptions) -> Result<Self, Failure> {
        let dicom = revoxel_io::format_of(path).map_err(Failure::usage)? == "dicom";
        let mut options = match dicom {
            true => ReadOptions { labels: labels.clone(), spacing: None, ..args.options() },
            false => ReadOptions {
                complex: args.complex,
                spacing: args.spacing,
                series: args.series.clone().filter(|_| path.is_dir()),
                ..limits::options()
            },
        };
        let sized = options.spacing.is_some()
            && !matches!(revoxel_io::info_with(path, &options), Err(ReadError::SpacingGiven { .. }));
        options.spacing = options.spacing.filter(|_| sized);
        let kind = match kind {
            Some(kind) => kind,
            None if dicom && *labels == LabelOptions::default() => {
                let info = revoxel_io::info_with(path, &options).map_err(Failure::usage)?;
                if info.format == "DICOM" { Kind::Image } else { Kind::Label }
            }
            None => Kind::Label,
        };
        options.kind = Some(kind);
        Ok(Self { kind, options, dicom, sized })
    }
}

/// Reads files of which options for DICOM or pictures may hold for some only; without a kind, a DICOM folder is read as
/// images where it holds some.
pub(super) fn read_each<const N: usize>(
    paths: [&PathBuf; N],
    kind: Option<Kind>,
    args: &Args,
    labels: &LabelOptions,
) -> Result<[Loaded; N], Failure> {
    let mut all = Vec::with_capacity(N);
    for path in paths {
        all.push(Each::of(path, kind, args, labels)?);
    }
    let names = paths.map(|path| path.display().to_string()).join(", ");
    let chosen_from = paths.iter().any(|path| path.is_dir());
    if args.chooses_images(chosen_from) && !all.iter().any(|each| each.dicom) {
        return Err(Failure::usage(format!("{names}: {NO_DICOM}")));
    }
    let used = all.iter().any(|each| each.dicom && each.kind == Kind::Label);
    if *labels != LabelOptions::default() && !used {
        let problem =
            "not a DICOM segmentation or structure set: leave out --reference, --structure, --threshold and --overlap";
        return Err(Failure::usage(format!("{names}: {problem}")));
    }
    if args.spacing.is_some() && !all.iter().any(|each| each.sized) {
        return Err(Failure::usage(format!(
            "{names}: --spacing is only for TIFF, PNG and JPEG files without a voxel size: leave it out"
        )));
    }
    let mut loaded = Vec::with_capacity(N);
    for (path, each) in paths.iter().zip(&all) {
        let read = revoxel_io::read_with(path, each.kind, &each.options).map_err(Failure::usage)?;
        if read.info.slices.is_some() {
            let problem = "slices are unevenly spaced: convert it with --slices regularize first, or pass --slices \
                           nominal to read them as evenly spaced";
            return Err(Failure::usage(format!("{}: {problem}", path.display())));
        }
        if each.dicom {
            read.info
                .warnings
                .iter()
                .for_each(|warning| tracing::warn!("{}: {}", path.display(), flags::warning(warning)));
        }
        loaded.push(read);
    }
    loaded.try_into().map_err(|_| Failure::work("internal error: the number of volumes is not that of the files"))
}

fn choice(text: &str) -> Result<SeriesChoice, SeriesChoiceError> {
    text.parse()
}

/// One of two words.
fn one_of<T: Copy>(text: &str, words: [(&str, T); 2]) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    found.ok_or_else(|| format!("expected {} or {}", words[0].0, words[1].0))
}

fn frames(text: &str) -> Result<FramesPolicy, String> {
    one_of(text, [("separate", FramesPolicy::Separate), ("stack", FramesPolicy::Stack)])
}

fn rescale(text: &str) -> Result<RescalePolicy, String> {
    one_of(text, [("error", RescalePolicy::Error), ("assume", RescalePolicy::Assume)])
}

fn incomplete(text: &str) -> Result<IncompletePolicy, String> {
    one_of(text, [("error", IncompletePolicy::Error), ("drop", IncompletePolicy::Drop)])
}

/// What to do with complex voxels.
pub(super) fn complex(text: &str) -> Result<ComplexPolicy, String> {
    one_of(text, [("error", ComplexPolicy::Error), ("channels", ComplexPolicy::Channels)])
}

/// Three numbers with commas between them.
pub(super) fn spacing(text: &str) -> Result<[f64; 3], String> {
    let numbers: Result<Vec<f64>, _> = text.split(',').map(|word| word.trim().parse::<f64>()).collect();
    let numbers = numbers.ok().and_then(|numbers| <[f64; 3]>::try_from(numbers).ok());
    let fits = |numbers: &[f64; 3]| numbers.iter().all(|v| v.is_finite() && *v > 0.0);
    numbers.filter(fits).ok_or_else(|| "expected three positive numbers, such as 0.5,0.5,2".to_owned())
}

fn missing(text: &str) -> Result<MissingPolicy, String> {
    one_of(text, [("error", MissingPolicy::Error), ("interpolate", MissingPolicy::Interpolate)])
}

fn slices(text: &str) -> Result<SlicePolicy, String> {
    match text {
        "error" => Ok(SlicePolicy::Error),
        "regularize" => Ok(SlicePolicy::Regularize),
        "nominal" => Ok(SlicePolicy::Nominal),
        _ => Err("expected error, regularize or nominal".to_owned()),
    }
}
