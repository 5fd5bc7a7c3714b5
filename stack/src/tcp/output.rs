//! TCP output.
use core::net::Ipv4Addr;
/// The addresses of a segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    pub(super) src: (Ipv4Addr, u16),
    pub(super) dst: (Ipv4Addr, u16),
}
