//! Windows that sweep a volume, of which each copy of a case takes one.

use std::fmt::Debug;

use revoxel_core::{Grid, GridOp, Volume};
use revoxel_resample::PadMode;

use super::boxes::{carried, clipped};
use super::choice::{Choice, sums};
use super::window;
use super::windows::Windows;
use revoxel_transforms::transform::PlanError;
use revoxel_transforms::transform::{Evidence, Observed, PaddingRule, Sources, SpatialTransform};

/// Says where windows lie in a volume.
pub(crate) trait Sweeps: Debug + Send + Sync {
    /// The windows of a volume on a grid.
    fn windows(&self, grid: &Grid) -> Result<Windows, PlanError>;

    /// What windows hold where they stick out; `None` where they never do.
    fn padded(&self) -> Option<PaddingRule<'_>> {
        None
    }
}

/// The window of one number.
#[derive(Debug)]
pub(crate) struct OneOf<T> {
    /// Which one, from 0.
    pub(crate) number: u32,
    /// Where they lie: in the source of the choice, else in the step's first input.
    pub(crate) of: T,
    /// Which of them are counted, and in which order.
    pub(crate) choice: Choice,
}

impl<T: Sweeps> SpatialTransform for OneOf<T> {
    fn plan(&self, grid: &Grid, evidence: &Evidence<'_>) -> Result<Vec<GridOp>, PlanError> {
        let mut region = match (&self.choice.source, evidence.observed) {
            (Some(source), None) => return Err(PlanError::DependsOnVoxels(source.clone())),
            (Some(_), Some(Observed { grid: there, region: Some(region) })) => carried(region, there, grid),
            (Some(_), Some(Observed { region: None, .. })) => return Ok(Vec::new()),
            (None, _) => {
                let there = evidence.reference.unwrap_or(grid);
                carried(&self.choice.window(&self.of.windows(there)?, self.number, None)?, there, grid)
            }
        };
        let Some(PaddingRule { mode, .. }) = self.of.padded() else {
            region = clipped(&region, grid)?;
            return Ok(window(grid.shape(), region.start, region.end()));
        };
        if mode == PadMode::Constant {
            return Ok(window(grid.shape(), region.start, region.end()));
        }
        // Padding is made of the whole volume, not of what the window has of it.
        let end = grid.shape().map(|n| n as i64);
        let low = region.start.map(|s| s.min(0));
        let high = [0, 1, 2].map(|a| region.end()[a].max(end[a]));
        let mut ops = window(grid.shape(), low, high);
        let [start, end] = [region.start, region.end()].map(|p| [0, 1, 2].map(|a| p[a] - low[a]));
        ops.extend(window([0, 1, 2].map(|a| (high[a] - low[a]) as usize), start, end));
        Ok(ops)
    }

    fn observe(&self, source: &Volume, _: Option<&Volume>) -> Result<Observed, PlanError> {
        let grid = *source.grid();
        let windows = self.of.windows(&grid)?;
        let sums = sums(source, &windows, &self.padding(), self.choice.source.as_deref().unwrap_or_default())?;
        Ok(Observed { grid, region: Some(self.choice.window(&windows, self.number, Some(&sums))?) })
    }

    fn padding(&self) -> PaddingRule<'_> {
        self.of.padded().unwrap_or_default()
    }

    fn sources(&self) -> Sources<'_> {
        self.choice.source.as_deref().map_or(Sources::Nothing, Sources::voxels)
    }
}

/// The starts of windows of `size` voxels every `step` along an axis of `n`, the first at `first`. Where there is padding
/// they may begin anywhere before the end, else they must end before it.
pub(crate) fn starts(n: usize, size: i64, first: i64, step: i64, padded: bool) -> Vec<i64> {
    let end = if padded { n as i64 } else { n as i64 - size + 1 };
    (first..end).step_by(step.max(1) as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use revoxel_core::IndexBox;

    #[test]
    fn windows_are_counted_from_the_last_axis_on() {
        let windows = Windows { starts: [vec![0, 4], vec![1], vec![0, 3, 6]], size: [4, 5, 3] };
        let t = |number, start| {
            assert_eq!(windows.window(number), IndexBox { start, shape: [4, 5, 3] });
            let chosen = Choice::default().window(&windows, number as u32, None);
            assert_eq!(chosen, Ok(IndexBox { start, shape: [4, 5, 3] }));
        };
        t(0, [0, 1, 0]);
        t(1, [0, 1, 3]);
        t(3, [4, 1, 0]);
        t(5, [4, 1, 6]);
        assert_eq!(windows.count(), 6);
        let chosen = |windows: &Windows, number| Choice::default().window(windows, number, None);
        assert_eq!(chosen(&windows, 6), Err(PlanError::NoPatch { number: 6, patches: 6 }));
        let none = Windows { starts: [vec![0], Vec::new(), vec![0]], size: [4, 5, 3] };
        assert_eq!(chosen(&none, 0), Err(PlanError::NoWindow { size: [4, 5, 3] }));
    }

    #[test]
    fn starts_go_on_to_the_end() {
        assert_eq!(starts(10, 4, 0, 3, false), [0, 3, 6]);
        assert_eq!(starts(10, 4, 1, 4, false), [1, 5]);
        assert_eq!(starts(10, 4, 1, 4, true), [1, 5, 9]);
        assert_eq!(starts(10, 4, -2, 4, true), [-2, 2, 6]);
        assert_eq!(starts(3, 4, 0, 4, false), [] as [i64; 0]);
    }
}
