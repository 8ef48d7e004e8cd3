//! An index for wildcards. A combination of conditions is filed under a few consecutive bytes, a
//! gram, that one of its wildcards requires. The grams in a value lead to the combinations that are
//! filed under these grams. Whether the wildcard really matches is checked later.

use super::postings::{self, Postings, Slot};
use foldhash::HashMap;

/// The maximum length of a gram, in bytes.
const LONGEST: usize = 4;

/// One to four consecutive bytes, and how many they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Gram(u64);

impl Gram {
    #[inline]
    fn of(bytes: &[u8]) -> Self {
        let packed = bytes.iter().fold(0, |packed, byte| (packed << 8) | u64::from(*byte));
        Self(packed | (bytes.len() as u64) << 32)
    }

    fn len(self) -> usize {
        (self.0 >> 32) as usize
    }

    /// Returns every run of four consecutive bytes in `text`, or all of `text` if it is shorter.
    pub(super) fn all(text: &[u8]) -> impl Iterator<Item = Self> + '_ {
        text.windows(text.len().clamp(1, LONGEST)).map(Self::of)
    }

    /// Returns a weight, which is higher for short grams because they are more common.
    pub(super) fn commonness(self) -> usize {
        (LONGEST - self.len()) * 16
    }
}

/// Combinations of conditions, each filed under a [`Gram`] that a matching value contains.
#[derive(Debug, Default)]
pub(super) struct Grams {
    table: HashMap<Gram, Postings>,
    /// How many combinations are filed under grams of each length.
    lengths: [usize; LONGEST + 1],
}

impl Grams {
    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    pub(super) fn filed_under(&self, gram: Gram) -> usize {
        self.table.get(&gram).map_or(0, Postings::len)
    }

    pub(super) fn insert(&mut self, gram: Gram, slot: Slot) {
        self.lengths[gram.len()] += 1;
        self.table.entry(gram).or_default().insert(slot);
    }

    pub(super) fn remove(&mut self, gram: Gram, slot: Slot) {
        self.lengths[gram.len()] -= 1;
        postings::remove_hashed(&mut self.table, &gram, slot);
    }

    pub(super) fn find(&self, value: &[u8], sink: &mut impl FnMut(Slot)) {
        for length in 1..=LONGEST {
            if self.lengths[length] == 0 {
                continue;
            }
            for bytes in value.windows(length) {
                if let Some(postings) = self.table.get(&Gram::of(bytes)) {
                    postings.each(sink);
                }
            }
        }
    }
}
