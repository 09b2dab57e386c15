//! Pipelines made of plans, and plans that are refused.
