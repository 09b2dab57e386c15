//! One to three numbers, by axis.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, DeserializeSeed, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::Invalid;

/// One number for all axes, or a list of up to six: `1` or `[1, 1, 2.5]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Numbers<T>(pub Vec<T>);

/// Whole numbers by axis.
pub type IntVector = Numbers<i64>;
/// Real numbers by axis.
pub type RealVector = Numbers<f64>;

impl<T: Copy> Numbers<T> {
    /// One number per axis; the last one is repeated.
    pub fn repeated(&self) -> [T; 3] {
        let last = self.0[self.0.len() - 1];
        [0, 1, 2].map(|a| self.0.get(a).copied().unwrap_or(last))
    }

    /// Refuses more than three numbers.
    ///
    /// # Errors
    /// Names the field.
    pub fn by_axis(&self, field: &'static str) -> Result<(), Invalid> {
        if self.0.len() > 3 {
            return Err(Invalid::new(field, format!("{} numbers for three axes: give at most 3", self.0.len())));
        }
        Ok(())
    }

    /// The number of an axis, if the list is long enough.
    pub fn get(&self, axis: usize) -> Option<T> {
        self.0.get(axis).copied()
    }
}

struct Wanted<T>(std::marker::PhantomData<T>);

macro_rules! numbers {
    ($number:ty, $what:literal, $schema:literal, $($visit:ident($from:ty)),*) => {
        impl<'de> Visitor<'de> for Wanted<$number> {
            type Value = Numbers<$number>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!($what, " or a list of them"))
            }

            $(fn $visit<E: de::Error>(self, value: $from) -> Result<Self::Value, E> {
                let number = value as $number;
                if number as $from == value { Ok(Numbers(vec![number])) } else {
                    Err(E::custom(format!("{value} is too large")))
                }
            })*

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut numbers = Vec::new();
                while let Some(number) = list.next_element_seed(One(std::marker::PhantomData::<$number>))? {
                    numbers.push(number);
                }
                if numbers.is_empty() || numbers.len() > 6 {
                    return Err(de::Error::invalid_length(numbers.len(), &"one to three numbers"));
                }
                Ok(Numbers(numbers))
            }
        }

        impl<'de> Deserialize<'de> for Numbers<$number> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Wanted::<$number>(std::marker::PhantomData))
            }
        }

        impl JsonSchema for Numbers<$number> {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                concat!($schema, "_by_axis").into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "anyOf": [
                        { "type": $schema },
                        { "type": "array", "items": { "type": $schema }, "minItems": 1, "maxItems": 6 }
                    ]
                })
            }
        }
    };
}

numbers!(i64, "a whole number", "integer", visit_i64(i64), visit_u64(u64));
numbers!(f64, "a number", "number", visit_f64(f64), visit_i64(i64), visit_u64(u64));

/// One element of the list.
struct One<T>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for One<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_or_several_numbers() {
        let t = |v| serde_json::from_value::<RealVector>(v).map(|n| n.repeated()).ok();
        assert_eq!(t(json!(2)), Some([2.0; 3]));
        assert_eq!(t(json!([1, 2.5])), Some([1.0, 2.5, 2.5]));
        assert_eq!(t(json!([])), None);
        assert_eq!(t(json!("1")), None);
        assert!(serde_json::from_value::<IntVector>(json!([1, 2.5])).is_err());
        assert_eq!(serde_json::from_value::<IntVector>(json!([-1, 2])).unwrap().repeated(), [-1, 2, 2]);
    }
}
