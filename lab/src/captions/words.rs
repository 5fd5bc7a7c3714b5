//! Events in the kernel's own words: one line each, with its function and variable names.

use super::sentence::duration;
use crate::scene::timer_name;
use stack::skb::DropReason;
use stack::syscall::Errno;
use stack::trace::{CopyKind, Event, FrameOp, HeaderOffset, Proto, QueueKind, QueueOp, SkbOp, TcpState, TimerOp, What};
use stack::wire::ethernet::MacAddr;
use std::net::Ipv4Addr;

/// The line for an event. `bytes` are what is printed, or the neighbour's hardware address; `data_len` is what the skb
/// has in page fragments.
pub fn kernel_words(event: &Event, bytes: &[u8], data_len: u32) -> String {
    let f = event.function;
    match event.what {
        What::Enter => format!("→ {}", f.name()),
        What::Exit => format!("← {}", f.name()),
        What::SyscallEnter { nr, .. } => format!("syscall {} ({})", nr.name(), nr.number()),
        What::SyscallExit { nr, ret, .. } => match ret.checked_neg().and_then(Errno::from_number) {
            Some(e) => format!("{} = {ret} {}", nr.name(), e.name()),
            None => format!("{} = {ret}", nr.name()),
        },
        What::Sleep { task, .. } => format!("schedule()  task {} sleeps in {}", task.0, f.name()),
        What::Wake { task, .. } => format!("wake_up()  task {}", task.0),
        What::Line { line, .. } => format!("line {line}"),
        What::Print { stderr, .. } => {
            let text = String::from_utf8_lossy(bytes);
            let line: String = text.trim_end().chars().take(60).collect();
            format!("write({}, {line:?})", if stderr { 2 } else { 1 })
        }
        What::TaskExit { status, .. } => format!("exit_group({status})"),
        What::SockCreate { sock, kind, protocol, .. } => {
            let kind = match kind {
                1 => "SOCK_STREAM",
                2 => "SOCK_DGRAM",
                _ => "SOCK_RAW",
            };
            format!("sk_alloc  sock {}  {kind}  {}", sock.0, protocol_name(protocol))
        }
        What::SockName { peer, port, addr, .. } => {
            let name = if peer { "inet_daddr" } else { "inet_saddr" };
            format!("{name} {}:{port}", Ipv4Addr::from(addr))
        }
        What::SockState { old, new, .. } => format!("sk_state {} → {}", state_name(old), state_name(new)),
        What::SockDestroy { sock } => format!("sk_free  sock {}", sock.0),
        What::SockFd { sock, fd, .. } => format!("fd {fd} = sock {}", sock.0),
        What::Set { field, old, new, .. } => format!("{} {old} → {new}", field.name()),
        What::Timer { kind, op, after_us, .. } => {
            let name = timer_name(kind);
            match op {
                TimerOp::Set => format!("mod_timer  {name}  in {}", duration(after_us)),
                TimerOp::Fire => format!("timer expired  {name}"),
                TimerOp::Cancel => format!("del_timer  {name}"),
            }
        }
        What::Route { dst, gateway, ifindex } => {
            let via = if gateway == 0 { String::new() } else { format!("  via {}", Ipv4Addr::from(gateway)) };
            format!("fib_lookup {}{via}  ifindex {ifindex}", Ipv4Addr::from(dst))
        }
        What::Neigh { state, addr, .. } => {
            let mac = bytes.first_chunk().map_or_else(String::new, |m| format!("  lladdr {}", MacAddr(*m)));
            format!("neigh {}{mac}  {}", Ipv4Addr::from(addr), state.name())
        }
        What::Frame { op, port, frame, len, .. } => {
            let op = match op {
                FrameOp::Transmit => "sent by",
                FrameOp::Forward => "forwarded to",
                FrameOp::Arrive => "arrived at",
                FrameOp::Lost => "lost after",
                FrameOp::Duplicated => "duplicated after",
                FrameOp::Reordered => "held back after",
                FrameOp::Corrupted => "corrupted after",
            };
            format!("frame {} {op} port {port}  {len} bytes", frame.0)
        }
        What::FrameBytes { frame, .. } => format!("frame {} on the wire", frame.0),
        What::FrameDrop { frame, reason } => format!("frame {} discarded  reason {}", frame.0, reason.name()),
        _ => skb_words(&event.what, event, data_len),
    }
}

fn skb_words(what: &What, event: &Event, data_len: u32) -> String {
    let len = |data: u32, tail: u32| tail.saturating_sub(data).saturating_add(data_len);
    match *what {
        What::SkbAlloc { skb, end, truesize } => {
            format!("alloc_skb({end})  skb #{}  truesize {truesize}", skb.0)
        }
        What::SkbMove { op: op @ SkbOp::Trim, data, tail, .. } => {
            let len = len(data, tail);
            format!("{}({len})  len {len}", op.name())
        }
        What::SkbMove { op, delta, data, tail, .. } => {
            format!("{}({delta})  len {}", op.name(), len(data, tail))
        }
        What::SkbFrag { skb, page, off, len } => {
            format!("skb_fill_page_desc(#{})  page {page}  offset {off}  {len} bytes", skb.0)
        }
        What::SkbShift { to, from, len, .. } => format!("skb_shift(#{}, #{}, {len})", to.0, from.0),
        What::SkbSplit { skb, into, len, .. } => format!("skb_split(#{}, #{}, {len})", skb.0, into.0),
        What::SkbTrimHead { skb, len, .. } => format!("__pskb_trim_head(#{}, {len})", skb.0),
        What::SkbFrags { skb, data_len, truesize } => {
            format!("skb #{}  data_len {data_len}  truesize {truesize}", skb.0)
        }
        What::SkbGso { skb, size, segs } => format!("skb #{}  gso_size {size}  gso_segs {segs}", skb.0),
        What::SkbClone { skb, of } => format!("skb_clone(#{})  skb #{}", of.0, skb.0),
        What::SkbFree { skb, reason: DropReason::Consumed } => format!("consume_skb(#{})", skb.0),
        What::SkbFree { skb, reason } => format!("kfree_skb(#{})  reason {}", skb.0, reason.name()),
        What::SkbHeaderOffset { which, offset, .. } => {
            let which = match which {
                HeaderOffset::Mac => "mac_header",
                HeaderOffset::Network => "network_header",
                HeaderOffset::Transport => "transport_header",
            };
            format!("skb->{which} = {offset}")
        }
        What::Header { proto: Proto::Fcs, .. } => "the card appends the FCS".into(),
        What::Header { proto, at, skb, .. } => format!("write {} at {at}  skb #{}", struct_name(proto), skb.0),
        What::HeaderRead { proto, at, skb, len } => {
            format!("read {} at {at}  {len} bytes  skb #{}", struct_name(proto), skb.0)
        }
        What::Copy { kind, at, len, .. } => {
            let name = match kind {
                CopyKind::FromUser => "copy_from_iter",
                CopyKind::ToUser => "copy_to_iter",
                CopyKind::DmaOut => "DMA read",
                CopyKind::DmaIn => "DMA write",
                CopyKind::Kernel => "skb_copy_bits",
            };
            format!("{name}  {len} bytes at {at}")
        }
        What::Stream { skb, seq, len } => {
            format!("TCP_SKB_CB(#{})  seq {seq}  end_seq {}", skb.0, seq.wrapping_add(len))
        }
        What::Owner { skb, sock, receive } => {
            format!("skb_set_owner_{}(#{})  sock {}", if receive { 'r' } else { 'w' }, skb.0, sock.0)
        }
        What::Queue { kind, op, depth, skb, .. } => {
            let name = match kind {
                QueueKind::Write => "sk_write_queue",
                QueueKind::Retransmit => "tcp_rtx_queue",
                QueueKind::Receive => "sk_receive_queue",
                QueueKind::OutOfOrder => "out_of_order_queue",
                QueueKind::Neigh => "arp_queue",
                QueueKind::Qdisc => "qdisc",
                QueueKind::TxRing => "tx_ring",
                QueueKind::RxRing => "rx_ring",
            };
            let sign = if op == QueueOp::Enqueue { "+=" } else { "-=" };
            let plural = if depth == 1 { "" } else { "s" };
            format!("{name} {sign} skb #{}  ({depth} packet{plural})", skb.0)
        }
        _ => event.function.name().into(),
    }
}

fn struct_name(proto: Proto) -> &'static str {
    match proto {
        Proto::Ethernet => "ethhdr",
        Proto::Arp => "arphdr",
        Proto::Ipv4 => "iphdr",
        Proto::Icmp => "icmphdr",
        Proto::Udp => "udphdr",
        Proto::Tcp => "tcphdr",
        Proto::Payload => "payload",
        Proto::Fcs => "FCS",
    }
}

fn protocol_name(protocol: u8) -> String {
    match protocol {
        1 => "IPPROTO_ICMP".into(),
        6 => "IPPROTO_TCP".into(),
        17 => "IPPROTO_UDP".into(),
        n => format!("protocol {n}"),
    }
}

/// The kernel's constant for a state.
fn state_name(state: TcpState) -> &'static str {
    match state {
        TcpState::Established => "TCP_ESTABLISHED",
        TcpState::SynSent => "TCP_SYN_SENT",
        TcpState::SynRecv => "TCP_SYN_RECV",
        TcpState::FinWait1 => "TCP_FIN_WAIT1",
        TcpState::FinWait2 => "TCP_FIN_WAIT2",
        TcpState::TimeWait => "TCP_TIME_WAIT",
        TcpState::Close => "TCP_CLOSE",
        TcpState::CloseWait => "TCP_CLOSE_WAIT",
        TcpState::LastAck => "TCP_LAST_ACK",
        TcpState::Listen => "TCP_LISTEN",
        TcpState::Closing => "TCP_CLOSING",
    }
}
