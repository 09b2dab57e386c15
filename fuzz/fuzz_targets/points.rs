//! Fuzzes what `revoxel_fuzz::points` says.

#![no_main]

revoxel_fuzz::target!(points);
