//! The SACK blocks we send: what lies out of order, and what came twice (DSACK).
//!
//! Linux: `tcp_dsack_set`, `tcp_dsack_extend`, `tcp_sack_new_ofo_skb`, `tcp_sack_maybe_coalesce`,
//! `tcp_sack_remove`, `tcp_sack_compress_send_ack` in `net/ipv4/tcp_input.c`. RFC 2018 §4, RFC 2883.

use super::seq::{after, before};
use super::{ACK_SCHED, MAX_QUICKACKS, SackBlock, TcpSock};
use crate::host::{Cx, Host};
use crate::mib::Counter;
use crate::skb::SkBuff;

/// `TCP_NUM_SACKS`: how many blocks are kept.
const NUM_SACKS: usize = 4;
/// `TCP_SACK_BLOCKS_EXPECTED`: blocks that surely fit a header; beyond them an ACK is not held back.
const SACK_BLOCKS_EXPECTED: usize = 2;

/// `tcp_sack_extend`: joins `[seq, end_seq)` to the block if they touch.
fn sack_extend(block: &mut SackBlock, seq: u32, end_seq: u32) -> bool {
    if after(seq, block.1) || after(block.0, end_seq) {
        return false;
    }
    if before(seq, block.0) {
        block.0 = seq;
    }
    if after(end_seq, block.1) {
        block.1 = end_seq;
    }
    true
}

impl TcpSock {
    /// `tcp_sack_reset`.
    pub(super) fn sack_reset(&mut self) {
        self.rx_opt.dsack = false;
        self.rx_opt.num_sacks = 0;
    }

    /// `tcp_sack_maybe_coalesce`: the first block has grown; does it meet others?
    fn sack_maybe_coalesce(&mut self) {
        let mut at = 1;
        while at < usize::from(self.rx_opt.num_sacks) {
            let (seq, end_seq) = self.selective_acks[at];
            if sack_extend(&mut self.selective_acks[0], seq, end_seq) {
                self.rx_opt.num_sacks -= 1;
                self.selective_acks.copy_within(at + 1.., at);
            } else {
                at += 1;
            }
        }
    }

    /// `tcp_sack_remove`: blocks that `rcv_nxt` has passed go.
    pub(super) fn sack_remove(&mut self) {
        if self.ofo_queue.is_empty() {
            self.rx_opt.num_sacks = 0;
            return;
        }
        let mut at = 0;
        while at < usize::from(self.rx_opt.num_sacks) {
            if before(self.rcv_nxt, self.selective_acks[at].0) {
                at += 1;
            } else {
                self.selective_acks.copy_within(at + 1.., at);
                self.rx_opt.num_sacks -= 1;
            }
        }
    }
}

impl Host {
    /// `tcp_dsack_set`: the next ACK says that these bytes came twice.
    pub(super) fn tcp_dsack_set(&mut self, tp: &mut TcpSock, seq: u32, end_seq: u32) {
        if tp.rx_opt.sack_ok && self.sysctl.tcp_dsack != 0 {
            let old = before(seq, tp.rcv_nxt);
            self.mib.inc(if old { Counter::TcpDsackOldSent } else { Counter::TcpDsackOfoSent });
            tp.rx_opt.dsack = true;
            tp.duplicate_sack[0] = (seq, end_seq);
        }
    }

    /// `tcp_dsack_extend`.
    pub(super) fn tcp_dsack_extend(&mut self, tp: &mut TcpSock, seq: u32, end_seq: u32) {
        if tp.rx_opt.dsack {
            sack_extend(&mut tp.duplicate_sack[0], seq, end_seq);
        } else {
            self.tcp_dsack_set(tp, seq, end_seq);
        }
    }

    /// `tcp_send_dupack`: answers a segment that is not acceptable; old data means that an ACK of ours was lost.
    pub(super) fn tcp_send_dupack(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, skb: &SkBuff) {
        let (seq, end_seq) = (skb.cb.seq, skb.cb.end_seq);
        if end_seq != seq && before(seq, tp.rcv_nxt) {
            self.mib.inc(Counter::DelayedAckLost);
            tp.enter_quickack_mode(MAX_QUICKACKS);
            let end = if after(end_seq, tp.rcv_nxt) { tp.rcv_nxt } else { end_seq };
            self.tcp_dsack_set(tp, seq, end);
        }
        self.tcp_send_ack(cx, tp);
    }

    /// `tcp_sack_new_ofo_skb`: the block with the newest data goes to the front (RFC 2018 §4).
    pub(super) fn tcp_sack_new_ofo_skb(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock, seq: u32, end_seq: u32) {
        let count = usize::from(tp.rx_opt.num_sacks);
        for at in 0..count {
            if !sack_extend(&mut tp.selective_acks[at], seq, end_seq) {
                continue;
            }
            if at >= SACK_BLOCKS_EXPECTED {
                self.tcp_sack_compress_send_ack(cx, tp);
            }
            tp.selective_acks[..=at].rotate_right(1);
            if count > 1 {
                tp.sack_maybe_coalesce();
            }
            return;
        }
        if count >= SACK_BLOCKS_EXPECTED {
            self.tcp_sack_compress_send_ack(cx, tp);
        }
        // If the array is full, the last block is forgotten.
        let last = count.min(NUM_SACKS - 1);
        tp.selective_acks[..=last].rotate_right(1);
        tp.selective_acks[0] = (seq, end_seq);
        tp.rx_opt.num_sacks = last as u8 + 1;
    }

    /// `tcp_sack_compress_send_ack`: an ACK that was held back must go before its blocks are lost.
    pub(super) fn tcp_sack_compress_send_ack(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        if tp.compressed_ack == 0 {
            return;
        }
        self.tcp_cancel_compressed_ack_timer(cx, tp);
        self.mib.add(Counter::TcpAckCompressed, u64::from(tp.compressed_ack) - 1);
        tp.compressed_ack = 0;
        self.tcp_send_ack(cx, tp);
    }

    /// `tcp_enter_quickack_mode` and `inet_csk_schedule_ack`: what came cannot be used, and the peer shall know.
    pub(super) fn tcp_ack_out_of_window(&mut self, tp: &mut TcpSock) {
        tp.enter_quickack_mode(MAX_QUICKACKS);
        tp.ack.pending |= ACK_SCHED;
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Bench, bench};
    use super::*;

    fn blocks(tp: &TcpSock) -> &[SackBlock] {
        &tp.selective_acks[..usize::from(tp.rx_opt.num_sacks)]
    }

    fn sacked(list: &[SackBlock]) -> Bench {
        let mut b = bench();
        for (seq, end) in list {
            b.run(|host, cx, tp| host.tcp_sack_new_ofo_skb(cx, tp, *seq, *end));
        }
        b
    }

    #[test]
    fn the_block_that_changed_last_comes_first() {
        let b = sacked(&[(2001, 3001), (4001, 5001), (6001, 7001)]);
        assert_eq!(blocks(&b.tp), [(6001, 7001), (4001, 5001), (2001, 3001)]);
        let b = sacked(&[(2001, 3001), (4001, 5001), (6001, 7001), (3001, 3501)]);
        assert_eq!(blocks(&b.tp), [(2001, 3501), (6001, 7001), (4001, 5001)]);
    }

    #[test]
    fn a_filled_gap_joins_two_blocks() {
        let b = sacked(&[(2001, 3001), (4001, 5001), (6001, 7001), (3001, 4001)]);
        assert_eq!(blocks(&b.tp), [(2001, 5001), (6001, 7001)]);
    }

    #[test]
    fn a_fifth_block_pushes_the_oldest_out() {
        let b = sacked(&[(1, 2), (11, 12), (21, 22), (31, 32), (41, 42)]);
        assert_eq!(blocks(&b.tp), [(41, 42), (31, 32), (21, 22), (11, 12)]);
    }

    #[test]
    fn blocks_join_across_the_wrap() {
        let b = sacked(&[(u32::MAX - 9, 0), (10, 20), (0, 10)]);
        assert_eq!(blocks(&b.tp), [(u32::MAX - 9, 20)]);
    }

    #[test]
    fn a_second_copy_is_reported_once_and_may_grow() {
        let mut b = bench();
        b.run(|host, _, tp| {
            host.tcp_dsack_set(tp, 100, 200);
            host.tcp_dsack_extend(tp, 200, 300);
            // What does not touch it is not told.
            host.tcp_dsack_extend(tp, 500, 600);
        });
        assert!(b.tp.rx_opt.dsack);
        assert_eq!(b.tp.duplicate_sack, [(100, 300)]);
    }

    #[test]
    fn no_dsack_without_sack_or_against_the_kernel_variable() {
        let mut b = bench();
        b.host.sysctl.tcp_dsack = 0;
        b.run(|host, _, tp| host.tcp_dsack_set(tp, 100, 200));
        assert!(!b.tp.rx_opt.dsack);
        b.host.sysctl.tcp_dsack = 1;
        b.tp.rx_opt.sack_ok = false;
        b.run(|host, _, tp| host.tcp_dsack_set(tp, 100, 200));
        assert!(!b.tp.rx_opt.dsack);
    }
}
