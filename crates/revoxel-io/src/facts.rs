//! Header facts beyond the grid and the voxels, kept to be written again.

pub(crate) mod axis_map;
mod carry;
pub(crate) mod change;
pub(crate) mod dropped;
pub(crate) mod hex;
mod names;
mod slice_timing;
pub(crate) mod texts;

use serde::{Deserialize, Serialize};

use crate::metaimage::facts::MetaImageFacts;
use crate::mgh::facts::MghFacts;
use crate::mif::facts::MifFacts;
use crate::nrrd::facts::NrrdFacts;

pub use axis_map::Move;
pub use carry::{Carried, LABEL_NAMES, carry};
pub use change::{Change, Values};
pub use dropped::Dropped;
pub use names::{LabelName, LabelNames};
pub use texts::TextBytes;

/// Facts of a header that are worth restoring. All are optional; absent facts are not serialised, and unknown keys are
/// ignored on reading.
///
/// Numbers are always finite, so that JSON can hold them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Version of the NIfTI standard, 1 or 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u8>,
    /// NIfTI `sform_code`; 0 if not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sform_code: Option<i16>,
    /// NIfTI `qform_code`; 0 if not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qform_code: Option<i16>,
    /// NIfTI `pixdim[0..4]` and `quatern_b`, `c`, `d`, if the header has only a quaternion: recomputing them from the
    /// affine can change the last bit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quaternion: Option<[f64; 7]>,
    /// The unit of length in the file. Only a record: grids are in mm, and mm are written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spatial_unit: Option<SpatialUnit>,
    /// The unit of the fourth axis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_unit: Option<TimeUnit>,
    /// The step from frame to frame (`pixdim[4]`) in the time unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame_spacing: Option<f64>,
    /// The time of the first frame (`toffset`) in the time unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_offset: Option<f64>,
    /// Free text about the volume (NIfTI holds 80 bytes of it).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Name of an auxiliary file (NIfTI holds 24 bytes of it).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aux_file: Option<String>,
    /// The bytes of NIfTI texts, if the text alone does not reproduce them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_bytes: Option<Box<TextBytes>>,
    /// The value to show darkest (NIfTI `cal_min`), in the units of the values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cal_min: Option<f64>,
    /// The value to show brightest (NIfTI `cal_max`), in the units of the values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cal_max: Option<f64>,
    /// What the values mean, a NIfTI intent code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intent_code: Option<i32>,
    /// The name of the intent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intent_name: Option<String>,
    /// The parameters of the intent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intent_params: Option<[f64; 3]>,
    /// Whether the channels are the components of a vector (NIfTI: the fifth axis) and not frames (the fourth).
    #[serde(skip_serializing_if = "is_false")]
    pub vector: bool,
    /// Whether the channels are red, green, blue (and alpha) of one pixel.
    #[serde(skip_serializing_if = "is_false")]
    pub colour: bool,
    /// How many frames the channels come from, if the file has an axis of frames (1 is an axis of one frame). If
    /// channels are frames **and** components, the channel number is frame + frames × component for vectors, and
    /// component + components × frame for colours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames: Option<usize>,
    /// When the slices were acquired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slices: Option<SliceTiming>,
    /// Facts of a DICOM series.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg(feature = "dicom")]
    pub dicom: Option<crate::dicom::facts::DicomFacts>,
    /// The same, in recorded form.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg(not(feature = "dicom"))]
    pub dicom: Option<serde_json::Value>,
    /// Header extensions, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<Extension>,
    /// Facts only in NRRD headers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nrrd: Option<Box<NrrdFacts>>,
    /// Facts only in MGH files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mgh: Option<Box<MghFacts>>,
    /// Facts only in MRtrix headers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mif: Option<Box<MifFacts>>,
    /// Facts only in MetaImage headers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metaimage: Option<Box<MetaImageFacts>>,
}

/// A unit of length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpatialUnit {
    /// Not given; taken as mm.
    Unknown,
    /// m.
    Metre,
    /// mm.
    Millimetre,
    /// µm.
    Micrometre,
}

/// A unit of the fourth axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeUnit {
    /// s.
    Second,
    /// ms.
    Millisecond,
    /// µs.
    Microsecond,
    /// Hz.
    Hertz,
    /// Parts per million.
    Ppm,
    /// rad/s.
    RadianPerSecond,
}

impl TimeUnit {
    /// Whether it is one of time.
    pub(crate) const fn is_time(self) -> bool {
        matches!(self, Self::Second | Self::Millisecond | Self::Microsecond)
    }
}

impl Facts {
    /// A step or a place along the fourth axis, in seconds. A number without a unit counts as seconds; `None` if the unit
    /// is not a unit of time.
    pub(crate) fn in_seconds(&self, value: Option<f64>) -> Option<f64> {
        match self.time_unit {
            None | Some(TimeUnit::Second) => value,
            Some(TimeUnit::Millisecond) => value.map(|v| v / 1e3),
            Some(TimeUnit::Microsecond) => value.map(|v| v / 1e6),
            Some(TimeUnit::Hertz | TimeUnit::Ppm | TimeUnit::RadianPerSecond) => None,
        }
    }
}

/// When slices were acquired, in NIfTI's terms. It refers to the axes of the file from which it was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SliceTiming {
    /// `dim_info`: which axes are frequency, phase and slice.
    pub dim_info: u8,
    /// `slice_code`: the order of the slices.
    pub code: i32,
    /// `slice_start`: index of the first slice.
    pub start: i64,
    /// `slice_end`: index of the last slice.
    pub end: i64,
    /// `slice_duration`, in the time unit.
    pub duration: f64,
}

/// A header extension: a code that identifies its format, and bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// The registered code (4: AFNI, 6: comment, 2: DICOM, 32: CIFTI, …).
    pub code: i32,
    /// The content, with its padding; in JSON as hexadecimal digits.
    #[serde(with = "hex")]
    pub content: Vec<u8>,
}

fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_small_and_comes_back() {
        assert_eq!(serde_json::to_string(&Facts::default()).unwrap(), "{}");
        let facts = Facts {
            sform_code: Some(2),
            time_unit: Some(TimeUnit::Millisecond),
            vector: true,
            extensions: vec![Extension { code: 6, content: vec![0, 0x9f, 255] }],
            ..Facts::default()
        };
        let text = serde_json::to_string(&facts).unwrap();
        assert_eq!(
            text,
            r#"{"sform_code":2,"time_unit":"millisecond","vector":true,"extensions":[{"code":6,"content":"009fff"}]}"#
        );
        assert_eq!(serde_json::from_str::<Facts>(&text).unwrap(), facts);
        assert_eq!(serde_json::from_str::<Facts>(r#"{"of_a_later_version":[1]}"#).unwrap(), Facts::default());
        for bad in ["0", "0g", "é0"] {
            let text = format!(r#"{{"extensions":[{{"code":6,"content":"{bad}"}}]}}"#);
            assert!(serde_json::from_str::<Facts>(&text).is_err(), "{bad}");
        }
    }
}
