//! Whole-system tests live in `main.rs`.
