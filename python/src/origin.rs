//! Where a volume comes from, as far as that decides what is written into the header of its file.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use revoxel::io::{Facts, FileInfo, LabelNames};
use revoxel::trace::VolumeTrace;
use serde::{Deserialize, Serialize};

/// Where a volume comes from.
#[derive(Clone)]
pub(crate) enum Origin {
    /// Nobody knows.
    Memory,
    /// A file.
    File(Arc<FileInfo>),
    /// A pipeline.
    Made(Arc<Source>),
    /// A prediction on the grid of a scan.
    Back(Arc<Source>),
    /// A mask on the grid of a scan.
    Mask(Arc<Source>),
}

/// What the file of a result says besides its voxels.
#[derive(Serialize, Deserialize)]
pub(crate) struct Source {
    /// What happened to the scan.
    pub(crate) record: VolumeTrace,
    /// The names of the labels.
    pub(crate) names: LabelNames,
}

/// An origin in a pickle.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Pickled {
    File { format: String, stored: String, facts: Box<Facts> },
    Made(Arc<Source>),
    Back(Arc<Source>),
    Mask(Arc<Source>),
}

impl Origin {
    /// As a text for a pickle; None where nobody knows.
    pub(crate) fn pickled(&self) -> Option<String> {
        let pickled = match self {
            Self::Memory => return None,
            Self::File(info) => Pickled::File {
                format: info.format.to_owned(),
                stored: info.stored.name().to_owned(),
                facts: Box::new(info.facts.clone()),
            },
            Self::Made(source) => Pickled::Made(Arc::clone(source)),
            Self::Back(source) => Pickled::Back(Arc::clone(source)),
            Self::Mask(source) => Pickled::Mask(Arc::clone(source)),
        };
        serde_json::to_string(&pickled).ok()
    }

    /// Of a volume that was pickled.
    pub(crate) fn unpickled(text: &str, volume: &revoxel::Volume) -> Result<Self, serde_json::Error> {
        Ok(match serde_json::from_str(text)? {
            Pickled::File { format, stored, facts } => Self::File(Arc::new(FileInfo {
                format: kept(&format),
                grid: *volume.grid(),
                stored: stored.parse().unwrap_or_else(|_| volume.dtype()),
                dtype: volume.dtype(),
                channels: volume.channels(),
                facts: *facts,
                warnings: Vec::new(),
                slices: None,
            })),
            Pickled::Made(source) => Self::Made(source),
            Pickled::Back(source) => Self::Back(source),
            Pickled::Mask(source) => Self::Mask(source),
        })
    }
}

/// The name of a format, kept for as long as the process lives. There are few.
fn kept(format: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(format) {
        return known;
    }
    let name: &'static str = Box::leak(format.to_owned().into_boxed_str());
    names.insert(name);
    name
}
