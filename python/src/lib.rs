//! Python programs for the lab.

pub mod step;

pub use step::{Answer, Request, Step};
