//! `TCP_INFO`: the state of a connection for its program.
//!
//! Linux: `tcp_get_info`, `tcp_get_info_chrono_stats`, `tcp_compute_delivery_rate` in `net/ipv4/tcp.c`.

use super::ecn::{ECN_OK, ECN_SEEN};
use super::{DELACK_MAX_MS, TcpSock, kernel_clock};
use crate::host::{Cx, Host};
use crate::syscall::{TCPI_OPT_ECN, TCPI_OPT_ECN_SEEN, TCPI_OPT_SACK, TCPI_OPT_TIMESTAMPS, TCPI_OPT_WSCALE, TcpInfo};
use crate::time::Instant;
use crate::trace::{Function, TcpState};

impl Host {
    /// `tcp_get_info`.
    pub(crate) fn tcp_get_info(&self, cx: &mut Cx<'_>, tp: &TcpSock) -> TcpInfo {
        cx.call(Function::TcpGetInfo, |cx| tp.info(cx.now))
    }
}

impl TcpSock {
    /// What `TCP_INFO` says of it now.
    pub(crate) fn info(&self, now: Instant) -> TcpInfo {
        let mut info = TcpInfo {
            tcpi_state: self.state as u8,
            tcpi_pacing_rate: self.pacing_rate,
            tcpi_max_pacing_rate: self.max_pacing_rate,
            tcpi_reordering: self.reordering,
            tcpi_snd_cwnd: self.snd_cwnd,
            ..TcpInfo::default()
        };
        match self.listen.as_ref().filter(|_| self.state == TcpState::Listen) {
            Some(listen) => {
                info.tcpi_unacked = listen.accept_queue.len() as u32;
                info.tcpi_sacked = listen.backlog;
            }
            None => self.fill_info(now, &mut info),
        }
        info
    }

    /// The part of `tcp_get_info` that a listener has not.
    fn fill_info(&self, now: Instant, info: &mut TcpInfo) {
        let ms_since = |at: Instant| now.since(at).as_millis() as u32;
        info.tcpi_ca_state = self.ca_state as u8;
        info.tcpi_retransmits = self.retransmits;
        info.tcpi_probes = self.probes_out;
        info.tcpi_backoff = self.backoff;
        info.tcpi_options = self.info_options();
        if self.rx_opt.wscale_ok {
            info.tcpi_snd_wscale = self.rx_opt.snd_wscale;
            info.tcpi_rcv_wscale = self.rx_opt.rcv_wscale;
        }
        info.tcpi_rto = self.rto_us;
        info.tcpi_ato = (self.ack.ato * 1000).min(self.delack_max_us.unwrap_or(DELACK_MAX_MS * 1000));
        info.tcpi_snd_mss = self.mss_cache;
        info.tcpi_rcv_mss = self.ack.rcv_mss;
        info.tcpi_unacked = self.packets_out;
        info.tcpi_sacked = self.sacked_out;
        info.tcpi_lost = self.lost_out;
        info.tcpi_retrans = self.retrans_out;
        info.tcpi_last_data_sent = ms_since(self.lsndtime);
        info.tcpi_last_data_recv = ms_since(self.ack.lrcvtime);
        info.tcpi_last_ack_recv = ms_since(self.rcv_tstamp);
        info.tcpi_pmtu = self.pmtu_cookie;
        info.tcpi_rcv_ssthresh = self.rcv_ssthresh;
        info.tcpi_rtt = self.srtt_us >> 3;
        info.tcpi_rttvar = self.mdev_us >> 2;
        info.tcpi_snd_ssthresh = self.snd_ssthresh;
        info.tcpi_advmss = u32::from(self.advmss);
        info.tcpi_rcv_rtt = self.rcv_rtt_est.0 >> 3;
        info.tcpi_rcv_space = self.rcvq_space.0;
        info.tcpi_total_retrans = self.total_retrans;
        info.tcpi_bytes_acked = self.bytes_acked;
        info.tcpi_bytes_received = self.bytes_received;
        info.tcpi_notsent_bytes = (self.write_seq.wrapping_sub(self.snd_nxt) as i32).max(0) as u32;
        self.chrono_stats(now, info);
        info.tcpi_segs_out = self.segs_out;
        info.tcpi_segs_in = self.segs_in;
        info.tcpi_min_rtt = self.min_rtt();
        info.tcpi_data_segs_in = self.data_segs_in;
        info.tcpi_data_segs_out = self.data_segs_out;
        info.tcpi_delivery_rate_app_limited = u8::from(self.rate_app_limited);
        info.tcpi_delivery_rate = self.delivery_rate();
        info.tcpi_delivered = self.delivered;
        info.tcpi_delivered_ce = self.delivered_ce;
        info.tcpi_bytes_sent = self.bytes_sent;
        info.tcpi_bytes_retrans = self.bytes_retrans;
        info.tcpi_dsack_dups = self.dsack_dups;
        info.tcpi_reord_seen = self.reord_seen;
        info.tcpi_rcv_ooopack = self.rcv_ooopack;
        info.tcpi_snd_wnd = self.snd_wnd;
        info.tcpi_rcv_wnd = self.rcv_wnd;
        info.tcpi_total_rto = self.total_rto;
        info.tcpi_total_rto_recoveries = self.total_rto_recoveries;
        info.tcpi_total_rto_time = self.total_rto_time;
        if self.rto_stamp != 0 {
            let now_ms = (kernel_clock(now) / 1_000_000) as u32;
            info.tcpi_total_rto_time += now_ms.wrapping_sub(self.rto_stamp);
        }
    }

    fn info_options(&self) -> u8 {
        let r = &self.rx_opt;
        let bits = [
            (r.tstamp_ok, TCPI_OPT_TIMESTAMPS),
            (r.sack_ok, TCPI_OPT_SACK),
            (r.wscale_ok, TCPI_OPT_WSCALE),
            (self.ecn_flags & ECN_OK != 0, TCPI_OPT_ECN),
            (self.ecn_flags & ECN_SEEN != 0, TCPI_OPT_ECN_SEEN),
        ];
        bits.iter().filter(|(set, _)| *set).fold(0, |options, (_, bit)| options | *bit as u8)
    }

    /// `tcp_get_info_chrono_stats`, µs.
    fn chrono_stats(&self, now: Instant, info: &mut TcpInfo) {
        let mut stats = self.chrono_stat;
        if let Some(running) = (self.chrono_type as usize).checked_sub(1) {
            stats[running] += (kernel_clock(now) / 1000).saturating_sub(self.chrono_start);
        }
        info.tcpi_busy_time = stats.iter().sum();
        info.tcpi_rwnd_limited = stats[1];
        info.tcpi_sndbuf_limited = stats[2];
    }

    /// `tcp_compute_delivery_rate`, bytes a second.
    fn delivery_rate(&self) -> u64 {
        if self.rate_interval_us == 0 {
            return 0;
        }
        u64::from(self.rate_delivered) * u64::from(self.mss_cache) * 1_000_000 / u64::from(self.rate_interval_us)
    }
}
