//! Units of time.

use crate::TimeUnit;

/// The spellings of units; the first one is written.
const SPELLED: [(TimeUnit, &[&str]); 6] = [
    (TimeUnit::Second, &["s", "sec", "second", "seconds"]),
    (TimeUnit::Millisecond, &["ms", "msec", "millisecond", "milliseconds"]),
    (TimeUnit::Microsecond, &["us", "usec", "µs", "μs", "microsecond", "microseconds"]),
    (TimeUnit::Hertz, &["Hz", "hz", "hertz"]),
    (TimeUnit::Ppm, &["ppm"]),
    (TimeUnit::RadianPerSecond, &["rad/s"]),
];

/// The unit of a text.
pub(super) fn time(text: &str) -> Option<TimeUnit> {
    SPELLED.iter().find(|(_, names)| names.contains(&text.trim())).map(|(unit, _)| *unit)
}

/// The text of a unit.
pub(super) fn name(unit: TimeUnit) -> &'static str {
    SPELLED.iter().find(|(u, _)| *u == unit).map_or("", |(_, names)| names[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_come_back() {
        for (unit, _) in SPELLED {
            assert_eq!(time(name(unit)), Some(unit));
        }
        assert_eq!((time("msec"), time("fortnight")), (Some(TimeUnit::Millisecond), None));
    }
}
