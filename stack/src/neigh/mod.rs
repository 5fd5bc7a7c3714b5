//! The neighbour table: from the next hop's IPv4 address to its hardware address.
//!
//! Linux: `net/core/neighbour.c` (the states and timers), `net/ipv4/arp.c` (the questions and answers).
//! RFC 826, RFC 1122 §2.3.2. Packets wait on the entry while it is INCOMPLETE.

mod arp;
mod table;

pub use table::{NeighEntry, NeighTable};
