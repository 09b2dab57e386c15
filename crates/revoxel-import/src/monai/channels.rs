//! Channels that bundles take of a file: the field `channel` of an input.

use std::collections::BTreeMap;

use super::Fault;
use super::call::{CHANNEL, Call};
use super::ignored::ignored;

/// The channel of each key of which one is taken. Takes what does it out of the calls.
///
/// # Errors
/// Where a channel is taken of what is not the file any more.
pub(super) fn taken(calls: &mut Vec<Call>) -> Result<BTreeMap<String, u64>, Fault> {
    let mut channels = BTreeMap::new();
    while let Some(at) = calls.iter().position(|c| c.base == "Lambda" && c.argument(CHANNEL).is_some()) {
        let call = calls.remove(at);
        let channel = call.argument(CHANNEL).and_then(serde_json::Value::as_u64).unwrap_or_default();
        for key in &call.keys {
            let changed = calls[..at].iter().find(|c| ignored(&c.base).is_none() && c.keys.contains(key));
            if let Some(first) = changed {
                let problem = format!("{}: func takes a channel of {key} after {}", call.name, first.name);
                return Err(
                    Fault::new(call.place, problem).help("put it first, so that it takes a channel of the file")
                );
            }
            if channels.insert(key.clone(), channel).is_some() {
                let problem = format!("{}: a second channel of {key}", call.name);
                return Err(Fault::new(call.place, problem).help("take only one channel of each key"));
            }
        }
    }
    Ok(channels)
}
