//! Fuzzes what `revoxel_fuzz::matrix` says.

#![no_main]

revoxel_fuzz::target!(matrix);
