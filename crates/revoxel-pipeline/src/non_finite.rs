//! The rule of an input for values that are not finite.

use revoxel_core::Kind;
use schemars::JsonSchema;

use crate::error::Fault;
use crate::node::{Data, Node};

/// What to do with NaN or infinite values of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum NonFiniteRule {
    /// Refuse the case, naming the first one.
    #[default]
    Error,
    /// Keep them: steps do not count them and do not spread them.
    Keep,
    /// Replace them by this number.
    Replace(f64),
}

impl NonFiniteRule {
    /// The rule as it is written.
    pub(crate) fn json(self) -> serde_json::Value {
        match self {
            Self::Error => "error".into(),
            Self::Keep => "keep".into(),
            Self::Replace(number) => number.into(),
        }
    }
}

/// The rule as written, for the schema.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
pub(crate) enum NonFiniteSchema {
    Word(NonFiniteWord),
    Number(f64),
}

#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
#[allow(dead_code, reason = "only its schema is used")]
pub(crate) enum NonFiniteWord {
    Error,
    Keep,
}

/// The rule of an input of a kind.
pub(crate) fn rule(node: &Node, kind: Kind) -> Result<NonFiniteRule, Fault> {
    let fault = |problem: String| Err(Fault::new(node.place, format!("non_finite: {problem}")));
    match &node.data {
        Data::Text(word) if word == "error" => Ok(NonFiniteRule::Error),
        Data::Text(word) if word == "keep" && kind == Kind::Label => {
            fault("keep: NaN is not a label; use `error`, or a label such as 0".to_owned())
        }
        Data::Text(word) if word == "keep" => Ok(NonFiniteRule::Keep),
        Data::Text(word) => {
            let problem = format!("non_finite: expected error, keep or a number, not {word:?}");
            Err(Fault::new(node.place, problem).meant(word, ["error", "keep"]))
        }
        Data::Number(number) => match number.as_f64() {
            Some(number) if kind == Kind::Label && number.fract() != 0.0 => {
                fault(format!("{number} is not a label: labels are whole numbers"))
            }
            Some(number) if number.abs() <= f64::from(f32::MAX) => Ok(NonFiniteRule::Replace(number)),
            _ => fault(format!("{number} is beyond the range of float32")),
        },
        _ => fault(format!("expected error, keep or a number, not {}", node.json())),
    }
}
