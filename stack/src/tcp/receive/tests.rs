//! What is taken, and what a reader gets.

use super::super::testing::{Bench, bench, byte_at};
use super::super::urg::URG_VALID;
use super::*;
use crate::syscall::{Errno, MSG_OOB, MSG_PEEK, MSG_TRUNC};
use crate::wire::tcp::{PSH, URG};

fn bytes(from: u32, to: u32) -> Vec<u8> {
    (from..to).map(byte_at).collect()
}

#[test]
fn acceptable_is_what_touches_the_furthest_window_ever_offered() {
    let mut b = bench();
    let end = b.tp.rcv_mwnd_seq;
    let tp = &mut b.tp;
    assert_eq!(tp.tcp_sequence(1, end, false), None);
    assert_eq!(tp.tcp_sequence(0, 0, false), Some(DropReason::TcpOldSequence));
    assert_eq!(tp.tcp_sequence(end + 1, end + 2, false), Some(DropReason::TcpInvalidSequence));
    // Beyond the end, but the reader waits: it is taken.
    assert_eq!(tp.tcp_sequence(1, end + 5, false), None);
    let wnd = core::mem::take(&mut tp.rcv_wnd);
    assert_eq!(tp.tcp_sequence(end, end, false), None);
    tp.rcv_wnd = wnd;
    b.receive(1, 1000, 0);
    let tp = &b.tp;
    let end = tp.rcv_mwnd_seq;
    assert_eq!(tp.tcp_sequence(1001, end + 5, false), Some(DropReason::TcpInvalidEndSequence));
    // A FIN just beyond is looked at later.
    assert_eq!(tp.tcp_sequence(1001, end + 1, true), None);
    assert_eq!(tp.tcp_sequence(1001, end + 2, true), Some(DropReason::TcpInvalidEndSequence));
    b.end();
}

#[test]
fn a_closed_window_takes_nothing_but_a_bare_fin() {
    let mut b = bench();
    b.receive(1, 1000, 0);
    b.tp.rcv_wnd = 0;
    b.tp.rcv_wup = 1001;
    let (seg, skb) = b.segment(1001, 1, 0);
    b.run(|host, cx, tp| host.tcp_data_queue(cx, tp, &seg, skb));
    assert_eq!((b.tp.rcv_nxt, b.host.mib.get(Counter::TcpZeroWindowDrop)), (1001, 1));
    assert!(b.tp.ack_scheduled() && b.tp.ack.quick > 0);
    b.receive(1001, 0, FIN);
    assert_eq!((b.tp.rcv_nxt, b.tp.sk.state), (1002, TcpState::CloseWait));
    b.end();
}

#[test]
fn old_data_is_answered_at_once_and_reported() {
    let mut b = bench();
    b.receive(1, 1000, 0);
    let (seg, skb) = b.segment(1, 1000, 0);
    b.run(|host, cx, tp| host.tcp_data_queue(cx, tp, &seg, skb));
    assert_eq!((b.tp.rx_opt.dsack, b.tp.duplicate_sack[0]), (true, (1, 1001)));
    assert!(b.tp.ack_scheduled());
    assert_eq!(b.tp.ack.pingpong, 0);
    b.end();
}

#[test]
fn what_is_partly_new_gives_its_new_part() {
    let mut b = bench();
    b.receive(1, 1000, 0);
    let (seg, skb) = b.segment(501, 1000, 0);
    b.run(|host, cx, tp| host.tcp_data_queue(cx, tp, &seg, skb));
    assert_eq!((b.tp.rcv_nxt, b.tp.duplicate_sack[0]), (1501, (501, 1001)));
    assert_eq!(b.read(9000, 0).unwrap(), bytes(1, 1501));
    b.end();
}

#[test]
fn peeking_leaves_everything_and_truncating_copies_nothing() {
    let mut b = bench();
    for i in 0..3 {
        b.receive(1 + i * 1000, 1000, 0);
    }
    let rmem = b.tp.sk.rmem_alloc;
    assert_eq!(b.read(2500, MSG_PEEK).unwrap(), bytes(1, 2501));
    assert_eq!((b.tp.copied_seq, b.tp.sk.rmem_alloc), (1, rmem));
    let ret = b.run(|host, cx, tp| {
        let mut progress = crate::syscall::Progress::default();
        host.tcp_recvmsg(cx, crate::trace::TaskId(1), tp, 1500, MSG_TRUNC, &mut progress)
    });
    assert_eq!(ret.map(|r| (r.value, r.data)), Ok((Ok(1500), Vec::new())));
    assert_eq!(b.read(9000, 0).unwrap(), bytes(1501, 3001));
    assert_eq!(b.read(9000, 0), Err(Errno::EAGAIN));
    b.end();
}

#[test]
fn errors_come_in_linux_order() {
    let mut b = bench();
    b.receive(1, 10, 0);
    b.tp.sk.err = Some(Errno::ECONNRESET);
    b.tp.sk.state = TcpState::Close;
    // What is there is read first, then the error is told once, then the stream is at its end.
    assert_eq!(b.read(100, 0).unwrap().len(), 10);
    assert_eq!(b.read(100, 0), Err(Errno::ECONNRESET));
    b.tp.sk.shutdown |= RCV_SHUTDOWN;
    assert_eq!(b.read(100, 0), Ok(Vec::new()));
    b.tp.sk.shutdown = 0;
    assert_eq!(b.read(100, 0), Err(Errno::ENOTCONN));
    b.tp.sk.state = TcpState::Listen;
    assert_eq!(b.read(100, 0), Err(Errno::ENOTCONN));
    b.end();
}

/// A segment whose urgent pointer is to its last byte.
fn urgent(b: &mut Bench, seq: u32, len: u32) {
    let (mut seg, skb) = b.segment(seq, len, URG | PSH);
    seg.tcp.urgent = len as u16;
    b.run(|host, cx, tp| {
        host.tcp_urg(cx, tp, &seg, &skb);
        host.tcp_data_queue(cx, tp, &seg, skb);
    });
}

#[test]
fn the_urgent_byte_is_read_apart() {
    let mut b = bench();
    urgent(&mut b, 1, 10);
    b.receive(11, 10, 0);
    assert_eq!(b.tp.urg_data, URG_VALID | u16::from(byte_at(10)));
    // A read stops before the mark; the byte is skipped after it.
    assert_eq!(b.read(100, 0).unwrap(), bytes(1, 10));
    assert_eq!(b.tp.ioctl(crate::syscall::SIOCATMARK), Ok(1));
    assert_eq!(b.read(100, MSG_OOB).unwrap(), [byte_at(10)]);
    assert_eq!(b.read(100, MSG_OOB), Err(Errno::EINVAL));
    assert_eq!(b.read(100, 0).unwrap(), bytes(11, 21));
    assert_eq!(b.tp.urg_data, 0);
    b.end();
}

#[test]
fn inline_the_urgent_byte_is_part_of_the_stream() {
    let mut b = bench();
    b.tp.sk.oobinline = true;
    urgent(&mut b, 1, 10);
    assert_eq!(b.read(100, MSG_OOB), Err(Errno::EINVAL));
    assert_eq!(b.read(100, 0).unwrap(), bytes(1, 10));
    assert_eq!(b.read(100, 0).unwrap(), bytes(10, 11));
    b.end();
}

#[test]
fn an_announced_urgent_byte_is_not_there_yet() {
    let mut b = bench();
    let (mut seg, skb) = b.segment(1, 10, URG);
    seg.tcp.urgent = 15;
    b.run(|host, cx, tp| {
        host.tcp_urg(cx, tp, &seg, &skb);
        host.tcp_data_queue(cx, tp, &seg, skb);
    });
    assert_eq!(b.read(1, MSG_OOB), Err(Errno::EAGAIN));
    assert_eq!(b.read(100, 0).unwrap(), bytes(1, 11));
    b.end();
}
