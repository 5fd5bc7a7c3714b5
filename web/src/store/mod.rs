//! The page's state, and the only function that changes it.
//!
//! Invariant: knows no browser and no Yew component. [`Page::apply`] takes an [`Action`] and gives back
//! [`Effect`]s, which `app.rs` carries out; so all of it is tested natively.

mod ask;
mod link;
mod live;
mod page;
mod selection;

pub use link::{Link, is_name};
pub use live::LivePage;
pub use page::{Action, Card, Effect, Motion, Page, Phase, Playing, Question};
pub use selection::{Bits, PacketRef, Selection, Subject};

#[cfg(test)]
mod tests;
