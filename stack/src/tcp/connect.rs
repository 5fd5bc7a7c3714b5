//! Connecting: route, source address, port and initial sequence number; then the SYN.
//!
//! Linux: `tcp_v4_connect`, `tcp_twsk_unique` in `net/ipv4/tcp_ipv4.c`, `__inet_hash_connect`,
//! `__inet_check_established` in `net/ipv4/inet_hashtables.c`. RFC 9293 §3.10.1, RFC 6056 §3.3.4 (ports),
//! RFC 6528 (sequence numbers), RFC 6191 (connections in TIME_WAIT).

use super::{MSS_DEFAULT, TcpSock, tcp_set};
use crate::host::{Cx, Host};
use crate::socket::{Established, Tuple};
use crate::syscall::{AF_INET, Errno, SockAddr, Stop};
use crate::time::Duration;
use crate::trace::{Function, TcpState};
use crate::wire::ipv4::IPPROTO_TCP;
use core::net::Ipv4Addr;

impl Host {
    /// `tcp_v4_connect`.
    pub(crate) fn tcp_v4_connect(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, addr: SockAddr) -> Result<(), Stop> {
        cx.call(Function::TcpV4Connect, |cx| {
            if i32::from(addr.family) != AF_INET {
                return Err(Errno::EAFNOSUPPORT.into());
            }
            let dst = if addr.addr.is_unspecified() { Ipv4Addr::LOCALHOST } else { addr.addr };
            let to = self.ip_route_output(cx, dst)?;
            if dst.is_multicast() || self.is_broadcast_address(dst) {
                return Err(Errno::ENETUNREACH.into());
            }
            if tp.sk.local.0.is_unspecified() {
                tp.sk.local.0 = to.src;
            }
            if tp.rx_opt.ts_recent_stamp.is_some() && tp.sk.peer.0 != dst {
                // Of another peer.
                (tp.rx_opt.ts_recent, tp.rx_opt.ts_recent_stamp) = (0, None);
                tp.write_seq = 0;
            }
            tp.sk.peer = (dst, addr.port);
            tp.rx_opt.mss_clamp = MSS_DEFAULT;
            self.tcp_set_state(cx, tp, TcpState::SynSent);
            if let Err(errno) = self.inet_hash_connect(cx, tp) {
                self.tcp_set_state(cx, tp, TcpState::Close);
                tp.sk.peer = (Ipv4Addr::UNSPECIFIED, 0);
                if !tp.sk.addr_bound {
                    tp.sk.local.0 = Ipv4Addr::UNSPECIFIED;
                }
                return Err(errno.into());
            }
            tp.sk.tell_names(cx);
            tp.sk.dst = Some(to);
            let tuple = Tuple { local: tp.sk.local, peer: tp.sk.peer };
            if tp.write_seq == 0 {
                let seq = self.secrets.tcp_seq(cx, &tuple);
                tcp_set!(cx, tp, write_seq, WriteSeq, seq);
            }
            tp.ts_offset = self.secrets.tcp_ts_off(self.sysctl.tcp_timestamps, tuple.local.0, tuple.peer.0);
            tp.sk.ip_id = self.rng.next_u32() as u16;
            self.tcp_connect(cx, tp);
            Ok(())
        })
    }

    /// `inet_hash_connect`: finds a port (unless the program did), and enters the connection.
    fn inet_hash_connect(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) -> Result<(), Errno> {
        cx.call(Function::InetHashConnect, |cx| {
            if tp.sk.num != 0 {
                let port = tp.sk.num;
                if !self.check_established(cx, tp, port, true) {
                    return Err(Errno::EADDRNOTAVAIL);
                }
                self.ehash_insert(cx, tp, port);
                return Ok(());
            }
            let [low, high] = self.sysctl.ip_local_port_range.map(|port| port as u32);
            let mut remaining = high - low + 1;
            if remaining > 1 {
                remaining &= !1;
            }
            let hash = self.secrets.port_ephemeral(tp.sk.local.0, tp.sk.peer);
            let index = hash as u16;
            // Ports of the first one's parity come first: bind(2) leaves them free.
            let first = (self.secrets.perturb(index).wrapping_add((hash >> 32) as u32) % remaining) & !1;
            for parity in 0..remaining.min(2) {
                let offsets = (0..remaining).step_by(2).map(|i| (i, (first + parity + i) % remaining));
                for (i, offset) in offsets {
                    let port = (low + offset) as u16;
                    if !self.connect_may_share(port) || !self.check_established(cx, tp, port, false) {
                        continue;
                    }
                    let step = i.max(self.rng.below(8) * 2) + 2;
                    self.secrets.perturb_add(index, step);
                    self.socks.bind_port(IPPROTO_TCP, port, tp.sk.id);
                    (tp.sk.num, tp.sk.local.1, tp.sk.connect_bind) = (port, port, true);
                    self.ehash_insert(cx, tp, port);
                    return Ok(());
                }
            }
            Err(Errno::EADDRNOTAVAIL)
        })
    }

    /// Has nobody the port, or only connections that found it the same way (`tb->fastreuse == -1`)?
    fn connect_may_share(&self, port: u16) -> bool {
        self.socks.on_port(IPPROTO_TCP, port).all(|id| match self.socks.get(id) {
            Some(sock) => sock.connect_bind,
            None => self.socks.timewait(id).is_some_and(|tw| tw.connect_bind),
        })
    }

    /// `__inet_check_established`: are these four numbers free, or only in TIME_WAIT of a connection that may be
    /// followed? `explicit`: the program chose the port.
    fn check_established(&mut self, cx: &Cx<'_>, tp: &mut TcpSock, port: u16, explicit: bool) -> bool {
        let tuple = Tuple { local: (tp.sk.local.0, port), peer: tp.sk.peer };
        match self.socks.ehash.get(&tuple) {
            None => true,
            Some(Established::TimeWait(_)) => self.tcp_twsk_unique(cx, tp, &tuple, explicit),
            Some(_) => false,
        }
    }

    /// `tcp_twsk_unique`: timestamps tell the old connection's segments from the new one's.
    fn tcp_twsk_unique(&mut self, cx: &Cx<'_>, tp: &mut TcpSock, tuple: &Tuple, explicit: bool) -> bool {
        let (reuse, delay) = (self.sysctl.tcp_tw_reuse, self.sysctl.tcp_tw_reuse_delay);
        let Some(tw) = self.socks.timewait_mut(tuple) else { return false };
        let loopback = tuple.local.0.is_loopback() || tuple.peer.0.is_loopback();
        let reuse = tw.substate != TcpState::FinWait2 && (reuse == 1 || (reuse == 2 && loopback));
        let rested = cx.now.since(tw.entered) > Duration::from_millis(delay.max(0) as u64);
        if tw.ts_recent_stamp.is_none() || !(explicit || (reuse && rested)) {
            return false;
        }
        tp.write_seq = tw.next_isn();
        (tp.rx_opt.ts_recent, tp.rx_opt.ts_recent_stamp) = (tw.ts_recent, tw.ts_recent_stamp);
        true
    }

    fn ehash_insert(&mut self, cx: &mut Cx<'_>, tp: &TcpSock, port: u16) {
        let tuple = Tuple { local: (tp.sk.local.0, port), peer: tp.sk.peer };
        self.tw_kill(cx, &tuple);
        self.socks.ehash.insert(tuple, Established::Sock(tp.sk.id));
    }
}
