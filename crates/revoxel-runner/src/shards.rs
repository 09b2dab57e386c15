//! Cases in parts of about the same size, for several machines.

use rayon::prelude::*;
use revoxel_pipeline::Pipeline;

use crate::dataset::Case;
use crate::several;

/// The part of each case, from 0: parts have about the same number of voxels, as headers say. The same dataset gives the
/// same parts everywhere. A case whose headers cannot be read counts as empty.
pub fn parts_of(pipeline: &Pipeline, cases: &[Case], parts: usize) -> Vec<usize> {
    let sizes: Vec<u64> = cases.par_iter().map(|case| voxels(pipeline, case)).collect();
    let mut order: Vec<usize> = (0..cases.len()).collect();
    order.sort_by_key(|&at| (std::cmp::Reverse(sizes[at]), at));
    let mut loads = vec![(0u64, 0usize); parts.max(1)];
    let mut part_of = vec![0; cases.len()];
    for at in order {
        // Of equal loads the one with fewer cases, then the first.
        let least = (0..loads.len()).min_by_key(|&part| (loads[part], part)).unwrap_or(0);
        loads[least].0 += sizes[at];
        loads[least].1 += 1;
        part_of[at] = least;
    }
    part_of
}

fn voxels(pipeline: &Pipeline, case: &Case) -> u64 {
    let of_input = |key: &String| {
        let info = several::info(pipeline, pipeline.input(key)?, case).ok()?;
        Some(info.grid.voxel_count() as u64 * info.channels as u64)
    };
    case.inputs.keys().filter_map(of_input).sum()
}
