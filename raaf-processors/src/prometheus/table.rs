//! Bounded hash table that is read without a lock.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Largest limit of a table, whose slots are allocated in advance.
pub(super) const MOST: usize = 1 << 16;

/// Values by `N` strings each, up to a limit. Entries are never removed, so a look-up needs no
/// lock; it compares the strings and formats nothing.
#[derive(Debug)]
pub(super) struct Table<const N: usize, V> {
    /// Open addressing: at least 50 % of the slots stay empty, so that look-ups are short.
    slots: Box<[OnceLock<Entry<N, V>>]>,
    hasher: RandomState,
    limit: usize,
    used: AtomicUsize,
    /// Held during an insertion.
    growing: Mutex<()>,
}

#[derive(Debug)]
struct Entry<const N: usize, V> {
    words: [Box<str>; N],
    value: V,
}

impl<const N: usize, V> Table<N, V> {
    pub(super) fn new(limit: usize) -> Self {
        let limit = limit.min(MOST);
        let slots = (limit * 2).max(2).next_power_of_two();
        Self {
            slots: (0..slots).map(|_| OnceLock::new()).collect(),
            hasher: RandomState::new(),
            limit,
            used: AtomicUsize::new(0),
            growing: Mutex::new(()),
        }
    }

    /// Returns the value for these strings, created if they are new; `None` if they are new and the
    /// table is full.
    #[inline]
    pub(super) fn get_or_insert(&self, words: [&str; N], make: impl FnOnce() -> V) -> Option<&V> {
        let hash = self.hasher.hash_one(words);
        match self.find(hash, words) {
            Ok(value) => Some(value),
            // In a full table, new strings take no lock either. Another thread may have inserted
            // these as the last ones in the meantime.
            Err(_) if self.used.load(Ordering::Acquire) >= self.limit => {
                self.find(hash, words).ok()
            }
            Err(_) => self.insert(hash, words, make),
        }
    }

    /// Finds the value, otherwise the empty slot at which the search ended.
    fn find(&self, hash: u64, words: [&str; N]) -> Result<&V, &OnceLock<Entry<N, V>>> {
        let mask = self.slots.len() - 1;
        let mut place = hash as usize & mask;
        loop {
            let slot = &self.slots[place];
            let Some(entry) = slot.get() else { return Err(slot) };
            if entry.words.iter().zip(words).all(|(held, word)| **held == *word) {
                return Ok(&entry.value);
            }
            place = (place + 1) & mask;
        }
    }

    #[cold]
    fn insert(&self, hash: u64, words: [&str; N], make: impl FnOnce() -> V) -> Option<&V> {
        let _growing = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have inserted it in the meantime.
        let slot = match self.find(hash, words) {
            Ok(value) => return Some(value),
            Err(slot) => slot,
        };
        if self.used.load(Ordering::Relaxed) >= self.limit {
            return None;
        }
        let value = make();
        let words = words.map(Box::from);
        let entry = slot.get_or_init(|| Entry { words, value });
        // Last: whoever sees the table full finds the entry.
        self.used.fetch_add(1, Ordering::Release);
        Some(&entry.value)
    }

    /// Returns all values, in no particular order.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.slots.iter().filter_map(|slot| Some(&slot.get()?.value))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        thread,
    };

    use super::*;

    #[test]
    fn no_more_than_the_limit_come_in_and_those_stay() {
        let table = Table::new(3);
        for number in 0..100 {
            let word = number.to_string();
            let found = table.get_or_insert([&*word], || number).copied();
            assert_eq!(found, (number < 3).then_some(number));
        }
        assert_eq!(table.get_or_insert(["1"], || 9), Some(&1));
        assert_eq!(table.values().count(), 3);
        assert_eq!(Table::new(0).get_or_insert([""], || 1), None);
    }

    #[test]
    fn a_limit_that_is_none_costs_no_memory() {
        let table = Table::new(usize::MAX);
        assert_eq!(table.get_or_insert(["a", "b"], || 1), Some(&1));
        assert_eq!(table.slots.len(), 2 * MOST);
    }

    #[test]
    fn all_words_count() {
        let table = Table::new(9);
        table.get_or_insert(["ab", "c"], || 1);
        assert_eq!(table.get_or_insert(["a", "bc"], || 2), Some(&2));
        assert_eq!(table.get_or_insert(["ab", "c"], || 3), Some(&1));
    }

    #[test]
    fn threads_make_each_value_once() {
        let (table, count) = (Table::new(64), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for number in 0..64 {
                        let word = number.to_string();
                        let make = || {
                            count.fetch_add(1, Ordering::Relaxed);
                            number
                        };
                        assert_eq!(table.get_or_insert([&*word, &*word], make), Some(&number));
                    }
                });
            }
        });
        assert_eq!(count.load(Ordering::Relaxed), 64);
    }
}
