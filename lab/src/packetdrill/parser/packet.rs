//! Packets.

use super::{Parser, Result, Stop};
use crate::packetdrill::ast::{
    Body, Direction, Echoed, Ecn, Encapsulation, Icmp, IpInfo, Packet, Tcp, TcpOption, TcpOptions,
};
use crate::packetdrill::lexer::{Fault, Tok, Token};
use crate::packetdrill::symbols::{self, icmp_code, icmp_type};
use crate::scenario::suggest::did_you_mean;
use stack::wire::tcp::{ACK, FIN, PSH, RST, SYN, URG};

const OPTION_NAMES: &[&str] = &["mss", "wscale", "sackOK", "nop", "eol", "TS", "sack", "FO", "FOEXP", "md5", "ECN"];
/// What a header can hold.
const MAX_OPTION_BYTES: usize = 40;

impl Parser<'_> {
    pub(super) fn packet(&mut self) -> Result<Packet> {
        let direction = if self.next().tok == Tok::Punct('<') { Direction::Inbound } else { Direction::Outbound };
        let encapsulation = self.encapsulation()?;
        let span = self.peek().span.clone();
        let ip = self.ip_info()?;
        if direction == Direction::Inbound && ip.ecn == Some(Ecn::Ect01) {
            let hint = "expected ect0 or ect1";
            return Err(Fault::new(span, "[ect01] means either, so it says nothing of an inbound packet", hint).into());
        }
        let body = if self.accept_word("udp") {
            let ports = self.ports()?;
            self.expect('(')?;
            let len = self.integer("a number of bytes up to 65507")?;
            self.expect(')')?;
            Body::Udp { ports, len }
        } else if self.accept_word("icmp") {
            Body::Icmp(self.icmp()?)
        } else {
            Body::Tcp(self.tcp(direction)?)
        };
        Ok(Packet { direction, encapsulation, ip, body })
    }

    fn encapsulation(&mut self) -> Result<Vec<Encapsulation>> {
        let mut around = Vec::new();
        loop {
            if self.accept_word("ipv4") {
                // What is said of the outer header's fields is of no consequence: no tunnel is there to look.
                self.ip_info()?;
                let src = self.address()?;
                self.expect('>')?;
                let dst = self.address()?;
                around.push(Encapsulation::Ipv4 { src, dst });
            } else if self.is_word("ipv6") {
                return Err(Stop::Skip("it has packets within IPv6, which this stack does not have".to_owned()));
            } else if self.accept_word("gre") || self.accept_word("GREv0") {
                around.push(Encapsulation::Gre);
            } else if self.accept_word("mpls") {
                around.push(Encapsulation::Mpls(self.mpls()?));
            } else if self.is_word("encap") {
                let token = self.peek().clone();
                return Err(
                    Fault::new(token.span, "PSP is not part of this stack", "expected a packet without it").into()
                );
            } else {
                return Ok(around);
            }
            self.expect(':')?;
        }
    }

    fn address(&mut self) -> Result<std::net::Ipv4Addr> {
        let token = self.next();
        match token.tok {
            Tok::Ipv4(address) => Ok(address),
            _ => Err(self.unexpected(&token, "an IPv4 address")),
        }
    }

    fn mpls(&mut self) -> Result<Vec<u32>> {
        let mut stack = Vec::new();
        while self.accept('(') {
            self.expect_word("label")?;
            let label = self.bits("a label of 20 bits", 20)?;
            self.expect(',')?;
            self.expect_word("tc")?;
            let class = self.bits("a traffic class of 3 bits", 3)?;
            self.expect(',')?;
            let mut bottom = 0;
            if self.accept('[') {
                self.expect_word("S")?;
                self.expect(']')?;
                self.expect(',')?;
                bottom = 1;
            }
            self.expect_word("ttl")?;
            let ttl = self.bits("a time to live of 8 bits", 8)?;
            self.expect(')')?;
            stack.push(label << 12 | class << 9 | bottom << 8 | ttl);
        }
        Ok(stack)
    }

    fn bits(&mut self, what: &str, bits: u32) -> Result<u32> {
        let token = self.peek().clone();
        let value: u32 = self.integer(what)?;
        if value >> bits == 0 {
            return Ok(value);
        }
        Err(Fault::new(token.span, format!("{value} is out of range"), format!("expected {what}")).into())
    }

    /// `[…]` or `(…)` before the packet proper.
    fn ip_info(&mut self) -> Result<IpInfo> {
        let mut info = IpInfo::default();
        let close = match self.peek().tok {
            Tok::Punct('[') => ']',
            Tok::Punct('(') => ')',
            _ => return Ok(info),
        };
        self.next();
        loop {
            let token = self.next();
            match token.text.as_str() {
                "noecn" => info.ecn = Some(Ecn::NotEct),
                "ect0" => info.ecn = Some(Ecn::Ect0),
                "ect1" => info.ecn = Some(Ecn::Ect1),
                "ce" => info.ecn = Some(Ecn::Ce),
                "ect01" => info.ecn = Some(Ecn::Ect01),
                "tos" => info.tos = Some(self.byte("a hexadecimal number of 8 bits")?),
                "ttl" => info.ttl = Some(self.byte("a time to live from 1 to 255")?),
                "flowlabel" => {
                    return Err(Stop::Skip(
                        "it speaks of flow labels, so it is for IPv6, which this stack does not have".to_owned(),
                    ));
                }
                _ => return Err(self.unexpected(&token, "noecn, ect0, ect1, ce, ect01, tos or ttl")),
            }
            if !self.accept(',') {
                break;
            }
        }
        self.expect(close)?;
        Ok(info)
    }

    fn byte(&mut self, what: &str) -> Result<u8> {
        let token = self.next();
        match token.tok {
            Tok::Int(value) | Tok::Hex(value) => u8::try_from(value).map_err(|_| {
                Fault::new(token.span, format!("{value} is out of range"), format!("expected {what}")).into()
            }),
            _ => Err(self.unexpected(&token, what)),
        }
    }

    /// `sport > dport`, if it is there.
    fn ports(&mut self) -> Result<Option<(u16, u16)>> {
        let there = matches!(self.peek().tok, Tok::Int(_)) && self.peek_at(1).tok == Tok::Punct('>');
        if !there {
            return Ok(None);
        }
        let source = self.integer("a port")?;
        self.expect('>')?;
        Ok(Some((source, self.integer("a port")?)))
    }

    fn tcp(&mut self, direction: Direction) -> Result<Tcp> {
        let ports = self.ports()?;
        let (flags, ace) = self.flags()?;
        let (seq, len) = self.sequence()?;
        let ack = if self.accept_word("ack") { self.integer("an acknowledgment number")? } else { 0 };
        let window = if self.accept_word("win") { Some(self.integer("a window of 16 bits")?) } else { None };
        if window.is_none() && direction == Direction::Inbound {
            let token = self.peek().clone();
            return Err(self.unexpected(&token, "\"win\" and the window of an inbound packet"));
        }
        let urgent = if self.accept_word("urg") { self.integer("an urgent pointer of 16 bits")? } else { 0 };
        let options = self.tcp_options(direction)?;
        Ok(Tcp { ports, flags, ace, seq, len, ack, window, urgent, options })
    }

    /// The flags: letters, `.`, and the ECN bits as letters or as one digit.
    fn flags(&mut self) -> Result<(u8, u8)> {
        let start = self.peek().clone();
        if self.accept('-') {
            return Ok((0, 0));
        }
        // `P.5` is a word and a decimal, `S.` a word and a dot.
        let mut text = String::new();
        if self.peek().tok == Tok::Word
            || (matches!(self.peek().tok, Tok::Int(0..=7)) && self.peek_at(1).tok == Tok::Punct('.'))
        {
            text.push_str(&self.next().text);
        }
        if self.accept('.') {
            text.push('.');
        } else if matches!(self.peek().tok, Tok::Decimal(_)) && self.peek().text.starts_with('.') {
            text.push_str(&self.next().text);
        }
        if text.is_empty() {
            return Err(
                self.unexpected(&start, "a packet: TCP flags (F S R P . U E W A, a digit, or -), \"udp\" or \"icmp\"")
            );
        }
        let span = start.span.start..self.end_of_last();
        let (mut flags, mut ace, mut digit) = (0, 0, None);
        for c in text.chars() {
            match c {
                'F' => flags |= FIN,
                'S' => flags |= SYN,
                'R' => flags |= RST,
                'P' => flags |= PSH,
                '.' => flags |= ACK,
                'U' => flags |= URG,
                'E' => ace |= 1,
                'W' => ace |= 2,
                'A' => ace |= 4,
                '0'..='7' if digit.is_none() => digit = c.to_digit(8),
                _ => {
                    let hint = "expected F S R P . U, and E W A or one digit from 0 to 7";
                    return Err(Fault::new(span, format!("\"{c}\" is no TCP flag"), hint).into());
                }
            }
        }
        if let Some(digit) = digit {
            if ace != 0 {
                return Err(Fault::new(span, "the ECN bits twice", "expected letters or a digit, not both").into());
            }
            ace = digit as u8;
        }
        Ok((flags, ace))
    }

    /// `start:end(length)`
    fn sequence(&mut self) -> Result<(u32, u16)> {
        let from = self.peek().span.start;
        let start: u32 = self.integer("a sequence number: START:END(LENGTH)")?;
        self.expect(':')?;
        let end: u32 = self.integer("the sequence number behind the data")?;
        self.expect('(')?;
        let len: u16 = self.integer("the length of the data, up to 65535")?;
        self.expect(')')?;
        if start.wrapping_add(u32::from(len)) != end {
            let span = from..self.end_of_last();
            let hint = format!("expected {start}:{}({len})", start.wrapping_add(u32::from(len)));
            return Err(Fault::new(span, "sequence numbers and length contradict each other", hint).into());
        }
        Ok((start, len))
    }

    fn tcp_options(&mut self, direction: Direction) -> Result<TcpOptions> {
        let start = self.peek().span.clone();
        if !self.accept('<') {
            return Ok(TcpOptions::List(Vec::new()));
        }
        if self.peek().tok == Tok::Ellipsis {
            self.next();
            self.expect('>')?;
            if direction == Direction::Inbound {
                return Err(
                    Fault::new(start, "<...> leaves an inbound packet's options open", "expected the options").into()
                );
            }
            return Ok(TcpOptions::Unchecked);
        }
        let mut options = vec![self.tcp_option()?];
        while self.accept(',') {
            options.push(self.tcp_option()?);
        }
        let close = self.next();
        if close.tok != Tok::Punct('>') {
            return Err(self.unexpected(&close, "\",\" and another option, or \">\""));
        }
        let len = crate::packetdrill::build::options_bytes(&options).len();
        let span = start.start..self.end_of_last();
        if len > MAX_OPTION_BYTES {
            return Err(Fault::new(span, format!("options of {len} bytes"), "expected at most 40 bytes").into());
        }
        if !len.is_multiple_of(4) {
            let hint = "expected a multiple of 4: add nop";
            return Err(Fault::new(span, format!("options of {len} bytes"), hint).into());
        }
        Ok(TcpOptions::List(options))
    }

    fn tcp_option(&mut self) -> Result<TcpOption> {
        let token = self.next();
        Ok(match token.text.as_str() {
            "nop" => TcpOption::Nop,
            "eol" => TcpOption::Eol,
            "mss" => TcpOption::Mss(self.integer("a segment size of 16 bits")?),
            "wscale" => TcpOption::WindowScale(self.integer("a shift of 8 bits")?),
            "sackOK" => TcpOption::SackPermitted,
            "sack" => {
                let mut blocks = Vec::new();
                while blocks.is_empty() || matches!(self.peek().tok, Tok::Int(_)) {
                    let left = self.integer("a block, LEFT:RIGHT")?;
                    self.expect(':')?;
                    blocks.push((left, self.integer("the block's end")?));
                }
                TcpOption::Sack(blocks)
            }
            "TS" => {
                self.expect_word("val")?;
                let val = self.integer("a time stamp of 32 bits")?;
                self.expect_word("ecr")?;
                TcpOption::Timestamps { val, ecr: self.integer("a time stamp of 32 bits")? }
            }
            "FO" => TcpOption::FastOpen(self.hex()?),
            "FOEXP" => TcpOption::FastOpenExperimental(self.hex()?),
            "md5" => {
                let digest = self.hex()?;
                TcpOption::Md5(if digest.is_empty() { vec![0; 16] } else { digest })
            }
            "ECN" => self.accurate_ecn()?,
            name => {
                let hint = did_you_mean(name, OPTION_NAMES.iter().copied());
                let message = format!("unexpected {}", token.describe());
                let hint = hint.unwrap_or_else(|| format!("expected a TCP option: {}", OPTION_NAMES.join(", ")));
                return Err(Fault::new(token.span, message, hint).into());
            }
        })
    }

    /// Bytes in hexadecimal; none is none.
    fn hex(&mut self) -> Result<Vec<u8>> {
        if !matches!(self.peek().tok, Tok::Word | Tok::Int(_)) {
            return Ok(Vec::new());
        }
        let Token { text, span, .. } = self.next();
        let digit = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
        let pairs = text.as_bytes().chunks(2);
        let bytes: Option<Vec<u8>> =
            pairs.map(|p| if let [a, b] = p { Some(digit(*a)? << 4 | digit(*b)?) } else { None }).collect();
        bytes.ok_or_else(|| {
            Fault::new(span, format!("\"{text}\" is no row of bytes"), "expected pairs of hexadecimal digits").into()
        })
    }

    fn accurate_ecn(&mut self) -> Result<TcpOption> {
        let first = self.peek().clone();
        let order = match first.text.as_str() {
            "e0b" => ["e0b", "ceb", "e1b"],
            "e1b" => ["e1b", "ceb", "e0b"],
            _ => return Err(self.unexpected(&first, "e0b or e1b, which come first")),
        };
        let mut counters = Vec::new();
        for name in order {
            if !self.accept_word(name) {
                break;
            }
            counters.push(self.bits("a counter of 24 bits", 24)?);
        }
        Ok(TcpOption::AccurateEcn { e1b_first: order[0] == "e1b", counters })
    }

    fn icmp(&mut self) -> Result<Icmp> {
        let token = self.next();
        if token.tok != Tok::Word {
            return Err(self.unexpected(&token, "an ICMP type, e.g. unreachable"));
        }
        if symbols::is_icmpv6_only(&token.text) {
            return Err(Stop::Skip(format!("\"icmp {}\" is of IPv6, which this stack does not have", token.text)));
        }
        let kind = icmp_type(&token.text).ok_or_else(|| self.unexpected(&token, "an ICMP type, e.g. unreachable"))?;
        let mut code = 0;
        let next = self.peek().clone();
        if next.tok == Tok::Word && !["mtu", "id"].contains(&next.text.as_str()) {
            self.next();
            if symbols::is_icmpv6_only(&next.text) {
                return Err(Stop::Skip(format!("\"icmp {}\" is of IPv6, which this stack does not have", next.text)));
            }
            code = icmp_code(kind, &next.text).ok_or_else(|| self.unexpected(&next, "a code of this ICMP type"))?;
        }
        let mtu = if self.accept_word("mtu") { Some(self.integer("an MTU")?) } else { None };
        let id = if self.accept_word("id") { Some(self.integer("an identifier of 16 bits")?) } else { None };
        let echoed = if self.accept('[') {
            let echoed = self.echoed()?;
            self.expect(']')?;
            Some(echoed)
        } else {
            None
        };
        Ok(Icmp { kind, code, mtu, id, echoed })
    }

    fn echoed(&mut self) -> Result<Echoed> {
        let raw = self.is_word("raw");
        if raw || self.is_word("udp") {
            self.next();
            self.expect('(')?;
            let len = self.integer("a number of bytes")?;
            self.expect(')')?;
            return Ok(if raw { Echoed::Raw(len) } else { Echoed::Udp(len) });
        }
        let (seq, len) = self.sequence()?;
        Ok(Echoed::Tcp { seq, len })
    }
}
