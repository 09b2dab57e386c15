//! Runs pipelines over datasets and brings predictions back.
//!
//! The way of a run:
//!
//! ```text
//! Pipeline + data folder --dataset--> cases --preflight--> checked, planned --executor--> case by case:
//!     read --engine--> volumes and trace --> files, renamed into place
//! ```
//!
//! Nothing is written before every case has passed the preflight, unless the caller goes on without those that fail.
//! This is the first crate with threads of its own. It prints nothing: `revoxel-cli` is the program.

pub mod case;
pub mod case_files;
pub mod channel;
pub mod compare;
pub mod dataset;
pub mod demo;
pub mod engine;
pub mod executor;
pub mod files;
pub mod homes;
pub mod identity;
pub mod in_memory;
pub mod journal;
pub mod kept;
pub mod kind_values;
mod label_names;
pub mod labels;
mod landmarks_file;
pub mod limits;
pub mod lock;
pub mod machine;
pub mod matrix_file;
pub mod measure;
pub mod memory;
pub mod non_finite;
pub mod older;
pub mod overview;
pub mod parameter_files;
pub mod phantom;
pub mod places;
pub mod points;
pub mod prediction;
pub mod preflight;
pub mod printable;
pub mod problem;
pub mod read_all;
pub mod reading;
pub mod repeat;
pub mod restore;
mod results;
pub mod resume;
pub mod roundtrip;
pub mod score;
pub mod scores;
pub mod several;
pub mod shards;
pub mod slice_places;
pub mod snapshot;
pub mod spot;
pub mod stop;
pub mod uneven;
pub mod vanished;
pub mod verify;
pub mod whole;

pub use results::{RESULTS, TOOL};
