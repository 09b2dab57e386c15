//! Fuzzes what `revoxel_fuzz::trace` says.

#![no_main]

revoxel_fuzz::target!(trace);
