//! What is seen. Pure functions of the page's state: no view keeps time, asks the engine, or knows a layer's
//! rules. They compile natively, so tests and the first picture are drawn without a browser.

mod branches;
mod caption;
mod drawer;
mod editor;
mod failure;
mod files;
mod header;
mod help;
mod hue;
mod inspector;
mod live;
mod packets;
mod program;
mod python;
mod question;
mod shell;
mod storyboard;
mod strace;
mod strip;
mod tower;
mod transport;
mod tree;
mod why;
mod wires;

pub use shell::{Shell, ShellProps};

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
