//! Medical volumes to models and back.
//!
//! A pipeline file says what is done to the scans of a case. What comes out is volumes for a model, and a trace. The trace
//! brings whatever the model makes of them back onto the grid that the scan came from, in one interpolation; the grid of
//! the result is that of the scan bit for bit.
//!
//! ```
//! use revoxel::{Grid, Kind, Pipeline, Recipe, Volume};
//!
//! let text = "
//! version: 1
//! inputs: { image: { kind: image, path: '{case}.nii.gz' } }
//! steps:
//!   - orientation: { axcodes: RAS }
//!   - spacing: { pixdim: [2, 2, 2] }
//! outputs: { image: { path: '{case}-out.nii.gz', dtype: float32 } }
//! trace: '{case}.json'
//! ";
//! let pipeline = Pipeline::parse(text)?;
//!
//! // In real life: `revoxel::read("ct.nii.gz", Kind::Image)?`.
//! let grid = Grid::without_geometry([9, 7, 5])?;
//! let scan = Volume::new((0..315i16).collect::<Vec<_>>().into(), grid, Kind::Image, 1)?;
//!
//! let case = pipeline.run([("image", scan)])?;
//! let input = &case.volumes["image"];
//! assert_eq!(input.grid().shape(), [5, 4, 3]);
//!
//! // A model's answer lies on the grid of its input.
//! let values: Vec<u8> = vec![1; input.grid().voxel_count()];
//! let prediction = Volume::new(values.into(), *input.grid(), Kind::Label, 1)?;
//! let back = case.trace.invert(prediction, Recipe::default())?;
//! assert_eq!(*back.volume.grid(), grid);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | area | module |
//! |---|---|
//! | volumes, grids, orientations, grid operations | [`geometry`] |
//! | files of volumes | [`io`] |
//! | traces and the way back | [`trace`] |
//! | predictions in files and in memory, as the command `invert` takes them | [`restore`] |
//! | transforms, and how to add one | [`transforms`] |
//! | datasets on all cores | [`dataset`] |
//! | pipelines from MONAI and nnU-Net | [`import`] |
//!
//! World coordinates are RAS+ mm, index (0, 0, 0) is the centre of the first voxel, and the first axis varies fastest in
//! memory.

#[cfg(any(feature = "monai", feature = "nnunet"))]
pub mod import;
pub mod restore;

mod error;
mod files;
mod pipeline;
mod registry;

pub use error::Error;
pub use files::{read, read_text, write, write_back, write_mask, write_result, write_text, write_with};
pub use pipeline::{Pipeline, Planned};
pub use registry::registry;
pub use revoxel_core::{Grid, Kind, Volume};
pub use revoxel_invert::{Activation, Inverted, Recipe, Trace};
pub use revoxel_io::Loaded;
pub use revoxel_runner::in_memory::{Outcome, Source};
pub use revoxel_runner::problem::Setting;
pub use revoxel_transforms::Registry;

/// Volumes, grids, orientations, and the operations on grids that every spatial transform consists of.
pub mod geometry {
    #[cfg(feature = "ndarray")]
    pub use revoxel_core::OtherDtype;
    pub use revoxel_core::dtype::DtypeError;
    pub use revoxel_core::kind::KindError;
    pub use revoxel_core::{
        Affine, Buffer, Dtype, Fidelity, Frame, Grid, GridError, GridOp, IndexBox, Kind, Orientation, Relation,
        SharedBytes, SignedPermutation, StoredDtype, Volume, VolumeError, Voxel, Voxels, dispatch,
    };
    pub use revoxel_resample::{Interpolation, reorient};
}

/// Files of volumes.
pub mod io {
    #[cfg(feature = "dicom")]
    pub use revoxel_io::dicom;
    pub use revoxel_io::{
        Facts, FileInfo, LabelName, LabelNames, LabelOptions, Limits, Loaded, ReadError, ReadOptions, SeriesChoice,
        SeriesChoiceError, Setting, WriteError, format_of, info, info_with, read, read_with, write,
    };
    /// How files are read for which nothing else is said: with the limits of this machine.
    pub use revoxel_runner::limits::options as machine_options;
}

/// Traces and the way back.
pub mod trace {
    pub use revoxel_invert::points::{Bounds, Side, Space, Status};
    pub use revoxel_invert::{
        Activation, Decision, Ensemble, InvertError, Inverted, Paint, PointMap, Recipe, Regions, Setting, Trace,
        TraceError, Values, VolumeTrace,
    };

    pub use crate::restore::coverage;
}

/// Transforms: what a pipeline's steps are made of, and how to add one.
pub mod transforms {
    pub use revoxel_transforms::{
        ApplyError, ChannelRule, Class, Define, Evidence, Invalid, KnownShape, PlanError, Registry, Sources,
        SpatialTransform, Transform, TransformDef, UndoRule, ValueState, ValueTraits, ValueTransform, define, peers,
    };
}

/// Datasets: the cases of a folder, checked before the first file is written, then run on all cores.
pub mod dataset {
    pub use revoxel_runner::case::{CaseError, Done};
    pub use revoxel_runner::dataset::{Case, DatasetError};
    pub use revoxel_runner::executor::{Execution, Outcome};
    pub use revoxel_runner::preflight::{Checked, Refused, Strictness};
    pub use revoxel_runner::problem::{Problem, Setting};
}
