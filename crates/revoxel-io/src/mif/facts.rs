//! Facts only in MRtrix headers, kept to be written again.

use serde::{Deserialize, Serialize};

use crate::facts::axis_map::AxisMap;
use crate::facts::change::Values;
use crate::facts::dropped::Dropped;

/// Facts of an MRtrix header.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MifFacts {
    /// Lines that are kept unchanged (`command_history`, `dw_scheme`, `pe_scheme`, …), in their order. A key with
    /// several lines is repeated for each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<(String, String)>,
}

/// Keys with a line, or an entry, for each volume.
fn is_of_channels(key: &str) -> bool {
    matches!(key, "dw_scheme" | "pe_scheme") || key.starts_with("prior_dw_scheme")
}

/// Keys that refer to the axes of the image. Gradients refer to the axes of the world.
fn is_of_axes(key: &str) -> bool {
    matches!(key, "pe_scheme" | "PhaseEncodingDirection" | "SliceEncodingDirection" | "SliceTiming" | "labels")
}

/// The facts of a result. `channels_hold`: its channels are the source's.
pub(crate) fn carry(
    own: &MifFacts,
    map: &AxisMap,
    values: Values,
    channels_hold: bool,
    dropped: &mut Vec<Dropped>,
) -> MifFacts {
    let other = matches!(values, Values::Other { .. });
    let why = |key: &str| match () {
        () if other => Some("the values differ from the source"),
        () if is_of_channels(key) && !channels_hold => Some("the channels differ from the source"),
        () if is_of_axes(key) && !map.is_identity() => Some("it refers to the axes of the source"),
        () => None,
    };
    let mut keys = Vec::new();
    for (key, value) in &own.keys {
        match why(key) {
            None => keys.push((key.clone(), value.clone())),
            Some(why) if dropped.last().is_none_or(|last| last.fact != *key) => {
                dropped.push(Dropped::new(key.clone(), why));
            }
            Some(_) => {}
        }
    }
    MifFacts { keys }
}
