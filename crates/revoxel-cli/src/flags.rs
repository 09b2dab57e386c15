//! The options that messages of the libraries speak of. The libraries name what can be set; the options are ours.

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::OnceLock;

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

/// The long options of the command that runs.
static OPTIONS: OnceLock<BTreeSet<String>> = OnceLock::new();

/// Learns which options the command has that these arguments name.
pub(super) fn learn(command: &clap::Command, matches: &clap::ArgMatches) {
    let (mut command, mut matches) = (command, matches);
    let mut options: BTreeSet<String> = BTreeSet::new();
    loop {
        let own = command.get_arguments().filter(|arg| !arg.is_hide_set());
        options.extend(own.filter_map(|arg| arg.get_long().map(ToOwned::to_owned)));
        let next = matches.subcommand().and_then(|(name, below)| Some((command.find_subcommand(name)?, below)));
        let Some(next) = next else { break };
        (command, matches) = next;
    }
    let _ = OPTIONS.set(options);
}

/// The options for these settings that the command has, and those of files that only other commands have.
fn flags(settings: &[Setting]) -> (Vec<String>, Vec<String>) {
    let is_known = |flag: &str| {
        let name = flag.trim_start_matches('-').split(' ').next().unwrap_or_default();
        OPTIONS.get().is_none_or(|options| options.contains(name))
    };
    let (mut ours, mut others) = (Vec::new(), Vec::new());
    for setting in settings {
        let flag = flag(*setting);
        if is_known(&flag) {
            ours.push(flag);
        } else if matches!(setting, Setting::File(_)) {
            others.push(flag);
        }
    }
    (ours, others)
}

/// The help for these settings; `None` if no option changes them.
pub(super) fn help(settings: &[Setting]) -> Option<String> {
    let listed = |flags: &[String]| match flags {
        [] => None,
        [one] => Some(one.clone()),
        [all @ .., last] => Some(format!("{} and {last}", all.join(", "))),
    };
    let (ours, others) = flags(settings);
    let verb = if ours.len() == 1 { "option is" } else { "options are" };
    let convert = |flags| format!("`revoxel convert` has {flags}: convert the file first");
    listed(&ours).map(|flags| format!("the {verb} {flags}")).or_else(|| listed(&others).map(convert))
}

/// A text with the options behind it.
pub(super) fn with(text: impl Display, settings: &[Setting]) -> String {
    match flags(settings) {
        (ours, _) if !ours.is_empty() => format!("{text} ({})", ours.join(", ")),
        (_, others) if !others.is_empty() => {
            format!("{text} (`revoxel convert` has {}: convert the file first)", others.join(", "))
        }
        _ => text.to_string(),
    }
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
