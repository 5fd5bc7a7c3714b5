//! The counters of `nstat`: what the protocols have seen since the host booted.
//!
//! Linux: `include/uapi/linux/snmp.h` (`LINUX_MIB_*`), `net/ipv4/proc.c`; RFC 4022 and 4293 name some of them.
//! A variant is called as `/proc/net/snmp` and `/proc/net/netstat` call it.

macro_rules! mibs {
    ($($group:literal { $($name:ident,)* })*) => {
        /// A counter.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        #[allow(missing_docs, clippy::upper_case_acronyms)] // the kernel's names
        pub enum Mib { $($($name,)*)* }

        impl Mib {
            /// Every counter, in the order of `/proc/net/snmp` and `/proc/net/netstat`.
            pub const ALL: &'static [Mib] = &[$($(Mib::$name,)*)*];

            /// The name, as `nstat` prints it: `TcpRetransSegs`, `TcpExtTCPTimeouts`.
            pub const fn name(self) -> &'static str {
                match self { $($(Mib::$name => concat!($group, stringify!($name)),)*)* }
            }
        }
    };
}

mibs! {
    "Tcp" {
        ActiveOpens, PassiveOpens, AttemptFails, EstabResets, CurrEstab, InSegs, OutSegs, RetransSegs,
        InErrs, OutRsts, InCsumErrors,
    }
    "TcpExt" {
        SyncookiesSent, SyncookiesRecv, SyncookiesFailed, EmbryonicRsts, PruneCalled, RcvPruned, OfoPruned,
        OutOfWindowIcmps, LockDroppedIcmps, ArpFilter, TW, TWRecycled, TWKilled, PAWSActive, PAWSEstab,
        BeyondWindow, TSEcrRejected, PAWSOldAck, PAWSTimewait, DelayedACKs, DelayedACKLocked,
        DelayedACKLost, ListenOverflows, ListenDrops, TCPHPHits, TCPPureAcks, TCPHPAcks, TCPRenoRecovery,
        TCPSackRecovery, TCPSACKReneging, TCPSACKReorder, TCPRenoReorder, TCPTSReorder, TCPFullUndo,
        TCPPartialUndo, TCPDSACKUndo, TCPLossUndo, TCPLostRetransmit, TCPRenoFailures, TCPSackFailures,
        TCPLossFailures, TCPFastRetrans, TCPSlowStartRetrans, TCPTimeouts, TCPLossProbes,
        TCPLossProbeRecovery, TCPRenoRecoveryFail, TCPSackRecoveryFail, TCPRcvCollapsed, TCPBacklogCoalesce,
        TCPDSACKOldSent, TCPDSACKOfoSent, TCPDSACKRecv, TCPDSACKOfoRecv, TCPAbortOnData, TCPAbortOnClose,
        TCPAbortOnMemory, TCPAbortOnTimeout, TCPAbortOnLinger, TCPAbortFailed, TCPMemoryPressures,
        TCPMemoryPressuresChrono, TCPSACKDiscard, TCPDSACKIgnoredOld, TCPDSACKIgnoredNoUndo,
        TCPSpuriousRTOs, TCPMD5NotFound, TCPMD5Unexpected, TCPMD5Failure, TCPSackShifted, TCPSackMerged,
        TCPSackShiftFallback, TCPBacklogDrop, PFMemallocDrop, TCPMinTTLDrop, TCPDeferAcceptDrop,
        IPReversePathFilter, TCPTimeWaitOverflow, TCPReqQFullDoCookies, TCPReqQFullDrop, TCPRetransFail,
        TCPRcvCoalesce, TCPOFOQueue, TCPOFODrop, TCPOFOMerge, TCPChallengeACK, TCPSYNChallenge,
        TCPFastOpenActive, TCPFastOpenActiveFail, TCPFastOpenPassive, TCPFastOpenPassiveFail,
        TCPFastOpenListenOverflow, TCPFastOpenCookieReqd, TCPFastOpenBlackhole, TCPSpuriousRtxHostQueues,
        BusyPollRxPackets, TCPAutoCorking, TCPFromZeroWindowAdv, TCPToZeroWindowAdv, TCPWantZeroWindowAdv,
        TCPSynRetrans, TCPOrigDataSent, TCPHystartTrainDetect, TCPHystartTrainCwnd, TCPHystartDelayDetect,
        TCPHystartDelayCwnd, TCPACKSkippedSynRecv, TCPACKSkippedPAWS, TCPACKSkippedSeq,
        TCPACKSkippedFinWait2, TCPACKSkippedTimeWait, TCPACKSkippedChallenge, TCPWinProbe, TCPKeepAlive,
        TCPMTUPFail, TCPMTUPSuccess, TCPDelivered, TCPDeliveredCE, TCPAckCompressed, TCPZeroWindowDrop,
        TCPRcvQDrop, TCPWqueueTooBig, TCPFastOpenPassiveAltKey, TcpTimeoutRehash, TcpDuplicateDataRehash,
        TCPDSACKRecvSegs, TCPDSACKIgnoredDubious, TCPMigrateReqSuccess, TCPMigrateReqFailure, TCPPLBRehash,
        TCPAORequired, TCPAOBad, TCPAOKeyNotFound, TCPAOGood, TCPAODroppedIcmps,
    }
}

/// The counters of one host.
#[derive(Clone, Debug)]
pub struct Counters([u64; Mib::ALL.len()]);

impl Default for Counters {
    fn default() -> Counters {
        Counters([0; Mib::ALL.len()])
    }
}

impl Counters {
    /// The value of a counter.
    pub fn get(&self, mib: Mib) -> u64 {
        self.0[mib as usize]
    }

    /// Name and value of those that are not zero, as `nstat` lists them.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Mib::ALL.iter().map(|mib| (mib.name(), self.get(*mib))).filter(|(_, value)| *value != 0)
    }

    /// `NET_INC_STATS`.
    pub fn inc(&mut self, mib: Mib) {
        self.add(mib, 1);
    }

    /// `NET_ADD_STATS`.
    pub fn add(&mut self, mib: Mib, n: u64) {
        let counter = &mut self.0[mib as usize];
        *counter = counter.wrapping_add(n);
    }

    /// `TCP_DEC_STATS`: `CurrEstab` is a gauge.
    pub fn dec(&mut self, mib: Mib) {
        let counter = &mut self.0[mib as usize];
        *counter = counter.wrapping_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_has_the_name_that_nstat_prints() {
        let mut counters = Counters::default();
        counters.inc(Mib::RetransSegs);
        counters.add(Mib::BeyondWindow, 3);
        counters.inc(Mib::CurrEstab);
        counters.dec(Mib::CurrEstab);
        assert!(counters.iter().eq([("TcpRetransSegs", 1), ("TcpExtBeyondWindow", 3)]));
    }
}
