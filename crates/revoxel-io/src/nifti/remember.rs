//! The facts of a header that are worth restoring.

use super::affine::spatial_unit;
use super::header::{Header, Magic, Version};
use super::shape::Arrangement;
use crate::facts::texts::{self, TextBytes};
use crate::{Extension, Facts, SliceTiming, TimeUnit};

/// The facts of a header.
pub(super) fn facts(header: &Header, arrangement: &Arrangement, extensions: Vec<Extension>) -> Facts {
    let Arrangement { frames, vector, stored, .. } = *arrangement;
    // Behind the third axis there may be one of frames that has a single one; before components it is only a filler.
    // (Writers of Analyze files always give four axes.)
    // Parts of complex voxels and frames are one list of channels.
    let has_axis = !stored.complex && (frames > 1 || (header.dim[0] == 4 && header.magic != Magic::Absent));
    let of_time = Some(header.pixdim[4]).filter(|v| v.is_finite() && *v != 0.0);
    let common = Facts {
        description: texts::decode(&header.descrip),
        aux_file: texts::decode(&header.aux_file),
        text_bytes: text_bytes(header),
        frame_spacing: of_time.filter(|v| has_axis || (*v != 1.0 && !stored.complex && header.magic != Magic::Absent)),
        vector: !stored.complex && (vector > 1 || header.dim[0] == 5),
        colour: stored.components > 1 && !stored.complex,
        frames: has_axis.then_some(frames),
        ..Facts::default()
    };
    if header.magic == Magic::Absent {
        return common;
    }
    let range = Some([header.cal_min, header.cal_max]).filter(|r| r.iter().all(|v| v.is_finite()) && *r != [0.0; 2]);
    let version = match header.version {
        Version::One => 1,
        Version::Two => 2,
    };
    let [qfac, x, y, z, ..] = header.pixdim;
    let [b, c, d] = header.quatern;
    let only = header.sform_code <= 0 && header.qform_code > 0;
    Facts {
        version: Some(version),
        quaternion: Some([qfac, x, y, z, b, c, d]).filter(|q| only && q.iter().all(|v| v.is_finite())),
        sform_code: i16::try_from(header.sform_code).ok(),
        qform_code: i16::try_from(header.qform_code).ok(),
        spatial_unit: spatial_unit(header.xyzt_units),
        time_unit: time_unit(header.xyzt_units),
        time_offset: Some(header.toffset).filter(|v| v.is_finite() && *v != 0.0),
        intent_code: Some(header.intent_code).filter(|code| *code != 0),
        intent_name: texts::decode(&header.intent_name),
        intent_params: Some(header.intent_params).filter(|p| p.iter().all(|v| v.is_finite()) && *p != [0.0; 3]),
        cal_min: range.map(|[low, _]| low),
        cal_max: range.map(|[_, high]| high),
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

/// The texts as bytes, if they are not plain text.
fn text_bytes(header: &Header) -> Option<Box<TextBytes>> {
    let bytes = TextBytes {
        description: texts::beyond_text(&header.descrip),
        aux_file: texts::beyond_text(&header.aux_file),
        intent_name: texts::beyond_text(&header.intent_name).filter(|_| header.magic != Magic::Absent),
    };
    (bytes != TextBytes::default()).then(|| Box::new(bytes))
}
