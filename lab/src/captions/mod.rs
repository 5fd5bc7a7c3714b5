//! Events in words: a sentence for a learner, and the kernel's own words.
//!
//! [`Narrator`] turns each event into a [`Fact`] with the numbers of that very event and says whether a step
//! of the journey ends there; [`caption`] makes the sentence, at most [`MAX_CAPTION`] characters long.

mod fact;
mod headers;
mod narrator;
mod sentence;
#[cfg(test)]
mod tests;
mod words;

pub use fact::{Fact, HeaderFact};
pub use narrator::{Narrator, Told};
pub use sentence::{MAX_CAPTION, caption};
pub use words::kernel_words;

use crate::scene::queue_layer;
use stack::trace::{Event, Function, Layer, What};

/// The row of the tower in which an event shows.
pub fn layer_of(event: &Event) -> Layer {
    match event.what {
        What::SyscallEnter { .. } | What::SyscallExit { .. } => Layer::Syscall,
        What::Line { .. } | What::Print { .. } | What::TaskExit { .. } => Layer::User,
        What::Queue { kind, .. } => queue_layer(kind),
        What::Frame { .. } => Layer::Wire,
        What::FrameBytes { .. } | What::FrameDrop { .. } => Layer::Nic,
        _ => event.function.layer(),
    }
}

/// Who acts in a kernel function, at the beginning of a sentence.
pub(crate) fn actor(function: Function) -> &'static str {
    let name = function.name().trim_start_matches('_');
    match function.layer() {
        Layer::User => "The program",
        Layer::Syscall => "The kernel",
        Layer::Socket => "The socket layer",
        Layer::Transport if name.starts_with("udp") => "UDP",
        Layer::Transport if name.starts_with("icmp") || name.starts_with("ping") => "ICMP",
        Layer::Transport => "TCP",
        Layer::Ip => "IP",
        Layer::Neigh if name.starts_with("arp") => "ARP",
        Layer::Neigh if name.starts_with("eth") => "Ethernet",
        Layer::Neigh => "The neighbour table",
        Layer::Qdisc => "The device queue",
        Layer::Driver => "The driver",
        Layer::Nic => "The card",
        Layer::Wire => "The wire",
    }
}
