//! Whole-system tests: one binary, so that it links once.

#![allow(clippy::print_stdout, reason = "tests say what they skipped and counted")]

mod augmentation;
mod bad_input;
mod bad_parameters;
mod commands;
mod compare;
mod damage;
mod dicom_files;
mod disturbed;
mod documents;
mod formats;
mod front_door;
mod header_facts;
mod hostile;
mod import_monai;
mod inverses;
mod label_values;
mod labels;
mod landmarks;
mod levels;
mod measure;
mod metrics;
mod nnunet;
mod not_finite;
mod parity;
mod parity_counts;
mod patches;
mod pipeline_snapshots;
mod pipelines;
mod plan_is_run;
mod planar;
mod points;
mod random_values;
mod reading;
mod real_scans;
mod restore;
mod scores;
mod seen;
mod spatial;
mod support;
mod ties;
mod torture;
mod trust;
mod undone;
mod views;
