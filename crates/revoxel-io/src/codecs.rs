//! Compression, independent of the formats that use it.

pub(crate) mod bunzip;
pub mod deflate;
pub mod gunzip;
pub mod gzip;
pub(crate) mod head;
pub mod stream;
pub mod zlib;
