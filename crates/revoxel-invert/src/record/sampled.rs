//! How a step sampled, as written.

use revoxel_resample::{AntiAlias, Applied, Boundary, Outside, PadMode, Ties};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a step sampled besides its interpolation, if it differs from the defaults: enough to sample something else (the
/// noise of an earlier step) in the same way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SampledRecord {
    /// What was sampled outside the volume; default: the voxels at the border.
    #[serde(with = "OutsideRecord", skip_serializing_if = "is_usual")]
    #[schemars(with = "OutsideRecord")]
    pub outside: Outside,
    /// How the cubic B-spline continues outside the volume; default: mirrored voxels.
    #[serde(with = "BoundaryRecord", skip_serializing_if = "is_usual")]
    #[schemars(with = "BoundaryRecord")]
    pub boundary: Boundary,
    /// The rule of the smoothing before, if any.
    #[serde(skip_serializing_if = "is_usual")]
    pub smoothed: Option<SmoothedRecord>,
    /// Whether each voxel is the mean of all voxels that it overlaps.
    #[serde(skip_serializing_if = "is_usual")]
    pub area: bool,
    /// Whether it shared one interpolation with an earlier step.
    #[serde(skip_serializing_if = "is_usual")]
    pub fused: bool,
    /// Which voxels padding repeats; default: none, padding has its own value.
    #[serde(skip_serializing_if = "is_usual")]
    pub repeats: Option<RepeatsRecord>,
    /// How many voxels were clipped to the range of the values that the cubic B-spline read, if it was limited to that
    /// range.
    #[serde(skip_serializing_if = "is_usual")]
    pub clipped: Option<usize>,
    /// Whether padding was computed from the voxels: their mean, median, minimum and so on.
    #[serde(skip_serializing_if = "is_usual")]
    pub computed: bool,
}

impl From<&Applied> for SampledRecord {
    fn from(applied: &Applied) -> Self {
        Self {
            outside: applied.outside,
            boundary: applied.boundary,
            smoothed: applied.smoothed.map(Into::into),
            area: applied.area,
            fused: applied.fused,
            repeats: applied.padded.and_then(RepeatsRecord::of),
            clipped: applied.clipped,
            computed: applied.padded.is_some_and(|m| m != PadMode::Constant && RepeatsRecord::of(m).is_none()),
        }
    }
}

/// Which of two equally close voxels was chosen, as written.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Ties", rename_all = "snake_case")]
pub(crate) enum TiesRecord {
    Alternate,
    Upper,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Outside", rename_all = "snake_case")]
enum OutsideRecord {
    Border,
    Reflection,
    Fill,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Boundary", rename_all = "snake_case")]
enum BoundaryRecord {
    Mirror,
    Edge,
    Reflect,
    Itk,
}

/// How voxels are smoothed before downsampling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SmoothedRecord {
    /// [`AntiAlias::Cardoso`].
    Cardoso,
    /// [`AntiAlias::ScikitImage`].
    ScikitImage,
}

impl From<AntiAlias> for SmoothedRecord {
    fn from(rule: AntiAlias) -> Self {
        match rule {
            AntiAlias::Cardoso => Self::Cardoso,
            AntiAlias::ScikitImage => Self::ScikitImage,
        }
    }
}

impl SmoothedRecord {
    /// The rule.
    pub const fn rule(self) -> AntiAlias {
        match self {
            Self::Cardoso => AntiAlias::Cardoso,
            Self::ScikitImage => AntiAlias::ScikitImage,
        }
    }
}

/// Voxels that padding repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RepeatsRecord {
    /// The closest.
    Edge,
    /// Those mirrored about the outermost centres.
    Reflect,
    /// Those mirrored about the outer faces.
    Symmetric,
    /// Those at the other end.
    Wrap,
}

impl RepeatsRecord {
    /// What a way of padding repeats, if anything.
    pub const fn of(mode: PadMode) -> Option<Self> {
        match mode {
            PadMode::Edge => Some(Self::Edge),
            PadMode::Reflect => Some(Self::Reflect),
            PadMode::Symmetric => Some(Self::Symmetric),
            PadMode::Wrap => Some(Self::Wrap),
            _ => None,
        }
    }

    /// The way of padding.
    pub const fn mode(self) -> PadMode {
        match self {
            Self::Edge => PadMode::Edge,
            Self::Reflect => PadMode::Reflect,
            Self::Symmetric => PadMode::Symmetric,
            Self::Wrap => PadMode::Wrap,
        }
    }
}

fn is_usual<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_usual_is_not_written() {
        fn t(record: SampledRecord, json: &str) {
            assert_eq!(serde_json::to_string(&record).unwrap(), json);
            assert_eq!(serde_json::from_str::<SampledRecord>(json).unwrap(), record);
        }
        t(SampledRecord::default(), "{}");
        t(
            SampledRecord {
                outside: Outside::Fill,
                boundary: Boundary::Itk,
                smoothed: Some(AntiAlias::ScikitImage.into()),
                area: true,
                fused: true,
                repeats: RepeatsRecord::of(PadMode::Wrap),
                clipped: Some(7),
                computed: true,
            },
            r#"{"outside":"fill","boundary":"itk","smoothed":"scikit_image","area":true,"fused":true,"repeats":"wrap","clipped":7,"computed":true}"#,
        );
    }
}
