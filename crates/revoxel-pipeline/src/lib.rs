//! Pipeline files.
//!
//! ```text
//! text --yaml--> Node (with places) --vars, set--> PipelineSpec (as written) --Registry--> Pipeline (resolved)
//!                                                                        Pipeline + grids --plan--> Plan
//! ```
//!
//! A pipeline as written and a pipeline as resolved are two types. Everything that can be checked without voxels is
//! checked on the way, and errors point at file, line and column. A pipeline file can never execute code.

mod cases;
mod drawn;
mod error;
mod files;
mod key_plan;
mod labels;
mod model;
mod node;
mod non_finite;
mod pipeline;
mod plan;
mod restore;
mod restore_spec;
mod rules;
mod schema;
mod schemas;
mod segments;
mod series;
mod spec;
mod state;
mod steps;
mod substitute;
mod template;
#[cfg(test)]
mod testing;
mod typed;
mod yaml;

pub use cases::{CaseList, CaseSource, Condition, DicomCases, Grouping, Wanted};
pub use drawn::{PlainChange, PlainStep};
pub use error::{PipelineError, Place};
pub use labels::AbsentLabel;
pub use model::{Input, Output, Pipeline, ReadFile, Restore, Segments, Step};
pub use node::{Data, Key, Node};
pub use non_finite::NonFiniteRule;
pub use plan::{KeyPlan, Plan, PlanFailure, PlannedStep, PlannedVolume};
pub use revoxel_transforms::KnownGrid;
pub use rules::{ComplexRule, Fuse, MissingRule, OverlapRule, SliceRule};
pub use schema::schema;
pub use series::{FramesRule, IncompleteRule, RescaleRule, SeriesRule};
pub use state::SeenLabels;
pub use template::{CASE, CHANNEL, COPY, CaseName, Components, Piece, Template};
