//! How a change of values is undone.

/// Maps values after a change back to the values before it.
///
/// All parameters are given by channel; a single entry applies to all channels.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ValueUndo {
    /// `before = after * scale + shift`.
    Rescale {
        /// Factors by channel.
        scale: Vec<f64>,
        /// Summands by channel.
        shift: Vec<f64>,
    },
    /// `before = after * scale + shift` for values that were not clipped. Clipped values come back as the limit
    /// itself, so the caller must explicitly accept that.
    RescaleClipped {
        /// Factors by channel.
        scale: Vec<f64>,
        /// Summands by channel.
        shift: Vec<f64>,
        /// The lowest and highest value after the change, where values were clipped; `None` means no limit.
        limits: Vec<[Option<f64>; 2]>,
    },
    /// Linear between the points `(after, before)` of each channel, and extrapolated along the outermost two. From
    /// point to point, `after` rises and `before` does not fall.
    Table {
        /// The points by channel, at least two each.
        points: Vec<Vec<[f64; 2]>>,
    },
    /// A power: `((before - b.low) / b.range) = ((after - a.low) / a.range) ^ exponent`, with a pair `[low, range]`
    /// for the values after it and one for those before it. Values on the other side of `low` come back as `b.low`.
    Power {
        /// By channel, for the values after the change: the value that maps to `low` before it, and the distance from
        /// there (not 0; negative towards lower values) to the value that maps to `low + range`.
        after: Vec<[f64; 2]>,
        /// The same for the values before the change, for as many channels.
        before: Vec<[f64; 2]>,
        /// The exponent of the inverse, above 0, the same for all channels.
        exponent: f64,
    },
    /// Labels were exchanged: pairs `(after, before)`, sorted by `after`. Labels that are not listed did not change.
    Relabel {
        /// The pairs, for all channels.
        pairs: Vec<[f64; 2]>,
    },
    /// Reproducible noise was added: `before = after - mean - std * normal(position)`. `position` is the number of the
    /// voxel on the grid of the change, axis 0 fastest and channels slowest.
    Noise {
        /// The key of the noise: four words of a Philox4x32-10 generator.
        key: [u32; 4],
        /// The mean of the noise.
        mean: f64,
        /// Its standard deviation, 0 or more.
        std: f64,
        /// The number of channels of the noise; noise of one channel applies to all channels.
        channels: usize,
    },
    /// Values were multiplied by a smooth field: `before = after / exp(p)`. Here p is a sum of products of Legendre
    /// polynomials in the voxel's position on the grid of the change, −1 to 1 along each axis.
    BiasField {
        /// The highest degree of a product.
        degree: usize,
        /// The coefficients, by the degrees along axis 0, 1 and 2, the last one fastest.
        coefficients: Vec<f64>,
    },
    /// The values are lost.
    Lost {
        /// Why.
        reason: String,
    },
}

impl ValueUndo {
    /// The undo of a change that did nothing.
    pub fn nothing() -> Self {
        Self::Rescale { scale: vec![1.0], shift: vec![0.0] }
    }

    /// The undo of one linear map for all channels.
    pub fn rescale(scale: f64, shift: f64) -> Self {
        Self::Rescale { scale: vec![scale], shift: vec![shift] }
    }

    /// The undo of a rescaling that then clipped values to a lowest and a highest limit, the same for all channels.
    #[must_use]
    pub fn clipped(self, limits: [Option<f64>; 2]) -> Self {
        match self {
            Self::Rescale { scale, shift } => Self::RescaleClipped { scale, shift, limits: vec![limits] },
            other => other,
        }
    }

    /// Whether values were clipped, so that undoing brings back the limits instead of the values.
    pub const fn clips(&self) -> bool {
        matches!(self, Self::RescaleClipped { .. })
    }

    /// Whether all its numbers are finite; otherwise it can neither be recorded nor undo anything.
    pub fn is_finite(&self) -> bool {
        let all = |numbers: &[f64]| numbers.iter().all(|v| v.is_finite());
        let ends = |limits: &[Option<f64>; 2]| limits.iter().flatten().all(|v| v.is_finite());
        match self {
            Self::Rescale { scale, shift } => all(scale) && all(shift),
            Self::RescaleClipped { scale, shift, limits } => all(scale) && all(shift) && limits.iter().all(ends),
            Self::Table { points } => points.iter().flatten().all(|pair| all(pair)),
            Self::Power { after, before, exponent } => {
                after.iter().chain(before).all(|pair| all(pair)) && exponent.is_finite()
            }
            Self::Relabel { pairs } => pairs.iter().all(|pair| all(pair)),
            Self::Noise { mean, std, .. } => all(&[*mean, *std]),
            Self::BiasField { coefficients, .. } => all(coefficients),
            Self::Lost { .. } => true,
        }
    }

    /// Whether nothing changes.
    pub fn is_nothing(&self) -> bool {
        match self {
            Self::Rescale { scale, shift } => scale.iter().all(|s| *s == 1.0) && shift.iter().all(|s| *s == 0.0),
            Self::Noise { mean, std, .. } => *mean == 0.0 && *std == 0.0,
            Self::BiasField { coefficients, .. } => coefficients.iter().all(|c| *c == 0.0),
            _ => false,
        }
    }

    /// The number of channels that it is given for; 1 applies to any number. `None` if the values are lost.
    pub fn channels(&self) -> Option<usize> {
        match self {
            Self::Rescale { scale, .. } | Self::RescaleClipped { scale, .. } => Some(scale.len()),
            Self::Table { points } => Some(points.len()),
            Self::Power { after, .. } => Some(after.len()),
            Self::Relabel { .. } | Self::BiasField { .. } => Some(1),
            Self::Noise { channels, .. } => Some(*channels),
            Self::Lost { .. } => None,
        }
    }

    /// The value before the change, given the value after it and the channel (from 0). `None` if it is lost, or if it
    /// depends on the voxel's position ([`Noise`](Self::Noise) and [`BiasField`](Self::BiasField)).
    pub fn before(&self, channel: usize, after: f64) -> Option<f64> {
        fn of<T>(list: &[T], channel: usize) -> Option<&T> {
            list.get(channel.min(list.len().saturating_sub(1)))
        }
        match self {
            Self::Rescale { scale, shift } => Some(after * of(scale, channel)? + of(shift, channel)?),
            Self::RescaleClipped { scale, shift, limits } => {
                let [low, high] = *of(limits, channel)?;
                let held = low.map_or(after, |low| if after < low { low } else { after });
                let held = high.map_or(held, |high| if held > high { high } else { held });
                Some(held * of(scale, channel)? + of(shift, channel)?)
            }
            Self::Table { points } => {
                let points = of(points, channel)?;
                let above = points.partition_point(|p| p[0] <= after).clamp(1, points.len().saturating_sub(1).max(1));
                let ([x0, y0], [x1, y1]) = (*points.get(above - 1)?, *points.get(above)?);
                Some(y0 + (after - x0) * ((y1 - y0) / (x1 - x0)))
            }
            Self::Power { after: seen, before, exponent } => {
                let ([low, range], [from, by]) = (*of(seen, channel)?, *of(before, channel)?);
                Some(from + by * libm::pow(((after - low) / range).max(0.0), *exponent))
            }
            Self::Relabel { pairs } => {
                let found = pairs.binary_search_by(|p| p[0].total_cmp(&after));
                Some(found.map_or(after, |at| pairs[at][1]))
            }
            Self::Noise { .. } | Self::BiasField { .. } | Self::Lost { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_back() {
        fn t(undo: &ValueUndo, channel: usize, after: f64, before: f64) {
            let found = undo.before(channel, after).unwrap();
            assert!((found - before).abs() < 1e-12, "{undo:?} of {after}: {found}, expected {before}");
        }
        let rescale = ValueUndo::Rescale { scale: vec![2.0, 3.0], shift: vec![1.0, -1.0] };
        t(&rescale, 0, 5.0, 11.0);
        t(&rescale, 1, 5.0, 14.0);
        t(&ValueUndo::rescale(2.0, 1.0), 7, 5.0, 11.0);
        let clipped = ValueUndo::rescale(2.0, 1.0).clipped([Some(0.0), None]);
        t(&clipped, 0, -3.0, 1.0);
        t(&clipped, 0, 3.0, 7.0);
        let table = ValueUndo::Table { points: vec![vec![[0.0, 10.0], [1.0, 20.0], [2.0, 50.0]]] };
        for (after, before) in
            [(-1.0, 0.0), (0.0, 10.0), (0.5, 15.0), (1.0, 20.0), (1.5, 35.0), (2.0, 50.0), (3.0, 80.0)]
        {
            t(&table, 0, after, before);
        }
        let (one, other) = ([-10.0, 20.0], [3.0, -4.0]);
        let power = ValueUndo::Power { after: vec![one], before: vec![one], exponent: 2.0 };
        t(&power, 0, 0.0, -5.0);
        t(&power, 0, -11.0, -10.0);
        let turned = ValueUndo::Power { after: vec![other], before: vec![one], exponent: 2.0 };
        t(&turned, 0, 1.0, -5.0);
        t(&turned, 0, 3.5, -10.0);
        let relabel = ValueUndo::Relabel { pairs: vec![[1.0, 7.0], [2.0, 3.0]] };
        t(&relabel, 0, 2.0, 3.0);
        t(&relabel, 1, 4.0, 4.0);
        assert_eq!(ValueUndo::Lost { reason: String::new() }.before(0, 1.0), None);
        assert!(ValueUndo::nothing().is_nothing() && !rescale.is_nothing());
    }
}
