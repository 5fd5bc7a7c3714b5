//! The parts of a field: TCP's options, single flags.

use super::header::FieldView;
use super::value::{dscp, ecn};

/// The options of a TCP header, one part each; what cannot be read ends the list.
pub(super) fn fields(header: &[u8]) -> Vec<FieldView> {
    let mut out = Vec::new();
    let mut at = 20;
    while let Some(&kind) = header.get(at) {
        let len = match (kind, header.get(at + 1)) {
            (0 | 1, _) => 1,
            (_, Some(&len)) if len >= 2 && at + usize::from(len) <= header.len() => usize::from(len),
            _ => {
                let about = ("tcp.options", "Its length contradicts the header: it is skipped.");
                let bits = ((header.len() - at) * 8) as u32;
                out.push(FieldView::new(
                    ("Malformed option", "?"),
                    (at as u32 * 8, bits),
                    about,
                    header,
                    String::new(),
                ));
                break;
            }
        };
        out.push(option(header, kind, at, len));
        if kind == 0 {
            break;
        }
        at += len;
    }
    out
}

fn option(header: &[u8], kind: u8, at: usize, len: usize) -> FieldView {
    let be16 = |o: usize| header.get(at + o..).and_then(|b| b.first_chunk()).map_or(0, |b| u16::from_be_bytes(*b));
    let be32 = |o: usize| header.get(at + o..).and_then(|b| b.first_chunk()).map_or(0, |b| u32::from_be_bytes(*b));
    let place = (at as u32 * 8, len as u32 * 8);
    let sub = |name, short, o: usize, bytes: u32, filter, value: String| {
        FieldView::new((name, short), ((at + o) as u32 * 8, bytes * 8), (filter, ""), header, value)
    };
    let whole = |name, short, filter, meaning, value: String| {
        FieldView::new((name, short), place, (filter, meaning), header, value)
    };
    match (kind, len) {
        (0, _) => {
            whole("End of Option List (EOL)", "EOL", "tcp.options.eol", "Nothing but padding follows.", String::new())
        }
        (1, _) => {
            let meaning = "One byte of padding, so that the next option is aligned.";
            whole("No-Operation (NOP)", "NOP", "tcp.options.nop", meaning, String::new())
        }
        (2, 4) => {
            let mss = be16(2);
            let meaning = "The longest segment the sender of this SYN can take.";
            let mut f = whole("Maximum segment size", "MSS", "tcp.options.mss", meaning, format!("{mss} bytes"));
            f.parts.push(sub("MSS Value", "mss", 2, 2, "tcp.options.mss_val", mss.to_string()));
            f
        }
        (3, 3) => {
            let shift = header.get(at + 2).copied().unwrap_or(0);
            let factor = 1u32 << shift.min(14);
            let meaning = "The sender's window fields count in units of so many bytes.";
            let value = format!("{shift} (multiply by {factor})");
            let mut f = whole("Window scale", "WS", "tcp.options.wscale", meaning, value);
            f.parts.push(sub("Shift count", "shift", 2, 1, "tcp.options.wscale.shift", shift.to_string()));
            f.computed.push(format!("[Multiplier: {factor}]"));
            f
        }
        (4, 2) => {
            let meaning = "The sender understands selective acknowledgments.";
            whole("SACK permitted", "SACK_PERM", "tcp.options.sack_perm", meaning, String::new())
        }
        (5, n) if n > 2 && (n - 2) % 8 == 0 => {
            let meaning = "Blocks that have arrived although bytes before them are missing.";
            let blocks = (n - 2) / 8;
            let mut f = whole("SACK", "SACK", "tcp.options.sack", meaning, String::new());
            let ranges: Vec<String> = (0..blocks).map(|i| format!("{}-{}", be32(2 + 8 * i), be32(6 + 8 * i))).collect();
            f.value = ranges.join(" ");
            for i in 0..blocks {
                let (left, right) = (2 + 8 * i, 6 + 8 * i);
                f.parts.push(sub("left edge", "le", left, 4, "tcp.options.sack_le", be32(left).to_string()));
                f.parts.push(sub("right edge", "re", right, 4, "tcp.options.sack_re", be32(right).to_string()));
            }
            f
        }
        (8, 10) => {
            let (val, ecr) = (be32(2), be32(6));
            let meaning = "The sender's clock, and the peer's clock as last seen: measures the round trip.";
            let value = format!("TSval {val}, TSecr {ecr}");
            let mut f = whole("Timestamps", "TS", "tcp.options.timestamp", meaning, value);
            f.parts.push(sub("Timestamp value", "TSval", 2, 4, "tcp.options.timestamp.tsval", val.to_string()));
            f.parts.push(sub("Timestamp echo reply", "TSecr", 6, 4, "tcp.options.timestamp.tsecr", ecr.to_string()));
            f
        }
        _ => whole("Unknown option", "?", "tcp.option_kind", "This stack does not know it.", format!("kind {kind}")),
    }
}

/// The single bits of TCP's flags.
pub(super) fn flags(header: &[u8]) -> Vec<FieldView> {
    const FLAGS: [(&str, &str, &str, &str); 8] = [
        ("Congestion Window Reduced", "CWR", "tcp.flags.cwr", "The sender has slowed down, as ECE asked."),
        ("ECN-Echo", "ECE", "tcp.flags.ece", "A router marked a packet: please slow down."),
        ("Urgent", "URG", "tcp.flags.urg", "The urgent pointer counts."),
        ("Acknowledgment", "ACK", "tcp.flags.ack", "The acknowledgment number counts."),
        ("Push", "PSH", "tcp.flags.push", "The writer's data ends here: hand it to the reader."),
        ("Reset", "RST", "tcp.flags.reset", "The connection is cut off."),
        ("Syn", "SYN", "tcp.flags.syn", "Opens a connection and names its first sequence number."),
        ("Fin", "FIN", "tcp.flags.fin", "The sender will send no more data."),
    ];
    bits(header, 104, &FLAGS)
}

/// The single bits of IPv4's flags.
pub(super) fn ip_flags(header: &[u8]) -> Vec<FieldView> {
    const FLAGS: [(&str, &str, &str, &str); 3] = [
        ("Reserved bit", "RB", "ip.flags.rb", "Zero."),
        ("Don't fragment", "DF", "ip.flags.df", "A router must not cut the packet up."),
        ("More fragments", "MF", "ip.flags.mf", "This is not the last fragment."),
    ];
    bits(header, 48, &FLAGS)
}

/// DSCP and ECN, the two parts of the type of service.
pub(super) fn dsfield(header: &[u8]) -> Vec<FieldView> {
    let Some(&tos) = header.get(1) else { return Vec::new() };
    let tos = u64::from(tos);
    let about = [
        ("ip.dsfield.dscp", "Which queue a router may put the packet in."),
        ("ip.dsfield.ecn", "Routers mark the packet here instead of dropping it."),
    ];
    vec![
        FieldView::new(("DSCP", "dscp"), (8, 6), about[0], header, format!("{} ({})", dscp(tos), tos >> 2)),
        FieldView::new(("ECN", "ecn"), (14, 2), about[1], header, format!("{} ({})", ecn(tos), tos & 3)),
    ]
}

fn bits(
    header: &[u8],
    first: u32,
    flags: &[(&'static str, &'static str, &'static str, &'static str)],
) -> Vec<FieldView> {
    let Some(&byte) = header.get(first as usize / 8) else { return Vec::new() };
    let flag =
        |(i, (name, short, filter, meaning)): (usize, &(&'static str, &'static str, &'static str, &'static str))| {
            let set = byte >> (7 - i) & 1 == 1;
            let value = if set { "Set" } else { "Not set" };
            FieldView::new((name, short), (first + i as u32, 1), (filter, meaning), header, value.into())
        };
    flags.iter().enumerate().map(flag).collect()
}
