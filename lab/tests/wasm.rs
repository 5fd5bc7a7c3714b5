//! The same events, byte for byte, native and in WebAssembly: in Node, and in a browser.
#![allow(missing_docs)]

mod common;

use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test(unsupported = test)]
fn every_scenario_has_the_digest_that_is_written_down() {
    assert_eq!(common::digests(), common::DIGESTS, "if that is meant, run the tests with UPDATE_EXPECT=1");
}

#[wasm_bindgen_test(unsupported = test)]
fn playing_again_from_the_middle_gives_the_same() {
    let lab = common::run(common::shipped("hello.toml"));
    let replay = lab.replay_from(stack::trace::EventId(lab.last().0 / 2)).unwrap();
    assert_eq!((replay.difference, replay.digest), (None, lab.digest()));
}
