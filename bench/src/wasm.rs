//! The WebAssembly side: what `run.mjs` calls in Node.

use std::cell::RefCell;

use wasm_bindgen::prelude::wasm_bindgen;

use crate::{Counts, Job, Transfer, Variant};

thread_local! {
    static TRANSFER: RefCell<Option<Box<dyn Transfer>>> = const { RefCell::new(None) };
    static COUNTS: RefCell<Counts> = RefCell::new(Counts::default());
}

/// Sets up two hosts with a connection.
#[wasm_bindgen]
pub fn prepare(variant: &str, buffer: u32, bytes: u32) {
    let variant = Variant::named(variant).expect("there is such a variant");
    let job = Job { buffer: buffer as usize, bytes: u64::from(bytes) };
    TRANSFER.set(Some(crate::prepare(variant, job)));
}

/// Carries the bytes: what is timed.
#[wasm_bindgen]
pub fn run() {
    let mut transfer = TRANSFER.take().expect("prepare comes first");
    COUNTS.set(transfer.run());
}

/// What passed in the last run, as the fields of a JSON object.
#[wasm_bindgen]
pub fn counts() -> String {
    COUNTS.with_borrow(Counts::json_fields)
}
