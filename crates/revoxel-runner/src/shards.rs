//! Cases in parts of about the same size, for several machines.

use std::cmp::Reverse;
use std::io::ErrorKind;
use std::time::Duration;

use rayon::prelude::*;
use revoxel_io::ReadError;
use revoxel_pipeline::{CaseName, Pipeline};

use crate::case::CaseError;
use crate::dataset::Case;
use crate::journal::Basis;
use crate::several::{self, SeveralError};

/// Cases in parts.
#[derive(Debug)]
pub struct Division {
    /// The part of each case, from 0.
    pub part_of: Vec<usize>,
    /// What the parts were made of.
    pub basis: Basis,
    /// Cases whose headers this machine does not read at the moment, and why. They count as empty, so the parts may not
    /// be those of other machines.
    pub unread: Vec<(CaseName, String)>,
}

/// Divides cases into parts that have about the same number of voxels, as headers say. The same dataset gives the same
/// parts everywhere. A case whose files are missing or wrong counts as empty. Headers that the system refuses for a
/// reason that may pass are tried again, up to `retries` times.
pub fn divide(pipeline: &Pipeline, cases: &[Case], parts: usize, retries: u32) -> Division {
    let read: Vec<Result<u64, String>> = cases.par_iter().map(|case| voxels(pipeline, case, retries)).collect();
    let sizes: Vec<u64> = read.iter().map(|size| *size.as_ref().unwrap_or(&0)).collect();
    let unread = cases.iter().zip(read).filter_map(|(case, size)| Some((case.name.clone(), size.err()?))).collect();
    Division { part_of: parts_of(&sizes, parts), basis: basis_of(cases, &sizes), unread }
}

/// The part of each of these sizes.
fn parts_of(sizes: &[u64], parts: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|&at| (Reverse(sizes[at]), at));
    let mut loads = vec![(0u64, 0usize); parts.max(1)];
    let mut part_of = vec![0; sizes.len()];
    for at in order {
        // Of equal loads the one with fewer cases, then the first.
        let least = (0..loads.len()).min_by_key(|&part| (loads[part], part)).unwrap_or(0);
        loads[least].0 = loads[least].0.saturating_add(sizes[at]);
        loads[least].1 += 1;
        part_of[at] = least;
    }
    part_of
}

fn basis_of(cases: &[Case], sizes: &[u64]) -> Basis {
    let mut hasher = blake3::Hasher::new();
    for (case, size) in cases.iter().zip(sizes) {
        let name = case.name.to_string();
        hasher.update(&(name.len() as u64).to_le_bytes()).update(name.as_bytes()).update(&size.to_le_bytes());
    }
    Basis { cases: cases.len(), hash: hasher.finalize().to_hex()[..24].to_owned() }
}

/// The voxels of a case; 0 for files that are missing or wrong.
///
/// # Errors
/// Where the system refuses to read what other machines may be able to read.
fn voxels(pipeline: &Pipeline, case: &Case, retries: u32) -> Result<u64, String> {
    let inputs = case.inputs.keys().filter_map(|key| pipeline.input(key));
    let sizes = inputs.map(|input| {
        let mut tried = 0;
        loop {
            match several::info(pipeline, input, case) {
                Ok(info) => break Ok(info.grid.voxel_count() as u64 * info.channels as u64),
                Err(error) if !is_of_this_machine(&error) => break Ok(0),
                Err(error) if tried == retries => break Err(error.to_string()),
                Err(_) => tried += 1,
            }
            std::thread::sleep(PAUSE * tried);
        }
    });
    sizes.sum()
}

/// Before a header is read again; longer each time.
const PAUSE: Duration = Duration::from_secs(1);

/// Whether another machine may be able to read the file.
fn is_of_this_machine(error: &SeveralError) -> bool {
    match error {
        SeveralError::Read(ReadError::Io { reason, .. }) => {
            reason.kind() == ErrorKind::PermissionDenied || CaseError::is_passing(reason.kind())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_about_the_same_size_and_each_case_is_in_one() {
        fn t(sizes: &[u64], parts: usize, expected: &[usize]) {
            assert_eq!(parts_of(sizes, parts), expected, "{sizes:?} in {parts}");
        }
        t(&[9, 3, 3, 3, 9], 3, &[0, 2, 2, 2, 1]);
        t(&[5, 5, 5, 5], 2, &[0, 1, 0, 1]);
        // Cases of unknown size are spread.
        t(&[0, 0, 0], 2, &[0, 1, 0]);
        t(&[7], 3, &[0]);
        t(&[], 3, &[]);
        t(&[u64::MAX, u64::MAX, 1], 1, &[0, 0, 0]);
    }
}
