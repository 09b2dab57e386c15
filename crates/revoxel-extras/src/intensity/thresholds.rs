//! Thresholds as parameters: a number or a rule, for all channels, one for each, or by their letters.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::threshold_rules::Rule;
use revoxel_transforms::definition::Invalid;
use revoxel_transforms::transform::ApplyError;

/// A number, or how it is found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Threshold {
    /// The number.
    Number(f64),
    /// The rule that finds it.
    Found(Rule),
}

/// Thresholds of channels.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Thresholds {
    /// The same for all.
    All(Threshold),
    /// One for each.
    Each(Vec<Threshold>),
    /// Of some, by their letters.
    Named(BTreeMap<String, Threshold>),
}

impl Thresholds {
    /// Refuses empty lists and letters that name no channel.
    pub(super) fn check(&self, field: &'static str, letters: &str) -> Result<(), Invalid> {
        let mut known: Vec<usize> = Vec::new();
        match self {
            Self::Each(list) if list.is_empty() => {
                return Err(Invalid::new(field, "the list is empty: give a threshold for each channel"));
            }
            Self::Named(map) if map.is_empty() => {
                return Err(Invalid::new(
                    field,
                    format!("no channel is named: give a threshold for some of {letters}"),
                ));
            }
            Self::Named(map) => {
                for name in map.keys() {
                    match channel(name, letters) {
                        None => {
                            let problem = format!("{name:?} is not a channel: use letters of {letters}");
                            return Err(Invalid::new(field, problem));
                        }
                        Some(at) if known.contains(&at) => {
                            return Err(Invalid::new(field, format!("{name} is named twice")));
                        }
                        Some(at) => known.push(at),
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The threshold of each channel; `None` of those that do not count.
    ///
    /// # Errors
    /// Where the list is of another length, or a letter stands for a channel that is not there.
    pub(super) fn by_channel(
        &self,
        field: &'static str,
        letters: &str,
        channels: usize,
    ) -> Result<Vec<Option<Threshold>>, ApplyError> {
        match self {
            Self::All(one) => Ok(vec![Some(*one); channels]),
            Self::Each(list) if list.len() == channels => Ok(list.iter().copied().map(Some).collect()),
            Self::Each(list) => Err(ApplyError::Channels { parameter: field, given: list.len(), channels }),
            Self::Named(map) => {
                let mut found = vec![None; channels];
                for (name, threshold) in map {
                    let place = channel(name, letters).and_then(|at| found.get_mut(at));
                    let problem = "R, G and B are the channels 0, 1 and 2: name existing channels only";
                    *place.ok_or(ApplyError::ChannelCount { channels, problem })? = Some(*threshold);
                }
                Ok(found)
            }
        }
    }
}

/// The channel that a letter stands for, small or capital.
fn channel(name: &str, letters: &str) -> Option<usize> {
    letters.chars().position(|letter| name.len() == 1 && name.eq_ignore_ascii_case(&letter.to_string()))
}

struct One;

impl Visitor<'_> for One {
    type Value = Threshold;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a number or a rule: {}", Rule::names())
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Threshold, E> {
        let wanted = name.to_lowercase();
        if let Some(rule) = Rule::ALL.into_iter().find(|rule| rule.name() == wanted) {
            return Ok(Threshold::Found(rule));
        }
        let gives = match wanted.as_str() {
            "local" | "niblack" | "sauvola" => "a threshold for each voxel, not one number",
            "multiotsu" => "several numbers, not one",
            _ => return Err(E::custom(format!("{name:?} is not a rule: give a number, or one of {}", Rule::names()))),
        };
        Err(E::custom(format!("{name} gives {gives}: give a number, or one of {}", Rule::names())))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Threshold, E> {
        Ok(Threshold::Number(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Threshold, E> {
        Ok(Threshold::Number(value as f64))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Threshold, E> {
        Ok(Threshold::Number(value as f64))
    }
}

impl<'de> Deserialize<'de> for Threshold {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(One)
    }
}

struct Forms;

impl<'de> Visitor<'de> for Forms {
    type Value = Thresholds;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a number, a rule ({}), a list of them or a map from channels", Rule::names())
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Thresholds, E> {
        One.visit_str(name).map(Thresholds::All)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Thresholds, E> {
        One.visit_f64(value).map(Thresholds::All)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Thresholds, E> {
        One.visit_i64(value).map(Thresholds::All)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Thresholds, E> {
        One.visit_u64(value).map(Thresholds::All)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Thresholds, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Thresholds::Each)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Thresholds, A::Error> {
        BTreeMap::deserialize(MapAccessDeserializer::new(map)).map(Thresholds::Named)
    }
}

impl<'de> Deserialize<'de> for Thresholds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Forms)
    }
}

impl JsonSchema for Thresholds {
    fn schema_name() -> Cow<'static, str> {
        "thresholds".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = [json_schema!({ "type": "number" }), json_schema!({ "enum": Rule::ALL.map(Rule::name) })];
        let list = json_schema!({ "type": "array", "items": { "anyOf": one }, "minItems": 1 });
        let channels = json_schema!({ "^[RGBHSVrgbhsv]$": { "anyOf": one } });
        let map = json_schema!({
            "type": "object",
            "patternProperties": channels,
            "additionalProperties": false,
            "minProperties": 1
        });
        let [number, rule] = one;
        json_schema!({ "anyOf": [number, rule, list, map] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    #[test]
    fn every_form_is_read_and_written() {
        for form in [json!(1.5), json!("li"), json!([2.0, "otsu"]), json!({ "R": 2.0, "b": "yen" })] {
            let read: Thresholds = from_value(form.clone()).unwrap();
            assert_eq!(serde_json::to_value(read).unwrap(), form);
        }
        assert_eq!(from_value::<Thresholds>(json!("OTSU")).unwrap(), Thresholds::All(Threshold::Found(Rule::Otsu)));
        assert_eq!(from_value::<Thresholds>(json!(-3)).unwrap(), Thresholds::All(Threshold::Number(-3.0)));
    }

    #[test]
    fn what_gives_no_number_is_refused() {
        let t = |form: serde_json::Value, part: &str| {
            let said = from_value::<Thresholds>(form).unwrap_err().to_string();
            assert!(said.contains(part) && said.contains("isodata, li, mean, minimum"), "{said}");
        };
        t(json!("sauvola"), "a threshold for each voxel");
        t(json!(["multiotsu"]), "several numbers");
        t(json!({ "R": "huang" }), "\"huang\" is not a rule");
        t(json!([true]), "a number or a rule");
    }

    #[test]
    fn letters_stand_for_channels() {
        let t = |form: serde_json::Value, channels| {
            let read: Thresholds = from_value(form).unwrap();
            read.check("threshold", "RGB").map_err(|e| e.problem)?;
            let found = read.by_channel("threshold", "RGB", channels).map_err(|e| e.to_string())?;
            Ok::<_, String>(found.into_iter().map(|t| t.is_some()).collect::<Vec<_>>())
        };
        assert_eq!(t(json!(1), 2), Ok(vec![true, true]));
        assert_eq!(t(json!({ "g": 1 }), 4), Ok(vec![false, true, false, false]));
        assert!(t(json!({ "g": 1, "G": 2 }), 3).unwrap_err().contains("twice"));
        assert!(t(json!({ "H": 1 }), 3).unwrap_err().contains("\"H\" is not a channel"));
        assert!(t(json!({}), 3).unwrap_err().contains("some of RGB"));
        assert!(t(json!({ "B": 1 }), 1).unwrap_err().contains("name existing channels"));
        assert!(t(json!([1, 2]), 3).unwrap_err().contains("2 numbers"));
    }
}
