//! Fuzzes what `revoxel_fuzz::numpy` says.

#![no_main]

revoxel_fuzz::target!(numpy);
