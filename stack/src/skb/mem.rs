//! A host's packet memory: the data areas that skbs point into, with reference counts.
//!
//! Linux: the slab caches and `skb_shared_info::dataref`. Kept in one place, and not behind `Rc`, so that a
//! whole host can be cloned for a keyframe with every sharing intact.

use crate::trace::CopyKind;
use alloc::vec::Vec;

/// One data area.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct DataId(u32);

#[derive(Clone, Debug)]
struct Area {
    bytes: Vec<u8>,
    references: u32,
}

/// Packet memory.
#[derive(Debug, Default)]
pub struct Mem {
    areas: Vec<Area>,
    free: Vec<u32>,
    copied: [u64; 5],
}

// A keyframe holds what is in use: the bytes of freed areas are kept only for their next user.
impl Clone for Mem {
    fn clone(&self) -> Mem {
        let used =
            |area: &Area| if area.references == 0 { Area { bytes: Vec::new(), references: 0 } } else { area.clone() };
        Mem { areas: self.areas.iter().map(used).collect(), free: self.free.clone(), copied: self.copied }
    }
}

impl Mem {
    /// How many data areas are in use: 0 once every skb is freed.
    pub fn in_use(&self) -> usize {
        self.areas.len() - self.free.len()
    }

    /// Payload bytes copied so far, by kind: what proves that only those are copied that Linux copies.
    pub fn bytes_copied(&self, kind: CopyKind) -> u64 {
        self.copied[kind as usize]
    }

    pub(super) fn count_copy(&mut self, kind: CopyKind, len: usize) {
        self.copied[kind as usize] += len as u64;
    }

    pub(super) fn alloc(&mut self, size: usize) -> DataId {
        if let Some(slot) = self.free.pop() {
            let area = &mut self.areas[slot as usize];
            area.bytes.clear();
            area.bytes.resize(size, 0);
            area.references = 1;
            return DataId(slot);
        }
        self.areas.push(Area { bytes: alloc::vec![0; size], references: 1 });
        DataId(self.areas.len() as u32 - 1)
    }

    pub(super) fn share(&mut self, id: DataId) {
        self.areas[id.0 as usize].references += 1;
    }

    pub(super) fn release(&mut self, id: DataId) {
        let area = &mut self.areas[id.0 as usize];
        assert!(area.references > 0, "skb freed twice");
        area.references -= 1;
        if area.references == 0 {
            self.free.push(id.0);
        }
    }

    pub(super) fn references(&self, id: DataId) -> u32 {
        self.areas[id.0 as usize].references
    }

    pub(super) fn bytes(&self, id: DataId) -> &[u8] {
        &self.areas[id.0 as usize].bytes
    }

    pub(super) fn bytes_mut(&mut self, id: DataId) -> &mut [u8] {
        &mut self.areas[id.0 as usize].bytes
    }
}
