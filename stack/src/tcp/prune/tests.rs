//! A full receive buffer.

use super::super::testing::{bench, bench_with, byte_at};
use super::*;

#[test]
fn collapsing_keeps_every_byte_and_frees_memory() {
    let mut b = bench_with(Some(60_000), false);
    // Two times 300 bytes fit a buffer that costs 1280.
    for i in 0..30 {
        b.receive(1 + i * 300, 300, 0);
    }
    let before = b.tp.sk.rmem_alloc;
    assert!(before == 15 * 1280);
    b.read(100, 0).unwrap();
    b.run(|host, cx, tp| host.tcp_collapse_receive_queue(cx, tp));
    assert!(b.tp.sk.rmem_alloc < before * 2 / 3, "{} of {before}", b.tp.sk.rmem_alloc);
    assert!(b.host.mib.get(Counter::TcpRcvCollapsed) > 0);
    let left = b.tp.rcv_nxt - b.tp.copied_seq;
    let from = b.tp.copied_seq;
    let data = b.read(100_000, 0).unwrap();
    assert_eq!(data, (from..from + left).map(byte_at).collect::<Vec<u8>>());
    b.end();
}

#[test]
fn collapsing_the_out_of_order_queue_works_on_each_run() {
    let mut b = bench_with(Some(200_000), false);
    for run in [10_000, 20_000] {
        for i in 0..20 {
            b.receive(run + i * 250, 300, 0);
        }
    }
    let before = b.tp.sk.rmem_alloc;
    b.run(|host, cx, tp| host.tcp_collapse_ofo_queue(cx, tp));
    assert!(b.tp.sk.rmem_alloc < before);
    b.receive(1, 9999, 0);
    assert_eq!(b.tp.rcv_nxt, 15_050);
    assert_eq!(b.read(100_000, 0).unwrap(), (1..15_050).map(byte_at).collect::<Vec<u8>>());
    b.receive(15_050, 4950, 0);
    assert_eq!(b.tp.rcv_nxt, 25_050);
    assert_eq!(b.read(100_000, 0).unwrap(), (15_050..25_050).map(byte_at).collect::<Vec<u8>>());
    b.end();
}

#[test]
fn what_is_out_of_order_goes_first_and_its_sacks_with_it() {
    let mut b = bench_with(Some(30_000), false);
    for i in 0..11 {
        b.receive(2001 + i * 1000, 1000, 0);
    }
    assert!(b.tp.rx_opt.num_sacks > 0);
    b.tp.sk.rcvbuf = b.tp.sk.rmem_alloc / 2;
    b.receive(1, 1000, 0);
    assert_eq!(b.tp.rcv_nxt, 1001);
    assert!(b.host.mib.get(Counter::OfoPruned) > 0 && b.host.mib.get(Counter::PruneCalled) > 0);
    assert_eq!(b.tp.rx_opt.num_sacks, 0);
    b.end();
}

#[test]
fn a_packet_that_is_too_big_is_taken_only_by_an_empty_queue() {
    let mut b = bench_with(Some(20_000), false);
    b.receive(1, 4000, 0);
    b.tp.rcv_wnd = 60_000;
    b.receive(4001, 40_000, 0);
    assert_eq!((b.tp.rcv_nxt, b.host.mib.get(Counter::TcpRcvQDrop)), (4001, 1));
    assert_eq!(b.tp.rcv_wnd, 0);
    b.read(4000, 0).unwrap();
    b.tp.rcv_wnd = 60_000;
    b.receive(4001, 40_000, 0);
    assert_eq!(b.tp.rcv_nxt, 44_001);
    b.end();
}

#[test]
fn a_connection_without_data_is_not_pruned() {
    let mut b = bench();
    b.tp.sk.rcvbuf = 0;
    b.receive(1, 1000, 0);
    assert_eq!((b.tp.rcv_nxt, b.host.mib.get(Counter::PruneCalled)), (1001, 0));
    b.end();
}
