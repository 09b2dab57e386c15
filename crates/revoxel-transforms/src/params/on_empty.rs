//! What to do with a case without foreground.

use revoxel_core::IndexBox;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::PlanError;

/// What to do with a case without foreground.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnEmpty {
    /// Fail.
    #[default]
    Error,
    /// Do not crop.
    Keep,
    /// Skip the case.
    SkipCase,
}

impl OnEmpty {
    /// Returns the region that was found. If none was found, applies this choice. `rule` describes the foreground.
    pub fn resolve(self, found: Option<IndexBox>, rule: impl Fn() -> String) -> Result<Option<IndexBox>, PlanError> {
        match (found, self) {
            (None, Self::Error) => Err(PlanError::EmptyForeground { rule: rule() }),
            (None, Self::SkipCase) => Err(PlanError::SkipCase { rule: rule() }),
            (found, _) => Ok(found),
        }
    }
}
