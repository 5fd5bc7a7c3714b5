//! What the reader points at. All panes show it; none keeps one of its own.

use lab::scene::{FrameScene, HostScene, Region, Scene, SkbRef, SkbScene};
use stack::trace::{FrameId, HostId, Layer, Proto};

/// What is selected. Each part may be empty; then the page follows the run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Selection {
    /// A packet; empty: the one in focus.
    pub packet: Option<PacketRef>,
    /// A header of it; empty: the one touched last.
    pub proto: Option<Proto>,
    /// Bits of that header.
    pub bits: Option<Bits>,
    /// Bits under the pointer or the keyboard's focus.
    pub hover: Option<Bits>,
}

/// A packet in a host's memory, or on a wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PacketRef {
    /// An skb.
    Skb(SkbRef),
    /// A frame between cards.
    Frame(FrameId),
}

/// A run of bits of one header (or of the payload), from its first bit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bits {
    /// Of which header.
    pub proto: Proto,
    /// First bit.
    pub at: u32,
    /// How many.
    pub len: u32,
}

impl Bits {
    /// Is the byte at this offset (at least partly) inside?
    pub fn touches_byte(&self, proto: Proto, byte: u32) -> bool {
        self.proto == proto && self.at / 8 <= byte && byte < (self.at + self.len).div_ceil(8)
    }

    /// Do the two share a bit?
    pub fn overlaps(&self, other: &Bits) -> bool {
        self.proto == other.proto && self.at < other.at + other.len && other.at < self.at + self.len
    }
}

/// A packet, found in a Scene.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Subject<'a> {
    /// In a host's memory.
    Skb(&'a HostScene, &'a SkbScene),
    /// On a wire.
    Frame(&'a FrameScene),
}

impl<'a> Subject<'a> {
    /// The packet the page is about: the selected one, else the frame that is just on the wire, else the skb
    /// in focus, else the one that this host touched last.
    pub fn of(scene: &'a Scene, selection: &Selection) -> Option<Subject<'a>> {
        let selected = selection.packet.and_then(|packet| Subject::find(scene, packet));
        let on_wire = || {
            let wire = scene.event.as_ref().is_some_and(|event| event.layer == Layer::Wire);
            scene.frames.iter().filter(|_| wire).max_by_key(|frame| frame.sent_at_ns).map(Subject::Frame)
        };
        // A packet of the other host is not what this event is about.
        let here = scene.event.as_ref().map(|event| event.host);
        let focus = || {
            let skb = scene.focus.filter(|skb| here.is_none_or(|here| here == skb.host))?;
            Subject::find(scene, PacketRef::Skb(skb))
        };
        let touched = || {
            let host = scene.hosts.iter().find(|host| Some(host.id) == here)?;
            host.skbs.iter().max_by_key(|skb| skb.touched).map(|skb| Subject::Skb(host, skb))
        };
        selected.or_else(on_wire).or_else(focus).or_else(touched)
    }

    fn find(scene: &'a Scene, packet: PacketRef) -> Option<Subject<'a>> {
        match packet {
            PacketRef::Skb(at) => {
                let host = scene.hosts.iter().find(|host| host.id == at.host)?;
                host.skbs.iter().find(|skb| skb.id == at.skb).map(|skb| Subject::Skb(host, skb))
            }
            PacketRef::Frame(id) => scene.frames.iter().find(|frame| frame.id == id).map(Subject::Frame),
        }
    }

    /// The name to select it by.
    pub fn packet(&self) -> PacketRef {
        match self {
            Subject::Skb(host, skb) => PacketRef::Skb(SkbRef { host: host.id, skb: skb.id }),
            Subject::Frame(frame) => PacketRef::Frame(frame.id),
        }
    }

    /// The host whose memory it is in, or whose card sent it.
    pub fn host(&self) -> HostId {
        match self {
            Subject::Skb(host, _) => host.id,
            Subject::Frame(frame) => frame.from,
        }
    }

    /// What is written in it, in order.
    pub fn regions(&self) -> &'a [Region] {
        match self {
            Subject::Skb(_, skb) => &skb.regions,
            Subject::Frame(frame) => &frame.regions,
        }
    }

    /// The region to look into: of the selected header, else the one touched last.
    pub fn region(&self, selection: &Selection) -> Option<&'a Region> {
        let regions = self.regions();
        let selected = selection.proto.and_then(|proto| regions.iter().find(|region| region.proto == proto));
        selected.or_else(|| self.newest())
    }

    /// The region that was written last; of a packet on its way up, the outermost that is not pulled yet; of a
    /// frame, the outermost.
    fn newest(&self) -> Option<&'a Region> {
        match self {
            Subject::Skb(_, skb) if skb.receiving => {
                let next = skb.regions.iter().find(|region| region.at >= skb.data);
                next.or(skb.regions.last())
            }
            Subject::Skb(_, skb) => {
                skb.regions.iter().max_by_key(|region| (region.event, std::cmp::Reverse(region.at)))
            }
            Subject::Frame(frame) => frame.regions.first(),
        }
    }
}
