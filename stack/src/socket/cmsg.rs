//! Control messages that a socket's options ask for: time stamps, and what stood in the IPv4 header.
//!
//! Linux: `__sock_recv_timestamp` in `net/socket.c`, `ip_cmsg_recv_offset` in `net/ipv4/ip_sockglue.c`. The wall
//! clock of a host is its run time.

use super::Sock;
use crate::host::Cx;
use crate::skb::SkBuff;
use crate::syscall::{
    ControlMsg, IP_PKTINFO, IP_RECVTOS, IP_RECVTTL, IP_TOS, IP_TTL, SO_TIMESTAMP, SO_TIMESTAMPING, SO_TIMESTAMPNS,
    SOF_TIMESTAMPING_SOFTWARE, SOL_IP, SOL_SOCKET,
};
use crate::tcp::wall_clock;
use crate::trace::HeaderOffset;
use alloc::vec::Vec;

/// `SO_TIMESTAMP_NEW`, `SO_TIMESTAMPNS_NEW`
const SO_TIMESTAMP_NEW: i32 = 63;
const SO_TIMESTAMPNS_NEW: i32 = 64;

fn pair(a: i64, b: i64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&a.to_le_bytes());
    bytes[8..].copy_from_slice(&b.to_le_bytes());
    bytes
}

/// `struct timespec` of a kernel time, ns; 0 is none.
fn timespec(stamp: u64) -> [u8; 16] {
    let ns = wall_clock(stamp);
    pair((ns / 1_000_000_000) as i64, (ns % 1_000_000_000) as i64)
}

impl Sock {
    /// Does anybody want to know when packets came?
    pub(crate) fn wants_timestamps(&self) -> bool {
        self.rcv_timestamp != 0 || self.tsflags & SOF_TIMESTAMPING_SOFTWARE != 0
    }

    /// `__sock_recv_timestamp`: `stamp` is the kernel's time of a packet, ns.
    pub(crate) fn timestamp_cmsgs(&self, stamp: u64, control: &mut Vec<ControlMsg>) {
        let mut put = |kind, data: Vec<u8>| control.push(ControlMsg { level: SOL_SOCKET, kind, data });
        match i32::from(self.rcv_timestamp) {
            kind @ (SO_TIMESTAMP | SO_TIMESTAMP_NEW) => {
                let us = wall_clock(stamp) / 1000;
                put(kind, pair((us / 1_000_000) as i64, (us % 1_000_000) as i64).into());
            }
            kind @ (SO_TIMESTAMPNS | SO_TIMESTAMPNS_NEW) => put(kind, timespec(stamp).into()),
            _ => {}
        }
        if self.tsflags & SOF_TIMESTAMPING_SOFTWARE != 0 && stamp != 0 {
            put(SO_TIMESTAMPING, scm_timestamping(stamp));
        }
    }

    /// What goes with a datagram: time stamps, then `ip_cmsg_recv_offset`.
    pub(crate) fn datagram_cmsgs(&self, cx: &Cx<'_>, skb: &SkBuff) -> Vec<ControlMsg> {
        let mut control = Vec::new();
        self.timestamp_cmsgs(skb.tstamp, &mut control);
        let ip = skb.from_header(HeaderOffset::Network, cx);
        let (Some(tos), Some(ttl), Some(dst)) = (ip.get(1), ip.get(8), ip.get(16..20)) else { return control };
        let mut put = |on: bool, kind, data: &[u8]| {
            if on {
                control.push(ControlMsg { level: SOL_IP, kind, data: data.to_vec() });
            }
        };
        // `struct in_pktinfo`: the interface is not kept with the packet.
        put(self.ip_flag(IP_PKTINFO), IP_PKTINFO, &[&[0; 4], dst, dst].concat());
        put(self.ip_flag(IP_RECVTTL), IP_TTL, &u32::from(*ttl).to_le_bytes());
        put(self.ip_flag(IP_RECVTOS), IP_TOS, &[*tos]);
        control
    }
}

/// `struct scm_timestamping`: software time, and twice none.
pub(crate) fn scm_timestamping(stamp: u64) -> Vec<u8> {
    let mut data = timespec(stamp).to_vec();
    data.resize(48, 0);
    data
}
