//! The interpreter in its own WebAssembly module: between the two pass bytes.

use lab::program::Interpreter;
use python::{Answer, Request, Step};
use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/engine/python_loader.js")]
extern "C" {
    #[wasm_bindgen(js_name = loadPython, catch)]
    async fn load_python() -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_name = startPython, catch)]
    fn start_python(file: &str, source: &str, argv_json: &str) -> Result<Vec<u8>, JsValue>;
    #[wasm_bindgen(js_name = resumePython, catch)]
    fn resume_python(state: &[u8], answer: &[u8]) -> Result<Vec<u8>, JsValue>;
}

/// The interpreter, once it is fetched.
#[derive(Debug)]
pub struct Fetched(());

/// Fetches it.
///
/// # Errors
/// If it cannot be fetched, in words.
pub async fn fetch() -> Result<Fetched, String> {
    match load_python().await {
        Ok(_) => Ok(Fetched(())),
        Err(error) => Err(super::client::words(&error)),
    }
}

impl Interpreter for Fetched {
    fn start(&self, file_name: &str, source: &str, argv: &[String]) -> Step {
        let argv = serde_json::to_string(argv).unwrap_or_default();
        step(start_python(file_name, source, &argv))
    }

    fn resume(&self, state: &[u8], answer: &Answer) -> Step {
        let answer = postcard::to_allocvec(answer).unwrap_or_default();
        step(resume_python(state, &answer))
    }
}

/// What the other module answered. If it broke down, the program ends as a killed one does.
fn step(bytes: Result<Vec<u8>, JsValue>) -> Step {
    let step = bytes.ok().and_then(|bytes| postcard::from_bytes(&bytes).ok());
    step.unwrap_or(Step { line: 0, request: Request::Exit { status: 137 }, state: Vec::new() })
}
