//! Compression, apart from the formats that use it.

pub mod gunzip;
pub mod gzip;
