//! Cache of keys that name secrets.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use super::words::Hides;

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
    pub(super) fn of(&self, key: &'static str, judge: impl FnOnce(&str) -> Hides) -> Hides {
        let Some(name) = name(key) else { return judge(key) };
        // The lowest bits of addresses are similar, and so are the highest.
        let place = &self.places[(name >> 16 ^ name >> 24 ^ name >> 2) as usize % PLACES];
        let known = place.load(Ordering::Relaxed);
        if known >> 2 == name >> 2 {
            return match known & 3 {
                0 => Hides::Nothing,
                1 => Hides::Strings,
                _ => Hides::Numbers,
            };
        }
        let verdict = judge(key);
        place.store(name | verdict as u64, Ordering::Relaxed);
        verdict
    }
}

/// Returns a number that is unique to the key, never 0, with room for two more bits; `None` where
/// address and length do not fit.
fn name(key: &'static str) -> Option<u64> {
    let (address, length) = (key.as_ptr().addr() as u64, key.len() as u64);
    let fits = address < 1 << 48 && (1..1 << 14).contains(&length);
    fits.then_some(address << 16 | length << 2)
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
                let all = [Hides::Nothing, Hides::Strings, Hides::Numbers];
                let judged = verdicts.of(&text[..length], |key| all[key.len() % 3]);
                assert_eq!(judged, all[length % 3]);
            }
        }
        verdicts.of(text, |_| Hides::Strings);
        assert_eq!(verdicts.of(text, |_| unreachable!("it is known")), Hides::Nothing);
    }

    #[test]
    fn what_has_no_name_is_judged_each_time() {
        let verdicts = Verdicts::new();
        assert_eq!(verdicts.of("", |_| Hides::Strings), Hides::Strings);
        assert_eq!(verdicts.of("", |_| Hides::Nothing), Hides::Nothing);
    }
}
