//! What a connection spends its time on: busy, held back by the peer's window, or by the send buffer.
//!
//! Linux: `tcp_chrono_start`, `tcp_chrono_stop` in `net/ipv4/tcp_output.c`. Shown as `tcpi_busy_time` and its kin.

use super::{Chrono, TcpSock, clock_ns};
use crate::host::Cx;

impl TcpSock {
    fn chrono_set(&mut self, cx: &Cx<'_>, new: Chrono) {
        let now = clock_ns(cx) / 1000;
        if self.chrono_type != Chrono::Unspec {
            self.chrono_stat[self.chrono_type as usize - 1] += now - self.chrono_start;
        }
        self.chrono_start = now;
        self.chrono_type = new;
    }

    /// `tcp_chrono_start`: the state of higher rank counts.
    pub(super) fn chrono_begin(&mut self, cx: &Cx<'_>, kind: Chrono) {
        if kind > self.chrono_type {
            self.chrono_set(cx, kind);
        }
    }

    /// `tcp_chrono_stop`.
    pub(super) fn chrono_stop(&mut self, cx: &Cx<'_>, kind: Chrono) {
        if self.write_queues_empty() {
            self.chrono_set(cx, Chrono::Unspec);
        } else if kind == self.chrono_type {
            self.chrono_set(cx, Chrono::Busy);
        }
    }
}
