//! The card: rings to wire and back. Padding, FCS and address filter are its work, not the stack's.
//!
//! Linux: what a driver's `ndo_start_xmit`, interrupt handler and NAPI poll do; `net/ethernet/eth.c`
//! (`eth_type_trans`); `net/core/dev.c` (`__netif_receive_skb_core`). A receive buffer is taken from memory
//! when its frame arrives, not when the ring is refilled.

use super::NET_SKB_PAD;
use super::tso::Cutting;
use crate::host::{Cx, Frame, Host, IfIndex};
use crate::skb::{DropReason, PktType, SkBuff, SkbId};
use crate::tcp::clock_ns;
use crate::trace::{Context, CopyKind, EventId, FrameOp, Function, HeaderOffset, Proto, QueueKind, QueueOp, What};
use crate::wire::checksum::fcs;
use crate::wire::ethernet::{ETH_HLEN, ETH_P_ARP, ETH_P_IP, ETH_ZLEN, EthernetRepr, MacAddr};
use alloc::boxed::Box;

impl Host {
    /// The card takes the next descriptor: DMA, padding, FCS, first bit on the wire. Of a super-packet it takes as much
    /// as fits a frame.
    pub(crate) fn nic_transmit(&mut self, cx: &mut Cx<'_>, from: IfIndex) -> Option<Frame> {
        let device = self.dev_mut(from)?;
        let (skb, mut cutting) = match device.cutting.take() {
            Some(cutting) => (None, Some(cutting)),
            None => match device.tx_ring.pop_front()? {
                skb if skb.gso_size > 0 => (None, Some(Box::new(Cutting::new(skb, cx)))),
                skb => (Some(skb), None),
            },
        };
        let depth = device.tx_ring.len() as u16;
        let with_fcs = device.fcs;
        let packet = skb.as_ref().or(cutting.as_ref().map(|cutting| cutting.skb()))?;
        let (skb_id, headroom) = (packet.id(), packet.headroom() as usize);
        cx.trace.because(packet.born);
        cx.trace.enter(Function::NicTransmit);
        let mut bytes = cx.mem.frame_buffer(usize::from(device.mtu) + ETH_HLEN + 4);
        device.xmit_more = match (&skb, &mut cutting) {
            (Some(skb), _) => {
                skb.copy_out(CopyKind::DmaOut, 0, skb.len(), &mut bytes, cx);
                skb.xmit_more
            }
            (None, Some(cutting)) => {
                cutting.next_frame(&mut bytes, cx);
                cutting.left() > 0
            }
            (None, None) => false,
        };
        device.stats.tx_packets += 1;
        device.stats.tx_bytes += bytes.len() as u64;
        if bytes.len() < ETH_ZLEN {
            bytes.resize(ETH_ZLEN, 0);
        }
        if with_fcs {
            let check = fcs(&bytes);
            let at = (headroom + bytes.len()).min(usize::from(u16::MAX)) as u16;
            bytes.extend_from_slice(&check);
            cx.trace.emit_bytes(&check, |b| What::Header { proto: Proto::Fcs, at, skb: skb_id, bytes: b });
        }
        let id = cx.trace.new_frame();
        cx.trace.emit_bytes(&bytes, |b| What::FrameBytes { frame: id, skb: skb_id, bytes: b });
        let len = bytes.len() as u32;
        let sent_by =
            cx.trace.emit(|| What::Frame { op: FrameOp::Transmit, port: from.0, frame: id, skb: skb_id, len });
        cx.trace.exit();
        match cutting {
            Some(cutting) if device.xmit_more => device.cutting = Some(cutting),
            Some(cutting) => self.tx_clean(cx, from, cutting.into_skb(), depth),
            None => self.tx_clean(cx, from, skb?, depth),
        }
        Some(Frame { id, bytes, sent_by })
    }

    /// The descriptor is done: the driver frees the skb, and the qdisc may go on.
    fn tx_clean(&mut self, cx: &mut Cx<'_>, dev: IfIndex, skb: SkBuff, depth: u16) {
        cx.trace.set_context(Context::Softirq);
        cx.call(Function::TxClean, |cx| {
            cx.trace.emit(|| What::Queue {
                kind: QueueKind::TxRing,
                op: QueueOp::Dequeue,
                depth,
                skb: skb.id(),
                owner: u32::from(dev.0),
            });
            skb.consume(cx);
        });
        self.qdisc_run(cx, dev);
    }

    /// A frame arrives: filter, FCS, DMA, interrupt, NAPI poll.
    pub(crate) fn nic_receive(&mut self, cx: &mut Cx<'_>, at: IfIndex, frame: Frame, gso_size: u16) {
        let Some(device) = self.dev_mut(at) else { return };
        cx.trace.enter(Function::NicReceive);
        let arrived = cx.trace.emit(|| What::Frame {
            op: FrameOp::Arrive,
            port: at.0,
            frame: frame.id,
            skb: SkbId::NONE,
            len: frame.bytes.len() as u32,
        });
        cx.trace.because(arrived);
        // What came from outside is told as it came; a frame of a host in the log was told when it was sent.
        if !device.fcs && frame.sent_by == EventId::NONE {
            cx.trace.emit_bytes(&frame.bytes, |b| What::FrameBytes { frame: frame.id, skb: SkbId::NONE, bytes: b });
        }
        let longest = if gso_size > 0 { usize::from(u16::MAX) } else { usize::from(device.mtu) };
        let (mac, max) = (device.mac, longest + ETH_HLEN + 4);
        let checked = check_frame(&frame.bytes, device.fcs, max);
        let kind = checked.and_then(|bytes| match EthernetRepr::parse(bytes) {
            Err(_) => Err(DropReason::Runt),
            Ok(h) if h.dst == MacAddr::BROADCAST => Ok((bytes.len(), PktType::Broadcast)),
            Ok(h) if h.dst.is_multicast() => Ok((bytes.len(), PktType::Multicast)),
            Ok(h) if h.dst == mac => Ok((bytes.len(), PktType::Host)),
            Ok(_) => Err(DropReason::OtherHost),
        });
        match kind {
            Err(reason) => {
                device.stats.rx_errors += u64::from(reason != DropReason::OtherHost);
                cx.trace.emit(|| What::FrameDrop { frame: frame.id, reason });
                cx.trace.exit();
            }
            Ok((len, kind)) => {
                device.stats.rx_packets += 1;
                device.stats.rx_bytes += len as u64;
                // A TAP device's frame has its IP header where a card's has the Ethernet header.
                let pad = if device.fcs { NET_SKB_PAD } else { NET_SKB_PAD - ETH_HLEN as u32 };
                let mut skb = SkBuff::build_around(pad, len as u32, cx);
                skb.pkt_type = kind;
                // `virtio_net_hdr_to_skb`: what fits one segment is none of several.
                if len > ETH_HLEN + 40 + usize::from(gso_size) {
                    skb.gso_size = gso_size;
                    skb.tstamp = clock_ns(cx);
                }
                cx.trace.emit(|| What::Queue {
                    kind: QueueKind::RxRing,
                    op: QueueOp::Enqueue,
                    depth: 1,
                    skb: skb.id(),
                    owner: u32::from(at.0),
                });
                skb.dma_adopt(frame.bytes, len, cx);
                cx.trace.exit();
                self.rx_interrupt(cx, at, skb, len);
            }
        }
    }

    /// The hard interrupt schedules NAPI; the soft interrupt polls the ring.
    fn rx_interrupt(&mut self, cx: &mut Cx<'_>, at: IfIndex, mut skb: SkBuff, len: usize) {
        cx.trace.set_context(Context::Irq);
        cx.call(Function::IrqHandler, |_| ());
        cx.trace.set_context(Context::Softirq);
        cx.call(Function::NapiPoll, |cx| {
            cx.trace.emit(|| What::Queue {
                kind: QueueKind::RxRing,
                op: QueueOp::Dequeue,
                depth: 0,
                skb: skb.id(),
                owner: u32::from(at.0),
            });
            skb.put(len, cx);
            self.netif_receive_skb(cx, at, skb);
        });
    }

    /// `eth_type_trans` and `__netif_receive_skb_core`: strips the Ethernet header, hands up by EtherType.
    pub(crate) fn netif_receive_skb(&mut self, cx: &mut Cx<'_>, at: IfIndex, mut skb: SkBuff) {
        let ok = cx.call(Function::EthTypeTrans, |cx| {
            skb.reset_header(HeaderOffset::Mac, cx);
            let header = EthernetRepr::parse(skb.bytes(cx)).ok()?;
            skb.protocol = header.ethertype;
            skb.header_read(Proto::Ethernet, ETH_HLEN, cx);
            skb.pull(ETH_HLEN as u32, cx)
        });
        if ok.is_none() {
            return skb.kfree(DropReason::Runt, cx);
        }
        cx.call(Function::NetifReceiveSkb, |cx| {
            skb.reset_header(HeaderOffset::Network, cx);
            match skb.protocol {
                ETH_P_IP => self.ip_rcv(cx, at, skb),
                ETH_P_ARP => self.arp_rcv(cx, at, skb),
                _ => skb.kfree(DropReason::UnhandledProto, cx),
            }
        });
    }
}

/// Length and FCS; gives the frame without the FCS.
fn check_frame(bytes: &[u8], with_fcs: bool, max: usize) -> Result<&[u8], DropReason> {
    let body = if with_fcs { bytes.len().checked_sub(4).ok_or(DropReason::Runt)? } else { bytes.len() };
    if body < ETH_HLEN || body > max {
        return Err(DropReason::Runt);
    }
    let (body, check) = bytes.split_at(body);
    if with_fcs && fcs(body) != check { Err(DropReason::BadFcs) } else { Ok(body) }
}
