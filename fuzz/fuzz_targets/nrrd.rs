//! Fuzzes what `revoxel_fuzz::nrrd` says.

#![no_main]

revoxel_fuzz::target!(nrrd);
