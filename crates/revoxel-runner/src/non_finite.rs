//! NaN and infinite values in input files.

use std::path::{Path, PathBuf};

use revoxel_core::{Kind, Volume, VolumeError};
use revoxel_pipeline::{Input, NonFiniteRule};
use revoxel_resample::{NonFinite, replaced};

/// An input holds values that are not finite, and its rule does not say what to do with them.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{path}: {found}; {}", advice(.key, *.kind))]
pub struct NonFiniteInput {
    /// The file.
    pub path: PathBuf,
    /// The key of the input.
    pub key: String,
    /// Its kind.
    pub kind: Kind,
    /// How many there are, and where.
    pub found: Box<NonFinite>,
}

/// What to do.
fn advice(key: &str, kind: Kind) -> String {
    let keep = if kind == Kind::Label { "" } else { ", or `non_finite: keep` to keep them" };
    format!(
        "correct the file, or declare `non_finite: 0` (or another number) on the input {key:?} to replace them{keep}"
    )
}

/// What was found in an input, and what was done.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// The key of the input.
    pub key: String,
    /// How many values, and where.
    pub found: NonFinite,
    /// The number in their place; `None` where they were kept.
    pub replaced_by: Option<f64>,
}

/// Treats the values of an input that are not finite as its rule says. `None` where all are finite.
///
/// # Errors
/// Where there are some and the rule is to refuse them.
pub fn settle(input: &Input, path: &Path, volume: &mut Volume) -> Result<Option<Note>, NonFiniteInput> {
    let Some(found) = NonFinite::of(volume) else { return Ok(None) };
    let refused = |found: NonFinite| NonFiniteInput {
        path: path.to_owned(),
        key: input.key.clone(),
        kind: input.kind,
        found: found.into(),
    };
    let replaced_by = match input.non_finite {
        NonFiniteRule::Error => return Err(refused(found)),
        NonFiniteRule::Keep => None,
        NonFiniteRule::Replace(number) => {
            replace(volume, number).map_err(|_| refused(found.clone()))?;
            Some(number)
        }
    };
    Ok(Some(Note { key: input.key.clone(), found, replaced_by }))
}

/// Puts a number in the place of values that are not finite.
fn replace(volume: &mut Volume, number: f64) -> Result<(), VolumeError> {
    let changed = replaced(volume.voxels().clone(), number);
    *volume = Volume::new(changed, *volume.grid(), volume.kind(), volume.channels())?;
    Ok(())
}
