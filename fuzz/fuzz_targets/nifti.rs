//! Fuzzes what `revoxel_fuzz::nifti` says.

#![no_main]

revoxel_fuzz::target!(nifti);
