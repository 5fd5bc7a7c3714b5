//! Windows that Linux is known to offer.

use super::super::testing::{Bench, bench, bench_with};
use super::*;

#[test]
fn the_first_window_is_whole_segments_and_the_scale_fits_the_largest_buffer() {
    let mut sysctl = Sysctl::default();
    // tcp_rmem 4096 131072 33554432
    assert_eq!(select_initial_window(&sysctl, 65_536, 1460, 0, true, 0), (64_240, 65_535 << 10, 10));
    assert_eq!(select_initial_window(&sysctl, 65_536, 1460, 0, false, 0), (64_240, 65_535, 0));
    sysctl.tcp_rmem[2] = 6_291_456;
    assert_eq!(select_initial_window(&sysctl, 65_536, 1460, 0, true, 0).2, 7);
    sysctl.tcp_rmem = [4096, 540_000, 15_728_640];
    assert_eq!(select_initial_window(&sysctl, 270_000, 1460, 0, true, 0).2, 8);
    // SO_RCVBUF 10000: the clamp forbids a scale. initrwnd counts segments.
    assert_eq!(select_initial_window(&sysctl, 10_000, 1460, 10_000, true, 0), (8760, 10_000, 0));
    assert_eq!(select_initial_window(&sysctl, 270_000, 1000, 0, true, 10).0, 10_000);
    assert_eq!(select_initial_window(&sysctl, -5, 1460, 0, true, 0).0, 0);
    sysctl.tcp_workaround_signed_windows = 1;
    assert_eq!(select_initial_window(&sysctl, 65_536, 1460, 0, false, 0).0, 32_767);
}

/// `tcp_rcv_big_endseq.pkt`, as far as the window goes.
#[test]
fn a_small_buffer_offers_what_is_left_in_whole_segments() {
    let mut b = bench_with(Some(20_000), false);
    assert_eq!((b.tp.rcv_wnd, b.tp.window_clamp), (8760, 8540));
    b.receive(1, 4000, crate::wire::tcp::PSH);
    assert_eq!((b.tp.rcv_wnd, b.tp.rcv_wup, b.tp.ack.rcv_mss), (5000, 4001, 1000));
    b.read(4000, 0).unwrap();
    b.receive(4001, 50_000, crate::wire::tcp::PSH);
    assert_eq!((b.tp.rcv_nxt, b.tp.rcv_wnd), (54_001, 0));
    b.end();
}

/// `tcp_ooo_rcv_mss.pkt`: window 81 with a scale of 10.
#[test]
fn early_segments_open_the_window_too_with_sack() {
    let mut b = bench_with(None, true);
    b.receive(2001, 9000, 0);
    assert_eq!((b.tp.ack.rcv_mss, b.tp.rcv_wnd >> 10), (1000, 81));
    b.receive(11_001, 10_000, 0);
    assert_eq!(b.tp.rcv_wnd >> 10, 81);
    assert_eq!(b.tp.selective_acks[0], (2001, 21_001));
    b.end();
}

#[test]
fn a_buffer_that_is_half_full_ends_quick_acks_and_waits_for_the_reader() {
    // SO_RCVBUF 20000, all of it filled by one packet.
    let mut b = bench_with(Some(40_000), false);
    assert_eq!(b.tp.rcv_wnd, 18_980);
    b.receive(1, 20_000, crate::wire::tcp::PSH);
    // The window would move, but not by enough: the ACK is delayed.
    assert_eq!((b.tp.rcv_wup, b.tp.ack.quick), (1, 0));
    assert!(b.tp.ack.timer.is_some());
    assert_eq!(b.window(), 18_000);
    b.end();
}

fn filled(wscale: bool, shrink: bool) -> Bench {
    let mut b = bench_with(None, wscale);
    b.host.sysctl.tcp_shrink_window = i64::from(shrink);
    b.window();
    b.tp.sk.rmem_alloc = b.tp.sk.rcvbuf;
    b
}

#[test]
fn the_right_edge_stays_unless_the_kernel_variable_lets_it_move() {
    let mut b = filled(true, false);
    let (edge, window) = (b.tp.rcv_wup.wrapping_add(b.tp.rcv_wnd), b.tp.rcv_wnd);
    assert_eq!(u32::from(b.window()), window >> 10);
    assert_eq!(b.tp.rcv_wup.wrapping_add(b.tp.rcv_wnd), edge);
    assert_eq!(b.host.mib.get(Counter::TcpWantZeroWindowAdv), 1);
    let mut b = filled(true, true);
    assert_eq!(b.window(), 0);
    // What was offered once is still acceptable.
    assert_eq!(b.tp.rcv_mwnd_seq, edge);
    assert_eq!((b.tp.receive_window(), b.tp.max_receive_window()), (0, window));
    assert_eq!(b.host.mib.get(Counter::TcpToZeroWindowAdv), 1);
    // Without a scale it never shrinks.
    assert!(filled(false, true).window() > 0);
}

#[test]
fn without_memory_the_window_is_zero_at_once() {
    let mut b = bench();
    let edge = b.tp.rcv_mwnd_seq;
    b.tp.ack.pending |= ACK_NOMEM;
    assert_eq!((b.window(), b.tp.rcv_wnd, b.tp.rcv_mwnd_seq), (0, 0, edge));
    b.tp.ack.pending = 0;
    assert!(b.window() > 0);
    assert_eq!(b.host.mib.get(Counter::TcpFromZeroWindowAdv), 1);
}

#[test]
fn negative_space_is_no_window() {
    let mut b = bench();
    b.tp.sk.rmem_alloc = b.tp.sk.rcvbuf + 5000;
    assert!(b.tp.space() < 0);
    assert_eq!(b.run(|host, _, tp| host.tcp_select_window_bytes(tp)), 0);
    // More than was offered came: nothing may follow.
    b.tp.rcv_nxt = b.tp.rcv_nxt.wrapping_add(b.tp.rcv_wnd + 7);
    assert_eq!((b.tp.receive_window(), b.tp.max_receive_window()), (0, 0));
}

#[test]
fn windows_hold_across_the_wrap() {
    let mut b = bench();
    b.start_at(u32::MAX - 100);
    let wnd = b.tp.rcv_wnd;
    assert_eq!(b.tp.receive_window(), wnd);
    b.receive(u32::MAX - 100, 1000, 0);
    assert_eq!(b.tp.rcv_nxt, 899);
    assert!(b.tp.receive_window() > 0 && b.tp.max_receive_window() >= b.tp.receive_window());
    b.end();
}
