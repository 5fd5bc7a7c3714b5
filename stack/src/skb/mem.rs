//! A host's packet memory: the data areas that skbs point into, with reference counts; and what is kept for reuse.
//!
//! Linux: the slab caches, `page_frag`, the page pool of a driver, and `skb_shared_info::dataref`. Kept in one place,
//! and not behind `Rc`, so that a whole host can be cloned for a keyframe with every sharing intact. Areas come back
//! as they were left: like the kernel's, they are not cleared.

use super::frags::PageFrag;
use super::{Head, SkBuff};
use crate::trace::{CopyKind, SockId};
use alloc::vec::Vec;

/// One data area.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct DataId(u32);

#[derive(Clone, Debug, Default)]
struct Area {
    bytes: Vec<u8>,
    /// Where `bytes` begin, from head: the headroom of a buffer that the card brought has no memory until it is used.
    base: u32,
    references: u32,
    kind: Kind,
}

/// Where the bytes go when nobody refers to them any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Kind {
    /// To those of this size.
    Class(u8),
    /// To the frame buffers.
    Frame,
    /// To the allocator.
    #[default]
    Odd,
}

/// Sizes of areas are powers of two from this one on.
const SMALLEST: usize = 64;
/// How many sizes are kept for reuse: up to 128 KiB.
const CLASSES: usize = 12;
/// How much of each size is kept, bytes.
const KEEP_BYTES: usize = 4 << 20;
/// How many frame buffers are kept: those of two rings.
const KEEP_FRAMES: usize = 512;
/// How many heads are kept.
const KEEP_HEADS: usize = 4096;

/// Packet memory.
#[derive(Debug, Default)]
pub struct Mem {
    areas: Vec<Area>,
    /// Freed areas with their bytes, by size; and places without bytes.
    free: [Vec<u32>; CLASSES],
    empty: Vec<u32>,
    in_use: usize,
    heads: Vec<SkBuff>,
    frames: Vec<Vec<u8>>,
    copied: [u64; 5],
    /// The page that sockets copy into (`current->task_frag`; one for the host).
    pub(super) page_frag: PageFrag,
    /// Socket memory that freed packets give back (`sock_wfree`), until the soft interrupt does it.
    pub(crate) wfree: Vec<(SockId, u32)>,
}

// A keyframe holds what is in use, and nothing that is kept for reuse.
impl Clone for Mem {
    fn clone(&self) -> Mem {
        let used = |area: &Area| if area.references == 0 { Area::default() } else { area.clone() };
        let unused = self.areas.iter().enumerate().filter(|(_, area)| area.references == 0);
        Mem {
            areas: self.areas.iter().map(used).collect(),
            empty: unused.map(|(slot, _)| slot as u32).collect(),
            in_use: self.in_use,
            copied: self.copied,
            page_frag: self.page_frag.clone(),
            wfree: self.wfree.clone(),
            ..Mem::default()
        }
    }
}

impl Mem {
    /// How many data areas skbs have in use: 0 once every skb is freed.
    pub fn in_use(&self) -> usize {
        self.in_use - usize::from(self.page_frag.is_only_holder(self))
    }

    /// Payload bytes copied so far, by kind: what proves that only those are copied that Linux copies.
    pub fn bytes_copied(&self, kind: CopyKind) -> u64 {
        self.copied[kind as usize]
    }

    pub(super) fn count_copy(&mut self, kind: CopyKind, len: usize) {
        self.copied[kind as usize] += len as u64;
    }

    /// An area of at least `size` bytes, with anything in them.
    pub(super) fn alloc(&mut self, size: usize) -> DataId {
        let size = size.next_power_of_two().max(SMALLEST);
        if let Some(slot) = class(size).and_then(|class| self.free[class].pop()) {
            self.areas[slot as usize].references = 1;
            self.in_use += 1;
            return DataId(slot);
        }
        let kind = class(size).map_or(Kind::Odd, |class| Kind::Class(class as u8));
        self.enter(Area { bytes: alloc::vec![0; size], base: 0, references: 1, kind })
    }

    /// An area without memory, which [`Mem::adopt`] gives it.
    pub(super) fn alloc_empty(&mut self) -> DataId {
        self.enter(Area { bytes: Vec::new(), base: u32::MAX, references: 1, kind: Kind::Frame })
    }

    /// The bytes become those of the area, from `base` on.
    pub(super) fn adopt(&mut self, id: DataId, base: u32, bytes: Vec<u8>) {
        let area = &mut self.areas[id.0 as usize];
        (area.base, area.bytes, area.kind) = (base, bytes, Kind::Frame);
    }

    fn enter(&mut self, area: Area) -> DataId {
        self.in_use += 1;
        if let Some(slot) = self.empty.pop() {
            self.areas[slot as usize] = area;
            return DataId(slot);
        }
        self.areas.push(area);
        DataId(self.areas.len() as u32 - 1)
    }

    #[inline]
    pub(super) fn share(&mut self, id: DataId) {
        self.areas[id.0 as usize].references += 1;
    }

    #[inline]
    pub(super) fn release(&mut self, id: DataId) {
        let area = &mut self.areas[id.0 as usize];
        assert!(area.references > 0, "skb freed twice");
        area.references -= 1;
        if area.references == 0 {
            self.keep(id);
        }
    }

    /// Nobody refers to the area any more: its bytes are kept for the next, within limits.
    fn keep(&mut self, DataId(slot): DataId) {
        self.in_use -= 1;
        let area = &mut self.areas[slot as usize];
        match area.kind {
            Kind::Class(class) => {
                let free = &mut self.free[usize::from(class)];
                if free.len() < (KEEP_BYTES / SMALLEST) >> class {
                    return free.push(slot);
                }
                area.bytes = Vec::new();
            }
            Kind::Frame => {
                let bytes = core::mem::take(&mut area.bytes);
                self.give_spare_frame(bytes);
            }
            Kind::Odd => area.bytes = Vec::new(),
        }
        self.empty.push(slot);
    }

    pub(crate) fn take_spare_frame(&mut self) -> Option<Vec<u8>> {
        self.frames.pop()
    }

    pub(crate) fn give_spare_frame(&mut self, bytes: Vec<u8>) {
        if self.frames.len() < KEEP_FRAMES {
            self.frames.push(bytes);
        }
    }

    #[inline]
    pub(super) fn references(&self, id: DataId) -> u32 {
        self.areas[id.0 as usize].references
    }

    /// The bytes of an area that lie `from` to `to` bytes from head.
    #[inline]
    pub(super) fn range(&self, id: DataId, from: u32, to: u32) -> &[u8] {
        let area = &self.areas[id.0 as usize];
        let at = from.wrapping_sub(area.base) as usize;
        &area.bytes[at..at + (to - from) as usize]
    }

    /// The same; `None` where nothing was ever written.
    pub(super) fn get_range(&self, id: DataId, from: u32, to: u32) -> Option<&[u8]> {
        let area = self.areas.get(id.0 as usize)?;
        area.bytes.get(from.checked_sub(area.base)? as usize..to.checked_sub(area.base)? as usize)
    }

    /// The same, to be written.
    #[inline]
    pub(super) fn range_mut(&mut self, id: DataId, from: u32, to: u32) -> &mut [u8] {
        let area = &mut self.areas[id.0 as usize];
        if from < area.base || (to - area.base) as usize > area.bytes.len() {
            area.widen(from, to);
        }
        let at = (from - area.base) as usize;
        &mut area.bytes[at..at + (to - from) as usize]
    }

    /// An empty buffer for a frame of up to `len` bytes.
    pub(crate) fn frame_buffer(&mut self, len: usize) -> Vec<u8> {
        match self.frames.pop() {
            Some(mut bytes) if bytes.capacity() >= len => {
                bytes.clear();
                bytes
            }
            _ => Vec::with_capacity(len),
        }
    }

    /// The head of a freed skb, or a new one.
    #[inline]
    pub(super) fn head(&mut self, head: Head) -> SkBuff {
        match self.heads.pop() {
            Some(mut skb) => {
                *skb = head;
                skb.clear_frags();
                skb
            }
            None => SkBuff::from_head(head),
        }
    }

    #[inline]
    pub(super) fn keep_head(&mut self, skb: SkBuff) {
        if self.heads.len() < KEEP_HEADS {
            self.heads.push(skb);
        }
    }
}

/// Which of the sizes that are kept this is.
fn class(size: usize) -> Option<usize> {
    let class = (size / SMALLEST).checked_ilog2()? as usize;
    (size.is_power_of_two() && class < CLASSES).then_some(class)
}

impl Area {
    /// Gives memory to bytes that lay outside: headroom that is used after all.
    #[cold]
    fn widen(&mut self, from: u32, to: u32) {
        if self.bytes.is_empty() {
            self.base = from;
        }
        if from < self.base {
            let mut bytes = alloc::vec![0; (self.base - from) as usize];
            bytes.append(&mut self.bytes);
            (self.base, self.bytes) = (from, bytes);
        }
        let len = (to - self.base) as usize;
        if len > self.bytes.len() {
            self.bytes.resize(len, 0);
        }
    }
}
