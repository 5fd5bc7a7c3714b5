//! Our two hosts over the same sources with tracing compiled out.

use stack_untraced as stack;

#[path = "ours.rs"]
#[allow(clippy::duplicate_mod)] // the same file over another crate is the point
pub mod ours;
