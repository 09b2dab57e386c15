//! Fuzzes what `revoxel_fuzz::compressed` says.

#![no_main]

revoxel_fuzz::target!(compressed);
