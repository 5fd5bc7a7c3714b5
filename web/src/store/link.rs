//! The page's state as a URL fragment: `#s=send&e=31&k=0.7&f=tcp.32.32`.
//!
//! Nothing of it goes to a server. Unknown parts are left alone, so that links of later releases open here.

use super::Inspect;
use super::Packed;
use super::drawer::{Drawer, DrawerKind};
use super::selection::{Bits, PacketRef, Selection};
use lab::scene::SkbRef;
use stack::skb::SkbId;
use stack::trace::{EventId, FrameId, HostId, Proto};

/// What a link says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Link {
    /// The scenario's name, as in `scenarios/NAME.toml`.
    pub scenario: Option<String>,
    /// The event to stand at.
    pub event: Option<EventId>,
    /// What is selected.
    pub selection: Selection,
    /// The drawer, its height and its span of time.
    pub drawer: Drawer,
    /// Turns that were taken, or a scenario of the reader's own: see [`super::Packed`].
    pub packed: Option<String>,
    /// What the inspector shows.
    pub inspect: Inspect,
    /// The bridge's token: there is a real network behind this page.
    pub token: Option<String>,
}

impl Link {
    /// Reads a fragment, with or without `#`. What makes no sense is passed over.
    pub fn parse(fragment: &str) -> Link {
        let mut link = Link::default();
        let mut height = None;
        for pair in fragment.trim_start_matches('#').split('&') {
            let Some((key, value)) = pair.split_once('=') else { continue };
            match key {
                "s" => link.scenario = is_name(value).then(|| value.to_owned()),
                "e" => link.event = value.parse().ok().map(EventId),
                "k" => link.selection.packet = packet(value),
                "f" => {
                    link.selection.bits = bits(value);
                    link.selection.proto = link.selection.bits.map(|bits| bits.proto);
                }
                "i" => link.inspect = Inspect::from_key(value).unwrap_or_default(),
                "d" => link.drawer.open = DrawerKind::from_key(value),
                "h" => {
                    height = value.parse().ok().map(|height: u16| height.clamp(Drawer::LIMITS.0, Drawer::LIMITS.1));
                }
                "c" => link.drawer.connection = value.parse().unwrap_or(0),
                "w" => link.drawer.window = span(value),
                "z" => link.packed = Some(value.to_owned()).filter(|_| Packed::read(value).is_some()),
                "token" => link.token = Some(value.to_owned()).filter(|token| !token.is_empty()),
                _ => {}
            }
        }
        let open = link.drawer.open;
        link.drawer.height = height.or(open.map(DrawerKind::height)).unwrap_or(link.drawer.height);
        link
    }

    /// Writes the fragment, without `#`.
    pub fn write(&self) -> String {
        let mut parts = Vec::new();
        parts.extend(self.scenario.as_ref().map(|name| format!("s={name}")));
        parts.extend(self.event.map(|event| format!("e={}", event.0)));
        parts.extend(self.selection.packet.map(|packet| match packet {
            PacketRef::Skb(at) => format!("k={}.{}", at.host.0, at.skb.0),
            PacketRef::Frame(frame) => format!("k=w.{}", frame.0),
        }));
        parts.extend(self.selection.bits.map(|b| format!("f={}.{}.{}", name(b.proto), b.at, b.len)));
        let inspect = Some(self.inspect).filter(|tab| *tab != Inspect::Header);
        parts.extend(inspect.map(|tab| format!("i={}", tab.key())));
        let Drawer { open, height, connection, window } = self.drawer;
        parts.extend(open.map(|kind| format!("d={}", kind.key())));
        parts.extend(open.filter(|kind| height != kind.height()).map(|_| format!("h={height}")));
        parts.extend(open.filter(|_| connection > 0).map(|_| format!("c={connection}")));
        parts.extend(open.and(window).map(|(from, to)| format!("w={from}-{to}")));
        parts.extend(self.packed.as_ref().map(|packed| format!("z={packed}")));
        parts.extend(self.token.as_ref().map(|token| format!("token={token}")));
        parts.join("&")
    }
}

/// May this be the name of a scenario? It becomes part of an address.
pub fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn packet(value: &str) -> Option<PacketRef> {
    let (place, number) = value.split_once('.')?;
    let number = number.parse().ok()?;
    match place {
        "w" => Some(PacketRef::Frame(FrameId(number))),
        host => Some(PacketRef::Skb(SkbRef { host: HostId(host.parse().ok()?), skb: SkbId(number) })),
    }
}

/// A span of time, ns.
fn span(value: &str) -> Option<(u64, u64)> {
    let (from, to) = value.split_once('-')?;
    Some((from.parse().ok()?, to.parse().ok()?)).filter(|(from, to)| from < to)
}

fn bits(value: &str) -> Option<Bits> {
    let mut parts = value.split('.');
    let proto = parts.next()?;
    let proto = PROTOS.into_iter().find(|p| name(*p) == proto)?;
    Some(Bits { proto, at: parts.next()?.parse().ok()?, len: parts.next()?.parse().ok()? })
}

const PROTOS: [Proto; 8] =
    [Proto::Ethernet, Proto::Arp, Proto::Ipv4, Proto::Icmp, Proto::Udp, Proto::Tcp, Proto::Payload, Proto::Fcs];

fn name(proto: Proto) -> &'static str {
    match proto {
        Proto::Ethernet => "eth",
        Proto::Arp => "arp",
        Proto::Ipv4 => "ip",
        Proto::Icmp => "icmp",
        Proto::Udp => "udp",
        Proto::Tcp => "tcp",
        Proto::Payload => "data",
        Proto::Fcs => "fcs",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_reads_back() {
        for text in [
            "s=send&e=31&k=0.7&f=tcp.32.32",
            "s=send",
            "k=w.3",
            "d=ladder",
            "d=plots&h=300&c=2",
            "d=calls",
            "i=ss&d=ladder",
            "s=loss&e=9&d=ladder&h=420&w=1000-250000",
            "token=abc",
            "",
        ] {
            assert_eq!(Link::parse(text).write(), text);
            assert_eq!(Link::parse(&format!("#{text}")).write(), text);
        }
    }

    #[test]
    fn nonsense_is_passed_over() {
        for text in [
            "s=../../etc",
            "e=x",
            "k=7",
            "k=a.b",
            "f=tcp",
            "f=tcp.x.1",
            "token=",
            "&&&",
            "later=1",
            "d=cupboard",
            "h=tall",
            "w=9",
            "w=9-3",
        ] {
            assert_eq!(Link::parse(text), Link::default(), "{text}");
        }
    }
}
