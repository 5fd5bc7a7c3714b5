//! Payload in page fragments, behind the linear buffer: which pages an skb refers to, and how its letters begin.
//!
//! The fragments follow the stack's own: `SkbFrag` appends, `SkbShift` and `SkbSplit` pass them on, `SkbTrimHead` and
//! `SkbFrags` give them up.

use super::state::Host;
use super::types::{FragScene, Region};
use stack::trace::{COPY_SAMPLE, Event, EventId, EventLog, Function, Proto, What};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The number of a page that no event has named: what was appended lies before the beginning of the log.
const UNKNOWN_PAGE: u32 = 0;

/// A stretch of a page (`skb_frag_t`).
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Frag {
    pub(super) page: u32,
    pub(super) off: u32,
    pub(super) len: u32,
    /// Of a long stretch only the beginning.
    pub(super) bytes: Rc<[u8]>,
    /// Who wrote them, and when.
    pub(super) function: Function,
    pub(super) event: EventId,
}

/// The fragments of an skb, in order.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Frags(Vec<Frag>);

impl Frags {
    /// `skb->data_len`.
    pub(super) fn len(&self) -> u32 {
        self.0.iter().map(|f| f.len).fold(0, u32::saturating_add)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Frag> {
        self.0.iter()
    }

    /// Puts a fragment behind the others; it joins the last if it goes on where that ends.
    pub(super) fn push(&mut self, frag: Frag) {
        match self.0.last_mut() {
            Some(last) if last.page == frag.page && last.off.checked_add(last.len) == Some(frag.off) => {
                let whole = last.bytes.len() == last.len as usize && last.bytes.len() < COPY_SAMPLE;
                if whole && !frag.bytes.is_empty() {
                    let more = &frag.bytes[..frag.bytes.len().min(COPY_SAMPLE - last.bytes.len())];
                    last.bytes = [&last.bytes[..], more].concat().into();
                }
                last.len += frag.len;
                (last.function, last.event) = (frag.function, frag.event);
            }
            _ => self.0.push(frag),
        }
    }

    /// The last `len` bytes are written: `bytes` are their beginning.
    pub(super) fn write_last(&mut self, len: u32, bytes: &[u8], function: Function, event: EventId) {
        let Some(last) = self.0.last_mut() else { return };
        let before = last.len.saturating_sub(len) as usize;
        if last.bytes.len() >= before {
            let room = COPY_SAMPLE.saturating_sub(before).min(bytes.len());
            last.bytes = [&last.bytes[..before], &bytes[..room]].concat().into();
        }
        (last.function, last.event) = (function, event);
    }

    /// Takes the first `len` bytes out. Of bytes that the log does not know it makes up the place, not the count.
    pub(super) fn take_front(&mut self, len: u32, by: (Function, EventId)) -> Frags {
        let mut taken = Vec::new();
        let mut left = len;
        while left > 0 && !self.0.is_empty() {
            if self.0[0].len <= left {
                let whole = self.0.remove(0);
                left -= whole.len;
                taken.push(whole);
            } else {
                let first = &mut self.0[0];
                let known = first.bytes.len().min(left as usize);
                let (front, rest) = first.bytes.split_at(known);
                let front = Frag { len: left, bytes: front.into(), ..first.clone() };
                first.bytes = rest.into();
                first.off += left;
                first.len -= left;
                left = 0;
                taken.push(front);
            }
        }
        if left > 0 {
            taken.push(unknown(left, by));
        }
        Frags(taken)
    }

    /// Puts these behind the others.
    pub(super) fn append(&mut self, frags: Frags) {
        for frag in frags.0 {
            self.push(frag);
        }
    }

    /// The letters at the beginning are these: what was in front of them is cut off.
    pub(super) fn begins(&mut self, bytes: &[u8]) {
        if let Some(first) = self.0.first_mut()
            && first.bytes.len() < bytes.len()
        {
            first.bytes = bytes[..bytes.len().min(first.len as usize)].into();
        }
    }

    /// There are `data_len` bytes: the end is cut off, or was never told.
    pub(super) fn set_len(&mut self, data_len: u32, by: (Function, EventId)) {
        let now = self.len();
        if data_len > now {
            self.0.push(unknown(data_len - now, by));
        } else if data_len < now {
            *self = self.take_front(data_len, by);
        }
    }

    /// Counts the references to each page.
    pub(super) fn count(&self, pages: &mut BTreeMap<u32, u32>) {
        for frag in &self.0 {
            *pages.entry(frag.page).or_default() += 1;
        }
    }

    /// As the page draws them. `pages` counts the references of the whole host.
    pub(super) fn scenes(&self, pages: &BTreeMap<u32, u32>) -> Vec<FragScene> {
        let scene = |f: &Frag| FragScene {
            page: f.page,
            offset: f.off,
            len: f.len,
            references: pages.get(&f.page).copied().unwrap_or(1),
        };
        self.0.iter().map(scene).collect()
    }

    /// The payload in them as regions, one a fragment, from `at` on.
    pub(super) fn regions(&self, at: u32, with_bytes: bool) -> impl Iterator<Item = Region> {
        self.0.iter().scan(at, move |at, frag| {
            let here = *at;
            *at = at.saturating_add(frag.len);
            Some(Region {
                proto: Proto::Payload,
                at: here,
                len: frag.len,
                bytes: if with_bytes { frag.bytes.to_vec() } else { Vec::new() },
                before: None,
                function: frag.function,
                event: frag.event,
            })
        })
    }
}

fn unknown(len: u32, (function, event): (Function, EventId)) -> Frag {
    Frag { page: UNKNOWN_PAGE, off: 0, len, bytes: Rc::new([]), function, event }
}

/// Page fragments come, pass from skb to skb, and go.
pub(super) fn fragments(host: &mut Host, id: EventId, event: &Event, log: &EventLog) {
    let by = (event.function, id);
    match event.what {
        What::SkbFrag { skb, page, off, len } => {
            let Some(skb) = host.skb(skb) else { return };
            let (off, len) = (off.into(), len.into());
            skb.frags.push(Frag { page, off, len, bytes: Rc::new([]), function: by.0, event: id });
            skb.truesize = skb.truesize.saturating_add(len);
        }
        What::SkbFrags { skb, data_len, truesize } => {
            let Some(skb) = host.skb(skb) else { return };
            skb.frags.set_len(data_len, by);
            skb.truesize = truesize;
        }
        What::SkbShift { to, from, len, bytes } => {
            let len = u32::from(len);
            let moved = host.skb(from).map_or_else(Frags::default, |from| {
                from.truesize = from.truesize.saturating_sub(len);
                let moved = from.frags.take_front(len, by);
                from.frags.begins(log.bytes(bytes));
                moved
            });
            let Some(to) = host.skb(to) else { return };
            to.truesize = to.truesize.saturating_add(len);
            to.frags.append(moved);
        }
        What::SkbSplit { skb, into, len, bytes } => {
            let Some(skb) = host.skb(skb) else { return };
            let keep = u32::from(len).saturating_sub(skb.tail.saturating_sub(skb.data));
            let kept = if keep > 0 { skb.frags.take_front(keep, by) } else { Frags::default() };
            let mut rest = core::mem::replace(&mut skb.frags, kept);
            rest.begins(log.bytes(bytes));
            if let Some(into) = host.skb(into) {
                into.frags.append(rest);
            }
        }
        What::SkbTrimHead { skb, len, bytes } => {
            if let Some(skb) = host.skb(skb) {
                let _ = skb.frags.take_front(len.into(), by);
                skb.frags.begins(log.bytes(bytes));
            }
        }
        // `skb_shared_info` is one for all heads over the bytes.
        What::SkbGso { skb, size, segs } if segs > 0 => {
            let Some(area) = host.skbs.get(&skb).map(|s| s.area) else { return };
            let gso = Some((size, segs));
            for head in host.skbs.values_mut().filter(|s| s.area == area && s.gso != gso) {
                Rc::make_mut(head).gso = gso;
            }
        }
        What::SkbGso { skb, .. } => {
            if let Some(skb) = host.skb(skb) {
                skb.gso = None;
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BY: (Function, EventId) = (Function::TcpSendmsg, EventId(1));

    fn frag(page: u32, off: u32, bytes: &[u8]) -> Frag {
        Frag { page, off, len: bytes.len() as u32, bytes: bytes.into(), function: BY.0, event: BY.1 }
    }

    fn list(frags: &Frags) -> Vec<(u32, u32, &[u8])> {
        frags.iter().map(|f| (f.page, f.off, &f.bytes[..])).collect()
    }

    #[test]
    fn what_goes_on_in_the_same_page_is_one_fragment() {
        let mut frags = Frags::default();
        frags.push(frag(1, 0, b"hello "));
        frags.push(frag(1, 6, b"world"));
        frags.push(frag(2, 0, b"!"));
        assert_eq!(list(&frags), [(1, 0, &b"hello world"[..]), (2, 0, b"!")]);
    }

    #[test]
    fn a_front_that_is_taken_ends_inside_a_fragment() {
        let mut frags = Frags::default();
        frags.push(frag(1, 10, b"abc"));
        frags.push(frag(2, 0, b"defgh"));
        let front = frags.take_front(5, BY);
        assert_eq!(list(&front), [(1, 10, &b"abc"[..]), (2, 0, b"de")]);
        assert_eq!(list(&frags), [(2, 2, &b"fgh"[..])]);
        frags.append(front);
        assert_eq!(frags.len(), 8);
    }

    #[test]
    fn only_the_beginning_of_a_long_fragment_is_known() {
        let mut frags = Frags::default();
        frags.push(Frag { len: 3000, ..frag(1, 0, &[b'x'; COPY_SAMPLE]) });
        let front = frags.take_front(1448, BY);
        assert_eq!((front.len(), front.0[0].bytes.len()), (1448, COPY_SAMPLE));
        assert_eq!((frags.len(), frags.0[0].off, frags.0[0].bytes.len()), (1552, 1448, 0));
        frags.begins(b"begins");
        assert_eq!(list(&frags.take_front(100, BY)), [(1, 1448, &b"begins"[..])]);
    }

    #[test]
    fn bytes_from_before_the_log_are_counted() {
        let mut frags = Frags::default();
        assert_eq!(frags.take_front(7, BY).len(), 7);
        frags.set_len(9, BY);
        assert_eq!(frags.len(), 9);
        frags.set_len(4, BY);
        assert_eq!(frags.len(), 4);
    }

    #[test]
    fn a_copy_fills_the_end_of_what_was_appended() {
        let mut frags = Frags::default();
        frags.push(Frag { len: 5, ..frag(1, 0, b"") });
        frags.write_last(5, b"hello", BY.0, EventId(2));
        frags.push(Frag { len: 2, ..frag(1, 5, b"") });
        frags.write_last(2, b"!!", BY.0, EventId(3));
        assert_eq!(list(&frags), [(1, 0, &b"hello!!"[..])]);
        assert_eq!(frags.0[0].event, EventId(3));
    }
}
