//! Names of choices in traces: an unknown name is an error.

use std::fmt::Display;
use std::str::FromStr;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

/// Writes the name.
pub(crate) fn serialize<T: Display, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

/// Reads a name.
pub(crate) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    String::deserialize(from)?.parse().map_err(D::Error::custom)
}

/// The same for fields that may be left out.
pub(crate) mod optional {
    use super::*;

    /// Writes the name, or null.
    pub(crate) fn serialize<T: Display, S: Serializer>(value: &Option<T>, to: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => to.collect_str(value),
            None => to.serialize_none(),
        }
    }

    /// Reads a name, or null.
    pub(crate) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<T>, D::Error> {
        let name = Option::<String>::deserialize(from)?;
        name.map(|name| name.parse().map_err(D::Error::custom)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use revoxel_core::testing::Draw;
    use serde_json::{Value, json};

    use crate::testing::trace;
    use crate::{RestorePlace, RestoreRecord, Trace, Values};

    #[test]
    fn unknown_names_are_errors() {
        let mut draw = Draw::new(3);
        let made = std::iter::repeat_with(|| trace(&mut draw, false).0);
        let written: Value = made
            .map(|t| serde_json::to_value(t).unwrap())
            .find(|t| t["volumes"]["image"]["steps"][0].is_object())
            .unwrap();
        let t = |place: &str, name: &str| {
            let mut changed = written.clone();
            *changed.pointer_mut(place).unwrap() = name.into();
            Trace::from_json(&changed.to_string()).map(|_| ()).map_err(|e| e.to_string())
        };
        assert_eq!(t("/volumes/image/kind", "label"), Ok(()));
        for (place, name) in [
            ("/volumes/image/kind", "contour"),
            ("/volumes/image/source/dtype", "int12"),
            ("/volumes/image/source/dtype", "float16"),
            ("/volumes/image/result/dtype", "bool"),
            ("/volumes/image/steps/0/fidelity", "Exact"),
        ] {
            let error = t(place, name).unwrap_err();
            assert!(error.contains(name), "{place}: {error}");
        }
        assert_eq!(t("/volumes/image/result/dtype", "float16"), Ok(()));
    }

    #[test]
    fn names_in_restore_are_known_ones() {
        let t = |field: &str, value: Value| {
            let mut record = json!({ "kind": "logit" });
            record[field] = value;
            serde_json::from_value::<RestoreRecord>(record)
        };
        let step = |place: &str| json!([{ "transform": "fill_holes", "params": {}, "in": place }]);
        assert_eq!(t("values", "clamp".into()).unwrap().recipe.values, Values::Clamp);
        assert_eq!(t("steps", step("model")).unwrap().steps[0].place, RestorePlace::Model);
        for (field, value) in [
            ("kind", json!("other")),
            ("values", json!("undone")),
            ("interpolation", json!("spline")),
            ("activation", json!("relu")),
            ("dtype", json!("int")),
            ("steps", step("scan")),
        ] {
            assert!(t(field, value).is_err(), "{field}");
        }
        // The fields keep their order, which the hash of a pipeline depends on.
        let all = r#"{"kind":"logit","volume":"image","interpolation":"label","activation":"softmax","argmax":true,"regions":{"threshold":0.5,"paint":[{"channel":0,"label":1}]},"decide_in_model":true,"values":"clamp","fill":3.0,"steps":[{"transform":"a","params":{},"in":"model"}],"path":"a.nii","dtype":"uint8"}"#;
        assert_eq!(serde_json::to_string(&serde_json::from_str::<RestoreRecord>(all).unwrap()).unwrap(), all);
        // What is left out is not written.
        let record = t("kind", "label".into()).unwrap();
        assert_eq!(serde_json::to_value(record).unwrap(), json!({ "kind": "label" }));
    }
}
