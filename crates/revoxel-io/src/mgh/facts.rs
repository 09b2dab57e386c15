//! Facts only in MGH headers, kept to be written again.

use serde::{Deserialize, Serialize};

use crate::facts::change::Values;
use crate::facts::dropped::Dropped;
use crate::facts::hex;

/// Facts of an MGH file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MghFacts {
    /// Voxel sizes, directions of the axes and the centre (RAS), as in the header: recomputing them from the affine
    /// can change the last bit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub geometry: Option<[f32; 15]>,
    /// Degrees of freedom.
    #[serde(skip_serializing_if = "is_zero")]
    pub dof: i32,
    /// The footer after the voxels: repetition time, flip angle, echo and inversion time, field of view, and tags.
    #[serde(with = "hex", skip_serializing_if = "Vec::is_empty")]
    pub footer: Vec<u8>,
}

fn is_zero(value: &i32) -> bool {
    *value == 0
}

/// Bytes of the footer before its tags: five numbers of the scan.
const SCAN_BYTES: usize = 20;

/// The facts of a result.
pub(crate) fn carry(own: &MghFacts, values: Values, dropped: &mut Vec<Dropped>) -> Option<MghFacts> {
    match values {
        Values::Other { .. } => {
            if !own.footer.is_empty() {
                dropped.push(Dropped::new("footer of MGH", "the values differ from the source"));
            }
            None
        }
        // One of the tags may be a table of labels.
        Values::Relabelled if own.footer.len() > SCAN_BYTES => {
            dropped.push(Dropped::new("tags of MGH", "label numbers changed"));
            Some(MghFacts { footer: own.footer[..SCAN_BYTES].to_vec(), ..own.clone() })
        }
        _ => Some(own.clone()),
    }
}
