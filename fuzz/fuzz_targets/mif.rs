//! Fuzzes what `revoxel_fuzz::mif` says.

#![no_main]

revoxel_fuzz::target!(mif);
