//! Fuzzes what `revoxel_fuzz::dicom_labels` says.

#![no_main]

revoxel_fuzz::target!(dicom_labels);
