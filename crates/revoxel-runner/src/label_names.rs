//! What the labels of an output are called: what the file of its input says, what the pipeline or the document of the
//! dataset declares, and where the steps take the numbers.

use std::collections::BTreeMap;
use std::path::Path;

use revoxel_core::{Kind, Volume};
use revoxel_io::{FileInfo, LabelName, LabelNames};
use revoxel_pipeline::{Input, Pipeline};
use revoxel_transforms::LabelSet;

use crate::preflight::Checked;

/// The names of the labels of each output of a case, by key. `volumes` are its volumes before the first step.
pub(crate) fn of_outputs(
    pipeline: &Pipeline,
    checked: &Checked,
    volumes: &BTreeMap<String, Volume>,
) -> BTreeMap<String, LabelNames> {
    let (case, mut all) = (checked.case.name.to_string(), BTreeMap::new());
    for output in &pipeline.outputs {
        let key = &output.key;
        let Some(input) = pipeline.input(key).filter(|input| input.kind == Kind::Label) else { continue };
        let (Some(info), Some(path), Some(volume)) =
            (checked.infos.get(key), checked.case.inputs.get(key), volumes.get(key))
        else {
            continue;
        };
        let names = of_input(input, path, info);
        if names.is_empty() || volume.channels() != 1 {
            continue;
        }
        let held = || match &input.labels {
            Some(declared) => declared.clone(),
            // Only where a number may become another one it matters which there are.
            None if pipeline.renumbers(key, &case) => LabelSet::of(volume),
            None => LabelSet::default(),
        };
        all.insert(key.clone(), pipeline.after_steps(key, &case, &held(), names));
    }
    all
}

/// The names of the labels of an input. What the pipeline declares counts before what a file says; where they
/// contradict each other there is a warning.
fn of_input(input: &Input, path: &Path, info: &FileInfo) -> LabelNames {
    let mut names = info.facts.label_names();
    let mut others = Vec::new();
    for (label, name) in &input.names {
        match names.get_mut(label) {
            Some(own) if own.name == *name => {}
            Some(own) => {
                if !alike(&own.name, name) {
                    let whose = if input.labels_from.is_some() { "its dataset" } else { "the pipeline" };
                    others.push(format!("label {label} is {:?} in the file and {name:?} in {whose}", own.name));
                }
                own.name.clone_from(name);
            }
            None => {
                names.insert(*label, LabelName { name: name.clone(), color: None });
            }
        }
    }
    if let Some((first, more)) = others.split_first() {
        let more = if more.is_empty() { String::new() } else { format!(" (and {} more)", more.len()) };
        let check = match &input.labels_from {
            None => format!("check `labels:` of {:?}; the names of the pipeline are written", input.key),
            Some(from) => format!("check `labels` of {}, whose names are written", from.display()),
        };
        tracing::warn!("{}: {first}{more}: {check}", path.display());
    }
    names
}

/// Whether two names differ at most in capital letters and in what stands between words.
fn alike(a: &str, b: &str) -> bool {
    let plain =
        |name: &str| name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    plain(a) == plain(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_by_their_letters_and_digits() {
        assert!(alike("Left lung", "left_lung") && alike("C5", "c-5") && !alike("C5", "C6") && !alike("liver", "live"));
    }
}
