//! Cache of keys that name secrets.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

/// Number of cached keys; a power of two.
const PLACES: usize = 256;

/// Cached verdicts on static keys, identified by address and length, which never change. Programs
/// have some dozens of them, and searching a key for terms takes longer than all other work for an
/// attribute.
pub(super) struct Verdicts {
    places: Box<[AtomicU64; PLACES]>,
}

impl Verdicts {
    pub(super) fn new() -> Self {
        Self { places: Box::new([const { AtomicU64::new(0) }; PLACES]) }
    }

    /// Returns the cached verdict on the key, or calls `judge` for it.
    pub(super) fn of(&self, key: &'static str, judge: impl FnOnce(&str) -> bool) -> bool {
        let Some(name) = name(key) else { return judge(key) };
        // The lowest bits of addresses are similar, and so are the highest.
        let place = &self.places[(name >> 16 ^ name >> 24 ^ name >> 1) as usize % PLACES];
        let known = place.load(Ordering::Relaxed);
        if known >> 1 == name >> 1 {
            return known & 1 == 1;
        }
        let verdict = judge(key);
        place.store(name | u64::from(verdict), Ordering::Relaxed);
        verdict
    }
}

/// Returns a number that is unique to the key, never 0, with room for one more bit; `None` where
/// address and length do not fit.
fn name(key: &'static str) -> Option<u64> {
    let (address, length) = (key.as_ptr().addr() as u64, key.len() as u64);
    let fits = address < 1 << 48 && (1..1 << 15).contains(&length);
    fits.then_some(address << 16 | length << 1)
}

impl fmt::Debug for Verdicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verdicts")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_judged_once_and_told_from_every_part_of_it() {
        let verdicts = Verdicts::new();
        let text = "a.secret.key";
        for _ in 0..2 {
            for length in 1..=text.len() {
                assert_eq!(verdicts.of(&text[..length], |key| key.len() % 2 == 0), length % 2 == 0);
            }
        }
        verdicts.of(text, |_| true);
        assert!(verdicts.of(text, |_| unreachable!("it is known")));
    }

    #[test]
    fn what_has_no_name_is_judged_each_time() {
        let verdicts = Verdicts::new();
        assert!(verdicts.of("", |_| true));
        assert!(!verdicts.of("", |_| false));
    }
}
