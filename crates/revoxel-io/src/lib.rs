//! Files to volumes and back, with the exact geometry.
//!
//! [`read`] recognises a file by its content, [`write()`] chooses the format by the name; both go over [`FORMATS`].
//! [`info`] reads the header only. NumPy arrays have no geometry and are not volumes: see [`npy`].
//!
//! Architecture invariants: before a size in a header leads to an allocation, it is checked against the length of the
//! file (or, if compressed, against what the compressed bytes can hold and a limit of the caller). No content of a
//! file causes a panic. No incomplete file is visible under its own name.

#[cfg_attr(not(feature = "dicom"), allow(dead_code, reason = "only DICOM reads members of archives"))]
pub mod archive;
pub mod codecs;
#[cfg(feature = "dicom")]
pub mod dicom;
pub mod dicom_index;
pub mod error;
pub mod facts;
pub mod file;
pub mod formats;
pub mod limits;
pub mod locks;
pub mod metaimage;
pub mod mgh;
pub mod mif;
pub mod nifti;
pub mod npy;
pub mod nrrd;
pub mod partial;
pub mod picture;
pub mod series;
pub mod setting;
mod sink;
mod slabs;
pub mod textual;
pub mod warning;

mod atomic;
mod buffer;
mod by_name;
mod counted;
mod format;
mod left_out;
mod map;
mod open;
mod stored;
mod unread;
mod values;

pub use by_name::{check_name_for_writing, format_for_writing, is_array_name, writable_extension};
pub use error::{ReadError, WriteError};
pub use facts::{Dropped, Extension, Facts, LabelName, LabelNames, SliceTiming, SpatialUnit, TimeUnit};
pub use file::{complete, format_of, info, info_with, parts, read, read_with, write, written_beside};
pub use format::{FileInfo, Format, Loaded, SliceStack};
pub use formats::FORMATS;
pub use left_out::left_out;
pub use limits::{
    ComplexPolicy, FramesPolicy, IncompletePolicy, LabelOptions, Limits, MissingPolicy, OverlapPolicy, ReadOptions,
    RescalePolicy, SlicePolicy, Threshold,
};
pub use mif::MifFacts;
pub use partial::Partial;
pub use series::{SeriesChoice, SeriesChoiceError};
pub use setting::Setting;
pub use sink::Head;
pub use slabs::{Complete, SlabWriter};
pub use warning::Warning;
