//! Kernel variables, by Linux's names and with Linux's defaults and ranges (6.18).
//!
//! Linux: `Documentation/networking/ip-sysctl.rst`, `net/ipv4/sysctl_net_ipv4.c`, `net/core/sysctl_net_core.c`;
//! the parameters of `net/ipv4/tcp_cubic.c`. Defaults that Linux works out from the memory of the machine
//! are those of one with 8 GiB.

mod value;

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use value::Value;

/// The congestion control algorithms there are (`tcp_available_congestion_control`).
pub const CONGESTION_CONTROLS: [&str; 3] = ["reno", "cubic", "bbr"];

/// Why a variable was not set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SysctlError {
    /// There is no variable of that name.
    Unknown,
    /// The value is not a number, or the wrong count of numbers.
    NotANumber,
    /// The value is outside the variable's range.
    OutOfRange,
    /// There is no algorithm of that name.
    NoSuchName,
    /// It can only be read.
    ReadOnly,
}

macro_rules! sysctls {
    ($($(#[$doc:meta])* $field:ident: $ty:ty = $name:literal, $default:expr, $min:expr, $max:expr;)*) => {
        /// The variables of one host.
        #[derive(Clone, Debug)]
        pub struct Sysctl { $($(#[$doc])* pub $field: $ty),* }

        impl Default for Sysctl {
            fn default() -> Sysctl { Sysctl { $($field: $default),* } }
        }

        impl Sysctl {
            /// Every variable's name.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            fn get_named(&self, name: &str) -> Option<String> {
                match name { $($name => Some(self.$field.show()),)* _ => None }
            }

            fn set_named(&mut self, name: &str, value: &str) -> Result<(), SysctlError> {
                match name {
                    $($name => self.$field = self.$field.parsed(value, ($min, $max))?,)*
                    _ => return Err(SysctlError::Unknown),
                }
                Ok(())
            }
        }
    };
}

impl Sysctl {
    /// The value of a variable, as `cat /proc/sys/...` prints it: several numbers have tabs between them.
    pub fn get(&self, name: &str) -> Option<String> {
        self.get_named(&canonical(name))
    }

    /// Sets a variable. `net.ipv4.tcp_sack`, `net/ipv4/tcp_sack` and `/proc/sys/net/ipv4/tcp_sack` name the same.
    ///
    /// # Errors
    /// If there is none of that name, or the value is none that Linux takes.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), SysctlError> {
        self.set_named(&canonical(name), value)
    }
}

/// The name with dots; what stands under `/sys` keeps its path.
fn canonical(name: &str) -> String {
    if name.starts_with("/sys/") {
        return name.into();
    }
    name.strip_prefix("/proc/sys/").unwrap_or(name).replace('/', ".")
}

sysctls! {
    /// Time to live of packets this host sends.
    ip_default_ttl: i64 = "net.ipv4.ip_default_ttl", 64, 1, 255;
    /// First and last port given to a socket that binds to none.
    ip_local_port_range: [i64; 2] = "net.ipv4.ip_local_port_range", [32_768, 60_999], 1, 65_535;
    /// Do without path-MTU discovery? From 1 on no packet forbids fragments.
    ip_no_pmtu_disc: i64 = "net.ipv4.ip_no_pmtu_disc", 0, 0, 255;
    /// May a bind to port 0 share a port?
    ip_autobind_reuse: i64 = "net.ipv4.ip_autobind_reuse", 0, 0, 1;
    /// First port that needs no privilege.
    ip_unprivileged_port_start: i64 = "net.ipv4.ip_unprivileged_port_start", 1024, 0, 65_535;
    /// Reset a connection that does not fit the accept queue?
    tcp_abort_on_overflow: i64 = "net.ipv4.tcp_abort_on_overflow", 0, 0, 255;
    /// No effect since Linux 6.6: the window follows the measured overhead.
    tcp_adv_win_scale: i64 = "net.ipv4.tcp_adv_win_scale", 1, -31, 31;
    /// What a program without privilege may choose.
    tcp_allowed_congestion_control: Vec<&'static str> = "net.ipv4.tcp_allowed_congestion_control", vec!["reno", "cubic"], 0, 0;
    /// Share of the window kept back for the application: window / 2^this.
    tcp_app_win: i64 = "net.ipv4.tcp_app_win", 31, 0, 31;
    /// Hold back small writes while packets wait in the qdisc or the card?
    tcp_autocorking: i64 = "net.ipv4.tcp_autocorking", 1, 0, 1;
    /// What can be chosen at all.
    tcp_available_congestion_control: &'static [&'static str] = "net.ipv4.tcp_available_congestion_control", &CONGESTION_CONTROLS, 0, 0;
    /// Acknowledge once for a whole backlog?
    tcp_backlog_ack_defer: i64 = "net.ipv4.tcp_backlog_ack_defer", 1, 0, 1;
    /// Where MTU probing begins, bytes.
    tcp_base_mss: i64 = "net.ipv4.tcp_base_mss", 1024, i32::MIN as i64, i32::MAX as i64;
    /// Challenge ACKs a host sends in a second (RFC 5961).
    tcp_challenge_ack_limit: i64 = "net.ipv4.tcp_challenge_ack_limit", i32::MAX as i64, i32::MIN as i64, i32::MAX as i64;
    /// Longest wait of a compressed SACK, ns.
    tcp_comp_sack_delay_ns: i64 = "net.ipv4.tcp_comp_sack_delay_ns", 1_000_000, 0, i64::MAX;
    /// How many SACKs may be compressed into one.
    tcp_comp_sack_nr: i64 = "net.ipv4.tcp_comp_sack_nr", 44, 0, 255;
    /// Wait of a compressed SACK, percent of the round-trip time.
    tcp_comp_sack_rtt_percent: i64 = "net.ipv4.tcp_comp_sack_rtt_percent", 33, 1, 1000;
    /// By how much that wait may be exceeded, ns.
    tcp_comp_sack_slack_ns: i64 = "net.ipv4.tcp_comp_sack_slack_ns", 100_000, 0, i64::MAX;
    /// The algorithm of new sockets.
    tcp_congestion_control: &'static str = "net.ipv4.tcp_congestion_control", "cubic", 0, 0;
    /// Tell the sender of duplicates (RFC 2883)?
    tcp_dsack: i64 = "net.ipv4.tcp_dsack", 1, 0, 255;
    /// Tail loss probes (RFC 8985): 0 none, 3 and 4 on.
    tcp_early_retrans: i64 = "net.ipv4.tcp_early_retrans", 3, 0, 4;
    /// ECN (RFC 3168): 0 never, 1 ask for it, 2 only if asked.
    tcp_ecn: i64 = "net.ipv4.tcp_ecn", 2, 0, 2;
    /// Connect without ECN if a SYN that asks for it is lost?
    tcp_ecn_fallback: i64 = "net.ipv4.tcp_ecn_fallback", 1, 0, 1;
    /// When to send the option of Accurate ECN (RFC 9768).
    tcp_ecn_option: i64 = "net.ipv4.tcp_ecn_option", 2, 0, 2;
    /// How often at least in a round trip.
    tcp_ecn_option_beacon: i64 = "net.ipv4.tcp_ecn_option_beacon", 3, 0, 3;
    /// No effect: forward acknowledgment went with Linux 4.15.
    tcp_fack: i64 = "net.ipv4.tcp_fack", 0, 0, 255;
    /// TCP Fast Open (RFC 7413): kept, without effect.
    tcp_fastopen: i64 = "net.ipv4.tcp_fastopen", 1, i32::MIN as i64, i32::MAX as i64;
    /// The same.
    tcp_fastopen_blackhole_timeout_sec: i64 = "net.ipv4.tcp_fastopen_blackhole_timeout_sec", 0, 0, i32::MAX as i64;
    /// The same.
    tcp_fastopen_key: String = "net.ipv4.tcp_fastopen_key", String::from("00000000-00000000-00000000-00000000"), 0, 0;
    /// Seconds that an orphan stays in FIN_WAIT2.
    tcp_fin_timeout: i64 = "net.ipv4.tcp_fin_timeout", 60, -8_589_934, 8_589_934;
    /// Detect needless time-outs (RFC 5682)?
    tcp_frto: i64 = "net.ipv4.tcp_frto", 2, 0, 255;
    /// No effect: packets have no marks here.
    tcp_fwmark_accept: i64 = "net.ipv4.tcp_fwmark_accept", 0, 0, 255;
    /// Least time between two ACKs that answer invalid segments, ms.
    tcp_invalid_ratelimit: i64 = "net.ipv4.tcp_invalid_ratelimit", 500, i64::MIN, i64::MAX;
    /// Seconds between keepalive probes.
    tcp_keepalive_intvl: i64 = "net.ipv4.tcp_keepalive_intvl", 75, -8_589_934, 8_589_934;
    /// Keepalive probes without an answer before the connection is given up.
    tcp_keepalive_probes: i64 = "net.ipv4.tcp_keepalive_probes", 9, 0, 255;
    /// Seconds of silence before the first keepalive probe.
    tcp_keepalive_time: i64 = "net.ipv4.tcp_keepalive_time", 7200, -8_589_934, 8_589_934;
    /// Most of a socket in qdisc and card at once, bytes (TCP small queues).
    tcp_limit_output_bytes: i64 = "net.ipv4.tcp_limit_output_bytes", 4_194_304, i32::MIN as i64, i32::MAX as i64;
    /// Most sockets that no program holds any more.
    tcp_max_orphans: i64 = "net.ipv4.tcp_max_orphans", 131_072, i32::MIN as i64, i32::MAX as i64;
    /// Furthest that reordering is followed, segments.
    tcp_max_reordering: i64 = "net.ipv4.tcp_max_reordering", 300, 1, i32::MAX as i64;
    /// Longest SYN queue of a listener.
    tcp_max_syn_backlog: i64 = "net.ipv4.tcp_max_syn_backlog", 2048, i32::MIN as i64, i32::MAX as i64;
    /// Most connections in TIME_WAIT.
    tcp_max_tw_buckets: i64 = "net.ipv4.tcp_max_tw_buckets", 131_072, i32::MIN as i64, i32::MAX as i64;
    /// Memory of all TCP sockets, pages: low, pressure, high.
    tcp_mem: [i64; 3] = "net.ipv4.tcp_mem", [287_901, 383_869, 575_802], 0, i64::MAX;
    /// Move requests of a closed listener to another one? Kept, without effect.
    tcp_migrate_req: i64 = "net.ipv4.tcp_migrate_req", 0, 0, 1;
    /// Window of the least round-trip time, seconds.
    tcp_min_rtt_wlen: i64 = "net.ipv4.tcp_min_rtt_wlen", 300, 0, 86_400;
    /// Smallest segment that a peer can ask for, bytes.
    tcp_min_snd_mss: i64 = "net.ipv4.tcp_min_snd_mss", 48, 48, 65_535;
    /// Fewest segments of a TSO packet.
    tcp_min_tso_segs: i64 = "net.ipv4.tcp_min_tso_segs", 2, 1, 255;
    /// Let the receive buffer grow by itself?
    tcp_moderate_rcvbuf: i64 = "net.ipv4.tcp_moderate_rcvbuf", 1, 0, 255;
    /// Smallest segment that MTU probing tries, bytes.
    tcp_mtu_probe_floor: i64 = "net.ipv4.tcp_mtu_probe_floor", 48, 48, 65_535;
    /// Probe for the path MTU (RFC 4821): 0 no, 1 after a black hole, 2 always.
    tcp_mtu_probing: i64 = "net.ipv4.tcp_mtu_probing", 0, 0, 255;
    /// Forget what was learned of a peer when a connection ends? Nothing is kept here.
    tcp_no_metrics_save: i64 = "net.ipv4.tcp_no_metrics_save", 0, 0, 255;
    /// The same of its slow start threshold.
    tcp_no_ssthresh_metrics_save: i64 = "net.ipv4.tcp_no_ssthresh_metrics_save", 1, 0, 1;
    /// A socket is writable with less than this not sent yet, bytes.
    tcp_notsent_lowat: i64 = "net.ipv4.tcp_notsent_lowat", u32::MAX as i64, 0, u32::MAX as i64;
    /// As `tcp_retries2`, for a socket that no program holds; 0 stands for 8.
    tcp_orphan_retries: i64 = "net.ipv4.tcp_orphan_retries", 0, 0, 255;
    /// Pacing rate in congestion avoidance, percent of cwnd / srtt.
    tcp_pacing_ca_ratio: i64 = "net.ipv4.tcp_pacing_ca_ratio", 120, 0, 1000;
    /// Pacing rate in slow start, percent of cwnd / srtt.
    tcp_pacing_ss_ratio: i64 = "net.ipv4.tcp_pacing_ss_ratio", 200, 0, 1000;
    /// Exchanges of request and answer that make a connection interactive.
    tcp_pingpong_thresh: i64 = "net.ipv4.tcp_pingpong_thresh", 1, 1, 255;
    /// Seconds until MTU probing tries a larger segment again.
    tcp_probe_interval: i64 = "net.ipv4.tcp_probe_interval", 600, 0, 17_179_869;
    /// Where MTU probing stops its search, bytes.
    tcp_probe_threshold: i64 = "net.ipv4.tcp_probe_threshold", 8, i32::MIN as i64, i32::MAX as i64;
    /// Round-trip time under which the receive buffer grows less, µs.
    tcp_rcvbuf_low_rtt: i64 = "net.ipv4.tcp_rcvbuf_low_rtt", 1000, 0, i32::MAX as i64;
    /// RACK loss detection (RFC 8985): bit 1 use it, 2 keep its window, 4 no reordering window.
    tcp_recovery: i64 = "net.ipv4.tcp_recovery", 1, 0, 255;
    /// Answer with the type of service of the SYN?
    tcp_reflect_tos: i64 = "net.ipv4.tcp_reflect_tos", 0, 0, 1;
    /// Duplicate ACKs (or SACKed segments) that mean a loss.
    tcp_reordering: i64 = "net.ipv4.tcp_reordering", 3, 1, 300;
    /// Join small segments when they are sent again?
    tcp_retrans_collapse: i64 = "net.ipv4.tcp_retrans_collapse", 1, 0, 255;
    /// How often data is sent again before the route is doubted.
    tcp_retries1: i64 = "net.ipv4.tcp_retries1", 3, 0, 255;
    /// How often data is sent again before the connection is given up.
    tcp_retries2: i64 = "net.ipv4.tcp_retries2", 15, 0, 255;
    /// Ignore a reset in TIME_WAIT (RFC 1337)?
    tcp_rfc1337: i64 = "net.ipv4.tcp_rfc1337", 0, 0, 255;
    /// Receive buffer of a TCP socket, bytes: least, first, largest it grows to by itself.
    tcp_rmem: [i64; 3] = "net.ipv4.tcp_rmem", [4096, 131_072, 33_554_432], 1, i32::MAX as i64;
    /// Longest retransmission time-out, ms.
    tcp_rto_max_ms: i64 = "net.ipv4.tcp_rto_max_ms", 120_000, 1000, 120_000;
    /// Shortest retransmission time-out, µs.
    tcp_rto_min_us: i64 = "net.ipv4.tcp_rto_min_us", 200_000, 1, i32::MAX as i64;
    /// Negotiate selective acknowledgments (RFC 2018)?
    tcp_sack: i64 = "net.ipv4.tcp_sack", 1, 0, 255;
    /// May the window shrink when memory is short?
    tcp_shrink_window: i64 = "net.ipv4.tcp_shrink_window", 0, 0, 1;
    /// Start slowly again after a pause (RFC 2861)?
    tcp_slow_start_after_idle: i64 = "net.ipv4.tcp_slow_start_after_idle", 1, 0, 255;
    /// Does the urgent pointer point to the last urgent byte (RFC 1122)?
    tcp_stdurg: i64 = "net.ipv4.tcp_stdurg", 0, 0, 255;
    /// How often a SYN is sent again before the time-out doubles.
    tcp_syn_linear_timeouts: i64 = "net.ipv4.tcp_syn_linear_timeouts", 4, 0, 127;
    /// How often a SYN is sent again.
    tcp_syn_retries: i64 = "net.ipv4.tcp_syn_retries", 6, 1, 127;
    /// How often a SYN-ACK is sent again.
    tcp_synack_retries: i64 = "net.ipv4.tcp_synack_retries", 5, 0, 255;
    /// SYN cookies: 0 never, 1 when the SYN queue is full, 2 always.
    tcp_syncookies: i64 = "net.ipv4.tcp_syncookies", 1, 0, 255;
    /// No doubling of time-outs for thin streams?
    tcp_thin_linear_timeouts: i64 = "net.ipv4.tcp_thin_linear_timeouts", 0, 0, 255;
    /// Negotiate timestamps (RFC 7323)? 2: without a random offset.
    tcp_timestamps: i64 = "net.ipv4.tcp_timestamps", 1, 0, 255;
    /// Larger TSO packets for near peers: by this power of two of the round-trip time.
    tcp_tso_rtt_log: i64 = "net.ipv4.tcp_tso_rtt_log", 9, 0, 255;
    /// Largest share of the congestion window that one TSO packet takes: 1 / this.
    tcp_tso_win_divisor: i64 = "net.ipv4.tcp_tso_win_divisor", 3, 0, 255;
    /// Take a port from TIME_WAIT for a new connection: 0 no, 1 yes, 2 on the loopback device.
    tcp_tw_reuse: i64 = "net.ipv4.tcp_tw_reuse", 2, 0, 2;
    /// After how long, ms.
    tcp_tw_reuse_delay: i64 = "net.ipv4.tcp_tw_reuse_delay", 1000, 1, 60_000;
    /// Negotiate window scaling (RFC 7323)?
    tcp_window_scaling: i64 = "net.ipv4.tcp_window_scaling", 1, 0, 255;
    /// Send buffer of a TCP socket, bytes: least, first, largest it grows to by itself.
    tcp_wmem: [i64; 3] = "net.ipv4.tcp_wmem", [4096, 16_384, 4_194_304], 1, i32::MAX as i64;
    /// Take a peer without window scaling to have signed windows?
    tcp_workaround_signed_windows: i64 = "net.ipv4.tcp_workaround_signed_windows", 0, 0, 255;
    /// Largest buffer for control messages, bytes.
    optmem_max: i64 = "net.core.optmem_max", 131_072, 0, i32::MAX as i64;
    /// Receive buffer of other sockets, bytes.
    rmem_default: i64 = "net.core.rmem_default", 212_992, 2304, i32::MAX as i64;
    /// Largest that `SO_RCVBUF` sets, bytes.
    rmem_max: i64 = "net.core.rmem_max", 4_194_304, 2304, i32::MAX as i64;
    /// Longest accept queue.
    somaxconn: i64 = "net.core.somaxconn", 4096, 0, i32::MAX as i64;
    /// Send buffer of other sockets, bytes.
    wmem_default: i64 = "net.core.wmem_default", 212_992, 4608, i32::MAX as i64;
    /// Largest that `SO_SNDBUF` sets, bytes.
    wmem_max: i64 = "net.core.wmem_max", 4_194_304, 4608, i32::MAX as i64;
    /// CUBIC: the window after a loss, in 1/1024.
    cubic_beta: i64 = "/sys/module/tcp_cubic/parameters/beta", 717, i32::MIN as i64, i32::MAX as i64;
    /// CUBIC: how steep the curve is: C = this * 10 / 2^40 segments per cubic ms.
    cubic_bic_scale: i64 = "/sys/module/tcp_cubic/parameters/bic_scale", 41, i32::MIN as i64, i32::MAX as i64;
    /// CUBIC: give way to new flows?
    cubic_fast_convergence: i64 = "/sys/module/tcp_cubic/parameters/fast_convergence", 1, i32::MIN as i64, i32::MAX as i64;
    /// CUBIC: leave slow start before the first loss?
    cubic_hystart: i64 = "/sys/module/tcp_cubic/parameters/hystart", 1, i32::MIN as i64, i32::MAX as i64;
    /// CUBIC: longest space between ACKs of one train, µs.
    cubic_hystart_ack_delta_us: i64 = "/sys/module/tcp_cubic/parameters/hystart_ack_delta_us", 2000, i32::MIN as i64, i32::MAX as i64;
    /// CUBIC: what ends slow start: bit 1 the length of an ACK train, 2 a growing delay.
    cubic_hystart_detect: i64 = "/sys/module/tcp_cubic/parameters/hystart_detect", 3, i32::MIN as i64, i32::MAX as i64;
    /// CUBIC: the least window at which it is left, segments.
    cubic_hystart_low_window: i64 = "/sys/module/tcp_cubic/parameters/hystart_low_window", 16, i32::MIN as i64, i32::MAX as i64;
    /// CUBIC: first slow start threshold, segments; 0 is none.
    cubic_initial_ssthresh: i64 = "/sys/module/tcp_cubic/parameters/initial_ssthresh", 0, i32::MIN as i64, i32::MAX as i64;
    /// CUBIC: never slower than Reno?
    cubic_tcp_friendliness: i64 = "/sys/module/tcp_cubic/parameters/tcp_friendliness", 1, i32::MIN as i64, i32::MAX as i64;
}

#[cfg(test)]
mod tests;
