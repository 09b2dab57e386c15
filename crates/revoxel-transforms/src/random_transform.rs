//! What a random transform can be asked.

use std::fmt::Debug;

use serde_json::Value;

use crate::named::NamedLabel;
use crate::random::draws::Draws;
use crate::resampling::{PaddingRule, Resampling};
use crate::sources::Sources;
use crate::traits::{SpatialTransform, ValueTransform};

/// Draws a transform.
pub trait RandomTransform: Debug + Send + Sync {
    /// What is done this time.
    fn draw(&self, draws: &mut Draws) -> Drawn;

    /// The inputs whose voxels the drawn spatial transforms look at; they say the same. The grid of the step's first
    /// input is always there.
    fn sources(&self) -> Sources<'_> {
        Sources::Nothing
    }

    /// The labels that parameters name, of the input that it looks at.
    fn named_labels(&self) -> Vec<NamedLabel> {
        Vec::new()
    }

    /// How many channels the input that it looks at must have where it has several.
    fn channels(&self) -> Option<usize> {
        None
    }

    /// How ops of the drawn transforms that interpolate do it, so far as it names inputs.
    fn resampling(&self) -> Resampling<'_> {
        Resampling::default()
    }

    /// What windows of the drawn transforms hold where they stick out, so far as it names inputs.
    fn padding(&self) -> PaddingRule<'_> {
        PaddingRule::default()
    }
}

/// What was drawn.
#[derive(Debug)]
pub struct Drawn {
    /// What is to be done.
    pub change: Change,
    /// The numbers, for the trace.
    pub values: Value,
}

/// What a draw came to.
#[derive(Debug)]
pub enum Change {
    /// The volumes stay as they are.
    Nothing,
    /// Voxels move.
    Spatial(Box<dyn SpatialTransform>),
    /// Values change.
    Value(Box<dyn ValueTransform>),
}

impl Drawn {
    /// A draw after which nothing is done.
    pub fn nothing() -> Self {
        Self { change: Change::Nothing, values: serde_json::json!({ "apply": false }) }
    }

    /// A draw of a spatial transform, with the numbers as a JSON object.
    pub fn spatial(transform: impl SpatialTransform + 'static, values: Value) -> Self {
        Self { change: Change::Spatial(Box::new(transform)), values: applied(values) }
    }

    /// A draw of a value transform, with the numbers as a JSON object.
    pub fn value(transform: impl ValueTransform + 'static, values: Value) -> Self {
        Self { change: Change::Value(Box::new(transform)), values: applied(values) }
    }

    /// The parameters of a step together with what was drawn, as they are recorded.
    pub fn params(&self, params: &Value) -> Value {
        let mut all = params.clone();
        if let Some(map) = all.as_object_mut() {
            map.insert("drawn".to_owned(), self.values.clone());
        }
        all
    }
}

fn applied(values: Value) -> Value {
    let mut all = serde_json::Map::from_iter([("apply".to_owned(), true.into())]);
    if let Value::Object(values) = values {
        all.extend(values);
    }
    Value::Object(all)
}
