//! How powers of values are undone.

use revoxel_core::ValueUndo;

/// A power of the values' place between two of them, `u^gamma` with `u = (sign * x - low) / range`, that was then spread
/// out again: `after = scale * (range_after * u^gamma + low) + shift`.
pub(super) struct Raised {
    pub(super) gamma: f64,
    /// -1 where it was done to the negative of the values.
    pub(super) sign: f64,
    pub(super) low: f64,
    pub(super) range: f64,
    pub(super) range_after: f64,
    pub(super) scale: f64,
    pub(super) shift: f64,
}

impl Raised {
    /// What takes the values back; `name` is the transform.
    pub(super) fn undo(&self, name: &str) -> ValueUndo {
        let Self { gamma, sign, low, range, range_after, scale, shift } = *self;
        let (after, before) = ([scale * low + shift, scale * range_after], [sign * low, sign * range]);
        if after[1] == 0.0 || before[1] == 0.0 {
            return ValueUndo::Lost { reason: format!("{name} made every value {}", after[0]) };
        }
        ValueUndo::Power { after: vec![after], before: vec![before], exponent: 1.0 / gamma }
    }
}
