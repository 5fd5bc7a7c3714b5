//! `sk_buff`: one linear buffer, four pointers, and the rule that only a told move moves them.
//!
//! Linux: `include/linux/skbuff.h`, `net/core/skbuff.c`. Invariant: `head ≤ data ≤ tail ≤ end`, with
//! `head` = 0; all pointers are offsets from it. Misuse by the stack panics as the kernel does
//! (`skb_over_panic`, `skb_under_panic`); bytes from the wire never do: [`SkBuff::pull`] returns `None`.
//!
//! ```text
//!  head        data                 tail          end
//!   |  headroom  |  headers, payload  |  tailroom   |
//! ```
//!
//! The bytes lie in [`Mem`], the host's packet memory, so that a clone shares them: a clone going down the
//! stack writes its headers into the headroom, and the original in the retransmit queue sees not one byte of
//! its payload move.

mod frags;
mod mem;
mod reason;
#[cfg(test)]
mod tests;

pub use frags::{Frag, MAX_SKB_FRAGS};
pub use mem::Mem;
pub use reason::DropReason;

use crate::host::Cx;
use crate::trace::{COPY_SAMPLE, CopyKind, EventId, HeaderOffset, Proto, SkbOp, SockId, What};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::{Deref, DerefMut};
use frags::FragList;
use mem::DataId;

/// The number of an skb; never used twice in a run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SkbId(pub u32);

impl SkbId {
    /// No skb.
    pub const NONE: SkbId = SkbId(0);
}

/// `sizeof(struct sk_buff)`, rounded to a cache line (x86-64): part of every truesize.
pub const SKB_STRUCT_SIZE: u32 = 256;
/// `sizeof(struct skb_shared_info)`: stands after `end`.
pub const SHARED_INFO_SIZE: u32 = 320;

/// `SKB_SMALL_HEAD_HEADROOM`: what a buffer from `skb_small_head_cache` holds, bytes.
const SMALL_HEAD: u32 = 320;

/// `PAGE_SIZE`
const PAGE_SIZE: u32 = 4096;

/// What `kmalloc` gives for a buffer of `size` bytes, less `skb_shared_info`.
const fn kmalloc_end(size: u32) -> u32 {
    if size <= SMALL_HEAD {
        return SMALL_HEAD;
    }
    let bucket = (size.next_multiple_of(64) + SHARED_INFO_SIZE).next_power_of_two();
    bucket - SHARED_INFO_SIZE
}

/// `SKB_TRUESIZE`: what a buffer of `size` bytes is charged for.
pub const fn skb_truesize(size: u32) -> u32 {
    size + SKB_STRUCT_SIZE + SHARED_INFO_SIZE
}

/// `struct tcp_skb_cb`: what TCP notes on an skb of its queues.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TcpSkbCb {
    /// First sequence number.
    pub seq: u32,
    /// One past the last: SYN and FIN count.
    pub end_seq: u32,
    /// Flags to send, or received.
    pub flags: u8,
    /// `TCPCB_SACKED_ACKED`, `TCPCB_SACKED_RETRANS`, `TCPCB_LOST`, `TCPCB_EVER_RETRANS`.
    pub sacked: u8,
    /// When it was last sent, ns (`skb_mstamp_ns`).
    pub sent_at: u64,
    /// The acknowledgment number received with it.
    pub ack_seq: u32,
    /// Segments that it stands for (`tcp_gso_segs`), at least 1 once it was sent.
    pub gso_segs: u16,
    /// Payload bytes of each of them but the last (`tcp_gso_size`); 0 if it is one.
    pub gso_size: u16,
    /// Nothing may be appended: a record ends here (`MSG_EOR`).
    pub eor: bool,
    /// Urgent pointer as it came, already turned into a sequence number.
    pub urg_seq: u32,
    /// `ip_dsfield`: the TOS byte it came with.
    pub tos: u8,
    /// Delivery state at the time it was sent (`tcp_rate_skb_sent`).
    pub tx: TxState,
}

/// `TCP_SKB_CB(skb)->tx`: what `tcp_rate.c` notes on a segment when it is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TxState {
    /// `tp->first_tx_mstamp`, µs.
    pub first_tx_mstamp: u64,
    /// `tp->delivered_mstamp`, µs; 0 if this was noted already as delivered.
    pub delivered_mstamp: u64,
    /// `tp->delivered`, segments.
    pub delivered: u32,
    /// `tp->delivered_ce`, segments.
    pub delivered_ce: u32,
    /// The application did not keep the pipe full.
    pub is_app_limited: bool,
}

/// A packet. Give it back with [`SkBuff::consume`] or [`SkBuff::kfree`].
///
/// A handle: what is passed from function to function is a pointer, as in Linux.
#[derive(Clone, Debug)]
#[must_use = "an skb is freed by consume() or kfree(), never by forgetting it"]
pub struct SkBuff(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    head: Head,
    /// Payload behind the linear area, in pages.
    frags: FragList,
}

/// `struct sk_buff` itself: everything but the bytes.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    id: SkbId,
    memory: DataId,
    data: u32,
    tail: u32,
    end: u32,
    mac_header: u16,
    network_header: u16,
    transport_header: u16,
    truesize: u32,
    data_len: u32,
    /// `skb_shinfo->gso_size`: payload bytes of each segment it will be cut into (or was joined from); 0 if it is one.
    pub gso_size: u16,
    /// `skb_shinfo->gso_segs`.
    pub gso_segs: u16,
    /// What `sk_wmem_alloc` of the owner was charged for it, bytes.
    charged: u32,
    /// Earliest departure time (`skb->tstamp`), ns of the kernel's clock; 0 is at once.
    pub tstamp: u64,
    /// `skb_shinfo->tx_flags`: of which moments the sender wants to know.
    pub tx_flags: u8,
    /// `skb_shinfo->tskey`: the byte of the stream that the stamp is about.
    pub tskey: u32,
    /// `skb->protocol`: the EtherType.
    pub protocol: u16,
    /// `skb->sk`: whose memory it is charged to.
    pub owner: Option<SockId>,
    /// `skb->priority`: the TOS-derived priority that picks the qdisc band.
    pub priority: u8,
    /// `skb->pkt_type == PACKET_OTHERHOST` and its kin.
    pub pkt_type: PktType,
    /// TCP's control block.
    pub cb: TcpSkbCb,
    /// The event that brought it here: the frame's arrival, or the system call.
    pub born: EventId,
    /// `netdev_xmit_more()`: the next skb of the ring was one packet with this one, until segmentation.
    pub(crate) xmit_more: bool,
}

impl Deref for SkBuff {
    type Target = Head;

    #[inline]
    fn deref(&self) -> &Head {
        &self.0.head
    }
}

impl DerefMut for SkBuff {
    #[inline]
    fn deref_mut(&mut self) -> &mut Head {
        &mut self.0.head
    }
}

/// `skb->pkt_type`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PktType {
    /// To us.
    #[default]
    Host,
    /// To all.
    Broadcast,
    /// To a group.
    Multicast,
    /// To somebody else.
    OtherHost,
}

// A `Clone` of the handle is only for cloning a whole host; within one, `skb_clone` is the way.
impl SkBuff {
    /// `alloc_skb`: room for at least `size` bytes, all pointers at `head`.
    ///
    /// As `kmalloc` does, the buffer is rounded up to the next power-of-two bucket, `skb_shared_info` included.
    pub fn alloc(size: u32, cx: &mut Cx<'_>) -> SkBuff {
        SkBuff::alloc_exact(kmalloc_end(size), cx)
    }

    /// `build_skb`: a receive buffer of just the size that the frame needs, headroom included.
    pub fn build(size: u32, cx: &mut Cx<'_>) -> SkBuff {
        SkBuff::alloc_exact(size.next_multiple_of(64), cx)
    }

    /// `tun_alloc_skb`: a receive buffer for `len` bytes behind `pad` bytes of headroom; [`SkBuff::dma_adopt`]
    /// brings the bytes. Linux puts what does not fit a page into page fragments: ours is linear, but costs as much.
    pub fn build_around(pad: u32, len: u32, cx: &mut Cx<'_>) -> SkBuff {
        let memory = cx.mem.alloc_empty();
        let size = pad + len;
        let (end, truesize) = if size < PAGE_SIZE {
            let end = kmalloc_end(size);
            (end, skb_truesize(end))
        } else {
            let paged = size.saturating_sub(PAGE_SIZE - SHARED_INFO_SIZE);
            (size, SKB_STRUCT_SIZE + PAGE_SIZE + paged.next_multiple_of(PAGE_SIZE))
        };
        let mut skb = SkBuff::over(memory, end, truesize, cx);
        skb.reserve(pad, cx);
        skb
    }

    fn alloc_exact(end: u32, cx: &mut Cx<'_>) -> SkBuff {
        let memory = cx.mem.alloc(end as usize);
        SkBuff::over(memory, end, skb_truesize(end), cx)
    }

    fn over(memory: DataId, end: u32, truesize: u32, cx: &mut Cx<'_>) -> SkBuff {
        let id = cx.trace.new_skb();
        cx.trace.emit(|| What::SkbAlloc { skb: id, end, truesize });
        let born = cx.trace.cause();
        cx.mem.head(Head {
            id,
            memory,
            data: 0,
            tail: 0,
            end,
            mac_header: 0,
            network_header: 0,
            transport_header: 0,
            truesize,
            data_len: 0,
            gso_size: 0,
            gso_segs: 0,
            charged: 0,
            tstamp: 0,
            tx_flags: 0,
            tskey: 0,
            protocol: 0,
            owner: None,
            priority: 0,
            pkt_type: PktType::Host,
            cb: TcpSkbCb::default(),
            born,
            xmit_more: false,
        })
    }

    fn from_head(head: Head) -> SkBuff {
        SkBuff(Box::new(Inner { head, frags: FragList::default() }))
    }

    /// `skb_clone`: a second head over the same bytes. It is charged to nobody.
    pub fn skb_clone(&self, cx: &mut Cx<'_>) -> SkBuff {
        let id = cx.trace.new_skb();
        cx.mem.share(self.memory);
        for frag in self.0.frags.iter() {
            cx.mem.share(frag.page);
        }
        cx.trace.emit(|| What::SkbClone { skb: id, of: self.id });
        let mut clone = cx.mem.head(Head { id, owner: None, charged: 0, ..**self });
        clone.0.frags.copy_from(&self.0.frags);
        clone
    }

    fn clear_frags(&mut self) {
        self.0.frags.clear();
    }

    /// The number of this skb.
    pub fn id(&self) -> SkbId {
        self.id
    }

    /// `skb->len`: bytes between data and tail, and in page fragments.
    pub fn len(&self) -> usize {
        (self.tail - self.data + self.data_len) as usize
    }

    /// `skb_headlen`: bytes between data and tail.
    pub fn headlen(&self) -> usize {
        (self.tail - self.data) as usize
    }

    /// Are there no bytes?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `skb->truesize`: what the whole packet costs in memory, bytes.
    pub fn truesize(&self) -> u32 {
        self.truesize
    }

    /// `skb_headroom`, bytes.
    pub fn headroom(&self) -> u32 {
        self.data
    }

    /// `skb_tailroom`, bytes.
    pub fn tailroom(&self) -> u32 {
        self.end - self.tail
    }

    /// `skb_cloned`: does another head share the bytes?
    pub fn is_cloned(&self, cx: &Cx<'_>) -> bool {
        cx.mem.references(self.memory) > 1
    }

    /// The bytes between data and tail: without those in page fragments.
    pub fn bytes<'m>(&self, cx: &'m Cx<'_>) -> &'m [u8] {
        cx.mem.range(self.memory, self.data, self.tail)
    }

    /// `skb_reserve`: makes headroom in an empty skb.
    ///
    /// # Panics
    /// If the skb is not empty or has no such room.
    pub fn reserve(&mut self, len: u32, cx: &mut Cx<'_>) {
        assert!(self.is_empty() && self.tail + len <= self.end, "skb_reserve: no room for {len}");
        self.data += len;
        self.tail += len;
        self.moved(SkbOp::Reserve, len, cx);
    }

    /// `skb_put`: adds `len` bytes at the tail; gives them to be filled.
    ///
    /// # Panics
    /// `skb_over_panic`: if there is no such tailroom.
    pub fn put<'m>(&mut self, len: usize, cx: &'m mut Cx<'_>) -> &'m mut [u8] {
        assert!(len <= self.tailroom() as usize, "skb_over_panic: put {len}, tailroom {}", self.tailroom());
        let at = self.tail;
        self.tail += len as u32;
        self.moved(SkbOp::Put, len as u32, cx);
        cx.mem.range_mut(self.memory, at, self.tail)
    }

    /// `skb_push`: takes `len` bytes of headroom; returns where they begin, from head.
    ///
    /// # Panics
    /// `skb_under_panic`: if there is no such headroom.
    pub fn push(&mut self, len: u32, cx: &mut Cx<'_>) -> u16 {
        assert!(len <= self.data, "skb_under_panic: push {len}, headroom {}", self.data);
        self.data -= len;
        self.moved(SkbOp::Push, len, cx);
        self.data as u16
    }

    /// `skb_pull`: drops `len` bytes at the front; `None`, and no move, if there are fewer.
    pub fn pull(&mut self, len: u32, cx: &mut Cx<'_>) -> Option<()> {
        if len as usize > self.headlen() {
            return None;
        }
        self.data += len;
        self.moved(SkbOp::Pull, len, cx);
        Some(())
    }

    /// `skb_trim`: cuts the skb to `len` bytes; does nothing if it is no longer than that.
    pub fn trim(&mut self, len: usize, cx: &mut Cx<'_>) {
        self.trim_frags(len, cx);
        if let Some(cut) = self.headlen().checked_sub(len).filter(|cut| *cut > 0) {
            self.tail -= cut as u32;
            self.moved(SkbOp::Trim, cut as u32, cx);
        }
    }

    /// `skb_reset_mac_header` and its kin: the header begins at data.
    pub fn reset_header(&mut self, which: HeaderOffset, cx: &mut Cx<'_>) {
        self.set_header(which, self.data as u16, cx);
    }

    /// `skb_set_transport_header` and its kin: the header begins `offset` bytes from head.
    pub fn set_header(&mut self, which: HeaderOffset, offset: u16, cx: &mut Cx<'_>) {
        match which {
            HeaderOffset::Mac => self.mac_header = offset,
            HeaderOffset::Network => self.network_header = offset,
            HeaderOffset::Transport => self.transport_header = offset,
        }
        cx.trace.emit(|| What::SkbHeaderOffset { which, skb: self.id, offset });
    }

    /// A header's offset from head.
    pub fn header_offset(&self, which: HeaderOffset) -> u16 {
        match which {
            HeaderOffset::Mac => self.mac_header,
            HeaderOffset::Network => self.network_header,
            HeaderOffset::Transport => self.transport_header,
        }
    }

    /// The bytes from a header's beginning to the tail, pulled or not; empty if the offset makes no sense.
    pub fn from_header<'m>(&self, which: HeaderOffset, cx: &'m Cx<'_>) -> &'m [u8] {
        let at = u32::from(self.header_offset(which));
        cx.mem.get_range(self.memory, at, self.tail).unwrap_or(&[])
    }

    /// Writes a header at `at` (from head) and tells so.
    ///
    /// # Panics
    /// If it does not lie between head and tail.
    #[inline]
    pub fn write_header(&mut self, proto: Proto, at: u16, header: &[u8], cx: &mut Cx<'_>) -> EventId {
        let (start, end) = (u32::from(at), u32::from(at) + header.len() as u32);
        assert!(end <= self.tail, "header beyond tail");
        cx.mem.range_mut(self.memory, start, end).copy_from_slice(header);
        cx.trace.emit_bytes(header, |bytes| What::Header { proto, at, skb: self.id, bytes })
    }

    /// Tells that a header of `len` bytes at data was read and found good.
    pub fn header_read(&self, proto: Proto, len: usize, cx: &mut Cx<'_>) {
        cx.trace.emit(|| What::HeaderRead { proto, at: self.data as u16, skb: self.id, len: len as u16 });
    }

    /// Adds payload at the tail: `skb_put` and the copy, both told.
    pub fn append(&mut self, kind: CopyKind, payload: &[u8], cx: &mut Cx<'_>) {
        let at = self.tail as u16;
        self.put(payload.len(), cx).copy_from_slice(payload);
        self.copied(kind, at, payload.len(), payload, cx);
    }

    /// The card writes a frame behind the tail; the driver then moves it with [`SkBuff::put`].
    ///
    /// The buffer that came over the wire becomes the receive buffer's: the card's write is the copy that is told and
    /// counted, and nothing is copied besides. `len` is the frame's length without what follows it in the buffer.
    ///
    /// # Panics
    /// If there is no such tailroom: the driver gave the card too small a buffer.
    pub fn dma_adopt(&mut self, bytes: Vec<u8>, len: usize, cx: &mut Cx<'_>) {
        assert!(len <= self.tailroom() as usize, "the card has too small a buffer");
        let at = self.tail;
        cx.mem.adopt(self.memory, at, bytes);
        cx.mem.count_copy(CopyKind::DmaIn, len);
        let sample = cx.mem.range(self.memory, at, at + len.min(COPY_SAMPLE) as u32);
        let id = self.id;
        cx.trace.emit_bytes(sample, |bytes| What::Copy {
            kind: CopyKind::DmaIn,
            at: at as u16,
            skb: id,
            len: len as u32,
            bytes,
        });
    }

    fn copied(&self, kind: CopyKind, at: u16, len: usize, payload: &[u8], cx: &mut Cx<'_>) {
        cx.mem.count_copy(kind, len);
        let sample = &payload[..len.min(COPY_SAMPLE)];
        cx.trace.emit_bytes(sample, |bytes| What::Copy { kind, at, skb: self.id, len: len as u32, bytes });
    }

    /// `consume_skb`: it has done its work.
    pub fn consume(self, cx: &mut Cx<'_>) {
        self.kfree(DropReason::Consumed, cx);
    }

    /// `kfree_skb_reason`: it is dropped. The bytes go when the last head does.
    pub fn kfree(self, reason: DropReason, cx: &mut Cx<'_>) {
        cx.trace.emit(|| What::SkbFree { skb: self.id, reason });
        for frag in self.0.frags.iter() {
            cx.mem.release(frag.page);
        }
        cx.mem.release(self.memory);
        if let Some(owner) = self.owner.filter(|_| self.charged > 0) {
            cx.mem.wfree.push((owner, self.charged));
        }
        cx.mem.keep_head(self);
    }

    /// `skb_set_owner_w`: on its way down it is charged to its socket, until the driver frees it.
    pub(crate) fn charge_wmem(&mut self, sock: &mut crate::socket::Sock) {
        self.owner = Some(sock.id);
        self.charged = self.truesize;
        sock.wmem_alloc += self.charged;
    }

    /// `skb_orphan`: it is charged to nobody any more.
    pub(crate) fn orphan(&mut self, cx: &mut Cx<'_>) {
        let charged = core::mem::take(&mut self.charged);
        if let Some(owner) = self.owner.take().filter(|_| charged > 0) {
            cx.mem.wfree.push((owner, charged));
        }
    }

    fn moved(&self, op: SkbOp, delta: u32, cx: &mut Cx<'_>) {
        debug_assert!(self.data <= self.tail && self.tail <= self.end);
        cx.trace.emit(|| What::SkbMove { op, delta: delta as u16, skb: self.id, data: self.data, tail: self.tail });
    }
}
