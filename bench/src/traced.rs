//! Our two hosts over `stack`, with the tracer that a run-time switch turns on.

#[allow(clippy::single_component_path_imports)] // so that `super::stack` is this one
use stack;

#[path = "ours.rs"]
pub mod ours;
