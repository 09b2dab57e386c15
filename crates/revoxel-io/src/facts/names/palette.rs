//! Colours of labels that have none.

/// A colour for a label: the hue goes around by the golden ratio from label to label, so that neighbouring numbers
/// differ. Red, green and blue from 0 to 1.
pub(super) fn color(label: i64) -> [f64; 3] {
    const RATIO: f64 = 0.618_033_988_749_894_9;
    const LOW: f64 = 0.3;
    const HIGH: f64 = 0.9;
    let turn = (label.rem_euclid(1 << 20)) as f64 * RATIO;
    let hue = (turn - turn.floor()) * 6.0;
    let (sector, part) = (hue.floor(), hue - hue.floor());
    let (rising, falling) = (LOW + (HIGH - LOW) * part, HIGH - (HIGH - LOW) * part);
    match sector as u8 {
        0 => [HIGH, rising, LOW],
        1 => [falling, HIGH, LOW],
        2 => [LOW, HIGH, rising],
        3 => [LOW, falling, HIGH],
        4 => [rising, LOW, HIGH],
        _ => [HIGH, LOW, falling],
    }
}

/// A part of a colour as text.
pub(super) fn part(value: f64) -> String {
    format!("{:.6}", value.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_differ() {
        for label in 1..200 {
            let (a, b) = (color(label), color(label + 1));
            let distance: f64 = a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum();
            assert!(distance > 0.5, "{label}: {a:?} {b:?}");
            assert!(a.iter().all(|part| (0.0..=1.0).contains(part)));
        }
        assert_eq!((part(0.3), part(1.5)), ("0.300000".to_owned(), "1.000000".to_owned()));
    }
}
