//! Fuzzes what `revoxel_fuzz::archive` says.

#![no_main]

revoxel_fuzz::target!(archive);
