//! Voxel sizes as a header gives them.
//!
//! The columns of a rotated affine are rounded (in a file to 32 bits), so their lengths have noise in the last digits.
//! If a rule rounds to whole voxels or has a threshold, this noise can decide. Other programs take the sizes from the
//! header and do not have it.

/// The size that a length stands for: the length itself if 32 bits hold it; else the decimal of nine digits that
/// equals it up to rounding in 64 bits; else, among the 32-bit numbers that it may be a rounding of, the simplest one: a
/// decimal of few digits, or a field of view divided by a power of two, such as 250 mm / 512.
pub(crate) fn nominal(length: f64) -> f64 {
    let single = length as f32;
    if f64::from(single) == length || !length.is_normal() || !single.is_normal() {
        return length;
    }
    let decimal = format!("{length:.8e}").parse().unwrap_or(length);
    if (decimal - length).abs() <= 1e-12 * length {
        return decimal;
    }
    let near = (-2i32..=2).map(|step| f32::from_bits(single.to_bits().wrapping_add_signed(step)));
    let near = near.filter(|s| (f64::from(*s) - length).abs() <= 1.2e-7 * length);
    let distance = |s: f32| (f64::from(s) - length).abs();
    let best = near.min_by(|a, b| effort(*a).cmp(&effort(*b)).then(distance(*a).total_cmp(&distance(*b))));
    best.map_or(length, f64::from)
}

/// How much a number says: the length of its decimal form. A number of at most 12 binary digits says no more than a decimal
/// of six, however long its decimal form is: about one of 4,000 numbers is such.
fn effort(size: f32) -> usize {
    let decimal = size.to_string().len();
    if size.to_bits().trailing_zeros() >= 12 { decimal.min("0.123456".len()) } else { decimal }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_come_back() {
        let t = |length: f64, expected: f64| assert_eq!(nominal(length), expected, "{length}");
        t(1.0, 1.0);
        t(0.7, 0.7);
        t(f64::from(0.7f32), f64::from(0.7f32));
        t(0.700_000_000_000_000_1, 0.7);
        // Lengths of columns of a rotation in 32 bits.
        t(0.699_999_972_160_710_1, f64::from(0.7f32));
        t(0.700_000_016_782_117_1, f64::from(0.7f32));
        t(1.200_000_043_721_156, f64::from(1.2f32));
        t(1.000_000_017_053_691, 1.0);
        t(0.976_562_530_17, f64::from(0.976_562_5f32));
        t(0.0, 0.0);
        // 250 / 512, and its neighbour 0.4882813, which is shorter by a digit.
        t(0.488_281_270_2, 0.488_281_25);
        t(0.488_281_243_9, 0.488_281_25);
        t(1.171_875_043_1, 1.171_875);
        // Close to a number of few binary digits, and shorter.
        t(0.488_300_012_3, f64::from(0.4883f32));
        t(0.683_59, 0.683_59);
    }
}
