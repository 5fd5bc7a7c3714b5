//! What the kernel counts: SNMP's MIB and Linux's own, as `nstat` prints them.
//!
//! Linux: `include/uapi/linux/snmp.h`, `net/ipv4/proc.c`.

macro_rules! counters {
    ($($name:ident = $nstat:literal;)*) => {
        /// A counter.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Counter { $(#[doc = $nstat] $name),* }

        impl Counter {
            /// Every counter.
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
    InSegs = "TcpInSegs";
    OutSegs = "TcpOutSegs";
    RetransSegs = "TcpRetransSegs";
    InErrs = "TcpInErrs";
    OutRsts = "TcpOutRsts";
    BeyondWindow = "TcpExtBeyondWindow";
    TcpTimeouts = "TcpExtTCPTimeouts";
    TcpLossProbes = "TcpExtTCPLossProbes";
    TcpLossProbeRecovery = "TcpExtTCPLossProbeRecovery";
    TcpSackRecovery = "TcpExtTCPSackRecovery";
    TcpRenoRecovery = "TcpExtTCPRenoRecovery";
    TcpFullUndo = "TcpExtTCPFullUndo";
    TcpPartialUndo = "TcpExtTCPPartialUndo";
    TcpDsackUndo = "TcpExtTCPDSACKUndo";
    TcpLossUndo = "TcpExtTCPLossUndo";
    TcpFastRetrans = "TcpExtTCPFastRetrans";
    TcpSlowStartRetrans = "TcpExtTCPSlowStartRetrans";
    TcpSackReneging = "TcpExtTCPSACKReneging";
    TcpSpuriousRtos = "TcpExtTCPSpuriousRTOs";
    TcpChallengeAck = "TcpExtTCPChallengeACK";
    TcpSynChallenge = "TcpExtTCPSYNChallenge";
    PawsEstab = "TcpExtPAWSEstab";
    PawsOldAck = "TcpExtPAWSOldAck";
    DelayedAcks = "TcpExtDelayedACKs";
    DelayedAckLost = "TcpExtDelayedACKLost";
    ListenOverflows = "TcpExtListenOverflows";
    ListenDrops = "TcpExtListenDrops";
    SyncookiesSent = "TcpExtSyncookiesSent";
    SyncookiesRecv = "TcpExtSyncookiesRecv";
    SyncookiesFailed = "TcpExtSyncookiesFailed";
    TcpHystartTrainDetect = "TcpExtTCPHystartTrainDetect";
    TcpHystartTrainCwnd = "TcpExtTCPHystartTrainCwnd";
    TcpHystartDelayDetect = "TcpExtTCPHystartDelayDetect";
    TcpHystartDelayCwnd = "TcpExtTCPHystartDelayCwnd";
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
        self.0[counter as usize] += 1;
    }

    /// `NET_ADD_STATS`.
    pub(crate) fn add(&mut self, counter: Counter, n: u64) {
        self.0[counter as usize] += n;
    }

    /// What it has counted.
    pub fn get(&self, counter: Counter) -> u64 {
        self.0[counter as usize]
    }

    /// The counter of this name in `nstat`, and its value.
    pub fn by_name(&self, name: &str) -> Option<u64> {
        Counter::ALL.iter().find(|c| c.name() == name).map(|c| self.get(*c))
    }
}
