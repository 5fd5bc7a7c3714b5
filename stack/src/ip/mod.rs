//! IPv4: routing, output, input, forwarding.
//!
//! Linux: `net/ipv4/{route,ip_output,ip_input,ip_forward}.c`. RFC 791, RFC 1122 §3, RFC 1812 §5.

mod forward;
mod input;
mod output;
mod route;

pub(crate) use output::{Send, output_headroom, tos_priority};
pub(crate) use route::Dst;
pub use route::{Route, RouteMetrics, RouteTable};
