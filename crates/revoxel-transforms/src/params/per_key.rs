//! A parameter with one value for all inputs, or one value by key.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{F64Deserializer, I64Deserializer, MapAccessDeserializer, StrDeserializer, U64Deserializer};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// One value for all inputs (`interpolation: cubic`) or one by key (`interpolation: { ct: cubic, seg: label }`).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum PerKey<T> {
    /// The same value for all inputs.
    All(T),
    /// By key; keys that are not named get the default.
    ByKey(BTreeMap<String, T>),
}

impl<T: Copy> PerKey<T> {
    /// The value given for all inputs.
    pub fn for_all(&self) -> Option<T> {
        match self {
            Self::All(value) => Some(*value),
            Self::ByKey(_) => None,
        }
    }

    /// The value given for this key by name.
    pub fn for_key(&self, key: &str) -> Option<T> {
        match self {
            Self::All(_) => None,
            Self::ByKey(map) => map.get(key).copied(),
        }
    }

    /// The value for a key, given by name or for all inputs.
    pub fn get(&self, key: &str) -> Option<T> {
        self.for_key(key).or_else(|| self.for_all())
    }

    /// The keys that are named.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let map = match self {
            Self::All(_) => None,
            Self::ByKey(map) => Some(map),
        };
        map.into_iter().flat_map(|m| m.keys().map(String::as_str))
    }
}

struct Wanted<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Wanted<T> {
    type Value = PerKey<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, or a map from inputs to values")
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
        T::deserialize(StrDeserializer::new(value)).map(PerKey::All)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
        T::deserialize(F64Deserializer::new(value)).map(PerKey::All)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
        T::deserialize(I64Deserializer::new(value)).map(PerKey::All)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
        T::deserialize(U64Deserializer::new(value)).map(PerKey::All)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        BTreeMap::deserialize(MapAccessDeserializer::new(map)).map(PerKey::ByKey)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for PerKey<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Wanted(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for PerKey<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}_by_key", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [value, { "type": "object", "additionalProperties": value }] })
    }
}
