//! `ping`: echo requests over a ping socket, with the texts of iputils.
//!
//! `ping [-c COUNT] [-i INTERVAL] [-s SIZE] [-W TIMEOUT] [-q] ADDRESS`. RFC 792; iputils `ping/ping.c`,
//! `ping_common.c`. A ping socket (`SOCK_DGRAM`, `IPPROTO_ICMP`) gives no time to live to a program that
//! has no `recvmsg`, so `ttl=` is left out, as iputils does where it is not known.

use super::args::{Args, Opt};
use crate::program::Sys;
use crate::scenario::units;
use stack::syscall::{Errno, Fd, IPPROTO_ICMP, SOCK_DGRAM, SockAddr};
use stack::time::Duration;
use std::net::Ipv4Addr;

const ICMP_ECHO: u8 = 8;
const ICMP_HEADER: usize = 8;
/// The first bytes of the payload are the time of sending, if there is room for it.
const TIME_BYTES: usize = 16;

struct Options {
    count: Option<u64>,
    interval: Duration,
    size: usize,
    timeout: Duration,
    quiet: bool,
}

#[derive(Default)]
struct Stats {
    sent: u64,
    received: u64,
    duplicates: u64,
    errors: u64,
    /// Sorted by sequence number: 1 if answered.
    answered: Vec<bool>,
    min_us: u64,
    max_us: u64,
    sum_us: u64,
    sum2_us: u128,
}

pub(super) async fn main(sys: Sys, mut args: Args) -> i32 {
    let mut options = Options {
        count: None,
        interval: Duration::from_secs(1),
        size: 56,
        timeout: Duration::from_secs(10),
        quiet: false,
    };
    while let Some(option) = args.next() {
        let bad = match option {
            Opt::Short('c') => set(&mut options.count, args.parsed().filter(|n| *n > 0).map(Some), "number of packets"),
            Opt::Short('i') => set(&mut options.interval, args.value().and_then(|v| seconds(&v)), "timing interval"),
            Opt::Short('s') => set(&mut options.size, args.parsed().filter(|s| *s <= 65_507), "packet size"),
            Opt::Short('W') => set(&mut options.timeout, args.value().and_then(|v| seconds(&v)), "linger time"),
            Opt::Short('q') => {
                options.quiet = true;
                None
            }
            Opt::Short('n' | '4') => None,
            _ => Some("option"),
        };
        if let Some(what) = bad {
            sys.eprint(format!(
                "ping: bad {what}\nusage: ping [-c COUNT] [-i INTERVAL] [-s SIZE] [-W TIMEOUT] [-q] ADDRESS\n"
            ))
            .await;
            return 2;
        }
    }
    let operands = args.operands();
    let Some(host) = operands.first() else {
        sys.eprint("ping: usage error: Destination address required\n").await;
        return 1;
    };
    let Ok(addr) = host.parse::<Ipv4Addr>() else {
        sys.eprint(format!("ping: {host}: Name or service not known\n")).await;
        return 2;
    };
    run(&sys, &options, addr).await
}

fn set<T>(place: &mut T, value: Option<T>, what: &'static str) -> Option<&'static str> {
    match value {
        Some(value) => {
            *place = value;
            None
        }
        None => Some(what),
    }
}

/// `0.2`, in seconds, as ping's options have it.
fn seconds(text: &str) -> Option<Duration> {
    units::duration(&format!("{text}s"))
}

async fn run(sys: &Sys, options: &Options, addr: Ipv4Addr) -> i32 {
    let to = SockAddr::v4(addr, 0);
    let fd = match sys.socket(SOCK_DGRAM, IPPROTO_ICMP).await {
        Ok(fd) => fd,
        Err(error) => {
            sys.eprint(format!("ping: socktype: SOCK_DGRAM\nping: socket: {}\n", error.text())).await;
            return 2;
        }
    };
    let total = options.size + ICMP_HEADER + 20;
    sys.print(format!("PING {addr} ({addr}) {}({total}) bytes of data.\n", options.size)).await;
    let mut stats = Stats::default();
    let begin = sys.clock().await;
    loop {
        let sent_at = sys.clock().await;
        let seq = stats.sent as u16 + 1;
        stats.sent += 1;
        stats.answered.push(false);
        if let Err(error) = sys.send_to(fd, &request(seq, options.size, sent_at), to).await {
            stats.errors += 1;
            sys.eprint(format!("ping: sendmsg: {}\n", error.text())).await;
        }
        let last = options.count.is_some_and(|count| stats.sent >= count);
        // The last one is waited for; the others only until the next goes out.
        let wait = if last { options.timeout } else { options.interval };
        let until = sent_at + wait.as_nanos() as u64;
        receive(sys, fd, options, &mut stats, until, last).await;
        if last {
            break;
        }
    }
    let total_ms = (sys.clock().await - begin) / 1_000_000;
    let _ = sys.close(fd).await;
    sys.print(stats.text(addr, total_ms, options.size >= TIME_BYTES)).await;
    i32::from(stats.received == 0)
}

/// An echo request; the kernel fills in identifier and checksum.
fn request(seq: u16, size: usize, now: u64) -> Vec<u8> {
    let mut packet = vec![ICMP_ECHO, 0, 0, 0, 0, 0];
    packet.extend_from_slice(&seq.to_be_bytes());
    packet.extend((0..size).map(|i| i as u8));
    if size >= TIME_BYTES {
        packet[ICMP_HEADER..ICMP_HEADER + 8].copy_from_slice(&(now / 1_000_000_000).to_le_bytes());
        packet[ICMP_HEADER + 8..ICMP_HEADER + 16].copy_from_slice(&(now % 1_000_000_000 / 1000).to_le_bytes());
    }
    packet
}

/// Takes replies until the time has come; or, of the last request, until all are answered.
async fn receive(sys: &Sys, fd: Fd, options: &Options, stats: &mut Stats, until: u64, last: bool) {
    loop {
        let now = sys.clock().await;
        let Some(left) = until.checked_sub(now).filter(|left| *left >= 1000) else { return };
        if last && stats.answered.iter().all(|a| *a) {
            return;
        }
        if sys.set_receive_timeout(fd, Duration::from_nanos(left)).await.is_err() {
            return;
        }
        match sys.recv_from(fd, 65_536).await {
            Ok((packet, from)) => {
                let now = sys.clock().await;
                if let Some(line) = stats.take(&packet, from, now)
                    && !options.quiet
                {
                    sys.print(line).await;
                }
            }
            Err(Errno::EAGAIN) => return,
            Err(error) => {
                stats.errors += 1;
                let here = sys.local_address(fd).await.map_or(Ipv4Addr::UNSPECIFIED, |a| a.addr);
                let what = match error {
                    Errno::EHOSTUNREACH => "Destination Host Unreachable",
                    Errno::ENETUNREACH => "Destination Net Unreachable",
                    Errno::ECONNREFUSED => "Destination Port Unreachable",
                    other => other.text(),
                };
                if !options.quiet {
                    let from = if here.is_unspecified() { String::new() } else { format!("From {here} ") };
                    sys.print(format!("{from}icmp_seq={} {what}\n", stats.sent)).await;
                }
                if last {
                    return;
                }
            }
        }
    }
}

impl Stats {
    /// Takes a reply in; gives the line to print.
    fn take(&mut self, packet: &[u8], from: Option<SockAddr>, now: u64) -> Option<String> {
        let seq = u16::from_be_bytes([*packet.get(6)?, *packet.get(7)?]);
        let answered = self.answered.get_mut(usize::from(seq).checked_sub(1)?)?;
        let duplicate = std::mem::replace(answered, true);
        if duplicate {
            self.duplicates += 1;
        } else {
            self.received += 1;
        }
        let word = |at: usize| Some(u64::from_le_bytes(packet.get(at..at + 8)?.try_into().ok()?));
        let sent = packet
            .get(ICMP_HEADER..ICMP_HEADER + TIME_BYTES)
            .and_then(|_| Some(word(ICMP_HEADER)? * 1_000_000 + word(ICMP_HEADER + 8)?));
        let from = from.map_or(Ipv4Addr::UNSPECIFIED, |a| a.addr);
        let mut line = format!("{} bytes from {from}: icmp_seq={seq}", packet.len());
        if let Some(sent_us) = sent {
            let rtt_us = (now / 1000).saturating_sub(sent_us);
            self.min_us = if self.received == 1 && !duplicate { rtt_us } else { self.min_us.min(rtt_us) };
            self.max_us = self.max_us.max(rtt_us);
            self.sum_us += rtt_us;
            self.sum2_us += u128::from(rtt_us) * u128::from(rtt_us);
            line += &format!(" time={} ms", rtt_text(rtt_us));
        }
        if duplicate {
            line += " (DUP!)";
        }
        line.push('\n');
        Some(line)
    }

    fn text(&self, addr: Ipv4Addr, total_ms: u64, timed: bool) -> String {
        let mut text =
            format!("\n--- {addr} ping statistics ---\n{} packets transmitted, {} received", self.sent, self.received);
        if self.duplicates > 0 {
            text += &format!(", +{} duplicates", self.duplicates);
        }
        if self.errors > 0 {
            text += &format!(", +{} errors", self.errors);
        }
        text += &format!(", {}% packet loss, time {total_ms}ms\n", loss(self.sent, self.received));
        let count = self.received + self.duplicates;
        if timed && count > 0 {
            let mean = self.sum_us / count;
            let variance = (self.sum2_us / u128::from(count)).saturating_sub(u128::from(mean) * u128::from(mean));
            let ms = |us: u64| format!("{}.{:03}", us / 1000, us % 1000);
            let deviation = variance.isqrt() as u64;
            text += &format!(
                "rtt min/avg/max/mdev = {}/{}/{}/{} ms\n",
                ms(self.min_us),
                ms(mean),
                ms(self.max_us),
                ms(deviation)
            );
        } else {
            text.push('\n');
        }
        text
    }
}

/// A round-trip time as iputils prints it: three digits that count.
fn rtt_text(us: u64) -> String {
    match us {
        100_000.. => format!("{}", (us + 500) / 1000),
        10_000.. => format!("{}.{}", (us + 50) / 1000, (us + 50) % 1000 / 100),
        1_000.. => format!("{}.{:02}", (us + 5) / 1000, (us + 5) % 1000 / 10),
        _ => format!("{}.{:03}", us / 1000, us % 1000),
    }
}

/// Loss in per cent with up to six digits, as `%g` prints it.
fn loss(sent: u64, received: u64) -> String {
    let lost = sent.saturating_sub(received);
    if sent == 0 {
        return "0".to_owned();
    }
    let whole = lost * 100 / sent;
    let digits = if whole >= 10 { 4 } else { 5 };
    let scale = 10u64.pow(digits);
    let scaled = (lost * 100 * scale + sent / 2) / sent;
    let text = format!("{}.{:0width$}", scaled / scale, scaled % scale, width = digits as usize);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_losses_read_as_in_iputils() {
        assert_eq!(
            [rtt_text(52), rtt_text(1_234), rtt_text(12_345), rtt_text(123_456)],
            ["0.052", "1.23", "12.3", "123"]
        );
        assert_eq!([loss(4, 4), loss(4, 0), loss(4, 3), loss(3, 1)], ["0", "100", "25", "66.6667"]);
    }

    #[test]
    fn a_reply_is_counted_once() {
        let mut stats = Stats { sent: 1, answered: vec![false], ..Stats::default() };
        let mut reply = request(1, 56, 5_000_000);
        reply[0] = 0;
        let from = Some(SockAddr::v4(Ipv4Addr::new(10, 0, 0, 2), 0));
        let line = stats.take(&reply, from, 5_340_000).unwrap();
        assert_eq!(line, "64 bytes from 10.0.0.2: icmp_seq=1 time=0.340 ms\n");
        assert_eq!(
            stats.take(&reply, from, 5_340_000).unwrap(),
            "64 bytes from 10.0.0.2: icmp_seq=1 time=0.340 ms (DUP!)\n"
        );
        assert_eq!((stats.received, stats.duplicates), (1, 1));
        assert_eq!(stats.take(&[0; 4], from, 0), None);
    }
}
