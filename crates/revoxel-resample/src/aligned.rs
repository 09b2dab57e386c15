//! Grids whose axes line up.

/// Each source axis follows one target axis: (target axis, scale, shift) by source axis.
pub(crate) type Aligned = [(usize, f64, f64); 3];
