//! Congestion control: the interface between TCP and an algorithm, and the algorithms by name.
//!
//! Linux: `struct tcp_congestion_ops` in `include/net/tcp.h`, `net/ipv4/tcp_cong.c`. An algorithm's private state
//! (`inet_csk_ca`) is taken out of the connection while one of its functions runs, so that it can be handed the
//! connection.

mod bbr;
mod cubic;
mod hystart;
#[cfg(test)]
mod pipe;
mod reno;

use super::rate::RateSample;
use super::{BOOT_NS, CaState, TcpSock};
use crate::host::{Cx, Host};
use crate::mib::Mib;
use crate::rng::Rng;
use crate::syscall::Errno;
use crate::sysctl::Sysctl;
use crate::time::Instant;
use crate::trace::{Field, TcpState};
use alloc::boxed::Box;
use alloc::vec::Vec;
use bbr::Bbr;
use cubic::Cubic;

/// `enum tcp_ca_event`: what an algorithm may want to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CaEvent {
    /// The first segment while nothing is in flight.
    TxStart,
    /// The window is cut after a pause.
    CwndRestart,
    /// The end of a reduction.
    CompleteCwr,
    /// A retransmission time-out.
    Loss,
}

/// An algorithm and its private state.
#[derive(Clone, Debug, Default)]
enum Algorithm {
    /// RFC 5681; it needs no state of its own.
    #[default]
    Reno,
    /// RFC 9438.
    Cubic(Cubic),
    /// BBR version 1.
    Bbr(Box<Bbr>),
}

/// `icsk_ca_ops`, `icsk_ca_priv` and what is noted of them.
#[derive(Clone, Debug)]
pub(crate) struct CongState {
    algorithm: Algorithm,
    /// `icsk_ca_setsockopt`: the program chose it; connections that a listener accepts inherit it.
    setsockopt: bool,
}

impl Algorithm {
    /// `tcp_ca_find`.
    fn find(name: &str, sysctl: &Sysctl) -> Option<Algorithm> {
        match name {
            "reno" => Some(Algorithm::Reno),
            "cubic" => Some(Algorithm::Cubic(Cubic::new(sysctl))),
            "bbr" => Some(Algorithm::Bbr(Box::default())),
            _ => None,
        }
    }
}

impl CongState {
    /// `tcp_assign_congestion_control`: what the host's sockets begin with.
    pub(crate) fn new(sysctl: &Sysctl) -> CongState {
        CongState {
            algorithm: Algorithm::find(sysctl.tcp_congestion_control, sysctl).unwrap_or_default(),
            setsockopt: false,
        }
    }

    fn name(&self) -> &'static str {
        match &self.algorithm {
            Algorithm::Reno => "reno",
            Algorithm::Cubic(_) => "cubic",
            Algorithm::Bbr(_) => "bbr",
        }
    }

    /// `tcp_ca_openreq_child`: a connection has the algorithm of its route (`RTAX_CC_ALGO`), or its listener's if the
    /// program chose that, else the host's.
    pub(crate) fn openreq_child(&self, route: Option<&str>, sysctl: &Sysctl) -> CongState {
        let setsockopt = self.setsockopt;
        let of_route = route.and_then(|name| Algorithm::find(name, sysctl));
        let chosen = of_route.or_else(|| Algorithm::find(self.name(), sysctl).filter(|_| setsockopt));
        match chosen {
            Some(algorithm) => CongState { algorithm, setsockopt },
            None => CongState::new(sysctl),
        }
    }

    /// `tcp_disconnect`: the algorithm stays, what it knew is forgotten.
    pub(crate) fn disconnect(&self, sysctl: &Sysctl) -> CongState {
        let algorithm = Algorithm::find(self.name(), sysctl).unwrap_or_default();
        CongState { algorithm, setsockopt: self.setsockopt }
    }
}

impl Host {
    /// `tcp_set_congestion_control`, `tcp_reinit_congestion_control`: a socket changes its algorithm.
    ///
    /// # Errors
    /// `ENOENT` if there is none of that name.
    pub(crate) fn tcp_set_congestion_control(
        &mut self,
        cx: &mut Cx<'_>,
        tp: &mut TcpSock,
        name: &str,
    ) -> Result<(), Errno> {
        let algorithm = Algorithm::find(name, &self.sysctl).ok_or(Errno::ENOENT)?;
        tp.cong.setsockopt = true;
        if name == tp.ca_name() {
            return Ok(());
        }
        tp.cong.algorithm = algorithm;
        if !matches!(tp.state, TcpState::Close | TcpState::Listen) {
            self.tcp_init_congestion_control(cx, tp);
        }
        Ok(())
    }

    /// `tcp_init_congestion_control`: the connection is open, the algorithm begins.
    pub(super) fn tcp_init_congestion_control(&mut self, cx: &mut Cx<'_>, tp: &mut TcpSock) {
        tp.prior_ssthresh = 0;
        let old = (tp.snd_cwnd, tp.snd_ssthresh);
        let (sysctl, rng) = (&self.sysctl, &mut self.rng);
        tp.with_ca(|tp, ca| match ca {
            Algorithm::Reno => {}
            Algorithm::Cubic(ca) => {
                *ca = Cubic::new(sysctl);
                ca.init(tp);
            }
            Algorithm::Bbr(ca) => ca.init(tp, Rng::new(u64::from(rng.next_u32()))),
        });
        tp.tell_cwnd(cx, old);
    }
}

impl TcpSock {
    fn with_ca<R>(&mut self, body: impl FnOnce(&mut TcpSock, &mut Algorithm) -> R) -> R {
        let mut ca = core::mem::take(&mut self.cong.algorithm);
        let result = body(self, &mut ca);
        self.cong.algorithm = ca;
        result
    }

    /// Tells what became of the window and the threshold since they were these.
    fn tell_cwnd(&self, cx: &mut Cx<'_>, (cwnd, ssthresh): (u32, u32)) {
        cx.tell_set(self.sk.id, Field::SndCwnd, cwnd, self.snd_cwnd);
        cx.tell_set(self.sk.id, Field::SndSsthresh, ssthresh, self.snd_ssthresh);
    }

    /// `tcp_jiffies32` with HZ = 1000, as of the segment last received or sent. Never 0.
    fn jiffies32(&self) -> u32 {
        (self.tcp_mstamp / 1000) as u32
    }

    /// `icsk_ca_ops->name`
    pub(crate) fn ca_name(&self) -> &'static str {
        self.cong.name()
    }

    /// `icsk_ca_ops->get_info`: the bytes of `TCP_CC_INFO`, none if the algorithm has nothing to say.
    pub(crate) fn ca_get_info(&self) -> Vec<u8> {
        match &self.cong.algorithm {
            Algorithm::Bbr(ca) => ca.get_info(self),
            _ => Vec::new(),
        }
    }

    /// `icsk_ca_ops->ssthresh`: the slow start threshold after a loss.
    pub(super) fn ca_ssthresh(&mut self) -> u32 {
        self.with_ca(|tp, ca| match ca {
            Algorithm::Reno => tp.reno_ssthresh(),
            Algorithm::Cubic(ca) => ca.recalc_ssthresh(tp),
            Algorithm::Bbr(ca) => ca.ssthresh(tp),
        })
    }

    /// `icsk_ca_ops->cong_avoid`: the window after `acked` segments were delivered.
    pub(super) fn ca_cong_avoid(&mut self, acked: u32) {
        self.with_ca(|tp, ca| match ca {
            Algorithm::Cubic(ca) => ca.cong_avoid(tp, acked),
            _ => tp.reno_cong_avoid(acked),
        });
    }

    /// `icsk_ca_ops->set_state`: `tp.ca_state` is about to change.
    pub(super) fn ca_set_state(&mut self, new: CaState) {
        self.with_ca(|tp, ca| match ca {
            Algorithm::Reno => {}
            Algorithm::Cubic(ca) => ca.set_state(tp, new),
            Algorithm::Bbr(ca) => ca.set_state(tp, new),
        });
    }

    /// `icsk_ca_ops->undo_cwnd`: the window when a reduction proves to have been needless.
    pub(super) fn ca_undo_cwnd(&mut self) -> u32 {
        self.with_ca(|tp, ca| match ca {
            Algorithm::Bbr(ca) => ca.undo_cwnd(tp),
            _ => tp.reno_undo_cwnd(),
        })
    }

    /// `icsk_ca_ops->cwnd_event`.
    pub(super) fn ca_cwnd_event(&mut self, cx: &mut Cx<'_>, event: CaEvent) {
        let old = (self.snd_cwnd, self.snd_ssthresh);
        self.with_ca(|tp, ca| match ca {
            Algorithm::Reno => {}
            Algorithm::Cubic(ca) => ca.cwnd_event(tp, event),
            Algorithm::Bbr(ca) => ca.cwnd_event(tp, event),
        });
        self.tell_cwnd(cx, old);
    }

    /// `icsk_ca_ops->pkts_acked`: a round-trip time was measured (negative: none could be).
    pub(super) fn ca_pkts_acked(&mut self, cx: &mut Cx<'_>, mib: &mut Mib, rtt_us: i64) {
        let old = (self.snd_cwnd, self.snd_ssthresh);
        if let Algorithm::Cubic(_) = self.cong.algorithm {
            self.with_ca(|tp, ca| {
                if let Algorithm::Cubic(ca) = ca {
                    ca.acked(tp, mib, rtt_us);
                }
            });
            self.tell_cwnd(cx, old);
        }
    }

    /// `icsk_ca_ops->cong_control`: true if the algorithm set window and pacing rate itself.
    pub(super) fn ca_cong_control(&mut self, rs: &RateSample) -> bool {
        self.ca_has_cong_control()
            && self.with_ca(|tp, ca| match ca {
                Algorithm::Bbr(ca) => {
                    ca.main(tp, rs);
                    true
                }
                _ => false,
            })
    }

    /// Does the algorithm have a `cong_control`?
    pub(super) fn ca_has_cong_control(&self) -> bool {
        matches!(self.cong.algorithm, Algorithm::Bbr(_))
    }

    /// `icsk_ca_ops->min_tso_segs`, if the algorithm has a say.
    pub(super) fn ca_min_tso_segs(&self) -> Option<u32> {
        match &self.cong.algorithm {
            Algorithm::Bbr(_) => Some(bbr::min_tso_segs(self)),
            _ => None,
        }
    }

    /// `icsk_ca_ops->sndbuf_expand`: the send buffer in congestion windows.
    pub(super) fn ca_sndbuf_expand(&self) -> u32 {
        match self.cong.algorithm {
            Algorithm::Bbr(_) => 3,
            _ => 2,
        }
    }
}

/// A moment as `tcp_jiffies32` with HZ = 1000.
fn jiffies_at(at: Instant) -> u32 {
    ((at.as_nanos() + BOOT_NS) / 1_000_000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sysctl::CONGESTION_CONTROLS;

    #[test]
    fn every_algorithm_that_can_be_named_is_there() {
        let mut sysctl = Sysctl::default();
        for name in CONGESTION_CONTROLS {
            sysctl.tcp_congestion_control = name;
            let mut tp = crate::tcp::test_sock();
            tp.cong = CongState::new(&sysctl);
            assert_eq!(tp.ca_name(), name);
        }
        assert!(Algorithm::find("vegas", &sysctl).is_none());
    }

    #[test]
    fn a_child_inherits_only_what_the_program_chose() {
        let sysctl = Sysctl::default();
        let mut tp = crate::tcp::test_sock();
        tp.cong.algorithm = Algorithm::Reno;
        for (chosen, name) in [(false, "cubic"), (true, "reno")] {
            tp.cong.setsockopt = chosen;
            let mut child = crate::tcp::test_sock();
            child.cong = tp.cong.openreq_child(None, &sysctl);
            assert_eq!(child.ca_name(), name);
        }
    }

    use pipe::Pipe;

    const MBIT: u64 = 125_000;

    #[test]
    fn hybrid_slow_start_ends_before_the_first_loss() {
        for delay_ms in [20, 50, 100] {
            let mut pipe = Pipe::new("cubic", 40 * MBIT, delay_ms, 2 * 40 * MBIT * delay_ms / 1000 / pipe::MSS);
            while pipe.tp.in_initial_slowstart() && pipe.lost == 0 {
                pipe.run(1);
            }
            assert_eq!(pipe.lost, 0, "{delay_ms} ms");
            let bdp = pipe.bdp() as u32;
            assert!((bdp / 2..bdp * 2).contains(&pipe.tp.snd_ssthresh), "{} of {bdp}", pipe.tp.snd_ssthresh);
        }
    }

    #[test]
    fn reno_and_cubic_keep_a_path_busy_whose_queue_holds_as_much_as_the_path() {
        for name in ["reno", "cubic"] {
            let mut pipe = Pipe::new(name, 10 * MBIT, 40, 10 * MBIT * 40 / 1000 / pipe::MSS);
            pipe.run(5000);
            let used = pipe.run(60_000) / 60;
            assert!(used > 10 * MBIT * 98 / 100, "{name} used {used}");
            assert!(pipe.lost > 0 && pipe.lost < pipe.acked / 100, "{name} lost {} of {}", pipe.lost, pipe.acked);
        }
    }

    #[test]
    fn cubic_is_sooner_back_than_reno_on_a_long_fat_path() {
        // RFC 9438 §1: Reno needs a round trip for each segment.
        let used: Vec<u64> = ["reno", "cubic"]
            .map(|name| {
                let mut pipe = Pipe::new(name, 400 * MBIT, 100, 200);
                pipe.run(10_000);
                pipe.run(60_000)
            })
            .into();
        assert!(used[1] > used[0] * 11 / 10, "reno {}, cubic {}", used[0], used[1]);
    }
}
