//! Whether thick slices are interpolated separately.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Whether the coarsest axis has its own interpolation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SeparateZ {
    /// No.
    #[default]
    Never,
    /// If the spacings differ enough.
    Auto,
    /// Yes, if there is one coarsest axis.
    Always,
}

impl SeparateZ {
    /// Whether this is the default, which files leave out.
    pub(crate) fn is_never(&self) -> bool {
        *self == Self::Never
    }
}

impl Serialize for SeparateZ {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Never => serializer.serialize_bool(false),
            Self::Auto => serializer.serialize_str("auto"),
            Self::Always => serializer.serialize_bool(true),
        }
    }
}

struct Wanted;

impl Visitor<'_> for Wanted {
    type Value = SeparateZ;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("auto, true or false")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<SeparateZ, E> {
        match name {
            "auto" => Ok(SeparateZ::Auto),
            _ => Err(E::unknown_variant(name, &["auto"])),
        }
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<SeparateZ, E> {
        Ok(if value { SeparateZ::Always } else { SeparateZ::Never })
    }
}

impl<'de> Deserialize<'de> for SeparateZ {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Wanted)
    }
}

impl JsonSchema for SeparateZ {
    fn schema_name() -> Cow<'static, str> {
        "separate_z".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": ["auto", true, false] })
    }
}
