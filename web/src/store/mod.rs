//! The page's state, and the only function that changes it.
//!
//! Invariant: knows no browser and no Yew component. [`Page::apply`] takes an [`Action`] and gives back
//! [`Effect`]s, which `app` carries out; so all of it is tested natively.

mod action;
mod ask;
mod branch;
mod drawer;
mod files;
mod link;
mod live;
mod packed;
mod page;
mod page_live;
mod phase;
mod selection;
mod why;

pub use action::{Action, Effect};
pub use branch::{BranchAction, BranchPage, Editor};
pub use drawer::{Drawer, DrawerKind, Lit};
pub use files::{FileAction, FilePage, Files, LINES, PacketList, Pane};
pub use link::{Link, is_name};
pub use live::LivePage;
pub use packed::Packed;
pub use page::Page;
pub use phase::{Card, Inspect, Motion, Phase, Playing, Question, Run};
pub use selection::{Bits, PacketRef, Selection, Subject};
pub use why::Why;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_branches;
#[cfg(test)]
mod tests_files;
