//! YAML values that know where they stand.

use serde_json::{Map, Number, Value};

use crate::error::Place;

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it stands.
    pub place: Place,
    /// The value.
    pub data: Data,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(String),
    /// Values in order.
    List(Vec<Node>),
    /// Values by key, in order; no key twice.
    Map(Vec<(Key, Node)>),
}

/// A key and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// Where it stands.
    pub place: Place,
    /// The key.
    pub name: String,
}

impl Node {
    /// The value without places.
    pub fn json(&self) -> Value {
        match &self.data {
            Data::Null => Value::Null,
            Data::Bool(value) => Value::Bool(*value),
            Data::Number(value) => Value::Number(value.clone()),
            Data::Text(value) => Value::String(value.clone()),
            Data::List(list) => Value::Array(list.iter().map(Self::json).collect()),
            Data::Map(map) => Value::Object(map.iter().map(|(k, v)| (k.name.clone(), v.json())).collect::<Map<_, _>>()),
        }
    }

    /// The node under a key or, for `[2]` or `2`, at a position.
    pub fn child(&self, segment: &str) -> Option<&Self> {
        match &self.data {
            Data::Map(map) => map.iter().find(|(k, _)| k.name == segment).map(|(_, v)| v),
            Data::List(list) => list.get(position(segment)?),
            _ => None,
        }
    }

    pub(crate) fn child_mut(&mut self, segment: &str) -> Option<&mut Self> {
        match &mut self.data {
            Data::Map(map) => map.iter_mut().find(|(k, _)| k.name == segment).map(|(_, v)| v),
            Data::List(list) => list.get_mut(position(segment)?),
            _ => None,
        }
    }

    /// The place of what a path leads to, as far as it leads: the value's, or the last key's with `of_key`.
    pub(crate) fn locate(&self, path: &[String], of_key: bool) -> Place {
        let (mut node, mut place) = (self, self.place);
        for (depth, segment) in path.iter().enumerate() {
            let last = depth + 1 == path.len();
            if let Data::Map(map) = &node.data
                && let Some((key, _)) = map.iter().find(|(k, _)| k.name == *segment)
            {
                place = key.place;
                if last && of_key {
                    return place;
                }
            }
            let Some(child) = node.child(segment) else { return place };
            (node, place) = (child, child.place);
        }
        place
    }
}

fn position(segment: &str) -> Option<usize> {
    segment.trim_start_matches('[').trim_end_matches(']').parse().ok()
}
