//! TCP segmentation offload: a card that can do it takes a super-packet as one, and cuts it apart as it sends.
//!
//! Linux: `NETIF_F_TSO` and `NETIF_F_IP_CSUM` (`ethtool -K IF tso on`). The stack above handles one packet down to the
//! ring; the headers of each frame, and its checksums, are the card's work.

use super::gso::Template;
use crate::host::Cx;
use crate::skb::SkBuff;
use crate::trace::CopyKind;
use crate::wire::checksum::csum_partial;
use alloc::vec::Vec;

/// A super-packet of which the card has sent a part.
#[derive(Clone, Debug)]
pub(super) struct Cutting {
    skb: SkBuff,
    template: Template,
    /// Payload bytes that are sent.
    sent: usize,
}

impl Cutting {
    /// The card takes up this super-packet.
    pub(super) fn new(skb: SkBuff, cx: &Cx<'_>) -> Cutting {
        let template = Template::read(&skb, cx);
        Cutting { skb, template, sent: 0 }
    }

    /// The super-packet itself.
    pub(super) fn skb(&self) -> &SkBuff {
        &self.skb
    }

    /// All of it is sent.
    pub(super) fn into_skb(self) -> SkBuff {
        self.skb
    }

    /// Payload bytes that are not sent yet.
    pub(super) fn left(&self) -> usize {
        self.skb.len() - self.template.headers().len() - self.sent
    }

    /// Copies the next frame out, behind nothing.
    pub(super) fn next_frame(&mut self, frame: &mut Vec<u8>, cx: &mut Cx<'_>) {
        let header_len = self.template.headers().len();
        let len = self.left().min(usize::from(self.skb.gso_size));
        frame.extend_from_slice(self.template.headers());
        self.skb.copy_out(CopyKind::DmaOut, header_len + self.sent, len, frame, cx);
        self.template.next(len, len == self.left(), csum_partial(&frame[header_len..], 0));
        frame[..header_len].copy_from_slice(self.template.headers());
        self.sent += len;
    }
}
