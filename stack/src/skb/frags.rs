//! Page fragments: payload that lies in pages behind the linear area, shared by reference.
//!
//! Linux: `skb_shared_info::frags`, `skb_page_frag_refill`, `skb_split`, `skb_shift`, `__pskb_trim_head` in
//! `net/core/skbuff.c`. Splitting and joining move references; no payload byte is copied but those that lie in
//! the linear area.

use super::{CopyKind, Mem, SkBuff};
use crate::host::Cx;
use crate::skb::mem::DataId;
use crate::trace::{COPY_SAMPLE, What};
use crate::wire::checksum::csum_partial;
use alloc::vec::Vec;
use core::ops::{Deref, DerefMut};

/// The most fragments of an skb.
pub const MAX_SKB_FRAGS: usize = 17;
/// A page that TCP copies into: order 3, bytes (`SKB_FRAG_PAGE_ORDER`).
const PAGE_BYTES: u32 = 32_768;
/// How much an event shows of what lies behind a cut, bytes.
const FRAG_SAMPLE: u32 = 64;

/// A piece of a page (`skb_frag_t`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Frag {
    pub(super) page: DataId,
    pub(super) off: u32,
    pub(super) len: u32,
}

/// The fragments of an skb, in place: no memory of their own.
#[derive(Clone, Debug)]
pub(super) struct FragList {
    len: usize,
    list: [Frag; MAX_SKB_FRAGS],
}

impl Default for FragList {
    fn default() -> FragList {
        FragList { len: 0, list: [Frag::default(); MAX_SKB_FRAGS] }
    }
}

impl Deref for FragList {
    type Target = [Frag];

    #[inline]
    fn deref(&self) -> &[Frag] {
        &self.list[..self.len]
    }
}

impl DerefMut for FragList {
    #[inline]
    fn deref_mut(&mut self) -> &mut [Frag] {
        &mut self.list[..self.len]
    }
}

impl FragList {
    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    pub(super) fn copy_from(&mut self, from: &[Frag]) {
        self.len = from.len();
        self.list[..from.len()].copy_from_slice(from);
    }

    /// # Panics
    /// If there are [`MAX_SKB_FRAGS`] already: the callers ask before.
    fn push(&mut self, frag: Frag) {
        self.list[self.len] = frag;
        self.len += 1;
    }

    /// Forgets the first `count`.
    fn drain(&mut self, count: usize) {
        self.list.copy_within(count..self.len, 0);
        self.len -= count;
    }
}

/// `struct page_frag`: the page that is copied into next.
#[derive(Clone, Debug, Default)]
pub(super) struct PageFrag {
    page: Option<DataId>,
    off: u32,
    /// How many pages were taken so far: the number by which events name this one.
    number: u32,
}

impl PageFrag {
    /// Is there a page that no skb refers to?
    pub(super) fn is_only_holder(&self, mem: &Mem) -> bool {
        self.page.is_some_and(|page| mem.references(page) == 1)
    }
}

impl Mem {
    /// `skb_page_frag_refill`: a page with room; gives where, and how much, bytes.
    fn page_frag_refill(&mut self) -> (DataId, u32, u32) {
        let PageFrag { page, off, number } = self.page_frag;
        if let Some(page) = page {
            if self.references(page) == 1 {
                // Whoever had parts of it is done: from the beginning again.
                self.page_frag.off = 0;
                return (page, 0, PAGE_BYTES);
            }
            if off < PAGE_BYTES {
                return (page, off, PAGE_BYTES - off);
            }
            self.release(page);
        }
        let page = self.alloc(PAGE_BYTES as usize);
        self.page_frag = PageFrag { page: Some(page), off: 0, number: number.wrapping_add(1) };
        (page, 0, PAGE_BYTES)
    }
}

impl SkBuff {
    /// Bytes in page fragments (`skb->data_len`).
    pub fn data_len(&self) -> u32 {
        self.data_len
    }

    /// How many fragments there are.
    pub fn nr_frags(&self) -> usize {
        self.0.frags.len()
    }

    /// Copies the beginning of `bytes` behind the payload, into the page; gives how many went in: 0 if no further
    /// fragment fits.
    pub(crate) fn append_page(&mut self, bytes: &[u8], cx: &mut Cx<'_>) -> usize {
        let (page, off, room) = cx.mem.page_frag_refill();
        let len = bytes.len().min(room as usize) as u32;
        let joins = self.0.frags.last().is_some_and(|f| f.page == page && f.off + f.len == off);
        if !joins && self.0.frags.len() >= MAX_SKB_FRAGS {
            return 0;
        }
        cx.mem.range_mut(page, off, off + len).copy_from_slice(&bytes[..len as usize]);
        cx.mem.page_frag.off = off + len;
        match self.0.frags.last_mut() {
            Some(last) if joins => last.len += len,
            _ => {
                cx.mem.share(page);
                self.0.frags.push(Frag { page, off, len });
            }
        }
        self.data_len += len;
        self.truesize += len;
        let (id, number) = (self.id, cx.mem.page_frag.number);
        cx.trace.emit(|| What::SkbFrag { skb: id, page: number, off: off as u16, len: len as u16 });
        let at = (self.end + self.data_len - len).min(u32::from(u16::MAX)) as u16;
        self.copied(CopyKind::FromUser, at, len as usize, &bytes[..len as usize], cx);
        len as usize
    }

    /// `skb_split`: what lies beyond `len` goes to `second`, an skb without payload.
    pub(crate) fn split(&mut self, second: &mut SkBuff, len: usize, cx: &mut Cx<'_>) {
        let head = self.headlen();
        let (skb, into) = (self.id, second.id);
        let sample = self.frag_sample(len.saturating_sub(head) as u32, (&*cx.mem, cx.trace.is_on()));
        cx.trace.emit_bytes(sample, |bytes| What::SkbSplit { skb, into, len: len as u16, bytes });
        if len < head {
            let rest = self.bytes(cx)[len..].to_vec();
            second.append(CopyKind::Kernel, &rest, cx);
            second.0.frags.copy_from(&self.0.frags);
            second.data_len = core::mem::take(&mut self.data_len);
            self.0.frags.clear();
            self.trim(len, cx);
        } else {
            let mut keep = (len - head) as u32;
            let frags = &mut self.0.frags;
            let mut at = 0;
            while at < frags.len() && keep >= frags[at].len {
                keep -= frags[at].len;
                at += 1;
            }
            second.0.frags.copy_from(&frags[at..]);
            frags.len = at;
            if let Some(first) = second.0.frags.first_mut().filter(|_| keep > 0) {
                cx.mem.share(first.page);
                frags.push(Frag { len: keep, ..*first });
                first.off += keep;
                first.len -= keep;
            }
            second.data_len = self.data_len - (len - head) as u32;
            self.data_len -= second.data_len;
        }
    }

    /// `skb_shift`: moves the first `len` payload bytes of `from` behind the payload of `self`. False, and nothing
    /// moved, if `from` has linear payload or the fragments do not fit.
    pub(crate) fn shift(&mut self, from: &mut SkBuff, len: usize, cx: &mut Cx<'_>) -> bool {
        if from.headlen() > 0 || len > from.len() || self.0.frags.len() + from.0.frags.len() > MAX_SKB_FRAGS {
            return false;
        }
        let (to, source) = (self.id, from.id);
        let sample = from.frag_sample(len as u32, (&*cx.mem, cx.trace.is_on()));
        cx.trace.emit_bytes(sample, |bytes| What::SkbShift { to, from: source, len: len as u16, bytes });
        let mut left = len as u32;
        let mut moved = 0;
        for frag in from.0.frags.iter_mut() {
            if left == 0 {
                break;
            }
            let part = frag.len.min(left);
            let piece = Frag { len: part, ..*frag };
            left -= part;
            let whole = part == frag.len;
            match self.0.frags.last_mut() {
                Some(last) if last.page == piece.page && last.off + last.len == piece.off => {
                    last.len += part;
                    if whole {
                        cx.mem.release(piece.page);
                    }
                }
                _ => {
                    if !whole {
                        cx.mem.share(piece.page);
                    }
                    self.0.frags.push(piece);
                }
            }
            if whole {
                moved += 1;
            } else {
                frag.off += part;
                frag.len -= part;
            }
        }
        from.0.frags.drain(moved);
        from.data_len -= len as u32;
        self.data_len += len as u32;
        from.truesize -= (len as u32).min(from.truesize);
        self.truesize += len as u32;
        true
    }

    /// Moves the first `len` payload bytes of `from` behind the payload of `self`; what is linear is copied.
    pub(crate) fn move_front(&mut self, from: &mut SkBuff, len: usize, cx: &mut Cx<'_>) {
        let linear = len.min(from.headlen());
        if linear > 0 {
            let bytes = from.bytes(cx)[..linear].to_vec();
            self.append(CopyKind::Kernel, &bytes, cx);
            from.pull(linear as u32, cx);
        }
        if len > linear {
            self.shift(from, len - linear, cx);
        }
    }

    /// Takes over what a segment of `from` has in common with it.
    pub(crate) fn inherit(&mut self, from: &SkBuff) {
        (self.protocol, self.owner, self.priority) = (from.protocol, from.owner, from.priority);
        (self.pkt_type, self.born, self.tstamp) = (from.pkt_type, from.born, from.tstamp);
    }

    /// `__pskb_trim_head`: drops the first `len` payload bytes.
    pub(crate) fn trim_head(&mut self, len: usize, cx: &mut Cx<'_>) {
        let linear = len.min(self.headlen());
        self.pull(linear as u32, cx);
        let mut left = ((len - linear) as u32).min(self.data_len);
        if left == 0 {
            return;
        }
        self.data_len -= left;
        let (skb, len) = (self.id, left as u16);
        let sample = self.frag_sample(left, (&*cx.mem, cx.trace.is_on()));
        cx.trace.emit_bytes(sample, |bytes| What::SkbTrimHead { skb, len, bytes });
        let mut gone = 0;
        for frag in self.0.frags.iter_mut() {
            let part = frag.len.min(left);
            left -= part;
            frag.off += part;
            frag.len -= part;
            if frag.len > 0 {
                break;
            }
            cx.mem.release(frag.page);
            gone += 1;
        }
        self.0.frags.drain(gone);
    }

    /// Drops what lies in fragments beyond `len` bytes of payload.
    pub(super) fn trim_frags(&mut self, len: usize, cx: &mut Cx<'_>) {
        if self.data_len == 0 || len >= self.len() {
            return;
        }
        let mut keep = len.saturating_sub(self.headlen()) as u32;
        self.data_len = keep;
        let mut kept = 0;
        for frag in self.0.frags.iter_mut() {
            frag.len = frag.len.min(keep);
            keep -= frag.len;
            kept += usize::from(frag.len > 0);
            if frag.len == 0 {
                cx.mem.release(frag.page);
            }
        }
        self.0.frags.len = kept;
        self.frags_changed(cx);
    }

    /// The pieces of `len` bytes from `offset` after data, linear area first.
    pub(crate) fn pieces<'m>(&'m self, offset: usize, len: usize, cx: &'m Cx<'_>) -> impl Iterator<Item = &'m [u8]> {
        let linear = Frag { page: self.memory, off: self.data, len: self.headlen() as u32 };
        let (mut skip, mut left) = (offset as u32, len as u32);
        let mem = &*cx.mem;
        core::iter::once(linear).chain(self.0.frags.iter().copied()).filter_map(move |frag| {
            let jump = skip.min(frag.len);
            skip -= jump;
            let part = (frag.len - jump).min(left);
            left -= part;
            let from = frag.off + jump;
            (part > 0).then(|| mem.range(frag.page, from, from + part))
        })
    }

    /// Calls `f` with each piece of `len` bytes from `offset` after data: [`SkBuff::pieces`] where it must be fast.
    #[inline(always)]
    fn each_piece(&self, offset: usize, len: usize, mem: &Mem, mut f: impl FnMut(&[u8])) {
        let (mut skip, mut left) = (offset as u32, len as u32);
        let headlen = self.headlen() as u32;
        if skip < headlen {
            let part = (headlen - skip).min(left);
            if part > 0 {
                f(mem.range(self.memory, self.data + skip, self.data + skip + part));
            }
            left -= part;
            skip = 0;
        } else {
            skip -= headlen;
        }
        for frag in self.0.frags.iter() {
            if left == 0 {
                return;
            }
            if skip >= frag.len {
                skip -= frag.len;
                continue;
            }
            let (from, part) = (frag.off + skip, (frag.len - skip).min(left));
            f(mem.range(frag.page, from, from + part));
            left -= part;
            skip = 0;
        }
    }

    /// `skb_checksum`: the sum over all bytes from `offset` after data, added to `sum`.
    pub(crate) fn checksum(&self, offset: usize, sum: u64, cx: &Cx<'_>) -> u64 {
        let (mut odd, mut total) = (false, sum);
        self.each_piece(offset, self.len() - offset.min(self.len()), cx.mem, |piece| {
            // A piece that begins at an odd place counts with its bytes swapped (`csum_block_add`).
            let part = csum_partial(piece, 0);
            total += if odd { u64::from((part as u16).swap_bytes()) } else { part };
            odd ^= piece.len() % 2 == 1;
        });
        total
    }

    /// `skb_copy_datagram_iter` and the card's DMA: appends `len` bytes from `offset` after data to `out`.
    pub fn copy_out(&self, kind: CopyKind, offset: usize, len: usize, out: &mut Vec<u8>, cx: &mut Cx<'_>) {
        let start = out.len();
        out.reserve(len);
        self.each_piece(offset, len, cx.mem, |piece| out.extend_from_slice(piece));
        let copied = out.len() - start;
        cx.mem.count_copy(kind, copied);
        let id = self.id;
        let at = match offset.checked_sub(self.headlen()) {
            None => self.data as usize + offset,
            Some(in_frags) => self.end as usize + in_frags,
        };
        let at = at.min(usize::from(u16::MAX)) as u16;
        let sample = &out[start..start + copied.min(COPY_SAMPLE)];
        cx.trace.emit_bytes(sample, |bytes| What::Copy { kind, at, skb: id, len: copied as u32, bytes });
    }

    /// Sets what the skb is charged for (`skb_truesize_check`'s partner): after a split or a join.
    pub(crate) fn set_truesize(&mut self, truesize: u32, cx: &mut Cx<'_>) {
        self.truesize = truesize;
        self.frags_changed(cx);
    }

    /// The beginning of what lies `offset` bytes on in the fragments, for a viewer; empty if nobody looks.
    fn frag_sample<'m>(&self, offset: u32, (mem, on): (&'m Mem, bool)) -> &'m [u8] {
        let mut skip = offset;
        for frag in self.0.frags.iter().filter(|_| on) {
            if skip < frag.len {
                let from = frag.off + skip;
                return mem.range(frag.page, from, from + (frag.len - skip).min(FRAG_SAMPLE));
            }
            skip -= frag.len;
        }
        &[]
    }

    fn frags_changed(&self, cx: &mut Cx<'_>) {
        let (skb, data_len, truesize) = (self.id, self.data_len, self.truesize);
        cx.trace.emit(|| What::SkbFrags { skb, data_len, truesize });
    }
}
