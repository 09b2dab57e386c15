//! Linear changes of values, with limits and their undo.

use revoxel_core::{Dtype, ValueUndo, Volume};

use super::map::map;
use super::statistics::{Range, by_group};
use crate::transform::ApplyError;

/// `after = before * factor + summand`, then held to limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Linear {
    /// The factor.
    pub factor: f64,
    /// The summand.
    pub summand: f64,
    /// Lowest and highest value after the change; `None` is no limit.
    pub limits: [Option<f64>; 2],
}

impl Linear {
    /// Without limits.
    pub const fn new(factor: f64, summand: f64) -> Self {
        Self { factor, summand, limits: [None, None] }
    }

    /// The map that takes `from` to `to`, end by end; a range without extent is moved and not scaled.
    pub fn between(from: [f64; 2], to: [f64; 2]) -> Self {
        let extent = from[1] - from[0];
        let factor = if extent == 0.0 { 1.0 } else { (to[1] - to[0]) / extent };
        Self::new(factor, to[0] - from[0] * factor)
    }

    /// The same with limits.
    pub const fn held(self, low: f64, high: f64) -> Self {
        Self { limits: [Some(low), Some(high)], ..self }
    }

    /// The value after the change.
    #[inline(always)]
    pub fn of(&self, before: f64) -> f64 {
        let after = before * self.factor + self.summand;
        let after = self.limits[0].map_or(after, |low| if after < low { low } else { after });
        self.limits[1].map_or(after, |high| if after > high { high } else { after })
    }

    /// Whether a value from before the change is cut off at a limit, and not merely rounded over it.
    fn cuts(&self, before: f64) -> bool {
        let (scaled, summand) = (before * self.factor, self.summand);
        let rounding = 1e-12 * (scaled.abs() + summand.abs());
        let after = scaled + summand;
        self.limits[0].is_some_and(|low| after < low - rounding)
            || self.limits[1].is_some_and(|high| after > high + rounding)
    }
}

/// Changes all channels by one map, or each by its own; the volume as float32, and the undo. Where nothing lay beyond
/// the limits the undo knows none.
pub fn rescale(name: &str, volume: Volume, maps: &[Linear]) -> Result<(Volume, ValueUndo), ApplyError> {
    let undo = undo(name, &volume, maps);
    let one = maps.len() == 1;
    Ok((map(volume, |channel, x| maps[if one { 0 } else { channel }].of(x))?, undo))
}

/// What undoes the maps on this volume.
pub fn undo(name: &str, volume: &Volume, maps: &[Linear]) -> ValueUndo {
    let needs_range = maps.iter().any(|m| m.factor == 0.0 || m.limits != [None, None]);
    let ranges = if needs_range { by_group(volume, maps.len() > 1, Range) } else { vec![None; maps.len()] };
    let (mut scale, mut shift, mut limits) = (Vec::new(), Vec::new(), Vec::new());
    for (map, range) in maps.iter().zip(ranges) {
        let cuts = range.is_some_and(|ends| ends.iter().any(|x| map.cuts(*x)));
        limits.push(if cuts { map.limits } else { [None, None] });
        match range {
            // One value everywhere is known, whatever became of it.
            Some([low, high]) if low == high && (map.factor == 0.0 || cuts) => {
                scale.push(0.0);
                shift.push(low);
            }
            _ if map.factor == 0.0 => {
                return ValueUndo::Lost { reason: format!("{name} made every value {}", map.summand) };
            }
            _ => {
                scale.push(1.0 / map.factor);
                shift.push(-map.summand / map.factor);
            }
        }
    }
    if limits.iter().all(|l| *l == [None, None]) {
        ValueUndo::Rescale { scale, shift }
    } else {
        ValueUndo::RescaleClipped { scale, shift, limits }
    }
}
/// Whole numbers as numbers of single precision, others as they are.
pub fn float(volume: Volume) -> Volume {
    if volume.dtype().is_integer() { volume.cast(Dtype::F32) } else { volume }
}

/// The volume in a type that holds a number which is to come into it.
pub fn holding(volume: Volume, number: f64) -> Volume {
    let dtype = volume.dtype().holding(number);
    if dtype == volume.dtype() { volume } else { volume.cast(dtype) }
}
