//! The sockets of a host as `ss -tuinm` lists them: to look at, never to change.
//!
//! Linux: `net/ipv4/inet_diag.c`, `net/ipv4/tcp_diag.c`.

use super::{Established, Proto, Sock};
use crate::host::Host;
use crate::syscall::TcpInfo;
use crate::time::{Duration, Instant};
use crate::trace::{SockId, TcpState, TimerKind};
use alloc::vec::Vec;
use core::net::Ipv4Addr;

/// One socket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SocketView {
    /// Its number.
    pub id: SockId,
    /// The IP protocol number.
    pub protocol: u8,
    /// Its state; of UDP, ESTAB if it is connected.
    pub state: TcpState,
    /// Local address and port.
    pub local: (Ipv4Addr, u16),
    /// Peer address and port.
    pub peer: (Ipv4Addr, u16),
    /// `Recv-Q`: bytes to read; of a listener, connections that wait for `accept`.
    pub recv_q: u32,
    /// `Send-Q`: bytes not acknowledged; of a listener, its backlog.
    pub send_q: u32,
    /// `timer:(on,204ms,0)`: the transmit timer and when it goes off.
    pub timer: Option<(TimerKind, Duration)>,
    /// `skmem:(r,rb,t,tb,f,w,o,bl,d)`: `SK_MEMINFO_*`.
    pub meminfo: [u32; 9],
    /// `TCP_INFO`, of a TCP socket that is more than a request or in TIME-WAIT.
    pub info: Option<TcpInfo>,
    /// The congestion control.
    pub congestion: Option<&'static str>,
}

impl Host {
    /// Every socket that is alive, by its number; those in the middle of a handshake and in TIME-WAIT too.
    pub fn sockets(&self, now: Instant) -> Vec<SocketView> {
        let mut views: Vec<SocketView> = self.socks.iter().map(|sock| self.view(now, sock)).collect();
        for (tuple, who) in self.socks.ehash.iter() {
            let (id, state) = match who {
                Established::Sock(_) => continue,
                Established::Request(request) => (request.id, TcpState::SynRecv),
                Established::TimeWait(tw) => (tw.id, tw.substate),
            };
            views.push(SocketView {
                id,
                protocol: crate::wire::ipv4::IPPROTO_TCP,
                state,
                local: tuple.local,
                peer: tuple.peer,
                recv_q: 0,
                send_q: 0,
                timer: None,
                meminfo: [0; 9],
                info: None,
                congestion: None,
            });
        }
        views.sort_by_key(|v| v.id);
        views
    }

    fn view(&self, now: Instant, sock: &Sock) -> SocketView {
        let tp = self.socks.tcp(sock.id).filter(|_| sock.proto == Proto::Tcp);
        let listen = tp.and_then(|tp| tp.listen.as_ref()).filter(|_| sock.state == TcpState::Listen);
        let (recv_q, send_q) = match (tp, listen) {
            (_, Some(listen)) => (listen.accept_queue.len() as u32, listen.backlog),
            (Some(tp), None) => {
                let unread = tp.rcv_nxt.wrapping_sub(tp.copied_seq) as i32;
                (unread.max(0) as u32, tp.write_seq.wrapping_sub(tp.snd_una))
            }
            (None, None) => (sock.rmem_alloc, 0),
        };
        SocketView {
            id: sock.id,
            protocol: sock.protocol(),
            state: sock.state,
            local: sock.local,
            peer: sock.peer,
            recv_q,
            send_q,
            timer: tp.and_then(|tp| tp.retrans_timer).map(|t| (t.kind, t.at.since(now))),
            meminfo: sock.meminfo(),
            info: tp.map(|tp| tp.info(now)),
            congestion: tp.map(|tp| tp.ca_name()),
        }
    }
}
