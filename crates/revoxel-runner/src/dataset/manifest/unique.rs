//! JSON in which no key may be there twice.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// A document.
///
/// # Errors
/// If the text is not JSON, or an object has a key twice: the key, with line and column.
pub(super) fn value(text: &str) -> Result<Value, String> {
    let read: Result<Unique, serde_json::Error> = serde_json::from_str(text);
    read.map(|unique| unique.0).map_err(|e| match e.to_string() {
        twice if twice.starts_with(TWICE) => twice,
        other => format!("not JSON: {other}"),
    })
}

const TWICE: &str = "two values under the key";

struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any).map(Self)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Unique(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format!("{TWICE} {key:?}: keep one")));
            }
            let Unique(value) = entries.next_value()?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_twice_at_any_depth() {
        let text = "{\"a\": [1, -2, 2.5, null, true, \"x\"],\n \"b\": {\"a\": {}}}";
        assert_eq!(value(text).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        let problem = value("{\"a\": [{\"b\": 1},\n {\"b\": 1, \"b\": 2}]}").unwrap_err();
        assert!(problem.contains("under the key \"b\": keep one") && problem.contains("line 2"), "{problem}");
        assert!(value("{\"a\": }").unwrap_err().starts_with("not JSON: "));
    }
}
