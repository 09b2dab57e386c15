//! Compression, apart from the formats that use it.

pub(crate) mod bunzip;
pub mod deflate;
pub mod gunzip;
pub mod gzip;
pub mod stream;
pub mod zlib;
