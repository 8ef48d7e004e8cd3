//! Finds the ranges that contain a number.

use super::postings::Slot;

/// The number of entries at which a block is split.
const FULL: usize = 64;

/// A range, both ends included.
#[derive(Debug, Clone, Copy)]
struct Entry<T> {
    low: T,
    high: T,
    slot: Slot,
}

/// Successive ranges in the order of their lower ends, and the highest of their upper ends.
#[derive(Debug)]
struct Block<T> {
    entries: Vec<Entry<T>>,
    highest: T,
}

/// Ranges in the order of their lower ends, in blocks that can be skipped as a whole.
#[derive(Debug)]
pub(super) struct Ranges<T> {
    blocks: Vec<Block<T>>,
}

impl<T> Default for Ranges<T> {
    fn default() -> Self {
        Self { blocks: Vec::new() }
    }
}

impl<T: Copy + Ord> Block<T> {
    fn new(entries: Vec<Entry<T>>) -> Option<Self> {
        let highest = entries.iter().map(|entry| entry.high).max()?;
        Some(Self { entries, highest })
    }

    fn lowest(&self) -> T {
        self.entries[0].low
    }
}

impl<T: Copy + Ord> Ranges<T> {
    pub(super) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Returns an upper bound for the number of ranges that contain `low` or `high`. A range that
    /// contains both is counted twice.
    pub(super) fn filed_under(&self, low: T, high: T) -> usize {
        let mut around = 0;
        self.find(low, &mut |_| around += 1);
        self.find(high, &mut |_| around += 1);
        around
    }

    pub(super) fn insert(&mut self, low: T, high: T, slot: Slot) {
        let entry = Entry { low, high, slot };
        let at = self.blocks.partition_point(|block| block.lowest() <= low).saturating_sub(1);
        let Some(block) = self.blocks.get_mut(at) else {
            self.blocks.extend(Block::new(vec![entry]));
            return;
        };
        let place = block.entries.partition_point(|other| other.low <= low);
        block.entries.insert(place, entry);
        block.highest = block.highest.max(high);
        if block.entries.len() >= FULL {
            let upper = Block::new(block.entries.split_off(FULL / 2));
            let lower = Block::new(std::mem::take(&mut block.entries));
            self.blocks.splice(at..=at, lower.into_iter().chain(upper));
        }
    }

    pub(super) fn remove(&mut self, low: T, high: T, slot: Slot) {
        let is_it = |entry: &Entry<T>| entry.low == low && entry.high == high && entry.slot == slot;
        let end = self.blocks.partition_point(|block| block.lowest() <= low);
        for at in (0..end).rev() {
            let entries = &mut self.blocks[at].entries;
            if let Some(place) = entries.iter().position(is_it) {
                entries.remove(place);
                let left = Block::new(std::mem::take(entries));
                self.blocks.splice(at..=at, left);
                return;
            }
        }
    }

    /// Calls `sink` for every range that contains `value`.
    pub(super) fn find(&self, value: T, sink: &mut impl FnMut(Slot)) {
        for block in &self.blocks {
            if block.lowest() > value {
                return;
            }
            if block.highest < value {
                continue;
            }
            for entry in &block.entries {
                if entry.low <= value && value <= entry.high {
                    sink(entry.slot);
                }
            }
        }
    }
}
