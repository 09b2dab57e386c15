//! When slices that lie far apart are interpolated by themselves: nnU-Net's rule.

use crate::{Interpolation, Through};

/// A rule by which one axis is interpolated in another way than the two others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Separate {
    /// Only where the largest voxel size is more than so many times the smallest; always where `None`.
    pub threshold: Option<f64>,
    /// How that axis is interpolated: nearest, linear or cubic.
    pub interpolation: Interpolation,
}

impl Separate {
    /// The axis, where there is one. `from` is the spacing (mm) of the grid that is read, `to` that of the grid that
    /// is written, by the same axes. The coarsest axis of `from` is taken where `from` is uneven enough, else that
    /// of `to` where `to` is; two axes that are both the coarsest are none.
    pub fn through(&self, from: [f64; 3], to: [f64; 3]) -> Option<Through> {
        let highest = |s: [f64; 3]| s[0].max(s[1]).max(s[2]);
        let uneven = |s: [f64; 3]| {
            let lowest = s[0].min(s[1]).min(s[2]);
            self.threshold.is_none_or(|threshold| highest(s) > threshold * lowest)
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
            let rule = Separate { threshold, interpolation: Interpolation::Nearest };
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
}
