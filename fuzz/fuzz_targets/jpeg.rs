//! Fuzzes what `revoxel_fuzz::jpeg` says.

#![no_main]

revoxel_fuzz::target!(jpeg);
