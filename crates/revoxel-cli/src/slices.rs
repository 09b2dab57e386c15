//! Results on slices that lie unevenly: an affine cannot say where, so a file beside them does.

use std::path::{Path, PathBuf};

use revoxel_invert::Trace;
use revoxel_runner::slice_places::SlicePlaces;
use revoxel_runner::uneven;

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

/// Writes where unevenly spaced slices lie beside a result, and warns of its affine.
pub(super) fn tell(places: Option<&SlicePlaces>, output: &Path) -> Result<Option<PathBuf>, Failure> {
    let path = SlicePlaces::write_or_remove(places, output).map_err(Failure::work)?;
    if let (Some(places), Some(path)) = (places, &path) {
        tracing::warn!(
            "{}: the source has unevenly spaced slices, so the affine misplaces slices by up to {:.2} mm: see {} for \
             their positions, or pass --onto regular for an even grid",
            output.display(),
            places.off(),
            path.display()
        );
    }
    Ok(path)
}

/// The trace as if the even grid had been the source's.
pub(super) fn onto_regular(trace: &mut Trace, path: &Path) -> Result<(), Failure> {
    let any = uneven::onto_regular(trace);
    let problem = "no volume has unevenly spaced slices: leave out --onto regular";
    if any { Ok(()) } else { Err(Failure::usage(format!("{}: {problem}", path.display()))) }
}
