//! Python programs for the lab.
//!
//! [`step`] is the conversation between a lab and a program. With the feature `interpreter`,
//! `interpreter` answers it for unmodified Python source, on the `monty` interpreter; with `wasm` that is a
//! WASM module of its own. README.md says which Python this is.

#[cfg(feature = "interpreter")]
pub mod interpreter;
pub mod step;
#[cfg(feature = "wasm")]
mod wasm;

pub use step::{Answer, Request, Step};
