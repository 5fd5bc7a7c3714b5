//! Why a packet is dropped: Linux's `SKB_DROP_REASON_…` where it has one.
//!
//! Linux: `include/net/dropreason-core.h`.

macro_rules! reasons {
    ($($name:ident = $linux:literal, $text:literal, $source:literal;)*) => {
        /// The reason an skb is freed.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[repr(u8)]
        pub enum DropReason { $(#[doc = $text] $name),* }

        impl DropReason {
            /// Every reason.
            pub const ALL: &'static [DropReason] = &[$(DropReason::$name),*];

            /// Linux's name, as `pwru` and the `kfree_skb` tracepoint print it.
            pub const fn name(self) -> &'static str {
                match self { $(DropReason::$name => $linux),* }
            }

            /// One sentence for a reader.
            pub const fn text(self) -> &'static str {
                match self { $(DropReason::$name => $text),* }
            }

            /// The RFC section (or kernel file) that asks for it.
            pub const fn source(self) -> &'static str {
                match self { $(DropReason::$name => $source),* }
            }
        }
    };
}

reasons! {
    Consumed = "SKB_CONSUMED", "The packet did its work and is freed.", "include/net/dropreason-core.h";
    NotSpecified = "SKB_DROP_REASON_NOT_SPECIFIED", "No reason is given.", "include/net/dropreason-core.h";
    NoSocket = "SKB_DROP_REASON_NO_SOCKET", "No socket listens on that port.", "RFC 9293 §3.10.7.1";
    PktTooSmall = "SKB_DROP_REASON_PKT_TOO_SMALL", "The packet is shorter than its header.", "RFC 791 §3.1";
    TcpCsum = "SKB_DROP_REASON_TCP_CSUM", "The TCP checksum is wrong.", "RFC 9293 §3.1";
    UdpCsum = "SKB_DROP_REASON_UDP_CSUM", "The UDP checksum is wrong.", "RFC 768";
    IcmpCsum = "SKB_DROP_REASON_ICMP_CSUM", "The ICMP checksum is wrong.", "RFC 792";
    SocketRcvbuff = "SKB_DROP_REASON_SOCKET_RCVBUFF", "The socket's receive buffer is full.", "net/core/sock.c";
    ProtoMem = "SKB_DROP_REASON_PROTO_MEM", "The protocol's memory limit is reached.", "net/core/sock.c";
    OtherHost = "SKB_DROP_REASON_OTHERHOST", "The frame is addressed to another host.", "net/ipv4/ip_input.c";
    IpCsum = "SKB_DROP_REASON_IP_CSUM", "The IPv4 header checksum is wrong.", "RFC 1122 §3.2.1.2";
    IpInhdr = "SKB_DROP_REASON_IP_INHDR", "The IPv4 header is malformed.", "RFC 791 §3.1";
    IpOutNoRoutes = "SKB_DROP_REASON_IP_OUTNOROUTES", "There is no route to the destination.", "RFC 1122 §3.3.1";
    IpInAddrErrors = "SKB_DROP_REASON_IP_INADDRERRORS", "The destination is not an address of this host.", "RFC 1122 §3.2.1.3";
    IpInvalidSource = "SKB_DROP_REASON_IP_INVALID_SOURCE", "The source address can be nobody's.", "RFC 1122 §3.2.1.3";
    IpNoProto = "SKB_DROP_REASON_IP_NOPROTO", "No protocol handler takes this IPv4 protocol.", "RFC 1122 §3.2.2.1";
    IpFragment = "SKB_DROP_REASON_FRAG_REASM", "The packet is a fragment; this stack does not reassemble yet.", "RFC 791 §3.2";
    TtlExceeded = "SKB_DROP_REASON_IP_TTL", "The time to live ran out.", "RFC 1812 §5.3.1";
    PktTooBig = "SKB_DROP_REASON_PKT_TOO_BIG", "The packet does not fit the link.", "RFC 791 §2.3";
    NeighFailed = "SKB_DROP_REASON_NEIGH_FAILED", "No answer to ARP: the neighbour cannot be reached.", "RFC 826";
    NeighQueuefull = "SKB_DROP_REASON_NEIGH_QUEUEFULL", "Too many packets wait for the neighbour's address.", "RFC 1122 §2.3.2.2";
    QdiscDrop = "SKB_DROP_REASON_QDISC_DROP", "The queue of the device is full.", "net/sched/sch_generic.c";
    UnhandledProto = "SKB_DROP_REASON_UNHANDLED_PROTO", "Nobody takes this Ethernet type.", "net/core/dev.c";
    DevReady = "SKB_DROP_REASON_DEV_READY", "The device is down.", "net/core/dev.c";
    FullRing = "SKB_DROP_REASON_FULL_RING", "The descriptor ring of the driver is full.", "include/net/dropreason-core.h";
    BadFcs = "RX_CRC_ERRORS", "The frame check sequence is wrong: the card discards the frame.", "IEEE 802.3 §3.2.9";
    Runt = "RX_LENGTH_ERRORS", "The frame is too short or too long for Ethernet.", "IEEE 802.3 §3.2.7";
    ArpMalformed = "SKB_DROP_REASON_PKT_TOO_SMALL (arp)", "The ARP packet is malformed.", "RFC 826";
    IcmpMalformed = "SKB_DROP_REASON_PKT_TOO_SMALL (icmp)", "The ICMP message is too short.", "RFC 792";
    IcmpIgnored = "SKB_DROP_REASON_UNHANDLED_PROTO (icmp)", "Nobody waits for this ICMP message.", "RFC 1122 §3.2.2";
    TcpFlags = "SKB_DROP_REASON_TCP_FLAGS", "The flags make no sense in this state.", "RFC 9293 §3.10.7";
    TcpOldData = "SKB_DROP_REASON_TCP_OLD_DATA", "The data was received before.", "RFC 9293 §3.10.7.4";
    TcpOverwindow = "SKB_DROP_REASON_TCP_OVERWINDOW", "The data lies beyond the window.", "RFC 9293 §3.10.7.4";
    TcpZerowindow = "SKB_DROP_REASON_TCP_ZEROWINDOW", "The receive window is closed.", "RFC 9293 §3.8.6";
    TcpOfomerge = "SKB_DROP_REASON_TCP_OFOMERGE", "The data is already in the out-of-order queue.", "net/ipv4/tcp_input.c";
    TcpOfoDrop = "SKB_DROP_REASON_TCP_OFO_DROP", "Data in order has made it superfluous.", "net/ipv4/tcp_input.c";
    TcpOfoQueuePrune = "SKB_DROP_REASON_TCP_OFO_QUEUE_PRUNE", "The receive buffer is full: what is out of order goes first.", "RFC 2018 §8";
    TcpInvalidSequence = "SKB_DROP_REASON_TCP_INVALID_SEQUENCE", "The sequence number is outside the window.", "RFC 9293 §3.10.7.4";
    TcpInvalidEndSequence = "SKB_DROP_REASON_TCP_INVALID_END_SEQUENCE", "The segment reaches beyond the window ever offered.", "RFC 9293 §3.10.7.4";
    TcpInvalidSyn = "SKB_DROP_REASON_TCP_INVALID_SYN", "A SYN inside a connection.", "RFC 5961 §4";
    TcpAckUnsentData = "SKB_DROP_REASON_TCP_ACK_UNSENT_DATA", "It acknowledges what was never sent.", "RFC 9293 §3.10.7.4";
    TcpTooOldAck = "SKB_DROP_REASON_TCP_TOO_OLD_ACK", "The acknowledgment is far too old.", "RFC 5961 §5";
    TcpInvalidAckSequence = "SKB_DROP_REASON_TCP_INVALID_ACK_SEQUENCE", "It acknowledges something other than our SYN.", "RFC 9293 §3.10.7.3";
    TcpOldAck = "SKB_DROP_REASON_TCP_OLD_ACK", "The acknowledgment is old.", "RFC 9293 §3.10.7.4";
    TcpOldSequence = "SKB_DROP_REASON_TCP_OLD_SEQUENCE", "The segment lies wholly before the window.", "RFC 9293 §3.10.7.4";
    TcpReset = "SKB_DROP_REASON_TCP_RESET", "A reset ends the connection.", "RFC 9293 §3.10.7.4";
    TcpRfc7323Paws = "SKB_DROP_REASON_TCP_RFC7323_PAWS", "The timestamp is older than one already seen.", "RFC 7323 §5.3";
    TcpRfc7323TsEcr = "SKB_DROP_REASON_TCP_RFC7323_TSECR", "It echoes a timestamp that was never sent.", "RFC 7323 §3.2";
    TcpRfc7323PawsAck = "SKB_DROP_REASON_TCP_RFC7323_PAWS_ACK", "An ACK with an old timestamp that was overtaken.", "RFC 7323 §5.3";
    TcpMinTtl = "SKB_DROP_REASON_TCP_MINTTL", "It comes from further away than the socket allows.", "RFC 5082";
    TcpClose = "SKB_DROP_REASON_TCP_CLOSE", "The connection is closed.", "RFC 9293 §3.10.7";
    TcpAbortOnData = "SKB_DROP_REASON_TCP_ABORT_ON_DATA", "Data for a socket nobody will read: answered with a reset.", "RFC 2525 §2.17";
    TcpListenOverflow = "SKB_DROP_REASON_TCP_LISTEN_OVERFLOW", "The accept queue is full.", "net/ipv4/tcp_input.c";
    TcpMalformed = "SKB_DROP_REASON_TCP_FLAGS (header)", "The TCP header is malformed.", "RFC 9293 §3.1";
    WireLost = "WIRE_LOST", "The wire lost the frame.", "the scenario";
    SwitchNoPort = "SWITCH_SAME_PORT", "The switch knows the receiver on the port it came from.", "IEEE 802.1D §7.7";
}
