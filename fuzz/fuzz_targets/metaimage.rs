//! Fuzzes what `revoxel_fuzz::metaimage` says.

#![no_main]

revoxel_fuzz::target!(metaimage);
