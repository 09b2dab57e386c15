//! Hue, saturation and value of three channels that are red, green and blue, as scikit-image has them.

use revoxel_core::{Voxel, parallel};

/// What a colour is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// From red (0) by green (1/3) and blue (2/3) back to red; 0 of grey.
    Hue,
    /// How far it is from grey: the difference of the largest and the smallest of the three, as a share of the largest.
    Saturation,
    /// The largest of the three.
    Value,
}

impl Part {
    /// All, in the order of their letters.
    pub(super) const ALL: [Self; 3] = [Self::Hue, Self::Saturation, Self::Value];

    /// This part of each voxel of three channels, in the precision `F`. Whole numbers are shares of the largest of
    /// their type, and not below −1; others are taken as they are. A voxel with a channel that is no number is 0.
    pub(super) fn of<T: Voxel, F: Voxel>(self, rgb: &[T]) -> Vec<F> {
        let count = rgb.len() / 3;
        let (red, rest) = rgb.split_at(count);
        let (green, blue) = rest.split_at(count);
        let share = 1.0 / T::DTYPE.range().1;
        let whole = T::DTYPE.is_integer();
        let unit = |value: T| if whole { (value.to_f64() * share).max(-1.0) } else { value.to_f64() };
        parallel::map_indices(count, |at| self.of_one::<F>([red[at], green[at], blue[at]].map(unit)))
    }

    fn of_one<F: Voxel>(self, [red, green, blue]: [f64; 3]) -> F {
        // Every operation in the precision of the result.
        let round = |x: f64| F::from_f64(x).to_f64();
        let value = red.max(green).max(blue);
        let apart = round(value - red.min(green).min(blue));
        if [red, green, blue].iter().any(|v| v.is_nan()) {
            return F::default();
        }
        let part = match self {
            Self::Value => value,
            _ if apart == 0.0 => 0.0,
            Self::Saturation => apart / value,
            Self::Hue => {
                let towards = |from: f64, more: f64, less: f64| round(from + round(round(more - less) / apart));
                let sixths = if blue == value {
                    towards(4.0, red, green)
                } else if green == value {
                    towards(2.0, blue, red)
                } else {
                    towards(0.0, green, blue)
                };
                let turn = round(sixths / 6.0);
                if turn < 0.0 { turn + 1.0 } else { turn }
            }
        };
        F::from_f64(if part.is_nan() { 0.0 } else { part })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_by_hand() {
        let t = |rgb: [u8; 3], [h, s, v]: [f64; 3]| {
            let found = Part::ALL.map(|part| part.of::<_, f64>(&rgb)[0]);
            assert!(found.iter().zip([h, s, v]).all(|(a, b)| (a - b).abs() < 1e-12), "{rgb:?}: {found:?}");
        };
        t([255, 0, 0], [0.0, 1.0, 1.0]);
        t([0, 51, 0], [1.0 / 3.0, 1.0, 0.2]);
        t([0, 0, 255], [2.0 / 3.0, 1.0, 1.0]);
        t([255, 255, 0], [1.0 / 6.0, 1.0, 1.0]);
        t([255, 0, 51], [29.0 / 30.0, 1.0, 1.0]);
        t([102, 102, 102], [0.0, 0.0, 0.4]);
        t([0, 0, 0], [0.0; 3]);
    }

    #[test]
    fn whole_numbers_with_signs_are_not_below_minus_one() {
        assert_eq!(Part::Value.of::<i16, f64>(&[i16::MIN, i16::MIN, i16::MIN]), [-1.0]);
        assert_eq!(Part::Value.of::<i16, f64>(&[-3, 32_767, 5]), [1.0]);
        assert_eq!(Part::Saturation.of::<f32, f32>(&[0.5, f32::NAN, 0.1]), [0.0]);
        assert_eq!(Part::Saturation.of::<f32, f32>(&[40.0, 10.0, 20.0]), [0.75]);
    }
}
