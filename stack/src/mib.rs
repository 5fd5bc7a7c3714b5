//! What the kernel counts: SNMP's MIB and Linux's own, as `nstat` prints them.
//!
//! Linux: `include/uapi/linux/snmp.h` (`LINUX_MIB_*`), `net/ipv4/proc.c`; RFC 4022 names the first of them.

macro_rules! counters {
    ($($name:ident = $nstat:literal;)*) => {
        /// A counter.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Counter { $(#[doc = $nstat] $name),* }

        impl Counter {
            /// Every counter, in the order of `/proc/net/snmp` and `/proc/net/netstat`.
            pub const ALL: &'static [Counter] = &[$(Counter::$name),*];

            /// Its name in `nstat`.
            pub const fn name(self) -> &'static str {
                match self { $(Counter::$name => $nstat),* }
            }
        }
    };
}

counters! {
    ActiveOpens = "TcpActiveOpens";
    PassiveOpens = "TcpPassiveOpens";
    AttemptFails = "TcpAttemptFails";
    EstabResets = "TcpEstabResets";
    CurrEstab = "TcpCurrEstab";
    InSegs = "TcpInSegs";
    OutSegs = "TcpOutSegs";
    RetransSegs = "TcpRetransSegs";
    InErrs = "TcpInErrs";
    OutRsts = "TcpOutRsts";
    InCsumErrors = "TcpInCsumErrors";
    SyncookiesSent = "TcpExtSyncookiesSent";
    SyncookiesRecv = "TcpExtSyncookiesRecv";
    SyncookiesFailed = "TcpExtSyncookiesFailed";
    EmbryonicRsts = "TcpExtEmbryonicRsts";
    PruneCalled = "TcpExtPruneCalled";
    RcvPruned = "TcpExtRcvPruned";
    OfoPruned = "TcpExtOfoPruned";
    OutOfWindowIcmps = "TcpExtOutOfWindowIcmps";
    LockDroppedIcmps = "TcpExtLockDroppedIcmps";
    ArpFilter = "TcpExtArpFilter";
    Tw = "TcpExtTW";
    TwRecycled = "TcpExtTWRecycled";
    TwKilled = "TcpExtTWKilled";
    PawsActive = "TcpExtPAWSActive";
    PawsEstab = "TcpExtPAWSEstab";
    BeyondWindow = "TcpExtBeyondWindow";
    TsEcrRejected = "TcpExtTSEcrRejected";
    PawsOldAck = "TcpExtPAWSOldAck";
    PawsTimewait = "TcpExtPAWSTimewait";
    DelayedAcks = "TcpExtDelayedACKs";
    DelayedAckLocked = "TcpExtDelayedACKLocked";
    DelayedAckLost = "TcpExtDelayedACKLost";
    ListenOverflows = "TcpExtListenOverflows";
    ListenDrops = "TcpExtListenDrops";
    TcpHpHits = "TcpExtTCPHPHits";
    TcpPureAcks = "TcpExtTCPPureAcks";
    TcpHpAcks = "TcpExtTCPHPAcks";
    TcpRenoRecovery = "TcpExtTCPRenoRecovery";
    TcpSackRecovery = "TcpExtTCPSackRecovery";
    TcpSackReneging = "TcpExtTCPSACKReneging";
    TcpSackReorder = "TcpExtTCPSACKReorder";
    TcpRenoReorder = "TcpExtTCPRenoReorder";
    TcpTsReorder = "TcpExtTCPTSReorder";
    TcpFullUndo = "TcpExtTCPFullUndo";
    TcpPartialUndo = "TcpExtTCPPartialUndo";
    TcpDsackUndo = "TcpExtTCPDSACKUndo";
    TcpLossUndo = "TcpExtTCPLossUndo";
    TcpLostRetransmit = "TcpExtTCPLostRetransmit";
    TcpRenoFailures = "TcpExtTCPRenoFailures";
    TcpSackFailures = "TcpExtTCPSackFailures";
    TcpLossFailures = "TcpExtTCPLossFailures";
    TcpFastRetrans = "TcpExtTCPFastRetrans";
    TcpSlowStartRetrans = "TcpExtTCPSlowStartRetrans";
    TcpTimeouts = "TcpExtTCPTimeouts";
    TcpLossProbes = "TcpExtTCPLossProbes";
    TcpLossProbeRecovery = "TcpExtTCPLossProbeRecovery";
    TcpRenoRecoveryFail = "TcpExtTCPRenoRecoveryFail";
    TcpSackRecoveryFail = "TcpExtTCPSackRecoveryFail";
    TcpRcvCollapsed = "TcpExtTCPRcvCollapsed";
    TcpBacklogCoalesce = "TcpExtTCPBacklogCoalesce";
    TcpDsackOldSent = "TcpExtTCPDSACKOldSent";
    TcpDsackOfoSent = "TcpExtTCPDSACKOfoSent";
    TcpDsackRecv = "TcpExtTCPDSACKRecv";
    TcpDsackOfoRecv = "TcpExtTCPDSACKOfoRecv";
    TcpAbortOnData = "TcpExtTCPAbortOnData";
    TcpAbortOnClose = "TcpExtTCPAbortOnClose";
    TcpAbortOnMemory = "TcpExtTCPAbortOnMemory";
    TcpAbortOnTimeout = "TcpExtTCPAbortOnTimeout";
    TcpAbortOnLinger = "TcpExtTCPAbortOnLinger";
    TcpAbortFailed = "TcpExtTCPAbortFailed";
    TcpMemoryPressures = "TcpExtTCPMemoryPressures";
    TcpMemoryPressuresChrono = "TcpExtTCPMemoryPressuresChrono";
    TcpSackDiscard = "TcpExtTCPSACKDiscard";
    TcpDsackIgnoredOld = "TcpExtTCPDSACKIgnoredOld";
    TcpDsackIgnoredNoUndo = "TcpExtTCPDSACKIgnoredNoUndo";
    TcpSpuriousRtos = "TcpExtTCPSpuriousRTOs";
    TcpMd5NotFound = "TcpExtTCPMD5NotFound";
    TcpMd5Unexpected = "TcpExtTCPMD5Unexpected";
    TcpMd5Failure = "TcpExtTCPMD5Failure";
    TcpSackShifted = "TcpExtTCPSackShifted";
    TcpSackMerged = "TcpExtTCPSackMerged";
    TcpSackShiftFallback = "TcpExtTCPSackShiftFallback";
    TcpBacklogDrop = "TcpExtTCPBacklogDrop";
    PfMemallocDrop = "TcpExtPFMemallocDrop";
    TcpMinTTLDrop = "TcpExtTCPMinTTLDrop";
    TcpDeferAcceptDrop = "TcpExtTCPDeferAcceptDrop";
    IpReversePathFilter = "TcpExtIPReversePathFilter";
    TcpTimeWaitOverflow = "TcpExtTCPTimeWaitOverflow";
    TcpReqQFullDoCookies = "TcpExtTCPReqQFullDoCookies";
    TcpReqQFullDrop = "TcpExtTCPReqQFullDrop";
    TcpRetransFail = "TcpExtTCPRetransFail";
    TcpRcvCoalesce = "TcpExtTCPRcvCoalesce";
    TcpOfoQueue = "TcpExtTCPOFOQueue";
    TcpOfoDrop = "TcpExtTCPOFODrop";
    TcpOfoMerge = "TcpExtTCPOFOMerge";
    TcpChallengeAck = "TcpExtTCPChallengeACK";
    TcpSynChallenge = "TcpExtTCPSYNChallenge";
    TcpFastOpenActive = "TcpExtTCPFastOpenActive";
    TcpFastOpenActiveFail = "TcpExtTCPFastOpenActiveFail";
    TcpFastOpenPassive = "TcpExtTCPFastOpenPassive";
    TcpFastOpenPassiveFail = "TcpExtTCPFastOpenPassiveFail";
    TcpFastOpenListenOverflow = "TcpExtTCPFastOpenListenOverflow";
    TcpFastOpenCookieReqd = "TcpExtTCPFastOpenCookieReqd";
    TcpFastOpenBlackhole = "TcpExtTCPFastOpenBlackhole";
    TcpSpuriousRtxHostQueues = "TcpExtTCPSpuriousRtxHostQueues";
    BusyPollRxPackets = "TcpExtBusyPollRxPackets";
    TcpAutoCorking = "TcpExtTCPAutoCorking";
    TcpFromZeroWindowAdv = "TcpExtTCPFromZeroWindowAdv";
    TcpToZeroWindowAdv = "TcpExtTCPToZeroWindowAdv";
    TcpWantZeroWindowAdv = "TcpExtTCPWantZeroWindowAdv";
    TcpSynRetrans = "TcpExtTCPSynRetrans";
    TcpOrigDataSent = "TcpExtTCPOrigDataSent";
    TcpHystartTrainDetect = "TcpExtTCPHystartTrainDetect";
    TcpHystartTrainCwnd = "TcpExtTCPHystartTrainCwnd";
    TcpHystartDelayDetect = "TcpExtTCPHystartDelayDetect";
    TcpHystartDelayCwnd = "TcpExtTCPHystartDelayCwnd";
    TcpAckSkippedSynRecv = "TcpExtTCPACKSkippedSynRecv";
    TcpAckSkippedPaws = "TcpExtTCPACKSkippedPAWS";
    TcpAckSkippedSeq = "TcpExtTCPACKSkippedSeq";
    TcpAckSkippedFinWait2 = "TcpExtTCPACKSkippedFinWait2";
    TcpAckSkippedTimeWait = "TcpExtTCPACKSkippedTimeWait";
    TcpAckSkippedChallenge = "TcpExtTCPACKSkippedChallenge";
    TcpWinProbe = "TcpExtTCPWinProbe";
    TcpKeepAlive = "TcpExtTCPKeepAlive";
    TcpMtupFail = "TcpExtTCPMTUPFail";
    TcpMtupSuccess = "TcpExtTCPMTUPSuccess";
    TcpDelivered = "TcpExtTCPDelivered";
    TcpDeliveredCe = "TcpExtTCPDeliveredCE";
    TcpAckCompressed = "TcpExtTCPAckCompressed";
    TcpZeroWindowDrop = "TcpExtTCPZeroWindowDrop";
    TcpRcvQDrop = "TcpExtTCPRcvQDrop";
    TcpWqueueTooBig = "TcpExtTCPWqueueTooBig";
    TcpFastOpenPassiveAltKey = "TcpExtTCPFastOpenPassiveAltKey";
    TcpTimeoutRehash = "TcpExtTcpTimeoutRehash";
    TcpDuplicateDataRehash = "TcpExtTcpDuplicateDataRehash";
    TcpDsackRecvSegs = "TcpExtTCPDSACKRecvSegs";
    TcpDsackIgnoredDubious = "TcpExtTCPDSACKIgnoredDubious";
    TcpMigrateReqSuccess = "TcpExtTCPMigrateReqSuccess";
    TcpMigrateReqFailure = "TcpExtTCPMigrateReqFailure";
    TcpPlbRehash = "TcpExtTCPPLBRehash";
    TcpAoRequired = "TcpExtTCPAORequired";
    TcpAoBad = "TcpExtTCPAOBad";
    TcpAoKeyNotFound = "TcpExtTCPAOKeyNotFound";
    TcpAoGood = "TcpExtTCPAOGood";
    TcpAoDroppedIcmps = "TcpExtTCPAODroppedIcmps";
}

/// The counters of a host.
#[derive(Clone, Debug)]
pub struct Mib([u64; Counter::ALL.len()]);

impl Default for Mib {
    fn default() -> Mib {
        Mib([0; Counter::ALL.len()])
    }
}

impl Mib {
    /// `NET_INC_STATS`.
    pub(crate) fn inc(&mut self, counter: Counter) {
        self.add(counter, 1);
    }

    /// `NET_ADD_STATS`.
    pub(crate) fn add(&mut self, counter: Counter, n: u64) {
        let value = &mut self.0[counter as usize];
        *value = value.wrapping_add(n);
    }

    /// `TCP_DEC_STATS`: `CurrEstab` is a gauge.
    pub(crate) fn dec(&mut self, counter: Counter) {
        let value = &mut self.0[counter as usize];
        *value = value.wrapping_sub(1);
    }

    /// What it has counted.
    pub fn get(&self, counter: Counter) -> u64 {
        self.0[counter as usize]
    }

    /// The counter of this name in `nstat`, and its value.
    pub fn by_name(&self, name: &str) -> Option<u64> {
        Counter::ALL.iter().find(|c| c.name() == name).map(|c| self.get(*c))
    }

    /// Name and value of those that are not zero, as `nstat` lists them.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Counter::ALL.iter().map(|c| (c.name(), self.get(*c))).filter(|(_, value)| *value != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_has_the_name_that_nstat_prints() {
        let mut mib = Mib::default();
        mib.inc(Counter::RetransSegs);
        mib.add(Counter::BeyondWindow, 3);
        mib.inc(Counter::CurrEstab);
        mib.dec(Counter::CurrEstab);
        assert!(mib.iter().eq([("TcpRetransSegs", 1), ("TcpExtBeyondWindow", 3)]));
        assert_eq!(mib.by_name("TcpExtBeyondWindow"), Some(3));
    }
}
