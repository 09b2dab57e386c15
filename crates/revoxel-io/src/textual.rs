//! What the formats with a text header (NRRD, MetaImage) share: where the values are, how they are encoded, and which
//! axes are channels.
//!
//! ```text
//! header ─ parsed by the format ─┬─ Payload: files, skips, encoding, byte order   (payload, siblings)
//!                                └─ Axes: sizes, which are of space               (axes)
//! Payload ─ read (decode, ascii) ─ values as in the file ─ Axes ─ channels slowest
//! ```

pub mod problem;

pub(crate) mod ascii;
pub(crate) mod axes;
pub(crate) mod decode;
pub(crate) mod fill;
pub(crate) mod interleave;
pub(crate) mod numbers;
pub(crate) mod payload;
pub(crate) mod place;
pub(crate) mod siblings;

#[cfg(test)]
pub(crate) mod testing;

pub use problem::{FieldError, Problem};
