//! Fuzzes what `revoxel_fuzz::pipeline` says.

#![no_main]

revoxel_fuzz::target!(pipeline);
