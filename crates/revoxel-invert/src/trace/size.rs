//! Limits on sizes in a trace: a file of a few lines must not allocate gigabytes.

use super::{Trace, TraceError, VolumeTrace};
use crate::record::{GridRecord, OpRecord, SmoothingRecord, UndoRecord};

/// No volume has an axis of more voxels; tables are made for each voxel of an axis.
const MOST_AXIS: usize = 1 << 20;
/// Voxels with displacements of their own that need no volume of the trace to be as large.
const FREE_VOXELS: u64 = 1 << 21;
/// Bytes of displacements while they are made, for each voxel: three numbers, and as much beside them.
const DISPLACEMENT: u64 = 24;
/// Bytes of noise or of factors while they are taken through steps, for each voxel and channel.
const CARRIED: u64 = 8;

/// That axes are no longer than any, and that displacements belong to the voxels of a volume of the case: the first
/// input of a step is in the trace, and the others share its displacements.
///
/// # Errors
/// The first record that is too large.
pub(super) fn check(trace: &Trace) -> Result<(), TraceError> {
    let largest = trace.volumes.values().flat_map(grids).map(|(_, grid)| voxels(grid)).max().unwrap_or_default();
    for (key, volume) in &trace.volumes {
        let refused = |place: String, problem: String| TraceError::Record { key: key.clone(), place, problem };
        if let Some((place, grid)) = grids(volume).find(|(_, grid)| grid.shape.iter().any(|n| *n > MOST_AXIS)) {
            let problem = format!("shape is {:?}: an axis may have at most {MOST_AXIS} voxels", grid.shape);
            return Err(refused(place, problem));
        }
        for (number, step) in volume.steps.iter().enumerate() {
            let place = || format!("steps[{number}] ({}).ops", step.transform);
            for op in &step.ops {
                if let Some(shape) = shape_of(op).filter(|shape| shape.iter().any(|n| *n > MOST_AXIS)) {
                    return Err(refused(
                        place(),
                        format!("shape is {shape:?}: an axis may have at most {MOST_AXIS} voxels"),
                    ));
                }
                if let OpRecord::Elastic { region, .. } = op
                    && voxels(region) > largest.max(FREE_VOXELS)
                {
                    let problem = format!(
                        "displacements for a region of {:?} voxels, but no volume of the trace has more than {largest} \
                         voxels: the trace is damaged",
                        region.shape
                    );
                    return Err(refused(place(), problem));
                }
            }
        }
    }
    Ok(())
}

impl VolumeTrace {
    /// Bytes that have to be made again on the way back, beside the prediction and the result: displacements by voxel
    /// and, where changes of values are undone, noise and fields.
    pub fn memory(&self, values: bool) -> u64 {
        let displacements = self.steps.iter().flat_map(|step| &step.ops).map(displaced);
        let displacements = displacements.fold(0u64, |sum, n| sum.saturating_add(n.saturating_mul(DISPLACEMENT)));
        let channels = self.steps.iter().map(|step| match &step.values {
            Some(UndoRecord::Noise { channels, .. }) if values => *channels as u64,
            Some(UndoRecord::BiasField { .. }) if values => 1,
            _ => 0,
        });
        let channels = channels.max().unwrap_or_default();
        let largest = self.steps.iter().map(|step| voxels(&step.after)).max().unwrap_or_default();
        displacements.saturating_add(largest.saturating_mul(channels.saturating_mul(CARRIED)))
    }
}

impl VolumeTrace {
    /// The transforms whose displacements or, where changes of values are undone, noise or fields have to be made again.
    pub fn made_again(&self, values: bool) -> Vec<&str> {
        let noisy = |undo: &UndoRecord| matches!(undo, UndoRecord::Noise { .. } | UndoRecord::BiasField { .. });
        let steps = self.steps.iter().filter(|step| {
            step.ops.iter().any(|op| displaced(op) > 0) || values && step.values.as_ref().is_some_and(noisy)
        });
        steps.map(|step| &step.transform[..]).collect()
    }
}

/// The grids that a volume was on, each with its place in the record.
fn grids(volume: &VolumeTrace) -> impl Iterator<Item = (String, &GridRecord)> {
    let ends = [("source.grid", &volume.source.grid), ("result.grid", &volume.result.grid)];
    let ends = ends.into_iter().map(|(place, grid)| (place.to_owned(), grid));
    let steps = volume.steps.iter().enumerate().flat_map(|(number, step)| {
        let place = move |field: &str| format!("steps[{number}] ({}).{field}", step.transform);
        [(place("before"), &step.before), (place("after"), &step.after)]
    });
    ends.chain(steps)
}

fn voxels(grid: &GridRecord) -> u64 {
    grid.shape.iter().fold(1u64, |count, n| count.saturating_mul(*n as u64))
}

/// The shape in an op.
const fn shape_of(op: &OpRecord) -> Option<[usize; 3]> {
    match op {
        OpRecord::Resample { grid } | OpRecord::Reslice { grid, .. } => Some(grid.shape),
        OpRecord::Warp { region, .. } | OpRecord::Elastic { region, .. } | OpRecord::Stretch { region, .. } => {
            Some(region.shape)
        }
        OpRecord::Window { shape, .. } => Some(*shape),
        OpRecord::Reorient { .. } => None,
    }
}

/// How many voxels get displacements of their own.
fn displaced(op: &OpRecord) -> u64 {
    match op {
        OpRecord::Elastic { region, smoothing: SmoothingRecord::Gaussian(_), .. } => voxels(region),
        // The same in all slices.
        OpRecord::Elastic { region, .. } => (region.shape[0] as u64).saturating_mul(region.shape[1] as u64),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A trace of a label map between grids of 8 × 8 × 8, with one op.
    fn read(op: &str, source: usize) -> Result<Trace, TraceError> {
        let grid = |n: usize| {
            format!(
                r#"{{"shape": [{n}, {n}, {n}], "affine": [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]}}"#
            )
        };
        let text = format!(
            r#"{{"schema": "revoxel-trace", "version": 1, "tool": "x", "case": "c", "pipeline": {{"name": "p", "hash": "h"}},
               "volumes": {{"image": {{"kind": "image", "steps": [], "result": {{"grid": {large}, "dtype": "uint8"}},
                 "source": {{"path": "y", "format": "NIfTI-1", "grid": {large}, "dtype": "uint8", "channels": 1}}}},
               "label": {{"kind": "label", "result": {{"grid": {small}, "dtype": "uint8"}},
                 "source": {{"path": "x", "format": "NIfTI-1", "grid": {small}, "dtype": "uint8", "channels": 1}},
                 "steps": [{{"transform": "t", "params": {{}}, "before": {small}, "after": {small}, "ops": [{op}],
                   "fidelity": "lossy"}}]}}}}}}"#,
            large = grid(source),
            small = grid(8),
            op = op.replace("GRID", &grid(600)),
        );
        Trace::from_json(&text)
    }

    const ELASTIC: &str =
        r#"{"elastic": {"region": GRID, "noise": [1, 2, 3, 4], "magnitude": 3.0, "smoothing": {"gaussian": 2.0}}}"#;

    #[test]
    fn displacements_belong_to_the_voxels_of_a_volume() {
        let text = read(ELASTIC, 8).unwrap_err().to_string();
        assert!(text.contains("steps[0] (t).ops: displacements for a region of [600, 600, 600] voxels"), "{text}");
        assert!(text.contains("has more than 512 voxels"), "{text}");
        let flat = ELASTIC.replace(r#"{"gaussian": 2.0}"#, r#"{"bicubic": [4, 5]}"#);
        assert!(read(&flat, 8).is_err());
        // Inputs with grids of their own share the displacements of the first.
        let good = read(ELASTIC, 600).unwrap();
        assert_eq!(good.volumes["label"].memory(false), 600 * 600 * 600 * 24);
        assert_eq!(read(&flat, 600).unwrap().volumes["label"].memory(true), 600 * 600 * 24);
    }

    #[test]
    fn axes_are_no_longer_than_any() {
        let text = read(r#"{"window": {"start": [0, 0, 0], "shape": [1048577, 1, 1]}}"#, 8).unwrap_err().to_string();
        assert!(text.contains("steps[0] (t).ops"), "{text}");
        let text = read(ELASTIC, 1_048_577).unwrap_err().to_string();
        assert!(text.contains("\"image\", source.grid: the shape [1048577, 1048577, 1048577]"), "{text}");
    }
}
