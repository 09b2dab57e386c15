//! What the arguments of random transforms are here.

use serde_json::{Map, Value, json};

use super::Fault;
use super::call::Call;

impl Call {
    pub(super) fn is_random(&self) -> bool {
        self.base.starts_with("Rand")
    }

    /// How many patches it makes of a case.
    ///
    /// # Errors
    /// Where that is no whole number from 1 on.
    pub(super) fn samples(&self) -> Result<Option<u64>, Fault> {
        let Some((_, place, value)) = self.args.iter().find(|(name, ..)| name == "num_samples") else {
            return Ok(None);
        };
        match value.as_u64().filter(|n| *n > 0) {
            Some(n) => Ok(Some(n).filter(|n| *n > 1)),
            None => {
                Err(Fault::new(*place, format!("{}: num_samples: {value}: expected a whole number from 1", self.name)))
            }
        }
    }

    /// Parameters in the form that they have here.
    ///
    /// # Errors
    /// Where a value is not supported.
    pub(super) fn drawn(&self, params: &mut Map<String, Value>) -> Result<(), Fault> {
        if !self.is_random() {
            return Ok(());
        }
        let refused = |name: &str, why: &str| {
            let place = self.args.iter().find(|(n, ..)| n == name).map_or(self.place, |(_, place, _)| *place);
            Fault::new(place, format!("{}: {name} {why}", self.name))
        };
        for name in ["rotate_range", "shear_range", "translate_range", "scale_range"] {
            match params.get_mut(name) {
                // For axis 0 only, as in MONAI.
                Some(value) if value.is_number() => *value = json!([value.clone()]),
                _ => {}
            }
        }
        match self.base.as_str() {
            "RandAdjustContrast" => {
                if let Some(gamma) = params.get_mut("gamma") {
                    *gamma = match gamma.clone() {
                        Value::Array(mut pair) if pair.len() == 2 => {
                            pair.sort_by(|a, b| a.as_f64().unwrap_or(0.0).total_cmp(&b.as_f64().unwrap_or(0.0)));
                            Value::Array(pair)
                        }
                        one if one.as_f64().is_some_and(|g| g > 0.5) => json!([0.5, one]),
                        _ => return Err(refused("gamma", "must be a pair or a number above 0.5")),
                    };
                }
            }
            "RandZoom" => {
                if let Some(name) = ["min_zoom", "max_zoom"]
                    .into_iter()
                    .find(|n| params.get(*n).and_then(Value::as_array).is_some_and(|list| list.len() == 2))
                {
                    return Err(refused(name, "with two numbers is not supported").help("write one number per axis"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
