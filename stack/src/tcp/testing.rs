//! A bench for TCP's unit tests: a host, one connection that is open, and nothing else.

use super::TcpSock;
use crate::host::{Cx, Host, HostConfig};
use crate::skb::{Mem, SkBuff};
use crate::socket::{Proto, Sock};
use crate::time::Instant;
use crate::trace::{HostId, SockId, TcpState, Tracer};
use alloc::vec::Vec;

pub(super) struct Bench {
    pub(super) host: Host,
    pub(super) tp: TcpSock,
    pub(super) trace: Tracer,
    pub(super) mem: Mem,
    pub(super) now: Instant,
}

/// A connection with SACK, an MSS of 1460 and the default buffer; `rcv_nxt` is 1.
pub(super) fn bench() -> Bench {
    let config = HostConfig {
        name: "a".into(),
        interfaces: Vec::new(),
        gateway: None,
        routes: Vec::new(),
        forward: false,
        neighbours: Vec::new(),
        seed: 1,
    };
    let mut host = Host::new(HostId(0), &config);
    let id: SockId = host.socks.new_id();
    let sock = Sock::new(id, Proto::Tcp, host.sysctl.tcp_wmem[1] as u32, host.sysctl.tcp_rmem[1] as u32);
    let mut tp = TcpSock::new(sock, &host.sysctl);
    tp.sk.state = TcpState::Established;
    tp.sk.files = 1;
    tp.advmss = 1460;
    tp.mss_cache = 1460;
    tp.rx_opt.sack_ok = true;
    let mut b = Bench { host, tp, trace: Tracer::new(true), mem: Mem::default(), now: Instant::from_nanos(1_000_000) };
    b.start_at(1);
    b
}

impl Bench {
    pub(super) fn run<R>(&mut self, body: impl FnOnce(&mut Host, &mut Cx<'_>, &mut TcpSock) -> R) -> R {
        let mut cx = Cx { now: self.now, trace: &mut self.trace, mem: &mut self.mem };
        body(&mut self.host, &mut cx, &mut self.tp)
    }

    /// The stream begins here, with the window that a new connection has.
    pub(super) fn start_at(&mut self, seq: u32) {
        let tp = &mut self.tp;
        (tp.rcv_nxt, tp.copied_seq, tp.rcv_wup) = (seq, seq, seq);
        let (wnd, clamp, wscale) =
            super::select_initial_window(&self.host.sysctl, tp.full_space(), 1460, 0, tp.rx_opt.wscale_ok, 0);
        (tp.rcv_wnd, tp.rcv_ssthresh, tp.window_clamp, tp.rx_opt.rcv_wscale) = (wnd, wnd, clamp, wscale);
        tp.rcv_mwnd_seq = seq.wrapping_add(wnd);
        tp.initialize_rcv_mss();
        self.run(|host, cx, tp| host.tcp_init_buffer_space(cx, tp));
    }

    /// A segment as the card would have received it, its TCP header stripped; byte `n` of the stream is `n % 251`.
    pub(super) fn segment(&mut self, seq: u32, len: u32, flags: u8) -> SkBuff {
        let bytes: Vec<u8> = (0..len).map(|i| (seq.wrapping_add(i) % 251) as u8).collect();
        self.run(|_, cx, _| {
            let mut skb = SkBuff::alloc(64 + 40 + len, cx);
            skb.reserve(104, cx);
            skb.append(crate::trace::CopyKind::DmaIn, &bytes, cx);
            skb.cb.seq = seq;
            let fin = u32::from(flags & crate::wire::tcp::FIN != 0);
            skb.cb.end_seq = seq.wrapping_add(len + fin);
            skb.cb.flags = flags;
            skb
        })
    }
}
