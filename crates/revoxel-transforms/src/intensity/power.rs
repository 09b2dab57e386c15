//! How powers of values are undone.

use revoxel_core::ValueUndo;

/// A power of the values' place between two of them, `u^gamma` with `u = (sign * x - low) / range`, that was then spread
/// out again: `after = scale * (range_after * u^gamma + low) + shift`.
pub struct Raised {
    /// The exponent.
    pub gamma: f64,
    /// -1 where it was done to the negative of the values.
    pub sign: f64,
    /// The value that is taken to 0.
    pub low: f64,
    /// What is divided by.
    pub range: f64,
    /// What is multiplied with afterwards.
    pub range_after: f64,
    /// A last factor.
    pub scale: f64,
    /// A last shift.
    pub shift: f64,
}

impl Raised {
    /// What takes the values back; `name` is the transform.
    pub fn undo(&self, name: &str) -> ValueUndo {
        let Self { gamma, sign, low, range, range_after, scale, shift } = *self;
        let (after, before) = ([scale * low + shift, scale * range_after], [sign * low, sign * range]);
        if after[1] == 0.0 || before[1] == 0.0 {
            return ValueUndo::Lost { reason: format!("{name} made every value {}", after[0]) };
        }
        ValueUndo::Power { after: vec![after], before: vec![before], exponent: 1.0 / gamma }
    }
}
