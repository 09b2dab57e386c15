//! Values of other crates that files write as names.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use revoxel_resample::{Boundary, Interpolation, PadMode};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A closed list of values with names.
pub trait Names: Copy + 'static {
    /// The name of the list in the schema.
    const LIST: &'static str;
    /// The names, in the order of [`ALL`](Self::ALL).
    const NAMES: &'static [&'static str];
    /// The values.
    const ALL: &'static [Self];

    /// The name of a value.
    fn name(self) -> &'static str;
}

impl Names for Interpolation {
    const LIST: &'static str = "interpolation";
    const NAMES: &'static [&'static str] = &["nearest", "linear", "cubic", "label", "label_nearest"];
    const ALL: &'static [Self] = &Interpolation::ALL;

    fn name(self) -> &'static str {
        self.name()
    }
}

impl Names for Boundary {
    const LIST: &'static str = "boundary";
    const NAMES: &'static [&'static str] = &["mirror", "edge", "reflect", "itk"];
    const ALL: &'static [Self] = &[Self::Mirror, Self::Edge, Self::Reflect, Self::Itk];

    fn name(self) -> &'static str {
        match self {
            Self::Mirror => "mirror",
            Self::Edge => "edge",
            Self::Reflect => "reflect",
            Self::Itk => "itk",
        }
    }
}

impl Names for PadMode {
    const LIST: &'static str = "pad_mode";
    const NAMES: &'static [&'static str] = &[
        "constant",
        "edge",
        "reflect",
        "symmetric",
        "wrap",
        "linear_ramp",
        "minimum",
        "maximum",
        "mean",
        "median",
        "volume_minimum",
        "volume_maximum",
        "volume_mean",
        "volume_median",
    ];
    const ALL: &'static [Self] = &PadMode::ALL;

    fn name(self) -> &'static str {
        self.name()
    }
}

/// A value that files write as its name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Named<T>(pub T);

impl<T: Names> Serialize for Named<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}

struct Wanted<T>(PhantomData<T>);

impl<T: Names> Visitor<'_> for Wanted<T> {
    type Value = Named<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one of {}", T::NAMES.join(", "))
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Named<T>, E> {
        let found = T::ALL.iter().copied().find(|v| v.name() == name);
        found.map(Named).ok_or_else(|| E::unknown_variant(name, T::NAMES))
    }
}

impl<'de, T: Names> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Wanted(PhantomData))
    }
}

impl<T: Names> JsonSchema for Named<T> {
    fn schema_name() -> Cow<'static, str> {
        T::LIST.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": T::NAMES })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_the_order_of_the_values() {
        fn t<T: Names>() {
            let names: Vec<&str> = T::ALL.iter().map(|v| v.name()).collect();
            assert_eq!(names, T::NAMES);
        }
        t::<Interpolation>();
        t::<PadMode>();
        t::<Boundary>();
    }
}
