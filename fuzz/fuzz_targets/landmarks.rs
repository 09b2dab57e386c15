//! Fuzzes what `revoxel_fuzz::landmarks` says.

#![no_main]

revoxel_fuzz::target!(landmarks);
