//! Whole-system tests: one binary, so that it links once.

mod bad_input;
mod commands;
mod documents;
mod parity;
mod pipelines;
mod real_scans;
mod support;
