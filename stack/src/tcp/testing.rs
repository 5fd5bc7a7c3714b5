//! A bench for TCP's unit tests: a host, one connection that is open, and nothing else.

use super::TcpSock;
use super::ipv4::Segment;
use crate::host::{Cx, Host, HostConfig};
use crate::skb::{DropReason, Mem, SkBuff, TcpSkbCb};
use crate::socket::{Proto, Sock};
use crate::syscall::{Errno, MSG_DONTWAIT, Progress, Stop};
use crate::time::{Duration, Instant};
use crate::trace::{HeaderOffset, HostId, SockId, TaskId, TcpState, Tracer};
use crate::wire::ipv4::Ipv4Repr;
use crate::wire::tcp::TcpRepr;
use alloc::vec;
use alloc::vec::Vec;

pub(super) struct Bench {
    pub(super) host: Host,
    pub(super) tp: TcpSock,
    pub(super) trace: Tracer,
    pub(super) mem: Mem,
    pub(super) now: Instant,
    /// The peer's segments; longer ones were joined from several.
    pub(super) mss: u16,
}

/// A connection with SACK, an MSS of 1460 and the default buffer; `rcv_nxt` is 1.
pub(super) fn bench() -> Bench {
    bench_with(None, false)
}

/// The same, with this receive buffer set by the program, with window scaling or without.
pub(super) fn bench_with(rcvbuf: Option<u32>, wscale: bool) -> Bench {
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
    tp.rx_opt.wscale_ok = wscale;
    if let Some(rcvbuf) = rcvbuf {
        tp.sk.rcvbuf = rcvbuf;
        tp.sk.rcvbuf_locked = true;
    }
    let mut b = Bench {
        host,
        tp,
        trace: Tracer::new(true),
        mem: Mem::default(),
        now: Instant::from_nanos(1_000_000),
        mss: 1000,
    };
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
        let full = tp.full_space();
        let clamp = if tp.sk.rcvbuf_locked { full as u32 } else { 0 };
        let (wnd, clamp, wscale) =
            super::select_initial_window(&self.host.sysctl, full, 1460, clamp, tp.rx_opt.wscale_ok, 0);
        (tp.rcv_wnd, tp.rcv_ssthresh, tp.window_clamp, tp.rx_opt.rcv_wscale) = (wnd, wnd, clamp, wscale);
        tp.rcv_mwnd_seq = seq.wrapping_add(wnd);
        tp.initialize_rcv_mss();
        self.run(|host, cx, tp| host.tcp_init_buffer_space(cx, tp));
    }

    /// A segment as a TAP device would have brought it, up to TCP's header; byte `n` of the stream is `n % 251`.
    pub(super) fn segment(&mut self, seq: u32, len: u32, flags: u8) -> (Segment, SkBuff) {
        let header = TcpRepr { seq, flags, header_len: 20, ..TcpRepr::default() };
        let any = core::net::Ipv4Addr::UNSPECIFIED;
        let tot_len = 40 + len as u16;
        let ip =
            Ipv4Repr { header_len: 20, tos: 0, tot_len, id: 0, frag_off: 0, ttl: 64, protocol: 6, src: any, dst: any };
        let seg = Segment { ip, tcp: header, res: 0, len };
        let bytes = [vec![0; 54], (0..len).map(|i| byte_at(seq.wrapping_add(i))).collect::<Vec<u8>>()].concat();
        let (end_seq, mss) = (seg.end_seq(), self.mss);
        self.run(|_, cx, _| {
            let mut skb = SkBuff::build_around(50, bytes.len() as u32, cx);
            let size = bytes.len();
            skb.dma_adopt(bytes, size, cx);
            skb.put(size, cx);
            skb.pull(34, cx);
            skb.reset_header(HeaderOffset::Transport, cx);
            skb.cb = TcpSkbCb { seq, end_seq, flags, ..TcpSkbCb::default() };
            if len > u32::from(mss) {
                skb.gso_size = mss;
            }
            (seg, skb)
        })
    }

    /// The segment comes in, and an ACK is sent if one is due.
    pub(super) fn receive(&mut self, seq: u32, len: u32, flags: u8) {
        let (seg, skb) = self.segment(seq, len, flags);
        self.run(|host, cx, tp| {
            tp.mstamp_refresh(cx);
            host.tcp_data_queue(cx, tp, &seg, skb);
            host.tcp_ack_snd_check(cx, tp);
        });
    }

    /// The program reads.
    pub(super) fn read(&mut self, len: usize, flags: i32) -> Result<Vec<u8>, Errno> {
        let flags = flags | MSG_DONTWAIT;
        let ret = self.run(|host, cx, tp| host.tcp_recvmsg(cx, TaskId(1), tp, len, flags, &mut Progress::default()));
        match ret {
            Ok(ret) => Ok(ret.data),
            Err(Stop::Fail(errno)) => Err(errno),
            Err(Stop::Sleep) => Ok(vec![]),
        }
    }

    /// The window that an ACK would offer now, as it stands in the header.
    pub(super) fn window(&mut self) -> u16 {
        self.run(|host, cx, tp| host.tcp_select_window(cx, tp))
    }

    pub(super) fn pass(&mut self, ms: u64) {
        self.now = self.now + Duration::from_millis(ms);
    }

    /// Frees what the connection holds: then no memory may be in use.
    pub(super) fn end(mut self) {
        self.run(|host, cx, tp| {
            host.tcp_ofo_purge(cx, tp, DropReason::TcpClose);
            while let Some((skb, _)) = tp.sk.dequeue_rcv_skb(cx) {
                skb.consume(cx);
            }
            // ACKs to nowhere.
            for skb in core::mem::take(&mut host.backlog) {
                skb.consume(cx);
            }
        });
        assert_eq!((self.tp.sk.rmem_alloc, self.mem.in_use()), (0, 0));
    }
}

/// What the peer sends at this place of its stream.
pub(super) fn byte_at(seq: u32) -> u8 {
    (seq % 251) as u8
}
