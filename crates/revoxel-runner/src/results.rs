//! The number of the results: which version of its results the program gives.

/// The number of the results that this program gives. Two programs with the same number make the same voxels, grids
/// and traces of the same pipeline and the same files.
///
/// Raise it by one, in the commit that changes a result, where for any pipeline and any file that was accepted before
///
/// - a voxel of an output or of an inverted prediction becomes another one, be it in its last digit,
/// - a grid, a voxel type or what a random step draws becomes another one, or
/// - a default of a transform becomes another one.
///
/// Then say in `docs/results.md` under the new number what changed, and renew the snapshots of the shipped pipelines
/// (`revoxel snapshot pipelines/*.yaml`). New transforms, parameters, formats and commands, other messages, and files
/// that were refused before do not raise it. Number 1 is everything before the rule for ties of 2026-11.
///
/// Snapshots compare it, and `run --resume` does a case again that was made with another number.
pub const RESULTS: u32 = 4;

/// The program and version that traces name.
pub const TOOL: &str = concat!("revoxel ", env!("CARGO_PKG_VERSION"));
