//! Kernel variables, by Linux's names and with Linux's defaults.
//!
//! Linux: `Documentation/networking/ip-sysctl.rst`, `net/ipv4/sysctl_net_ipv4.c`.

/// Why a variable was not set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SysctlError {
    /// There is no variable of that name.
    Unknown,
    /// The value is not a number, or the wrong count of numbers.
    NotANumber,
    /// The value is outside the variable's range.
    OutOfRange,
}

macro_rules! sysctls {
    ($($(#[$doc:meta])* $field:ident = $name:literal, $default:expr, $min:expr, $max:expr;)*) => {
        /// The variables of one host.
        #[derive(Clone, Debug)]
        pub struct Sysctl { $($(#[$doc])* pub $field: i64),* }

        impl Default for Sysctl {
            fn default() -> Sysctl { Sysctl { $($field: $default),* } }
        }

        impl Sysctl {
            /// Every variable's name.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// The value of a variable.
            pub fn get(&self, name: &str) -> Option<i64> {
                match name { $($name => Some(self.$field),)* _ => None }
            }

            /// Sets a variable.
            ///
            /// # Errors
            /// If there is none of that name, or the value is no number in its range.
            pub fn set(&mut self, name: &str, value: &str) -> Result<(), SysctlError> {
                let number: i64 = value.trim().parse().map_err(|_| SysctlError::NotANumber)?;
                match name {
                    $($name => {
                        if !($min..=$max).contains(&number) {
                            return Err(SysctlError::OutOfRange);
                        }
                        self.$field = number;
                        Ok(())
                    })*
                    _ => Err(SysctlError::Unknown),
                }
            }
        }
    };
}

sysctls! {
    /// Time to live of packets this host sends.
    ip_default_ttl = "net.ipv4.ip_default_ttl", 64, 1, 255;
    /// First port given to a socket that binds to none.
    ip_local_port_min = "net.ipv4.ip_local_port_range_min", 32768, 1, 65535;
    /// Last such port.
    ip_local_port_max = "net.ipv4.ip_local_port_range_max", 60999, 1, 65535;
    /// Negotiate timestamps (RFC 7323)?
    tcp_timestamps = "net.ipv4.tcp_timestamps", 1, 0, 1;
    /// Negotiate selective acknowledgments (RFC 2018)?
    tcp_sack = "net.ipv4.tcp_sack", 1, 0, 1;
    /// Negotiate window scaling (RFC 7323)?
    tcp_window_scaling = "net.ipv4.tcp_window_scaling", 1, 0, 1;
    /// How often a SYN is sent again.
    tcp_syn_retries = "net.ipv4.tcp_syn_retries", 6, 1, 127;
    /// How often a SYN-ACK is sent again.
    tcp_synack_retries = "net.ipv4.tcp_synack_retries", 5, 0, 255;
    /// How often data is sent again before the connection is given up.
    tcp_retries2 = "net.ipv4.tcp_retries2", 15, 0, 255;
    /// The same for a socket that no program holds any more; 0 stands for 8.
    tcp_orphan_retries = "net.ipv4.tcp_orphan_retries", 0, 0, 255;
    /// Seconds that an orphan stays in FIN_WAIT2.
    tcp_fin_timeout = "net.ipv4.tcp_fin_timeout", 60, 1, 3600;
    /// Seconds of silence before the first keepalive probe.
    tcp_keepalive_time = "net.ipv4.tcp_keepalive_time", 7200, 1, 32767;
    /// Seconds between keepalive probes.
    tcp_keepalive_intvl = "net.ipv4.tcp_keepalive_intvl", 75, 1, 32767;
    /// Keepalive probes without an answer before the connection is given up.
    tcp_keepalive_probes = "net.ipv4.tcp_keepalive_probes", 9, 1, 255;
    /// Duplicate ACKs (or SACKed segments) that mean a loss.
    tcp_reordering = "net.ipv4.tcp_reordering", 3, 1, 300;
    /// First receive buffer of a TCP socket, bytes (`tcp_rmem[1]`).
    tcp_rmem_default = "net.ipv4.tcp_rmem_default", 131_072, 2304, 1 << 30;
    /// Largest it grows to by itself, bytes (`tcp_rmem[2]`).
    tcp_rmem_max = "net.ipv4.tcp_rmem_max", 6_291_456, 2304, 1 << 30;
    /// First send buffer of a TCP socket, bytes (`tcp_wmem[1]`).
    tcp_wmem_default = "net.ipv4.tcp_wmem_default", 16_384, 4608, 1 << 30;
    /// Largest it grows to by itself, bytes (`tcp_wmem[2]`).
    tcp_wmem_max = "net.ipv4.tcp_wmem_max", 4_194_304, 4608, 1 << 30;
    /// Receive buffer of other sockets, bytes.
    rmem_default = "net.core.rmem_default", 212_992, 2304, 1 << 30;
    /// Largest that `SO_RCVBUF` sets, bytes.
    rmem_max = "net.core.rmem_max", 212_992, 2304, 1 << 30;
    /// Send buffer of other sockets, bytes.
    wmem_default = "net.core.wmem_default", 212_992, 4608, 1 << 30;
    /// Largest that `SO_SNDBUF` sets, bytes.
    wmem_max = "net.core.wmem_max", 212_992, 4608, 1 << 30;
    /// Longest accept queue.
    somaxconn = "net.core.somaxconn", 4096, 0, 65535;
    /// Longest SYN queue of a listener.
    tcp_max_syn_backlog = "net.ipv4.tcp_max_syn_backlog", 1024, 1, 1 << 20;
}
