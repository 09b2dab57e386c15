//! The options that messages of the libraries speak of. The libraries name what can be set; the options are ours.

use std::any::Any;
use std::fmt::Display;

use revoxel_invert::{InvertError, TraceError};
use revoxel_io::{ReadError, Warning, WriteError};
use revoxel_runner::kind_values::KindError;
use revoxel_runner::points::PointsError;
use revoxel_runner::prediction::PredictionError;
use revoxel_runner::problem::{Problem, Setting};
use revoxel_runner::restore::RestoreError;
use revoxel_runner::score::SourcesError;
use revoxel_runner::uneven::UnevenError;

/// What can be set about an error.
pub(super) fn settings(error: &dyn Any) -> Vec<Setting> {
    let file = |settings: Vec<revoxel_io::Setting>| settings.into_iter().map(Setting::File).collect();
    if let Some(error) = error.downcast_ref::<ReadError>() {
        file(error.settings())
    } else if let Some(error) = error.downcast_ref::<WriteError>() {
        file(error.settings())
    } else if let Some(error) = error.downcast_ref::<UnevenError>() {
        file(error.settings().into_iter().collect())
    } else if let Some(error) = error.downcast_ref::<InvertError>() {
        error.setting().map(Setting::Prediction).into_iter().collect()
    } else if let Some(error) = error.downcast_ref::<TraceError>() {
        error.setting().map(Setting::Prediction).into_iter().collect()
    } else if let Some(error) = error.downcast_ref::<RestoreError>() {
        error.settings()
    } else if let Some(error) = error.downcast_ref::<PredictionError>() {
        error.settings()
    } else if let Some(error) = error.downcast_ref::<KindError>() {
        error.settings()
    } else if let Some(error) = error.downcast_ref::<PointsError>() {
        error.setting().into_iter().collect()
    } else if let Some(error) = error.downcast_ref::<SourcesError>() {
        error.settings()
    } else {
        Vec::new()
    }
}

/// The help for these settings; `None` for an empty list.
pub(super) fn help(settings: &[Setting]) -> Option<String> {
    let flags: Vec<String> = settings.iter().map(|setting| flag(*setting)).collect();
    match &flags[..] {
        [] => None,
        [one] => Some(format!("the option is {one}")),
        [all @ .., last] => Some(format!("the options are {} and {last}", all.join(", "))),
    }
}

/// A text with the options behind it.
pub(super) fn with(text: impl Display, settings: &[Setting]) -> String {
    let flags: Vec<String> = settings.iter().map(|setting| flag(*setting)).collect();
    if flags.is_empty() { text.to_string() } else { format!("{text} ({})", flags.join(", ")) }
}

/// A warning of a file with its options.
pub(super) fn warning(warning: &Warning) -> String {
    let settings: Vec<Setting> = warning.settings().iter().copied().map(Setting::File).collect();
    with(warning, &settings)
}

/// A problem of a case of a dataset: how its files are read is said in the pipeline, but for the limits.
pub(super) fn of_case(problem: &Problem) -> String {
    use revoxel_io::Setting::{AllowOutside, MaxExpansion, MaxVolume};
    let is_ours = |setting: &Setting| match setting {
        Setting::File(setting) => matches!(setting, MaxVolume | MaxExpansion | AllowOutside),
        _ => true,
    };
    let settings: Vec<Setting> = problem.settings.iter().copied().filter(is_ours).collect();
    with(problem, &settings)
}

/// The option for a setting.
fn flag(setting: Setting) -> String {
    use revoxel_invert::Setting as Prediction;
    use revoxel_io::Setting as File;
    let flag = match setting {
        Setting::Kind(kinds) => {
            let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
            let (last, others) = names.split_last().unwrap_or((&"KIND", &[]));
            return format!("--kind {} or {last}", others.join(", "));
        }
        Setting::Snap => "--snap",
        Setting::Memory => "--memory SIZE",
        Setting::Overwrite => "--overwrite",
        Setting::Axes => "--axes",
        Setting::Restore => "--restore NAME",
        Setting::Space => "--space index, ras or lps",
        Setting::Data => "--data DIR",
        Setting::LabelInput => "--key NAME",
        Setting::Reference => "--reference DIR",
        Setting::Prediction(setting) => match setting {
            Prediction::AssumeGrid => "--assume-grid",
            Prediction::Activation => "--activation softmax or sigmoid",
            Prediction::Logits => "--kind logit",
            Prediction::Clamp => "--clamp",
            Prediction::Volume => "--volume KEY",
        },
        Setting::File(setting) => match setting {
            File::MaxVolume => "--max-volume SIZE",
            File::MaxExpansion => "--max-expansion TIMES",
            File::AllowOutside => "--allow-outside",
            File::Labels => "--kind label",
            File::Series => "--series",
            File::Select => "--select",
            File::StackFrames => "--frames stack",
            File::AssumeRescale => "--rescale assume",
            File::DropIncomplete => "--incomplete drop",
            File::UnevenSlices => "--slices regularize or --slices nominal",
            File::FillMissing => "--missing interpolate",
            File::ComplexChannels => "--complex channels",
            File::Spacing => "--spacing X,Y,Z",
            File::Reference => "--reference PATH",
            File::Structures => "--structure NAME",
            File::Threshold => "--threshold",
            File::Overlap => "--overlap channels",
            File::Dtype => "--dtype",
        },
    };
    flag.to_owned()
}
