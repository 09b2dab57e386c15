//! Whole-system tests: one binary, so that it links once.

mod documents;
mod parity;
mod support;
