//! The page in a real browser: what end-to-end tests and `cargo xtask screenshot` are made of.
//!
//! [`Page`] is a tab of a headless Chromium, [`Bridge`] the real `native-bridge`, [`StaticServer`] a plain file
//! server for a page without one, and [`Namespace`] a network of its own for tests of live mode. Each cleans up
//! after itself, also when a test panics or is killed; each step has a time limit, so nothing hangs.
//!
//! The tests are in `e2e/tests`; `cargo xtask test e2e` builds what they need and runs them.

mod bridge;
mod chrome;
mod driver;
mod guard;
mod keys;
mod netns;
mod page;
mod process;
mod serve;

pub use bridge::{Bridge, axe_core, program_path, repo_root, target_dir};
pub use chrome::{CHROMIUM_FLAGS, find_chrome, find_driver, find_program};
pub use netns::{Enter, Namespace};
pub use page::{ConsoleLine, Page, Viewport};
pub use process::Process;
pub use serve::StaticServer;
