//! Results on slices that lie unevenly: an affine cannot say where, so a file beside them does.

use std::path::{Path, PathBuf};

use revoxel_core::GridOp;
use revoxel_invert::{Trace, VolumeTrace};
use revoxel_runner::files::{remove, write_text};
use revoxel_runner::uneven::{self, beside};
use serde_json::json;

use super::failure::Failure;

/// The target grid of a prediction whose source has unevenly spaced slices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Onto {
    /// The slices themselves; `invert` writes their positions to OUTPUT.slices.json.
    #[default]
    Slices,
    /// The evenly spaced grid that the pipeline resampled them onto.
    Regular,
}

/// Where slices lie, and what an affine says instead.
pub(super) struct Uneven {
    /// The first voxel of each slice, RAS mm.
    positions: Vec<[f64; 3]>,
    /// How far the affine is off at the slice where it is most, mm.
    off: f64,
}

impl Uneven {
    /// Those of a volume, if they lie unevenly.
    pub(super) fn of(record: &VolumeTrace) -> Result<Option<Self>, Failure> {
        let Some(Ok(GridOp::Reslice { from: Some(slices), .. })) =
            record.steps.first().and_then(|step| step.ops.first()).map(revoxel_invert::OpRecord::op)
        else {
            return Ok(None);
        };
        let grid = record.source.grid.grid().map_err(Failure::usage)?;
        let place = |k: usize| grid.index_to_world(slices.to_even([0.0, 0.0, k as f64]));
        let positions: Vec<[f64; 3]> = (0..slices.count()).map(place).collect();
        let apart = |(k, position): (usize, &[f64; 3])| {
            let said = grid.index_to_world([0.0, 0.0, k as f64]);
            position.iter().zip(said).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
        };
        let off = positions.iter().enumerate().map(apart).fold(0.0, f64::max);
        Ok(Some(Self { positions, off }))
    }

    /// Writes the places beside a result, and warns of its affine.
    pub(super) fn write(&self, output: &Path) -> Result<PathBuf, Failure> {
        let path = beside(output);
        let document = json!({
            "schema": "revoxel-slices",
            "version": 1,
            "volume": output.file_name().unwrap_or_default().to_string_lossy(),
            "positions_ras_mm": self.positions,
            "affine_off_by_mm": self.off,
        });
        write_text(&path, &format!("{document:#}\n")).map_err(Failure::work)?;
        tracing::warn!(
            "{}: the source has unevenly spaced slices, so the affine misplaces slices by up to {:.2} mm: see {} for \
             their positions, or pass --onto regular for an even grid",
            output.display(),
            self.off,
            path.display()
        );
        Ok(path)
    }
}

/// Removes what an earlier result of this name had beside it.
pub(super) fn remove_older(output: &Path) -> Result<(), Failure> {
    remove(&beside(output)).map_err(Failure::work)
}

/// The trace as if the even grid had been the source's.
pub(super) fn onto_regular(trace: &mut Trace, path: &Path) -> Result<(), Failure> {
    let any = uneven::onto_regular(trace);
    let problem = "no volume has unevenly spaced slices: leave out --onto regular";
    if any { Ok(()) } else { Err(Failure::usage(format!("{}: {problem}", path.display()))) }
}
