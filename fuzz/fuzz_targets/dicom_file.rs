//! Fuzzes what `revoxel_fuzz::dicom_file` says.

#![no_main]

revoxel_fuzz::target!(dicom_file);
