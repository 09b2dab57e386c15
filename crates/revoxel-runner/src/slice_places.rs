//! Results on slices that lie unevenly: an affine cannot say where, so a file beside them does.

use std::path::{Path, PathBuf};

use revoxel_core::{GridError, GridOp};
use revoxel_invert::{OpRecord, VolumeTrace};
use serde_json::json;

use crate::files::{FileError, remove, write_text};

/// Where slices lie, and what an affine says instead.
#[derive(Clone, Debug)]
pub struct SlicePlaces {
    /// The first voxel of each slice, RAS mm.
    positions: Vec<[f64; 3]>,
    /// How far the affine is off at the slice where it is most, mm.
    off: f64,
}

impl SlicePlaces {
    /// Those of the source of a volume, if they lie unevenly.
    ///
    /// # Errors
    /// Where the trace holds no valid grid.
    pub fn of(record: &VolumeTrace) -> Result<Option<Self>, GridError> {
        let Some(Ok(GridOp::Reslice { from: Some(slices), .. })) =
            record.steps.first().and_then(|step| step.ops.first()).map(OpRecord::op)
        else {
            return Ok(None);
        };
        let grid = record.source.grid.grid()?;
        let place = |k: usize| grid.index_to_world(slices.to_even([0.0, 0.0, k as f64]));
        let positions: Vec<[f64; 3]> = (0..slices.count()).map(place).collect();
        let apart = |(k, position): (usize, &[f64; 3])| {
            let said = grid.index_to_world([0.0, 0.0, k as f64]);
            position.iter().zip(said).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
        };
        let off = positions.iter().enumerate().map(apart).fold(0.0, f64::max);
        Ok(Some(Self { positions, off }))
    }

    /// How far the affine of the result is off at the slice where it is most, mm.
    pub const fn off(&self) -> f64 {
        self.off
    }

    /// Writes the places beside a result; the path.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn write(&self, output: &Path) -> Result<PathBuf, FileError> {
        let path = beside(output);
        let document = json!({
            "schema": "revoxel-slices",
            "version": 1,
            "volume": output.file_name().unwrap_or_default().to_string_lossy(),
            "positions_ras_mm": self.positions,
            "affine_off_by_mm": self.off,
        });
        write_text(&path, &format!("{document:#}\n"))?;
        Ok(path)
    }

    /// Writes the places beside a result, if there are any; else removes what an earlier result of this name had there.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn write_or_remove(places: Option<&Self>, output: &Path) -> Result<Option<PathBuf>, FileError> {
        places.map_or_else(|| remove(&beside(output)).map(|()| None), |places| places.write(output).map(Some))
    }
}

/// The name of the file that says where the slices of a result lie: `a.nii.gz` has `a.nii.gz.slices.json`.
pub fn beside(volume: &Path) -> PathBuf {
    let mut name = volume.file_name().unwrap_or_default().to_owned();
    name.push(".slices.json");
    volume.with_file_name(name)
}
