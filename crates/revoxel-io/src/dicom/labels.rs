//! Segmentations (SEG) and structure sets (RTSTRUCT) as label maps.
//!
//! ```text
//! file      what is known of an object from its header: segmentation, its segments and frames; structures
//! listing   what there is, for people
//! find      the object that is read, and the series that it refers to
//! target    the slices that labels go onto; own: those of the frames themselves where the series is not there
//! frames    the pixels of a segmentation, frame by frame; from_frames: onto the slices
//! raster    which pixels are inside contours; from_contours: onto the slices
//! canvas    where labels meet
//! prepared  what is known before voxels are read; read: all of it, to a volume
//! ```
//!
//! Architecture invariant: a label object is never read as an image, and no voxel is resampled here: a frame must lie
//! on a slice, pixel on pixel, or it is refused.

pub(super) mod error;
pub(super) mod facts;
pub(super) mod warning;

mod canvas;
pub(super) mod file;
mod find;
mod frames;
mod from_contours;
mod from_frames;
pub(super) mod listing;
mod own;
mod prepared;
mod raster;
mod read;
mod segmentation;
mod target;

pub(super) use find::chosen;
pub(super) use read::{info, parts, read};
