//! The engine: the lab in a Worker, or in the page itself where a Worker is refused.

mod branches;
#[cfg(target_arch = "wasm32")]
mod client;
mod desk;
#[cfg(target_arch = "wasm32")]
mod driver;
mod message;
mod one_file;
#[cfg(target_arch = "wasm32")]
mod python;
mod run;
#[cfg(target_arch = "wasm32")]
mod worker;

#[cfg(target_arch = "wasm32")]
pub use client::{Client, words};
pub use message::{
    BranchInfo, Branches, EngineReply, EngineRequest, FileOpened, ForkEdit, ListOf, ListPage, ListQuery, SaveWhat,
    Saved, Source, Trouble, WireLine, file_name,
};
pub use run::{Engine, files_named, has_python};
#[cfg(target_arch = "wasm32")]
pub use worker::serve;
