//! Network devices: the interface, its qdisc and its descriptor rings.
//!
//! Linux: `net/core/dev.c`, `net/sched/`. The driver is one of a plain card with one queue and 256 descriptors a ring;
//! of offloads it has TSO, which is off until an administrator switches it on.

mod fq;
mod gso;
mod nic;
mod qdisc;
mod tso;
mod xmit;

pub use qdisc::Qdisc;
pub(crate) use xmit::{NET_XMIT_CN, NET_XMIT_SUCCESS};

use crate::host::{IfIndex, InterfaceConfig};
use crate::skb::SkBuff;
use crate::timer::Token;
use crate::wire::ethernet::MacAddr;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;
use qdisc::Sched;

/// Descriptors of a ring, as most drivers set by default.
pub const RING_SIZE: usize = 256;
/// `NET_SKB_PAD`: headroom of a receive buffer, bytes.
pub const NET_SKB_PAD: u32 = 64;
/// `LL_MAX_HEADER`-derived headroom that the stack keeps for link headers, bytes.
pub const LL_RESERVED_SPACE: u32 = 16;

/// Packets and bytes counted, as `ip -s link` shows them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DevStats {
    /// Frames received.
    pub rx_packets: u64,
    /// Bytes received.
    pub rx_bytes: u64,
    /// Frames refused by the card: bad FCS or length.
    pub rx_errors: u64,
    /// Frames sent.
    pub tx_packets: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Packets dropped because a queue was full.
    pub tx_dropped: u64,
}

/// A network device.
#[derive(Clone, Debug)]
pub struct NetDevice {
    index: IfIndex,
    name: String,
    mac: MacAddr,
    address: Option<(Ipv4Addr, u8)>,
    mtu: u16,
    fcs: bool,
    loopback: bool,
    qdisc: Sched,
    /// When the qdisc looks again for a packet whose time has come.
    watchdog: Option<Token>,
    tx_ring: VecDeque<SkBuff>,
    /// `NETIF_F_TSO`: does the card cut super-packets?
    tso: bool,
    /// Is it a TUN device? It lets the sender go at once: nobody knows when a program will read the packet.
    tun: bool,
    /// What it is cutting now.
    cutting: Option<Box<tso::Cutting>>,
    xmit_more: bool,
    stats: DevStats,
}

impl NetDevice {
    /// `lo`, then a device for each Ethernet interface.
    pub(crate) fn all(interfaces: &[InterfaceConfig]) -> Vec<NetDevice> {
        let device = |index: usize, name: &str, mac, address, mtu, fcs| NetDevice {
            index: IfIndex(index as u16),
            name: name.into(),
            mac,
            address,
            mtu,
            fcs,
            loopback: index == 1,
            qdisc: Sched::default(),
            watchdog: None,
            tx_ring: VecDeque::new(),
            tso: false,
            tun: false,
            cutting: None,
            xmit_more: false,
            stats: DevStats::default(),
        };
        let lo = device(1, "lo", MacAddr::ZERO, Some((Ipv4Addr::LOCALHOST, 8)), 65535, false);
        let cards = interfaces.iter().enumerate();
        let cards = cards.map(|(i, c)| device(i + 2, &c.name, c.mac, c.address, c.mtu.clamp(68, 9000), c.fcs));
        core::iter::once(lo).chain(cards).collect()
    }

    /// Its index.
    pub fn index(&self) -> IfIndex {
        self.index
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its hardware address.
    pub fn mac(&self) -> MacAddr {
        self.mac
    }

    /// Its IPv4 address and prefix length.
    pub fn address(&self) -> Option<(Ipv4Addr, u8)> {
        self.address
    }

    /// Largest IPv4 packet, bytes.
    pub fn mtu(&self) -> u16 {
        self.mtu
    }

    pub(crate) fn set_mtu(&mut self, mtu: u16) {
        self.mtu = mtu;
    }

    /// Does the card cut super-packets itself (TSO)?
    pub fn tso(&self) -> bool {
        self.tso
    }

    pub(crate) fn set_tso(&mut self, on: bool) {
        self.tso = on;
    }

    pub(crate) fn set_tun(&mut self, on: bool) {
        self.tun = on;
    }

    /// Is it `lo`?
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// Its counters.
    pub fn stats(&self) -> DevStats {
        self.stats
    }

    /// Packets that wait in the qdisc.
    pub fn qdisc_len(&self) -> usize {
        self.qdisc.len()
    }

    /// Does its qdisc keep packets until their time (`fq`)? TCP needs no timer of its own then.
    pub(crate) fn is_paced(&self) -> bool {
        matches!(self.qdisc, Sched::Fq(_))
    }

    /// Was the frame that it sent last one packet with the next, until segmentation?
    pub fn xmit_more(&self) -> bool {
        self.xmit_more
    }

    /// Is there a frame to send: in the transmit ring, or of a super-packet that is being cut?
    pub(crate) fn has_descriptor(&self) -> bool {
        !self.tx_ring.is_empty() || self.cutting.is_some()
    }
}
