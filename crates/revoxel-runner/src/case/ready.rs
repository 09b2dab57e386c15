//! Cases whose files wait for their names.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use revoxel_io::Partial;
use revoxel_io::partial::sync_folder_of;
use revoxel_pipeline::CaseName;
use revoxel_resample::Gone;

use super::{CaseError, Done, Made};
use crate::engine::Vanished;
use crate::files::{at, remove};
use crate::places::place;
use crate::stop;
use crate::vanished::sentence;

/// A case whose files are complete but have no names yet. Dropped, it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(super) complete: Vec<Made>,
    pub(super) trace: Partial,
    /// What an earlier run made of the case.
    pub(super) older: Vec<PathBuf>,
    pub(super) vanished: Vec<Vanished>,
    pub(super) case: CaseName,
    pub(super) start: Instant,
    /// All that is known already of what the case gives.
    pub(super) done: Done,
}

impl Ready {
    /// Waits until the files are on the disk, and names them.
    ///
    /// # Errors
    /// As [`run`].
    pub(crate) fn name(self) -> Result<Done, CaseError> {
        let Self { complete, trace, older, vanished, case, start, done } = self;
        complete.iter().filter(|made| !made.synced).try_for_each(|made| made.complete.sync())?;
        trace.sync()?;
        stop::uninterrupted(|| name(complete, trace, older))?;
        for (key, gone) in by_key(&vanished) {
            tracing::warn!(
                "case {case}: {key}: labels lost in spatial steps: {}; use smaller voxels or a larger crop to keep them",
                sentence(&gone)
            );
        }
        Ok(Done { time: start.elapsed(), ..done })
    }
}

/// Gives complete files their names: no trace ever stands beside outputs that it does not belong to.
fn name(complete: Vec<Made>, trace: Partial, older: Vec<PathBuf>) -> Result<(), CaseError> {
    let files = complete.iter().flat_map(|made| made.complete.files());
    // What cannot be replaced is better found before anything is.
    if let Some(folder) = files.map(Partial::path).chain([trace.path()]).find(|path| path.is_dir()) {
        return Err(at(folder)(std::io::ErrorKind::IsADirectory.into()).into());
    }
    let path = trace.path().to_owned();
    if path.exists() {
        remove(&path)?;
        sync_folder_of(&path)?;
    }
    // What an earlier run made and this one does not is no part of the case any more.
    let made: Vec<PathBuf> =
        complete.iter().flat_map(|made| made.complete.files()).map(|file| place(file.path())).collect();
    older.iter().filter(|file| !made.contains(&place(file))).try_for_each(|file| remove(file))?;
    let mut folders: Vec<PathBuf> = Vec::new();
    for Made { complete, .. } in complete {
        let place = complete.files().last().map(|file| file.path().to_owned()).unwrap_or_default();
        for warning in complete.persist()? {
            tracing::warn!("{}: {warning}", place.display());
        }
        if !folders.iter().any(|folder| folder.parent() == place.parent()) {
            folders.push(place);
        }
    }
    folders.iter().try_for_each(sync_folder_of)?;
    trace.persist()?;
    sync_folder_of(&path)?;
    Ok(())
}

/// What vanished, volume by volume.
fn by_key(vanished: &[Vanished]) -> BTreeMap<&str, Vec<Gone>> {
    let mut all: BTreeMap<&str, Vec<Gone>> = BTreeMap::new();
    for Vanished { key, gone } in vanished {
        all.entry(key).or_default().push(*gone);
    }
    all
}
