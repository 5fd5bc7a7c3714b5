//! Which options a segment carries.
//!
//! Linux: `tcp_syn_options`, `tcp_established_options` in `net/ipv4/tcp_output.c`. RFC 7323, 2018, 2883.

use super::TcpSock;
use crate::sysctl::Sysctl;
use crate::wire::tcp_options::TcpOptions;

/// `MAX_TCP_OPTION_SPACE`, bytes.
const MAX_OPTION_SPACE: u32 = 40;

impl TcpSock {
    /// `tcp_syn_options`: what a SYN offers.
    pub(super) fn syn_options(&self, sysctl: &Sysctl, synack: bool) -> TcpOptions {
        // A SYN-ACK of a simultaneous open answers only what the peer offered.
        let both = |offered: bool, agreed: bool| offered && (!synack || agreed);
        TcpOptions {
            mss: Some(self.advmss),
            wscale: both(sysctl.tcp_window_scaling != 0, self.rx_opt.wscale_ok).then_some(self.rx_opt.rcv_wscale),
            sack_permitted: both(sysctl.tcp_sack != 0, self.rx_opt.sack_ok),
            timestamps: both(sysctl.tcp_timestamps != 0, self.rx_opt.tstamp_ok)
                .then(|| (self.time_stamp_ts().wrapping_add(self.ts_offset), self.rx_opt.ts_recent)),
            ..TcpOptions::default()
        }
    }

    /// `tcp_established_options`.
    pub(super) fn established_options(&self) -> TcpOptions {
        let mut o = TcpOptions::default();
        if self.rx_opt.tstamp_ok {
            o.timestamps = Some((self.time_stamp_ts().wrapping_add(self.ts_offset), self.rx_opt.ts_recent));
        }
        let blocks = u32::from(self.rx_opt.num_sacks) + u32::from(self.rx_opt.dsack);
        if blocks > 0 {
            let room = MAX_OPTION_SPACE - if self.rx_opt.tstamp_ok { 12 } else { 0 };
            let count = blocks.min((room - 4) / 8).min(4);
            let dsack = self.duplicate_sack.iter().filter(|_| self.rx_opt.dsack);
            let sacks = dsack.chain(&self.selective_acks[..usize::from(self.rx_opt.num_sacks).min(4)]);
            for (to, block) in o.sacks.iter_mut().zip(sacks).take(count as usize) {
                *to = *block;
                o.sack_count += 1;
            }
        }
        o
    }

    /// Bytes of the header with the options that a segment would carry now.
    pub(super) fn header_len_now(&self) -> u32 {
        let blocks = u32::from(self.rx_opt.num_sacks) + u32::from(self.rx_opt.dsack);
        let stamps = if self.rx_opt.tstamp_ok { 12 } else { 0 };
        let sacks = if blocks > 0 { 4 + 8 * blocks.min((MAX_OPTION_SPACE - stamps - 4) / 8) } else { 0 };
        20 + stamps + sacks
    }
}
