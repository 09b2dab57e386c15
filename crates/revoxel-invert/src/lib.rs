//! Traces and inversion.
//!
//! A [`Trace`] says what happened to each volume of a case: the grid it came from, the steps with their ops, the
//! grid it ended on. It is all that [`Trace::invert`] needs, besides a prediction, to bring the prediction back onto the
//! original grid: in another process, on another machine, in one interpolation.
//!
//! This crate knows no concrete transform and opens no file.

mod activation;
mod bounded;
mod by_name;
mod carry;
mod combined;
mod decide;
mod ensemble;
mod error;
pub mod export;
mod inversion;
pub mod points;
mod recipe;
mod record;
mod restore;
mod schema;
mod setting;
#[cfg(test)]
mod testing;
mod trace;
mod trace_schema;
mod unseen;
mod values;
mod vote;

pub use activation::Activation;
pub use combined::CombinedPrediction;
pub use decide::{Decision, Paint, Regions};
pub use ensemble::Ensemble;
pub use error::InvertError;
pub use export::{AffineMap, ExportError};
pub use inversion::Inverted;
pub use points::PointMap;
pub use recipe::{Recipe, Values};
pub use record::{GridRecord, OpRecord, RepeatsRecord, SampledRecord, SmoothedRecord, UndoRecord};
pub use restore::{RestorePlace, RestoreRecord, RestoreStepRecord};
pub use setting::Setting;
pub use trace::{
    PartRecord, PipelineRecord, ResultRecord, SCHEMA, SeparateRecord, SourceRecord, Trace, TraceError, TraceStep,
    VERSION, VolumeTrace,
};
pub use trace_schema::schema;
pub use unseen::check_label_fill;
