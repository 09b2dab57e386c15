//! The transform `histogram_standardization`.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use revoxel_core::{Dtype, ValueUndo, Volume, Voxel, dispatch};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::map::map;
use super::mask::{OwnMask, flags};
use super::percentile::percentiles;
use super::statistics::{Range, by_group};
use crate::definition::{Class, Content, Define, Invalid};
use crate::peers::Argument::Listed;
use crate::peers::Peer;
use crate::transform::{ApplyError, Sources, Transform, ValueState, ValueTransform};

/// Matches the histogram of a volume to that of a data set (Nyúl and Udupa).
///
/// # What it does
/// Maps percentiles of the values in the mask to `landmarks`, and values between and beyond them along straight lines.
/// The result is float32. The percentiles are those at `cutoff` (1 and 99 by default), the deciles, and the quartiles
/// 25 and 75, which are not used: 13 landmarks, as TorchIO's training gives them. The mask is where the input `source`
/// is above 0, or with `mask` where the volume's own values are `nonzero`, `positive` or `above_mean`. Without either,
/// all voxels count.
///
/// `landmarks` are the numbers, or the name of a file with them, such as `landmarks: t1_landmarks.npy`. The file is
/// looked for beside the pipeline file and read once, when the pipeline is loaded; the trace holds the numbers.
///
/// | file | read as |
/// |---|---|
/// | `.npy`, `.npz` | the array that TorchIO's training saves |
/// | text | numbers separated by spaces, commas or line ends, or TorchIO's lines: `image 0.0 3.1 …` |
/// | JSON | a list, or lists by image: TorchIO's dictionary |
/// | `FILE#t1` | of several named lists, the list `t1` |
///
/// # YAML
/// ```yaml
/// histogram_standardization:
///   landmarks: [0, 3, 6.2, 8, 9.8, 14, 22, 34, 48, 55, 63, 79, 100]
///   mask: above_mean
/// ```
///
/// # Inverse
/// The inverse lines. Values are lost if percentiles at an end coincide and other values lie beyond, or if two
/// landmarks are equal.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HistogramStandardization {
    /// Targets of the percentiles: 13 rising numbers, or a file with them, beside the pipeline file; see above.
    landmarks: Landmarks,
    /// The first and the last percentile, as fractions: at most 0.09 and at least 0.91.
    #[serde(default = "cutoff")]
    cutoff: [f64; 2],
    /// The input whose values above 0 form the mask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// Mask from the volume's own values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mask: Option<OwnMask>,
}

/// The numbers, once a file that was named has been read.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
struct Landmarks(Vec<f64>);

struct Wanted;

impl<'de> Visitor<'de> for Wanted {
    type Value = Landmarks;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of 13 numbers, or the name of a file with them")
    }

    fn visit_str<E: de::Error>(self, path: &str) -> Result<Landmarks, E> {
        Err(E::custom(format!("files such as {path:?} cannot be read here: give the numbers themselves")))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Landmarks, A::Error> {
        let mut numbers = Vec::new();
        while let Some(number) = list.next_element()? {
            numbers.push(number);
        }
        Ok(Landmarks(numbers))
    }
}

impl<'de> Deserialize<'de> for Landmarks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Wanted)
    }
}

impl JsonSchema for Landmarks {
    fn schema_name() -> Cow<'static, str> {
        "landmarks".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "array", "items": { "type": "number" }, "minItems": 13, "maxItems": 13 },
                { "type": "string" }
            ]
        })
    }
}

const fn cutoff() -> [f64; 2] {
    [0.01, 0.99]
}

/// The percentiles between the cutoffs.
const INNER: [f64; 11] = [10.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0, 70.0, 75.0, 80.0, 90.0];

/// The landmarks that are used: all but the quartiles.
const USED: [usize; 11] = [0, 1, 2, 4, 5, 6, 7, 8, 10, 11, 12];

/// Percentiles closer than this count as one value.
const CLOSE: f64 = 1e-5;

impl Define for HistogramStandardization {
    const NAME: &'static str = "histogram_standardization";
    const CLASS: Class = Class::Intensity;
    const PEERS: &'static [Peer] =
        &[Peer::torchio("HistogramStandardization").same(&["landmarks"]).others(&[Listed("masking_method")]).notes(
            "It takes a dictionary by image; here write one step per image. Its `.pth` files are not read, and \
             its training is not included.",
        )];
    const FILES: &'static [(&'static str, Content)] = &[("landmarks", Content::Landmarks)];

    fn check(&self) -> Result<(), Invalid> {
        let Landmarks(landmarks) = &self.landmarks;
        if landmarks.len() != 13 {
            let problem = format!("{} numbers: give 13 landmarks, one per percentile", landmarks.len());
            return Err(Invalid::new("landmarks", problem));
        }
        if let Some(pair) = landmarks.windows(2).find(|p| p[0].partial_cmp(&p[1]).is_none_or(Ordering::is_gt)) {
            return Err(Invalid::new("landmarks", format!("{} comes after {}: they must rise", pair[1], pair[0])));
        }
        if landmarks[0] == landmarks[12] {
            return Err(Invalid::new("landmarks", format!("all are {}: they must rise", landmarks[0])));
        }
        let [low, high] = self.cutoff;
        if !(0.0..=0.09).contains(&low) || !(0.91..=1.0).contains(&high) {
            return Err(Invalid::new("cutoff", format!("[{low}, {high}]: give fractions in 0 … 0.09 and 0.91 … 1")));
        }
        if self.source.is_some() && self.mask.is_some() {
            return Err(Invalid::new(
                "mask",
                "give source (another input) or mask (the volume's own values), not both",
            ));
        }
        Ok(())
    }

    fn transform(self) -> Transform {
        Transform::Value(Box::new(self))
    }
}

impl ValueTransform for HistogramStandardization {
    fn apply(&self, volume: Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        match &self.source {
            Some(key) => Err(ApplyError::MissingInput(key.clone())),
            None => self.standardize(volume, None),
        }
    }

    fn apply_with(&self, volume: Volume, source: &Volume) -> Result<(Volume, ValueUndo), ApplyError> {
        self.standardize(volume, Some(source))
    }

    fn sources(&self) -> Sources<'_> {
        self.source.as_deref().map_or(Sources::Nothing, Sources::voxels)
    }

    fn after(&self, before: &ValueState) -> ValueState {
        before.changed_to(Dtype::F32)
    }
}

impl HistogramStandardization {
    fn standardize(&self, volume: Volume, source: Option<&Volume>) -> Result<(Volume, ValueUndo), ApplyError> {
        fn masked<T: Voxel>(values: &[T], flags: Option<&[bool]>, percent: &[f64]) -> Option<Vec<f64>> {
            match flags {
                None => percentiles(values, percent),
                Some(flags) => {
                    let inside: Vec<T> = values.iter().zip(flags).filter(|(_, f)| **f).map(|(v, _)| *v).collect();
                    percentiles(&inside, percent)
                }
            }
        }
        let percent: Vec<f64> =
            [self.cutoff[0] * 100.0].into_iter().chain(INNER).chain([self.cutoff[1] * 100.0]).collect();
        let flags = flags(&volume, self.mask, source, false)?;
        let Some(found) = dispatch!(volume.voxels(), v => masked(v, flags.as_deref(), &percent)) else {
            let rule = self.mask.map_or_else(
                || format!("{} above 0", self.source.as_deref().unwrap_or("numbers")),
                |mask| mask.name().to_owned(),
            );
            return Err(ApplyError::EmptyMask(rule));
        };
        let lines = Lines { from: USED.map(|i| found[i]), to: USED.map(|i| self.landmarks.0[i]) };
        let ends = by_group(&volume, false, Range)[0].unwrap_or([0.0; 2]);
        let undo = lines.undo(ends);
        Ok((map(volume, |_, x| lines.of(x))?, undo))
    }
}

/// Straight lines from percentiles to landmarks.
struct Lines {
    from: [f64; 11],
    to: [f64; 11],
}

impl Lines {
    fn flat(&self, piece: usize) -> bool {
        self.from[piece + 1] - self.from[piece] < CLOSE
    }

    /// A value on the line of its piece; the outermost ones go on.
    fn of(&self, x: f64) -> f64 {
        let piece = self.from[1..10].partition_point(|edge| *edge <= x);
        if self.flat(piece) {
            return self.to[piece];
        }
        let slope = (self.to[piece + 1] - self.to[piece]) / (self.from[piece + 1] - self.from[piece]);
        self.to[piece] + slope * (x - self.from[piece])
    }

    fn undo(&self, [low, high]: [f64; 2]) -> ValueUndo {
        let lost = |what: &str| ValueUndo::Lost { reason: format!("histogram_standardization: {what}") };
        if (self.flat(0) && low < self.from[0]) || (self.flat(9) && high > self.from[10]) {
            return lost("percentiles at an end are one value, and others lie beyond");
        }
        if self.to.windows(2).any(|p| p[0] >= p[1]) {
            return lost("landmarks are the same");
        }
        ValueUndo::Table { points: vec![(0..11).map(|i| [self.to[i], self.from[i]]).collect()] }
    }
}
