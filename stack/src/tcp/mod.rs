//! TCP: what its parts share.
//!
//! Linux: `net/ipv4/tcp*.c`. Each kernel file has its rooms here, under its functions' own names. A function that
//! works on a connection is handed `&mut TcpSock`, taken out of the socket table by [`Host::with_tcp`] for as
//! long as it runs.

mod ack;
mod child;
mod chrono;
mod close;
mod cong;
mod conn_request;
mod connect;
mod cwnd;
mod delack;
mod drs;
mod dsack;
pub(crate) mod ecn;
mod icmp;
mod info;
mod input;
mod ipv4;
mod keepalive;
mod minisocks;
mod minmax;
mod mtu;
mod ofo;
mod options;
mod output;
mod pacing;
mod poll;
mod probe;
mod prune;
mod queue;
mod rack;
mod rate;
mod receive;
mod recovery;
mod recvmsg;
mod reqsk;
mod reset;
mod retransmit;
mod rtt;
mod sacktag;
mod secure;
mod sendmsg;
pub(crate) mod seq;
mod sock;
mod sockopt;
mod state;
mod syncookies;
#[cfg(test)]
mod testing;
mod timer;
mod timewait;
mod undo;
mod urg;
mod window;
mod xmit;

pub(crate) use cong::CaEvent;
pub(crate) use minisocks::Request;
pub(crate) use rate::RateSample;
pub(crate) use secure::Secrets;
pub(crate) use sock::*;
pub(crate) use timewait::TimeWaitSock;
use window::select_initial_window;

use crate::host::{Cx, Host};
use crate::time::{Duration, Instant};
use crate::trace::SockId;
use alloc::boxed::Box;

/// `MAX_TCP_HEADER`: headroom that TCP reserves for all headers below the payload, bytes.
pub(crate) const MAX_TCP_HEADER: u32 = 320;
/// `TCP_INIT_CWND` (RFC 6928), segments.
pub(crate) const INIT_CWND: u32 = 10;
/// `TCP_INFINITE_SSTHRESH`.
pub(crate) const INFINITE_SSTHRESH: u32 = 0x7fff_ffff;
/// `TCP_RTO_MIN`.
pub(crate) const RTO_MIN_US: u32 = 200_000;
/// `TCP_TIMEOUT_MIN`: two jiffies.
pub(crate) const TIMEOUT_MIN_US: u32 = 2_000;
/// `TCP_TIMEOUT_INIT` (RFC 6298 §2.1).
pub(crate) const TIMEOUT_INIT_US: u32 = 1_000_000;
/// `TCP_TIMEOUT_FALLBACK` (RFC 6298 §5.7).
pub(crate) const TIMEOUT_FALLBACK_US: u32 = 3_000_000;
/// `TCP_RESOURCE_PROBE_INTERVAL`.
pub(crate) const RESOURCE_PROBE_INTERVAL_US: u32 = 500_000;
/// `TCP_ATO_MIN`, `TCP_DELACK_MIN`, ms.
pub(crate) const ATO_MIN_MS: u32 = 40;
/// `TCP_DELACK_MAX`, ms.
pub(crate) const DELACK_MAX_MS: u32 = 200;
/// `TCP_TIMEWAIT_LEN`.
pub(crate) const TIMEWAIT_LEN: Duration = Duration::from_secs(60);
/// `TCP_MSS_DEFAULT` (RFC 9293 §3.7.1), bytes.
pub(crate) const MSS_DEFAULT: u16 = 536;
/// `TCP_MIN_MSS`, bytes.
pub(crate) const MIN_MSS: u32 = 88;
/// `TCP_DEFAULT_SCALING_RATIO`: half of the receive buffer is window.
pub(crate) const DEFAULT_SCALING_RATIO: u8 = 128;
/// `TCP_MAX_QUICKACKS`.
pub(crate) const MAX_QUICKACKS: u32 = 16;
/// `TCP_PINGPONG_THRESH`: so many answers make a connection interactive.
pub(crate) const PINGPONG_THRESH: u8 = 1;
/// `TCP_RACK_RECOVERY_THRESH`
pub(crate) const RACK_RECOVERY_THRESH: u8 = 16;
/// `GSO_MAX_SEGS`
pub(crate) const GSO_MAX_SEGS: u32 = 65_535;
/// `sk_gso_max_size`, bytes.
pub(crate) const GSO_MAX_SIZE: u32 = 65_536;

/// `TCPCB_SACKED_ACKED`: a SACK covers it.
pub(crate) const SACKED_ACKED: u8 = 1;
/// `TCPCB_SACKED_RETRANS`: sent again, and that copy is in flight.
pub(crate) const SACKED_RETRANS: u8 = 2;
/// `TCPCB_LOST`.
pub(crate) const LOST: u8 = 4;
/// `TCPCB_EVER_RETRANS`: Karn's rule.
pub(crate) const EVER_RETRANS: u8 = 0x80;
/// `TCPCB_RETRANS`
pub(crate) const RETRANS: u8 = SACKED_RETRANS | EVER_RETRANS;

/// The clock of a kernel does not start at zero: stamps of 0 mean "none". Ours was booted this long before
/// the run began.
const BOOT_NS: u64 = 10_000_000_000;

/// `tcp_clock_ns`.
pub(crate) fn clock_ns(cx: &Cx<'_>) -> u64 {
    kernel_clock(cx.now)
}

/// The kernel's clock at a time of the run, ns.
pub(crate) fn kernel_clock(now: Instant) -> u64 {
    now.as_nanos() + BOOT_NS
}

/// The wall clock at a time of [`clock_ns`], ns since the run began; 0 stays 0.
pub(crate) fn wall_clock(stamp: u64) -> u64 {
    stamp.saturating_sub(BOOT_NS)
}

impl Host {
    /// Takes a connection out of the table, runs `body` on it, and puts it back, or frees it if it is over.
    /// `None` if there is no such connection (or somebody above already has it).
    pub(crate) fn with_tcp<R>(
        &mut self,
        cx: &mut Cx<'_>,
        id: SockId,
        body: impl FnOnce(&mut Host, &mut Cx<'_>, &mut TcpSock) -> R,
    ) -> Option<R> {
        let mut tp = self.socks.take_tcp(id)?;
        let result = body(self, cx, &mut tp);
        self.return_tcp(cx, tp);
        Some(result)
    }

    /// Puts a connection that was taken out of the table back, or frees it if it has come to its end.
    #[inline]
    fn return_tcp(&mut self, cx: &mut Cx<'_>, tp: Box<TcpSock>) {
        if tp.destroyed {
            let id = tp.sk.id;
            self.tcp_free(cx, tp);
            self.socks.remove(id);
        } else {
            self.socks.put_tcp(tp);
        }
    }
}

/// Sets a variable of a connection and tells so, if it is another value.
macro_rules! tcp_set {
    ($cx:expr, $tp:expr, $field:ident, $name:ident, $value:expr) => {{
        let new = $value;
        let old = core::mem::replace(&mut $tp.$field, new);
        $cx.tell_set($tp.sk.id, $crate::trace::Field::$name, old as u32, new as u32);
    }};
}
pub(crate) use tcp_set;

/// A connection of no host, for tests of what needs none.
#[cfg(test)]
pub(crate) fn test_sock() -> TcpSock {
    TcpSock::new(crate::socket::Sock::new(SockId(1), crate::socket::Proto::Tcp, 0, 0), &Default::default())
}
