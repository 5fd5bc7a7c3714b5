//! Page fragments: payload that lies in pages behind the linear area, shared by reference.
//!
//! Linux: `skb_shared_info::frags`, `skb_page_frag_refill`, `skb_split`, `skb_shift`, `__pskb_trim_head` in
//! `net/core/skbuff.c`. Splitting and joining move references; no payload byte is copied but those that lie in
//! the linear area.

use super::{CopyKind, SkBuff};
use crate::host::Cx;
use crate::skb::mem::DataId;
use crate::trace::{COPY_SAMPLE, What};
use crate::wire::checksum::csum_partial;
use alloc::vec::Vec;

/// The most fragments of an skb.
pub const MAX_SKB_FRAGS: usize = 17;
/// A page that TCP copies into: order 3, bytes (`SKB_FRAG_PAGE_ORDER`).
const PAGE_BYTES: u32 = 32_768;

/// A piece of a page (`skb_frag_t`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frag {
    pub(super) page: DataId,
    pub(super) off: u32,
    pub(super) len: u32,
}

/// `struct page_frag`: the page that a socket copies its next bytes into.
#[derive(Clone, Debug, Default)]
pub(crate) struct PageFrag {
    page: Option<DataId>,
    off: u32,
}

impl PageFrag {
    /// `skb_page_frag_refill`: a page with room; gives the room, bytes.
    fn refill(&mut self, cx: &mut Cx<'_>) -> (DataId, u32) {
        if let Some(page) = self.page.filter(|_| self.off < PAGE_BYTES) {
            return (page, PAGE_BYTES - self.off);
        }
        self.release(cx);
        let page = cx.mem.alloc(PAGE_BYTES as usize);
        *self = PageFrag { page: Some(page), off: 0 };
        (page, PAGE_BYTES)
    }

    /// The socket lets go of its page.
    pub(crate) fn release(&mut self, cx: &mut Cx<'_>) {
        if let Some(page) = self.page.take() {
            cx.mem.release(page);
        }
    }
}

impl SkBuff {
    /// Bytes in page fragments (`skb->data_len`).
    pub fn data_len(&self) -> u32 {
        self.data_len
    }

    /// How many fragments there are.
    pub fn nr_frags(&self) -> usize {
        self.frags.len()
    }

    /// Copies the beginning of `bytes` behind the payload, into the socket's page; gives how many went in: 0 if
    /// no further fragment fits.
    pub(crate) fn append_page(&mut self, bytes: &[u8], pages: &mut PageFrag, cx: &mut Cx<'_>) -> usize {
        let (page, room) = pages.refill(cx);
        let len = bytes.len().min(room as usize) as u32;
        let off = pages.off;
        let joins = self.frags.last().is_some_and(|f| f.page == page && f.off + f.len == off);
        if !joins && self.frags.len() >= MAX_SKB_FRAGS {
            return 0;
        }
        cx.mem.bytes_mut(page)[off as usize..(off + len) as usize].copy_from_slice(&bytes[..len as usize]);
        pages.off += len;
        match self.frags.last_mut() {
            Some(last) if joins => last.len += len,
            _ => {
                cx.mem.share(page);
                self.frags.push(Frag { page, off, len });
            }
        }
        self.data_len += len;
        self.truesize += len;
        let at = (self.end + self.data_len - len).min(u32::from(u16::MAX)) as u16;
        self.copied(CopyKind::FromUser, at, len as usize, &bytes[..len as usize], cx);
        self.frags_changed(cx);
        len as usize
    }

    /// `skb_split`: what lies beyond `len` goes to `second`, an skb without payload.
    pub(crate) fn split(&mut self, second: &mut SkBuff, len: usize, cx: &mut Cx<'_>) {
        let head = self.headlen();
        if len < head {
            let rest = self.bytes(cx)[len..].to_vec();
            second.append(CopyKind::Kernel, &rest, cx);
            second.frags = core::mem::take(&mut self.frags);
            second.data_len = core::mem::take(&mut self.data_len);
            self.trim(len, cx);
        } else {
            let mut keep = (len - head) as u32;
            let mut at = 0;
            while at < self.frags.len() && keep >= self.frags[at].len {
                keep -= self.frags[at].len;
                at += 1;
            }
            let mut rest = self.frags.split_off(at);
            if keep > 0
                && let Some(first) = rest.first_mut()
            {
                cx.mem.share(first.page);
                self.frags.push(Frag { len: keep, ..*first });
                first.off += keep;
                first.len -= keep;
            }
            second.data_len = self.data_len - (len - head) as u32;
            self.data_len -= second.data_len;
            second.frags = rest;
        }
        self.frags_changed(cx);
        second.frags_changed(cx);
    }

    /// `skb_shift`: moves the first `len` payload bytes of `from` behind the payload of `self`. False, and nothing
    /// moved, if `from` has linear payload or the fragments do not fit.
    pub(crate) fn shift(&mut self, from: &mut SkBuff, len: usize, cx: &mut Cx<'_>) -> bool {
        if from.headlen() > 0 || len > from.len() || self.frags.len() + from.frags.len() > MAX_SKB_FRAGS {
            return false;
        }
        let mut left = len as u32;
        let mut moved = 0;
        for frag in &mut from.frags {
            if left == 0 {
                break;
            }
            let part = frag.len.min(left);
            let piece = Frag { len: part, ..*frag };
            left -= part;
            let whole = part == frag.len;
            match self.frags.last_mut() {
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
                    self.frags.push(piece);
                }
            }
            if whole {
                moved += 1;
            } else {
                frag.off += part;
                frag.len -= part;
            }
        }
        from.frags.drain(..moved);
        from.data_len -= len as u32;
        self.data_len += len as u32;
        from.truesize -= (len as u32).min(from.truesize);
        self.truesize += len as u32;
        self.frags_changed(cx);
        from.frags_changed(cx);
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
        let mut gone = 0;
        for frag in &mut self.frags {
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
        self.frags.drain(..gone);
        self.frags_changed(cx);
    }

    /// Drops what lies in fragments beyond `len` bytes of payload.
    pub(super) fn trim_frags(&mut self, len: usize, cx: &mut Cx<'_>) {
        if self.data_len == 0 || len >= self.len() {
            return;
        }
        let mut keep = len.saturating_sub(self.headlen()) as u32;
        self.data_len = keep;
        self.frags.retain_mut(|frag| {
            let part = frag.len.min(keep);
            keep -= part;
            frag.len = part;
            if part == 0 {
                cx.mem.release(frag.page);
            }
            part > 0
        });
        self.frags_changed(cx);
    }

    /// The pieces of `len` bytes from `offset` after data, linear area first.
    pub(crate) fn pieces<'m>(&self, offset: usize, len: usize, cx: &'m Cx<'_>) -> impl Iterator<Item = &'m [u8]> {
        let linear = (self.memory, self.data, self.headlen() as u32);
        let pieces = core::iter::once(linear).chain(self.frags.iter().map(|f| (f.page, f.off, f.len)));
        let pieces: Vec<_> = pieces.collect();
        let (mut skip, mut left) = (offset as u32, len as u32);
        let mem = &*cx.mem;
        pieces.into_iter().filter_map(move |(page, off, size)| {
            let jump = skip.min(size);
            skip -= jump;
            let part = (size - jump).min(left);
            left -= part;
            let from = (off + jump) as usize;
            (part > 0).then(|| &mem.bytes(page)[from..from + part as usize])
        })
    }

    /// `skb_checksum`: the sum over all bytes from `offset` after data.
    pub(crate) fn checksum(&self, offset: usize, sum: u64, cx: &Cx<'_>) -> u64 {
        let mut odd = false;
        let mut total = sum;
        for piece in self.pieces(offset, self.len() - offset.min(self.len()), cx) {
            // A piece that begins at an odd place counts with its bytes swapped (`csum_block_add`).
            let part = csum_partial(piece, 0);
            let mut folded = part;
            while folded > 0xffff {
                folded = (folded & 0xffff) + (folded >> 16);
            }
            total += if odd { u64::from((folded as u16).swap_bytes()) } else { folded };
            odd ^= piece.len() % 2 == 1;
        }
        total
    }

    /// `skb_copy_datagram_iter` and the card's DMA: appends `len` bytes from `offset` after data to `out`.
    pub(crate) fn copy_out(&self, kind: CopyKind, offset: usize, len: usize, out: &mut Vec<u8>, cx: &mut Cx<'_>) {
        let start = out.len();
        out.reserve(len);
        for piece in self.pieces(offset, len, cx) {
            out.extend_from_slice(piece);
        }
        let copied = out.len() - start;
        cx.mem.count_copy(kind, copied);
        let at = (self.data as usize + offset).min(usize::from(u16::MAX)) as u16;
        let sample = &out[start..start + copied.min(COPY_SAMPLE)];
        let id = self.id;
        cx.trace.emit_bytes(sample, |bytes| What::Copy { kind, at, skb: id, len: copied as u32, bytes });
    }

    /// Sets what the skb is charged for (`skb_truesize_check`'s partner): after a split or a join.
    pub(crate) fn set_truesize(&mut self, truesize: u32, cx: &mut Cx<'_>) {
        self.truesize = truesize;
        self.frags_changed(cx);
    }

    fn frags_changed(&self, cx: &mut Cx<'_>) {
        let (skb, data_len, truesize) = (self.id, self.data_len, self.truesize);
        cx.trace.emit(|| What::SkbFrags { skb, data_len, truesize });
    }
}
