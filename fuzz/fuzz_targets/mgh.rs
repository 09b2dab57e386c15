//! Fuzzes what `revoxel_fuzz::mgh` says.

#![no_main]

revoxel_fuzz::target!(mgh);
