//! BraTS labels as MONAI's bundles take them: three channels that overlap.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Fault;
use super::call::Call;

/// The channels of `ConvertToMultiChannelBasedOnBratsClasses`, each with the labels that it covers; `0` stands for
/// the enhancing tumour.
const CHANNELS: &[(&str, &[u64])] = &[("tc", &[1, 0]), ("wt", &[1, 2, 0]), ("et", &[0])];

/// Arguments with a value for each key.
const BY_KEY: &[&str] = &[
    "mode",
    "padding_mode",
    "align_corners",
    "dtype",
    "anti_aliasing",
    "argmax",
    "to_onehot",
    "threshold",
    "rounding",
];

/// Arguments that name a key whose foreground counts.
pub(super) const SOURCES: &[&str] = &["source_key", "label_key", "mask_key", "w_key"];

/// Makes three keys of one whose labels become three channels: `label_tc`, `label_wt` and `label_et` of `label`. Gives
/// the key whose file each is.
///
/// # Errors
/// Where an argument is not supported.
pub(super) fn split(calls: &mut Vec<Call>) -> Result<BTreeMap<String, String>, Fault> {
    let mut files = BTreeMap::new();
    while let Some(at) = calls.iter().position(|c| c.base == "ConvertToMultiChannelBasedOnBratsClasses") {
        let convert = calls.remove(at);
        let mut enhancing = 4;
        for (name, place, value) in &convert.args {
            enhancing = match (name.as_str(), value.as_u64()) {
                ("et_label", Some(label @ (3 | 4))) => label,
                _ => {
                    let problem = format!("{}: {name}: {value} is not supported", convert.name);
                    return Err(Fault::new(*place, problem));
                }
            };
        }
        let mut made = Vec::new();
        for key in &convert.keys {
            for (name, labels) in CHANNELS {
                let channel = format!("{key}_{name}");
                let labels: Vec<u64> = labels.iter().map(|l| if *l == 0 { enhancing } else { *l }).collect();
                let step = |base: &str, args: Vec<(&str, Value)>| Call {
                    base: base.to_owned(),
                    keys: vec![channel.clone()],
                    args: args.into_iter().map(|(name, value)| (name.to_owned(), convert.place, value)).collect(),
                    ..convert.clone()
                };
                let ones = vec![1; labels.len()];
                made.push(step("LabelFilter", vec![("applied_labels", json!(labels))]));
                made.push(step("MapLabelValue", vec![("orig_labels", json!(labels)), ("target_labels", json!(ones))]));
                files.insert(channel, key.clone());
            }
            calls.iter_mut().for_each(|call| call.splits(key));
        }
        calls.splice(at..at, made);
    }
    Ok(files)
}

impl Call {
    /// Works on the three channels of a key instead of it.
    fn splits(&mut self, key: &str) {
        for (name, _, value) in &mut self.args {
            if SOURCES.contains(&name.as_str()) && value == key {
                // All of the tumour is what is not 0 in any channel.
                *value = json!(format!("{key}_wt"));
            }
        }
        let channels: Vec<String> = CHANNELS.iter().map(|(name, _)| format!("{key}_{name}")).collect();
        self.spread(key, &channels);
    }

    /// Puts other keys in the place of one, with its arguments.
    pub(super) fn spread(&mut self, key: &str, others: &[String]) {
        let Some(at) = self.keys.iter().position(|k| k == key) else { return };
        let count = self.keys.len();
        for (name, _, value) in &mut self.args {
            if let Value::Array(list) = value
                && BY_KEY.contains(&name.as_str())
                && list.len() == count
                && count > 1
            {
                let own = list[at].clone();
                list.splice(at..=at, vec![own; others.len()]);
            }
        }
        self.keys.splice(at..=at, others.iter().cloned());
    }
}
