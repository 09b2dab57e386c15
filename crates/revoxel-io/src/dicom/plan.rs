//! The plan for a stack: the grid, and the source of each of its slices.

use revoxel_core::{Frame, Grid};

use super::problem::DicomError;
use super::report::Gap;
use super::stack::{Stack, Uneven};
use super::warning::DicomWarning;
use crate::{MissingPolicy, ReadOptions, SlicePolicy, SliceStack};

/// A grid and its slices.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plan {
    pub(super) grid: Grid,
    /// For each slice of the grid.
    pub(super) slices: Vec<SliceFrom>,
    pub(super) stack: Option<SliceStack>,
    pub(super) warnings: Vec<DicomWarning>,
}

/// The source of a slice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum SliceFrom {
    /// This slice of the stack.
    Stack(usize),
    /// Between two existing neighbours in the grid: the lower, the upper, and the upper's weight.
    Between(usize, usize, f64),
}

impl Plan {
    /// The interpolated slices of the grid.
    pub(super) fn filled(&self) -> Vec<usize> {
        let all = self.slices.iter().enumerate();
        all.filter(|(_, from)| matches!(from, SliceFrom::Between(..))).map(|(number, _)| number).collect()
    }
}

/// Makes the plan according to the options.
pub(super) fn plan(stack: &Stack, size: [usize; 2], options: &ReadOptions) -> Result<Plan, DicomError> {
    let mut warnings = Vec::new();
    if let Some((mm, attribute)) = stack.single {
        warnings.push(DicomWarning::SingleSlice { mm, attribute });
    }
    if let Some(by) = stack.by {
        warnings.push(DicomWarning::Frames { frames: stack.frames.len(), by, values: stack.values.clone() });
    }
    if stack.dropped > 0 {
        warnings.push(DicomWarning::Dropped { images: stack.dropped });
    }
    let existing = stack.positions.len();
    let mut slices: Vec<SliceFrom> = (0..existing).map(SliceFrom::Stack).collect();
    let mut positions = None;
    if let Some(problem) = stack.problem() {
        let missing = matches!(problem, DicomError::MissingSlices { .. });
        match (options.missing, options.slices) {
            (MissingPolicy::Interpolate, _) if missing => {
                warnings.push(DicomWarning::Filled { slices: stack.missing() });
                slices = filled(&stack.places);
            }
            (_, SlicePolicy::Regularize) => {
                let ras = stack.positions.iter().map(|p| Frame::Lps.point_to_ras(*p)).collect();
                positions = Some(SliceStack { positions: ras });
                warnings.push(DicomWarning::Uneven { gaps: gaps(stack) });
            }
            (_, SlicePolicy::Nominal) if !missing => {
                let mean = stack.affine(existing).spacing()[2];
                warnings.push(DicomWarning::TakenAsEven { mean, gaps: gaps(stack) });
            }
            _ => return Err(problem),
        }
    }
    if stack.tilt > 0.0 {
        let degrees = stack.tilt;
        warnings.insert(
            0,
            match positions {
                None => DicomWarning::Tilt { degrees },
                Some(_) => DicomWarning::TiltEven { degrees },
            },
        );
    }
    let count = slices.len();
    let grid = Grid::new([size[0], size[1], count], stack.affine(count));
    let grid = grid.map_err(|e| DicomError::NoGrid(e.to_string()))?;
    Ok(Plan { grid, slices, stack: positions, warnings })
}

fn gaps(stack: &Stack) -> Vec<Gap> {
    match &stack.uneven {
        Some(Uneven::Gaps(gaps)) => gaps.clone(),
        Some(Uneven::Displaced { .. }) => Vec::new(),
        None => {
            let expected = stack.affine(stack.complete()).spacing()[2];
            let steps = stack.places.windows(2).enumerate().map(|(i, w)| (i + 1, w[1] - w[0]));
            steps
                .filter(|(_, n)| *n > 1)
                .map(|(after, n)| Gap { after, expected, found: expected * n as f64 })
                .collect()
        }
    }
}

/// The complete stack.
fn filled(places: &[usize]) -> Vec<SliceFrom> {
    let mut slices = vec![SliceFrom::Stack(0)];
    for (i, w) in places.windows(2).enumerate() {
        let [low, high] = [w[0], w[1]];
        let between = |place| SliceFrom::Between(low, high, (place - low) as f64 / (high - low) as f64);
        slices.extend((low + 1..high).map(between));
        slices.push(SliceFrom::Stack(i + 1));
    }
    slices
}
