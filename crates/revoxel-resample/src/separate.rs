//! When slices that are far apart are interpolated separately: nnU-Net's rule.

use crate::{Interpolation, Through};

/// A rule by which one axis is interpolated in another way than the two others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Separate {
    /// Applies only if the largest voxel size is more than this many times the smallest; `None` means always.
    pub threshold: Option<f64>,
    /// How that axis is interpolated: nearest, linear or cubic.
    pub interpolation: Interpolation,
    /// The voxel size (mm) for which the grid after was made, if known: a whole number of voxels in the same region
    /// makes the actual size a little finer or coarser. 0 for axes that keep their size.
    pub pixdim: Option<[f64; 3]>,
}

impl Separate {
    /// The rule, given the grid before: every axis has the voxel size for which it was made.
    #[must_use]
    pub fn after(self, before: [f64; 3]) -> Self {
        let pixdim = self.pixdim.map(|p| [0, 1, 2].map(|a| if p[a] > 0.0 { p[a] } else { before[a] }));
        Self { pixdim, ..self }
    }

    /// The axis for the way forward: nominal spacings (mm) of the grids before and after, by the same axes.
    pub fn forth(&self, before: [f64; 3], after: [f64; 3]) -> Option<Through> {
        self.through(before, self.after(before).pixdim.unwrap_or(after))
    }

    /// The axis for the way back, with the same arguments.
    pub fn back(&self, before: [f64; 3], after: [f64; 3]) -> Option<Through> {
        self.through(self.after(before).pixdim.unwrap_or(after), before)
    }

    /// The axis, if there is one. `from` is the spacing (mm) of the grid that is read, `to` that of the grid that is
    /// written, by the same axes. It is the coarsest axis of `from` if `from` is anisotropic enough, else that of `to`
    /// if `to` is. If two axes are equally coarse, there is none.
    fn through(&self, from: [f64; 3], to: [f64; 3]) -> Option<Through> {
        let highest = |s: [f64; 3]| s[0].max(s[1]).max(s[2]);
        let uneven = |s: [f64; 3]| {
            let lowest = s[0].min(s[1]).min(s[2]);
            self.threshold.is_none_or(|threshold| highest(s) / lowest > threshold)
        };
        let spacing = [from, to].into_iter().find(|s| uneven(*s))?;
        // Spacings are lengths of columns: equal ones agree up to rounding.
        let coarsest = |a: &usize| spacing[*a] >= highest(spacing) * (1.0 - 1e-6);
        let mut axes = (0..3).filter(coarsest);
        match (axes.next(), axes.next()) {
            (Some(axis), None) => Some(Through { axis, interpolation: self.interpolation }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_is_the_coarsest_of_the_uneven_grid() {
        let t = |threshold: Option<f64>, from: [f64; 3], to: [f64; 3], axis: Option<usize>| {
            let rule = Separate { threshold, interpolation: Interpolation::Nearest, pixdim: None };
            assert_eq!(rule.through(from, to).map(|t| t.axis), axis, "{threshold:?} {from:?} {to:?}");
        };
        // Recorded from `determine_do_sep_z_and_axis` of nnU-Net 2.8.1.
        t(Some(3.0), [5.0, 0.7, 0.7], [1.0, 1.0, 1.0], Some(0));
        t(Some(3.0), [1.0, 1.0, 1.0], [0.7, 0.7, 5.0], Some(2));
        t(Some(3.0), [3.0, 1.0, 1.0], [1.0, 1.0, 1.0], None);
        t(Some(3.0), [0.24, 1.25, 1.25], [1.0, 1.0, 1.0], None);
        t(Some(3.0), [5.0, 0.7, 0.7], [0.7, 0.7, 5.0], Some(0));
        t(None, [1.0, 1.2, 1.1], [1.0, 1.0, 1.0], Some(1));
        t(None, [1.0, 1.0, 1.0], [0.5, 0.5, 5.0], None);
    }

    #[test]
    fn the_size_asked_for_counts_and_not_the_one_obtained() {
        let rule =
            Separate { threshold: Some(3.0), interpolation: Interpolation::Nearest, pixdim: Some([1.0, 0.0, 3.0]) };
        let (before, after) = ([0.9, 1.0, 2.5], [0.99, 1.0, 3.1]);
        assert_eq!((rule.forth(before, after), rule.back(before, after)), (None, None));
        let rule = Separate { pixdim: None, ..rule };
        assert_eq!(rule.forth(before, after).map(|t| t.axis), Some(2));
        assert_eq!(rule.back(before, after).map(|t| t.axis), Some(2));
    }
}
