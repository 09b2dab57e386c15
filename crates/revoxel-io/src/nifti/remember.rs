//! The facts of a header that are worth restoring.

use super::affine::spatial_unit;
use super::header::{Header, Magic, Version};
use super::shape::Arrangement;
use crate::{Extension, Facts, SliceTiming, TimeUnit};

/// The facts of a header.
pub(super) fn facts(header: &Header, arrangement: &Arrangement, extensions: Vec<Extension>) -> Facts {
    let Arrangement { frames, vector, stored, .. } = *arrangement;
    let common = Facts {
        description: text(&header.descrip),
        aux_file: text(&header.aux_file),
        frame_spacing: (frames > 1).then_some(header.pixdim[4]).filter(|v| v.is_finite() && *v != 0.0),
        vector: vector > 1,
        colour: stored.components > 1,
        frames: (frames > 1 && vector * stored.components > 1).then_some(frames),
        ..Facts::default()
    };
    if header.magic == Magic::Absent {
        return common;
    }
    let version = match header.version {
        Version::One => 1,
        Version::Two => 2,
    };
    Facts {
        version: Some(version),
        sform_code: i16::try_from(header.sform_code).ok(),
        qform_code: i16::try_from(header.qform_code).ok(),
        spatial_unit: spatial_unit(header.xyzt_units),
        time_unit: time_unit(header.xyzt_units),
        time_offset: Some(header.toffset).filter(|v| v.is_finite() && *v != 0.0),
        intent_code: Some(header.intent_code).filter(|code| *code != 0),
        intent_name: text(&header.intent_name),
        intent_params: Some(header.intent_params).filter(|p| p.iter().all(|v| v.is_finite()) && *p != [0.0; 3]),
        slices: slices(header),
        extensions,
        ..common
    }
}

/// The number of the standard for a unit of the fourth axis.
pub(super) const fn time_code(unit: Option<TimeUnit>) -> i32 {
    match unit {
        None => 0,
        Some(TimeUnit::Second) => 8,
        Some(TimeUnit::Millisecond) => 16,
        Some(TimeUnit::Microsecond) => 24,
        Some(TimeUnit::Hertz) => 32,
        Some(TimeUnit::Ppm) => 40,
        Some(TimeUnit::RadianPerSecond) => 48,
    }
}

const fn time_unit(xyzt_units: i32) -> Option<TimeUnit> {
    match xyzt_units & 0x38 {
        8 => Some(TimeUnit::Second),
        16 => Some(TimeUnit::Millisecond),
        24 => Some(TimeUnit::Microsecond),
        32 => Some(TimeUnit::Hertz),
        40 => Some(TimeUnit::Ppm),
        48 => Some(TimeUnit::RadianPerSecond),
        _ => None,
    }
}

fn slices(header: &Header) -> Option<SliceTiming> {
    let timing = SliceTiming {
        dim_info: header.dim_info,
        code: header.slice_code,
        start: header.slice_start,
        end: header.slice_end,
        duration: if header.slice_duration.is_finite() { header.slice_duration } else { 0.0 },
    };
    (timing != SliceTiming::default()).then_some(timing)
}

/// The text up to the first zero, or `None` where there is none.
fn text(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    let text = String::from_utf8_lossy(&bytes[..end]).trim_end().to_owned();
    (!text.is_empty()).then_some(text)
}
