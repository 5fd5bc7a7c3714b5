//! What a script says, once it is read: options, events, packets, calls.
//!
//! Everything is checked when it is read, so that running a script meets no word it does not know.

use std::net::Ipv4Addr;

/// A place in the script.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Place {
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

/// A script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Script {
    /// Its file's name, as messages give it.
    pub file: String,
    /// Its text.
    pub text: String,
    /// How it is to be run.
    pub options: Options,
    /// The command before the first event.
    pub init: Option<Command>,
    /// What happens.
    pub events: Vec<Event>,
    /// The command after the last event.
    pub cleanup: Option<Command>,
}

/// Which IP the sockets and the packets are of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum IpVersion {
    /// IPv4.
    #[default]
    Ipv4,
    /// IPv6.
    Ipv6,
    /// IPv6 sockets that talk IPv4.
    Ipv4MappedIpv6,
}

impl IpVersion {
    /// By the name that the option takes.
    pub fn parse(name: &str) -> Option<IpVersion> {
        match name {
            "ipv4" => Some(IpVersion::Ipv4),
            "ipv6" => Some(IpVersion::Ipv6),
            "ipv4-mapped-ipv6" => Some(IpVersion::Ipv4MappedIpv6),
            _ => None,
        }
    }

    /// The name that the option takes.
    pub fn name(self) -> &'static str {
        match self {
            IpVersion::Ipv4 => "ipv4",
            IpVersion::Ipv6 => "ipv6",
            IpVersion::Ipv4MappedIpv6 => "ipv4-mapped-ipv6",
        }
    }
}

/// The options: those of the script, then those of the command line, which count more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// `--ip_version`; nothing said is IPv4.
    pub ip_version: Option<IpVersion>,
    /// `--mss`: an inbound packet is one that the card has put together from segments of this size.
    pub mss: Option<u16>,
    /// `--mtu` of the device.
    pub mtu: u16,
    /// `--tolerance_usecs`, in nanoseconds.
    pub tolerance_ns: i64,
    /// `--tolerance_percent`, in units of 10⁻⁹ per cent.
    pub tolerance_percent: i64,
    /// `--tcp_ts_tick_usecs`; 0: outbound time stamps are not compared.
    pub ts_tick_usecs: u32,
    /// `--tcp_ts_ecr_scaled`: an inbound echo need not be a value that was seen.
    pub ts_ecr_scaled: bool,
    /// `--strict_segments`: several outbound packets do not match one line.
    pub strict_segments: bool,
    /// `--strict`, ours: a packet that the script does not read is a failure.
    pub strict: bool,
    /// `--non_fatal=packet`
    pub packets_not_fatal: bool,
    /// `--non_fatal=syscall`
    pub calls_not_fatal: bool,
    /// `--bind_port`
    pub bind_port: u16,
    /// `--connect_port`
    pub connect_port: u16,
    /// `--local_ip`
    pub local_ip: Ipv4Addr,
    /// Prefix length of `--netmask_ip`.
    pub prefix: u8,
    /// `--gateway_ip`
    pub gateway_ip: Ipv4Addr,
    /// `--remote_ip`
    pub remote_ip: Ipv4Addr,
    /// `--dry_run`: read only.
    pub dry_run: bool,
    /// `--init_scripts`: commands to run before the script's own.
    pub init_scripts: Option<String>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            ip_version: None,
            mss: None,
            mtu: 1500,
            tolerance_ns: 4_000_000,
            tolerance_percent: 12_500_000_000,
            ts_tick_usecs: 0,
            ts_ecr_scaled: false,
            strict_segments: false,
            strict: false,
            packets_not_fatal: false,
            calls_not_fatal: false,
            bind_port: 8080,
            connect_port: 8080,
            local_ip: Ipv4Addr::new(192, 168, 0, 1),
            prefix: 16,
            gateway_ip: Ipv4Addr::new(192, 168, 0, 1),
            remote_ip: Ipv4Addr::new(192, 0, 2, 1),
            dry_run: false,
            init_scripts: None,
        }
    }
}

/// Something that happens, or is expected to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Where it stands.
    pub place: Place,
    /// When.
    pub time: Time,
    /// What.
    pub action: Action,
}

/// When; in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Time {
    /// Since the script's start.
    Absolute(i64),
    /// Since the event before.
    Relative(i64),
    /// `*`
    Any,
    /// Within these, since the script's start.
    AbsoluteRange(i64, i64),
    /// Within these, since the event before.
    RelativeRange(i64, i64),
}

/// What an event is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// A packet to the stack, or one expected from it.
    Packet(Packet),
    /// A system call.
    Call(Box<Call>),
    /// A shell command.
    Command(Command),
    /// Python.
    Code(Code),
}

/// A shell command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Command {
    /// Where it stands.
    pub place: Place,
    /// The command.
    pub text: String,
}

/// A code block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Code {
    /// The line on which the text begins, from 1.
    pub line: u32,
    /// What is between the marks.
    pub text: String,
}

/// Which way a packet goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// `<`: to the stack.
    Inbound,
    /// `>`: from the stack.
    Outbound,
}

/// A packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Packet {
    /// Which way.
    pub direction: Direction,
    /// Headers around it, outermost first.
    pub encapsulation: Vec<Encapsulation>,
    /// What is said of the IP header.
    pub ip: IpInfo,
    /// What it carries.
    pub body: Body,
}

/// A header around the packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Encapsulation {
    /// `ipv4 a > b:`
    Ipv4 {
        /// Source.
        src: Ipv4Addr,
        /// Destination.
        dst: Ipv4Addr,
    },
    /// `gre:`
    Gre,
    /// `mpls (label 1, tc 0, [S], ttl 64):`, as its 32 bits each.
    Mpls(Vec<u32>),
}

/// What is said of the IP header; what is not is not compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct IpInfo {
    /// The ECN bits.
    pub ecn: Option<Ecn>,
    /// The whole TOS byte.
    pub tos: Option<u8>,
    /// Time to live.
    pub ttl: Option<u8>,
}

/// The ECN bits of the IP header (RFC 3168 §5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ecn {
    /// `noecn`: not ECN-capable.
    NotEct,
    /// `ect0`
    Ect0,
    /// `ect1`
    Ect1,
    /// `ce`: congestion experienced.
    Ce,
    /// `ect01`: either.
    Ect01,
}

/// What a packet carries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Body {
    /// TCP.
    Tcp(Tcp),
    /// UDP: so many bytes.
    Udp {
        /// Ports, if they are given.
        ports: Option<(u16, u16)>,
        /// Bytes of data.
        len: u16,
    },
    /// ICMP.
    Icmp(Icmp),
}

/// A TCP segment, in the script's numbers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tcp {
    /// Ports, if they are given.
    pub ports: Option<(u16, u16)>,
    /// FIN, SYN, RST, PSH, ACK, URG.
    pub flags: u8,
    /// The three bits AE, CWR, ECE.
    pub ace: u8,
    /// Sequence number.
    pub seq: u32,
    /// Bytes of data.
    pub len: u16,
    /// `ack N`
    pub ack: u32,
    /// `win N`
    pub window: Option<u16>,
    /// `urg N`
    pub urgent: u16,
    /// The options.
    pub options: TcpOptions,
}

/// A segment's options.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum TcpOptions {
    /// These, in this order; none at all if there are no `<>`.
    List(Vec<TcpOption>),
    /// `<...>`: any.
    #[default]
    Unchecked,
}

/// A TCP option.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TcpOption {
    /// `eol`
    Eol,
    /// `nop`
    Nop,
    /// `mss N`
    Mss(u16),
    /// `wscale N`
    WindowScale(u8),
    /// `sackOK`
    SackPermitted,
    /// `sack 1:2 3:4`
    Sack(Vec<(u32, u32)>),
    /// `TS val A ecr B`
    Timestamps {
        /// Value.
        val: u32,
        /// Echo.
        ecr: u32,
    },
    /// `FO hex`: kind 34.
    FastOpen(Vec<u8>),
    /// `FOEXP hex`: kind 254.
    FastOpenExperimental(Vec<u8>),
    /// `md5 hex`: kind 19.
    Md5(Vec<u8>),
    /// `ECN …`: kind 172 (`e0b` first) or 174 (`e1b` first), with as many counters as are there.
    AccurateEcn {
        /// Is `e1b` first?
        e1b_first: bool,
        /// The counters, 24 bits each.
        counters: Vec<u32>,
    },
}

/// An ICMP message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Icmp {
    /// Type.
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// `mtu N`
    pub mtu: Option<u32>,
    /// `id N` of an echo.
    pub id: Option<u16>,
    /// What it quotes.
    pub echoed: Option<Echoed>,
}

/// What an ICMP message quotes of the packet it is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Echoed {
    /// A TCP segment with this sequence number and so many bytes.
    Tcp {
        /// Sequence number, the script's.
        seq: u32,
        /// Bytes of data.
        len: u16,
    },
    /// `udp (N)`
    Udp(u16),
    /// `raw (N)`
    Raw(u16),
}

/// A system call and what it is to return.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    /// Where its name stands.
    pub place: Place,
    /// When a call that blocks returns, ns, in the terms of the event's time.
    pub end: Option<i64>,
    /// As written, without result: for messages.
    pub text: String,
    /// What is to be called.
    pub kind: super::calls::CallKind,
    /// The value it is to return.
    pub result: i64,
    /// The error it is to fail with: its name.
    pub errno: Option<i32>,
}
