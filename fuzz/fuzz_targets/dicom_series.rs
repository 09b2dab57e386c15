//! Fuzzes what `revoxel_fuzz::dicom_series` says.

#![no_main]

revoxel_fuzz::target!(dicom_series);
