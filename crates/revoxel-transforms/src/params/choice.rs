//! Choices by name.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Out-of-bounds value of a resampling. Positions within half a voxel of the outermost centres always take the edge.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Padding {
    /// The closest edge voxel.
    #[default]
    Border,
    /// The volume mirrored about its outer faces.
    Reflection,
    /// 0.
    Zeros,
    /// The smallest value of the volume.
    Minimum,
    /// A number.
    Value(f64),
}

const NAMES: &[&str] = &["border", "reflection", "zeros", "minimum"];

impl Serialize for Padding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Border => serializer.serialize_str("border"),
            Self::Reflection => serializer.serialize_str("reflection"),
            Self::Zeros => serializer.serialize_str("zeros"),
            Self::Minimum => serializer.serialize_str("minimum"),
            Self::Value(value) => serializer.serialize_f64(*value),
        }
    }
}

struct Wanted;

impl Visitor<'_> for Wanted {
    type Value = Padding;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("border, reflection, zeros, minimum or a number")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Padding, E> {
        match name {
            "border" => Ok(Padding::Border),
            "reflection" => Ok(Padding::Reflection),
            "zeros" => Ok(Padding::Zeros),
            "minimum" => Ok(Padding::Minimum),
            _ => Err(E::unknown_variant(name, NAMES)),
        }
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Padding, E> {
        Ok(Padding::Value(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Padding, E> {
        Ok(Padding::Value(value as f64))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Padding, E> {
        Ok(Padding::Value(value as f64))
    }
}

impl<'de> Deserialize<'de> for Padding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Wanted)
    }
}

impl JsonSchema for Padding {
    fn schema_name() -> Cow<'static, str> {
        "padding".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "enum": NAMES }, { "type": "number" }] })
    }
}

/// Which side gets the padding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PadMethod {
    /// Half on each side; the odd voxel at the high end.
    #[default]
    Symmetric,
    /// Half on each side; the odd voxel at the low end, as TorchIO pads.
    SymmetricLow,
    /// All at the high end.
    End,
}
