//! The interpreter as a WASM module of its own, for a page that fetches it when a program is run.
//!
//! Steps and answers cross as postcard bytes of [`Step`] and [`Answer`].

use crate::interpreter;
use crate::step::{Answer, Request, Step};
use wasm_bindgen::prelude::wasm_bindgen;

/// Counts what a program allocates, so that its limit of memory holds.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: interpreter::Allocator = interpreter::Allocator;

/// Starts a program; `argv_json` is a JSON array of strings. Returns the first [`Step`].
#[wasm_bindgen]
pub fn python_start(file_name: &str, source: &str, argv_json: &str) -> Vec<u8> {
    let argv: Vec<String> = serde_json::from_str(argv_json).unwrap_or_default();
    encode(&interpreter::start(file_name, source, &argv))
}

/// Gives a program its answer. Returns the next [`Step`].
#[wasm_bindgen]
pub fn python_resume(state: &[u8], answer: &[u8]) -> Vec<u8> {
    let step = match postcard::from_bytes::<Answer>(answer) {
        Ok(answer) => interpreter::resume(state, &answer),
        Err(_) => Step { line: 0, request: Request::Exit { status: 1 }, state: Vec::new() },
    };
    encode(&step)
}

fn encode(step: &Step) -> Vec<u8> {
    postcard::to_allocvec(step).unwrap_or_default()
}
