//! How to undo changes of values, as written.

use revoxel_core::ValueUndo;
use revoxel_resample::BiasField;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How to undo changes of values. One entry per channel; a single entry applies to all channels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum UndoRecord {
    /// `before = after * scale + shift`.
    Rescale {
        /// Factors.
        #[schemars(length(min = 1))]
        scale: Vec<f64>,
        /// Summands.
        #[schemars(length(min = 1))]
        shift: Vec<f64>,
    },
    /// The same, for values that were clipped to limits.
    RescaleClipped {
        /// Factors.
        #[schemars(length(min = 1))]
        scale: Vec<f64>,
        /// Summands.
        #[schemars(length(min = 1))]
        shift: Vec<f64>,
        /// The lowest and the highest value after the change; null for no limit.
        #[schemars(length(min = 1))]
        limits: Vec<[Option<f64>; 2]>,
    },
    /// Linear between points `[after, before]`, and beyond the outermost.
    Table {
        /// The points.
        #[schemars(length(min = 1), inner(length(min = 2)))]
        points: Vec<Vec<[f64; 2]>>,
    },
    /// `before = low + range * ((after - low) / range) ^ exponent`.
    Power {
        /// The values that stay.
        #[schemars(length(min = 1))]
        low: Vec<f64>,
        /// The distances to the other values that stay.
        #[schemars(length(min = 1))]
        range: Vec<f64>,
        /// The exponent.
        #[schemars(extend("exclusiveMinimum" = 0))]
        exponent: f64,
        /// `[low, range]` of the values before the change, if they differ.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Vec<[f64; 2]>>,
    },
    /// Labels were exchanged, `[after, before]`; other labels did not change.
    Relabel {
        /// The pairs.
        pairs: Vec<[f64; 2]>,
    },
    /// Reproducible noise was added: `before = after - mean - std * normal(position)`.
    Noise {
        /// Key of the noise: the four words of a Philox4x32-10 generator.
        #[schemars(inner(range(max = u32::MAX)))]
        noise: [u32; 4],
        /// Its mean.
        mean: f64,
        /// Its standard deviation.
        #[schemars(range(min = 0.0))]
        std: f64,
        /// Number of its channels.
        #[schemars(range(min = 1))]
        channels: usize,
    },
    /// Multiplied by exp of a polynomial: `before = after / exp(p)`.
    BiasField {
        /// The highest degree of a product of Legendre polynomials.
        #[schemars(range(min = 1, max = BiasField::MAX_DEGREE))]
        degree: usize,
        /// Their coefficients.
        coefficients: Vec<f64>,
    },
    /// The values are lost.
    Lost {
        /// Why.
        reason: String,
    },
}

impl From<&ValueUndo> for UndoRecord {
    fn from(undo: &ValueUndo) -> Self {
        match undo.clone() {
            ValueUndo::Rescale { scale, shift } => Self::Rescale { scale, shift },
            ValueUndo::RescaleClipped { scale, shift, limits } => Self::RescaleClipped { scale, shift, limits },
            ValueUndo::Table { points } => Self::Table { points },
            ValueUndo::Power { after, before, exponent } => {
                let (low, range) = after.iter().map(|[low, range]| (*low, *range)).unzip();
                Self::Power { low, range, exponent, before: (before != after).then_some(before) }
            }
            ValueUndo::Relabel { pairs } => Self::Relabel { pairs },
            ValueUndo::Noise { key, mean, std, channels } => Self::Noise { noise: key, mean, std, channels },
            ValueUndo::BiasField { degree, coefficients } => Self::BiasField { degree, coefficients },
            ValueUndo::Lost { reason } => Self::Lost { reason },
            _ => unreachable!("an undo without a record"),
        }
    }
}

impl UndoRecord {
    /// The undo, checked.
    ///
    /// # Errors
    /// If lists differ in length or are empty, a number is not finite, or the inverse is not defined.
    pub fn undo(&self) -> Result<ValueUndo, String> {
        let finite = |what: &str, numbers: &[f64]| match numbers.iter().find(|n| !n.is_finite()) {
            Some(n) => Err(format!("{what} contains {n}")),
            None => Ok(()),
        };
        let paired = |what: &str, a: usize, b: usize| match (a, b) {
            (0, _) => Err(format!("{what}: no numbers")),
            (a, b) if a == b => Ok(()),
            (a, b) => Err(format!("{what}: {a} and {b} numbers, must be equally many")),
        };
        match self.clone() {
            Self::Rescale { scale, shift } => {
                paired("scale and shift", scale.len(), shift.len())?;
                finite("scale", &scale)?;
                finite("shift", &shift)?;
                Ok(ValueUndo::Rescale { scale, shift })
            }
            Self::RescaleClipped { scale, shift, limits } => {
                paired("scale and shift", scale.len(), shift.len())?;
                paired("limits", limits.len(), if limits.len() == 1 { 1 } else { scale.len() })?;
                finite("scale", &scale)?;
                finite("shift", &shift)?;
                finite("limits", &limits.iter().flatten().flatten().copied().collect::<Vec<_>>())?;
                Ok(ValueUndo::RescaleClipped { scale, shift, limits })
            }
            Self::Table { points } => {
                paired("points", points.len(), points.len())?;
                finite("points", &points.iter().flatten().flatten().copied().collect::<Vec<_>>())?;
                let rises = |p: &[[f64; 2]]| p[0][0] < p[1][0] && p[0][1] <= p[1][1];
                match points.iter().all(|p| p.len() > 1 && p.windows(2).all(rises)) {
                    true => Ok(ValueUndo::Table { points }),
                    false => Err("points: must be at least two, increasing".to_owned()),
                }
            }
            Self::Power { low, range, exponent, before } => {
                paired("low and range", low.len(), range.len())?;
                let after: Vec<[f64; 2]> = low.into_iter().zip(range).map(|(low, range)| [low, range]).collect();
                let before = before.unwrap_or_else(|| after.clone());
                paired("low and before", after.len(), before.len())?;
                let leads = |[low, range]: &[f64; 2]| low.is_finite() && range.is_finite() && *range != 0.0;
                match after.iter().chain(&before).all(leads) && exponent.is_finite() && exponent > 0.0 {
                    true => Ok(ValueUndo::Power { after, before, exponent }),
                    false => Err("power: numbers must be finite, ranges not 0 and the exponent above 0".to_owned()),
                }
            }
            Self::Relabel { pairs } => {
                finite("pairs", &pairs.iter().flatten().copied().collect::<Vec<_>>())?;
                match pairs.windows(2).all(|p| p[0][0] < p[1][0]) {
                    true => Ok(ValueUndo::Relabel { pairs }),
                    false => Err("pairs: must be increasing".to_owned()),
                }
            }
            Self::Noise { noise, mean, std, channels } => {
                finite("noise", &[mean, std])?;
                match std >= 0.0 && channels > 0 {
                    true => Ok(ValueUndo::Noise { key: noise, mean, std, channels }),
                    false => Err(format!("noise: std {std} must be at least 0, channels {channels} at least 1")),
                }
            }
            Self::BiasField { degree, coefficients } => {
                finite("coefficients", &coefficients)?;
                match BiasField::new(degree, coefficients) {
                    Some(field) if field.can_be_undone() => {
                        Ok(ValueUndo::BiasField { degree, coefficients: field.coefficients().to_vec() })
                    }
                    Some(_) => Err("coefficients: factors are beyond the range of float32".to_owned()),
                    None => {
                        Err(format!("coefficients: must be as many as degree {degree} has, and the degree 1 to 10"))
                    }
                }
            }
            Self::Lost { reason } => Ok(ValueUndo::Lost { reason }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undos_are_written_and_read() {
        fn t(undo: &ValueUndo, json: &str) {
            let record = UndoRecord::from(undo);
            assert_eq!(serde_json::to_string(&record).unwrap(), json);
            let read: UndoRecord = serde_json::from_str(json).unwrap();
            assert_eq!(read.undo().as_ref(), Ok(undo));
        }
        // The first and the last shape are those of the first traces.
        t(&ValueUndo::rescale(2.0, -1.5), r#"{"rescale":{"scale":[2.0],"shift":[-1.5]}}"#);
        t(
            &ValueUndo::rescale(2.0, 0.0).clipped([Some(0.0), None]),
            r#"{"rescale_clipped":{"scale":[2.0],"shift":[0.0],"limits":[[0.0,null]]}}"#,
        );
        t(
            &ValueUndo::Table { points: vec![vec![[0.0, 1.0], [1.0, 3.5]]] },
            r#"{"table":{"points":[[[0.0,1.0],[1.0,3.5]]]}}"#,
        );
        t(
            &ValueUndo::Power { after: vec![[0.0, 4.0]], before: vec![[0.0, 4.0]], exponent: 0.5 },
            r#"{"power":{"low":[0.0],"range":[4.0],"exponent":0.5}}"#,
        );
        t(
            &ValueUndo::Power { after: vec![[0.0, -4.0]], before: vec![[1.0, 2.0]], exponent: 0.5 },
            r#"{"power":{"low":[0.0],"range":[-4.0],"exponent":0.5,"before":[[1.0,2.0]]}}"#,
        );
        t(&ValueUndo::Relabel { pairs: vec![[1.0, 3.0]] }, r#"{"relabel":{"pairs":[[1.0,3.0]]}}"#);
        t(
            &ValueUndo::Noise { key: [1, 2, 3, u32::MAX], mean: -0.5, std: 0.25, channels: 2 },
            r#"{"noise":{"noise":[1,2,3,4294967295],"mean":-0.5,"std":0.25,"channels":2}}"#,
        );
        t(
            &ValueUndo::BiasField { degree: 1, coefficients: vec![0.0, 0.1, -0.2, 0.3] },
            r#"{"bias_field":{"degree":1,"coefficients":[0.0,0.1,-0.2,0.3]}}"#,
        );
        t(&ValueUndo::Lost { reason: "why".to_owned() }, r#"{"lost":{"reason":"why"}}"#);
    }

    #[test]
    fn undos_that_are_none_are_refused() {
        fn t(json: &str, problem: &str) {
            let read: UndoRecord = serde_json::from_str(json).unwrap();
            let found = read.undo().unwrap_err();
            assert!(found.contains(problem), "{json}: {found}");
        }
        t(r#"{"rescale":{"scale":[],"shift":[]}}"#, "no numbers");
        t(r#"{"rescale":{"scale":[1.0],"shift":[1.0,2.0]}}"#, "1 and 2 numbers");
        t(r#"{"rescale_clipped":{"scale":[1.0],"shift":[1.0],"limits":[]}}"#, "limits: no numbers");
        t(r#"{"table":{"points":[[[0.0,1.0]]]}}"#, "at least two");
        t(r#"{"table":{"points":[[[0.0,1.0],[1.0,0.5]]]}}"#, "increasing");
        t(r#"{"relabel":{"pairs":[[1.0,3.0],[1.0,4.0]]}}"#, "must be increasing");
        t(r#"{"power":{"low":[0.0],"range":[0.0],"exponent":1.0}}"#, "ranges not 0");
        t(r#"{"power":{"low":[0.0],"range":[1.0],"exponent":0.0}}"#, "above 0");
        t(r#"{"power":{"low":[0.0],"range":[1.0],"exponent":1.0,"before":[]}}"#, "1 and 0 numbers");
        t(r#"{"noise":{"noise":[1,2,3,4],"mean":0.0,"std":-1.0,"channels":1}}"#, "std -1");
        t(r#"{"noise":{"noise":[1,2,3,4],"mean":0.0,"std":1.0,"channels":0}}"#, "channels 0");
        t(r#"{"bias_field":{"degree":2,"coefficients":[0.0,0.1]}}"#, "degree 2");
        t(r#"{"bias_field":{"degree":1000000000000000,"coefficients":[]}}"#, "the degree 1 to 10");
        t(r#"{"bias_field":{"degree":1,"coefficients":[99.0,0.0,0.0,0.0]}}"#, "float32");
    }
}
