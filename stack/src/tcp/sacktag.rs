//! SACK at the sender: what the receiver's blocks say of the segments in flight.
//!
//! Linux: `tcp_sacktag_write_queue`, `tcp_sacktag_one`, `tcp_check_dsack`, `tcp_check_sack_reordering` in
//! `net/ipv4/tcp_input.c`. RFC 2018, RFC 2883, RFC 6675. SACKed segments are not joined (`tcp_shift_skb_data`).

use super::ack::{FLAG_DATA_SACKED, FLAG_DSACK_TLP, FLAG_DSACKING_ACK, FLAG_ORIG_SACK_ACKED};
use super::ipv4::Segment;
use super::queue::SendQueue;
use super::seq::{after, before};
use super::{CaState, LOST, RETRANS, RateSample, SACKED_ACKED, SACKED_RETRANS, TcpSock};
use crate::host::{Cx, Host};
use crate::trace::Function;

/// `struct tcp_sacktag_state`.
#[derive(Clone, Debug)]
pub(super) struct SacktagState {
    /// When the first and the last newly SACKed segment were sent, µs; 0 is none.
    pub(super) first_sackt: u64,
    pub(super) last_sackt: u64,
    /// The lowest sequence number that shows reordering.
    reord: u32,
    pub(super) sack_delivered: u32,
    flag: u32,
    pub(super) rate: RateSample,
}

impl SacktagState {
    pub(super) fn new(tp: &TcpSock) -> SacktagState {
        SacktagState {
            first_sackt: 0,
            last_sackt: 0,
            reord: tp.snd_nxt,
            sack_delivered: 0,
            flag: 0,
            rate: RateSample::default(),
        }
    }
}

impl TcpSock {
    /// `tcp_highest_sack_seq`: where the segment behind the highest SACKed one begins.
    pub(super) fn highest_sack_seq(&self) -> u32 {
        if self.sacked_out == 0 {
            return self.snd_una;
        }
        self.highest_sack.unwrap_or(self.snd_nxt)
    }

    /// `tcp_is_sackblock_valid`.
    fn is_sackblock_valid(&self, is_dsack: bool, (start, end): (u32, u32)) -> bool {
        // Too far in the future, or reversed.
        if after(end, self.snd_nxt) || !before(start, end) || !before(start, self.snd_nxt) {
            return false;
        }
        if after(start, self.snd_una) {
            return true;
        }
        if !is_dsack || self.undo_marker == 0 || after(end, self.snd_una) {
            return false;
        }
        if !before(start, self.undo_marker) {
            return true;
        }
        after(end, self.undo_marker) && !before(start, end.wrapping_sub(self.max_window))
    }

    /// `tcp_dsack_seen`: how many segments came twice; 0 if the block is dubious.
    fn dsack_seen(&mut self, (start, end): (u32, u32), state: &mut SacktagState) -> u32 {
        let len = end.wrapping_sub(start);
        if !before(start, end) || len > self.max_window {
            return 0;
        }
        let mut segments = 1;
        if len > self.mss_cache {
            segments = len.div_ceil(self.mss_cache.max(1));
        } else if self.tlp_high_seq != 0 && self.tlp_high_seq == end {
            state.flag |= FLAG_DSACK_TLP;
        }
        self.dsack_dups = self.dsack_dups.wrapping_add(segments);
        if self.dsack_dups > self.total_retrans {
            return 0;
        }
        self.rx_opt.dsack_seen = true;
        if self.reord_seen > 0 && state.flag & FLAG_DSACK_TLP == 0 {
            self.rack.dsack_seen = true;
        }
        state.flag |= FLAG_DSACKING_ACK;
        state.sack_delivered += segments;
        segments
    }

    /// `tcp_check_dsack`: is the first block a duplicate SACK (RFC 2883)?
    fn check_dsack(&mut self, blocks: &[(u32, u32)], ack: u32, prior_snd_una: u32, state: &mut SacktagState) -> bool {
        let Some(&first) = blocks.first() else { return false };
        if !before(first.0, ack) {
            let inside = blocks.get(1).is_some_and(|second| !after(first.1, second.1) && !before(first.0, second.0));
            if !inside {
                return false;
            }
        }
        let segments = self.dsack_seen(first, state);
        if segments == 0 {
            return false;
        }
        if self.undo_marker != 0
            && self.undo_retrans > 0
            && !after(first.1, prior_snd_una)
            && after(first.1, self.undo_marker)
        {
            self.undo_retrans = (self.undo_retrans - segments as i32).max(0);
        }
        true
    }

    /// `tcp_match_skb_to_sack`: does the block cover the segment at `index`? A longer segment is cut at the block's
    /// edge, at whole MSSes.
    fn match_skb_to_sack(&mut self, cx: &mut Cx<'_>, index: usize, (start, end): (u32, u32)) -> bool {
        let Some(skb) = self.rtx_queue.get(index) else { return false };
        let (seq, end_seq, mss, len) = (skb.cb.seq, skb.cb.end_seq, u32::from(skb.cb.gso_size), skb.len() as u32);
        let mut in_sack = !after(start, seq) && !before(end, end_seq);
        if skb.pcount() > 1 && !in_sack && after(end_seq, start) && mss > 0 {
            in_sack = !after(start, seq);
            let mut pkt_len = if in_sack {
                let covered = end.wrapping_sub(seq);
                if covered < mss {
                    return false;
                }
                covered
            } else {
                start.wrapping_sub(seq).max(mss)
            };
            if pkt_len > mss {
                let mut whole = pkt_len / mss * mss;
                if !in_sack && whole < pkt_len {
                    whole += mss;
                }
                pkt_len = whole;
            }
            if pkt_len >= len && !in_sack {
                return false;
            }
            self.fragment(cx, SendQueue::Rtx, index, pkt_len, mss);
        }
        in_sack
    }

    /// `tcp_sacktag_one`: a block covers the segment at `index`.
    fn sacktag_one(&mut self, index: usize, dup_sack: bool, state: &mut SacktagState) {
        let highest = self.highest_sack_seq();
        let Some(skb) = self.rtx_queue.get(index) else { return };
        let (seq, end_seq, pcount, sent_us) = (skb.cb.seq, skb.cb.end_seq, skb.pcount(), skb.cb.sent_at / 1000);
        let mut sacked = skb.cb.sacked;
        if dup_sack && sacked & RETRANS != 0 {
            if self.undo_marker != 0 && self.undo_retrans > 0 && after(end_seq, self.undo_marker) {
                self.undo_retrans = (self.undo_retrans - pcount as i32).max(0);
            }
            if sacked & SACKED_ACKED != 0 && before(seq, state.reord) {
                state.reord = seq;
            }
        }
        if !after(end_seq, self.snd_una) {
            return;
        }
        if sacked & SACKED_ACKED == 0 {
            self.rack_advance(sacked, end_seq, sent_us);
            if sacked & SACKED_RETRANS != 0 {
                // If it is not marked lost, the retransmission is still believed to be in flight.
                if sacked & LOST != 0 {
                    sacked &= !(LOST | SACKED_RETRANS);
                    self.lost_out -= pcount;
                    self.retrans_out -= pcount;
                }
            } else {
                if sacked & RETRANS == 0 {
                    // Never sent again, and below what was SACKed before: that is reordering.
                    if before(seq, highest) && before(seq, state.reord) {
                        state.reord = seq;
                    }
                    if !after(end_seq, self.high_seq) {
                        state.flag |= FLAG_ORIG_SACK_ACKED;
                    }
                    if state.first_sackt == 0 {
                        state.first_sackt = sent_us;
                    }
                    state.last_sackt = sent_us;
                }
                if sacked & LOST != 0 {
                    sacked &= !LOST;
                    self.lost_out -= pcount;
                }
            }
            sacked |= SACKED_ACKED;
            state.flag |= FLAG_DATA_SACKED;
            self.sacked_out += pcount;
            state.sack_delivered += pcount;
        }
        if dup_sack && sacked & SACKED_RETRANS != 0 {
            sacked &= !SACKED_RETRANS;
            self.retrans_out -= pcount;
        }
        let Some(skb) = self.rtx_queue.get_mut(index) else { return };
        skb.cb.sacked = sacked;
        let mut cb = skb.cb;
        self.rate_skb_delivered(&mut cb, &mut state.rate);
        if let Some(skb) = self.rtx_queue.get_mut(index) {
            skb.cb.tx = cb.tx;
        }
        // `tcp_advance_highest_sack`; before the first SACK there is none.
        if !before(seq, self.highest_sack_seq()) || self.highest_sack == Some(seq) {
            self.highest_sack = self.rtx_queue.get(index + 1).map(|s| s.cb.seq);
        }
    }

    /// Index of the first segment that reaches beyond `seq`.
    fn rtx_index_of(&self, seq: u32) -> usize {
        self.rtx_queue.partition_point(|s| !after(s.cb.end_seq, seq))
    }
}

impl Host {
    /// `tcp_sacktag_write_queue`: notes what the blocks cover; gives flags.
    pub(super) fn tcp_sacktag_write_queue(
        &mut self,
        cx: &mut Cx<'_>,
        tp: &mut TcpSock,
        seg: &Segment,
        prior_snd_una: u32,
        state: &mut SacktagState,
    ) -> u32 {
        cx.call(Function::TcpSacktag, |cx| {
            state.reord = tp.snd_nxt;
            if tp.sacked_out == 0 {
                tp.highest_sack = tp.rtx_queue.front().map(|s| s.cb.seq);
            }
            let blocks = seg.tcp.options.sack_blocks();
            let found_dup_sack = tp.check_dsack(blocks, seg.tcp.ack, prior_snd_una, state);
            // A very old ACK says nothing of now.
            if before(seg.tcp.ack, prior_snd_una.wrapping_sub(tp.max_window)) {
                return 0;
            }
            if tp.packets_out == 0 {
                return state.flag;
            }
            let mut valid = [(0, 0, false); crate::wire::tcp_options::MAX_SACKS];
            let mut count = 0;
            for (i, &block) in blocks.iter().enumerate() {
                let dup = i == 0 && found_dup_sack;
                if tp.is_sackblock_valid(dup, block) && after(block.1, prior_snd_una) {
                    valid[count] = (block.0, block.1, dup);
                    count += 1;
                }
            }
            let valid = &mut valid[..count];
            valid.sort_by(|a, b| (a.0.wrapping_sub(tp.snd_una) as i32).cmp(&(b.0.wrapping_sub(tp.snd_una) as i32)));
            for i in 0..valid.len() {
                let (start, end, dup_sack) = valid[i];
                let next_dup = valid.get(i + 1).filter(|n| n.2).map(|n| (n.0, n.1));
                let mut index = tp.rtx_index_of(start);
                while tp.rtx_queue.get(index).is_some_and(|s| before(s.cb.seq, end)) {
                    let mut dup = dup_sack;
                    let mut in_sack = false;
                    if let Some(next) = next_dup.filter(|n| before(tp.rtx_queue[index].cb.seq, n.1)) {
                        in_sack = tp.match_skb_to_sack(cx, index, next);
                        dup |= in_sack;
                    }
                    in_sack = in_sack || tp.match_skb_to_sack(cx, index, (start, end));
                    if in_sack {
                        tp.sacktag_one(index, dup, state);
                    }
                    index += 1;
                }
            }
            if tp.ca_state != CaState::Loss || tp.undo_marker != 0 {
                self.tcp_check_sack_reordering(tp, state.reord);
            }
            state.flag
        })
    }

    /// `tcp_check_sack_reordering`: how far out of order segments arrive.
    pub(super) fn tcp_check_sack_reordering(&mut self, tp: &mut TcpSock, low_seq: u32) {
        let fack = tp.highest_sack_seq();
        if !before(low_seq, fack) {
            return;
        }
        let (metric, mss) = (fack.wrapping_sub(low_seq), tp.mss_cache);
        if mss > 0 && metric > tp.reordering.saturating_mul(mss) {
            tp.reordering = metric.div_ceil(mss).min(self.sysctl.tcp_max_reordering as u32);
        }
        tp.reord_seen += 1;
    }

    /// `tcp_check_reno_reordering`: without SACK, more duplicate ACKs than segments in flight show it.
    fn tcp_check_reno_reordering(&mut self, tp: &mut TcpSock, addend: u32) {
        if tp.limit_reno_sacked() {
            tp.reordering = (tp.packets_out + addend).min(self.sysctl.tcp_max_reordering as u32);
            tp.reord_seen += 1;
        }
    }

    /// `tcp_add_reno_sack`: each duplicate ACK is a segment that arrived out of order.
    pub(super) fn tcp_add_reno_sack(&mut self, tp: &mut TcpSock, num_dupack: u32, ece_ack: bool) {
        if num_dupack > 0 {
            let prior = tp.sacked_out;
            tp.sacked_out += num_dupack;
            self.tcp_check_reno_reordering(tp, 0);
            tp.count_delivered(tp.sacked_out.saturating_sub(prior), ece_ack);
        }
    }

    /// `tcp_remove_reno_sacks`: one ACK acknowledged the hole, the rest eat duplicate ACKs.
    pub(super) fn tcp_remove_reno_sacks(&mut self, tp: &mut TcpSock, acked: u32, ece_ack: bool) {
        if acked > 0 {
            tp.count_delivered(acked.saturating_sub(tp.sacked_out).max(1), ece_ack);
            tp.sacked_out = tp.sacked_out.saturating_sub(acked - 1);
        }
        self.tcp_check_reno_reordering(tp, acked);
    }
}

impl TcpSock {
    /// `tcp_limit_reno_sacked`: at least one segment must be missing.
    pub(super) fn limit_reno_sacked(&mut self) -> bool {
        let holes = self.lost_out.max(1).min(self.packets_out);
        if self.sacked_out + holes > self.packets_out {
            self.sacked_out = self.packets_out - holes;
            return true;
        }
        false
    }
}
