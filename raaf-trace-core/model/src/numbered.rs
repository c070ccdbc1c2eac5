//! Small numbers for values that occur again and again.

/// Number of values up to which an emptied table keeps them.
const MOST_KEPT: usize = 64;

/// Capacity up to which it keeps its memory.
const MOST_MEMORY: usize = 1_024;

/// A table of values that are numbered when they first occur. A value that is not found at once gets
/// another number, so that two numbers may mean the same value. `PLACES` is a power of two.
#[derive(Clone, Debug)]
pub(crate) struct Numbered<T, const PLACES: usize = 64> {
    values: Vec<T>,
    /// Identities with their numbers, in one of two places by hash.
    index: [(Identity, u16); PLACES],
}

/// Numbers, such as addresses, that tell two values apart as long as both exist. Zero for no value.
pub(crate) type Identity = [u64; 3];

/// Compares word by word: a wide comparison would have to wait for words that were just written.
#[inline]
fn is_same(one: &Identity, other: &Identity) -> bool {
    (one[0] ^ other[0]) | (one[1] ^ other[1]) | (one[2] ^ other[2]) == 0
}

impl<T, const PLACES: usize> Default for Numbered<T, PLACES> {
    fn default() -> Self {
        Self { values: Vec::new(), index: [([0; 3], 0); PLACES] }
    }
}

impl<T, const PLACES: usize> Numbered<T, PLACES> {
    /// Returns whether there are numbers for so many more values.
    #[inline]
    pub(crate) fn has_room_for(&self, more: usize) -> bool {
        self.values.len() + more < usize::from(u16::MAX)
    }

    #[inline]
    pub(crate) fn get(&self, number: u16) -> Option<&T> {
        self.values.get(usize::from(number))
    }

    /// Returns the number of the value of that identity, which `make` makes if it is not found: it
    /// keeps alive what the identity is made of. The caller checks
    /// [`has_room_for`](Self::has_room_for).
    #[inline]
    pub(crate) fn number(&mut self, identity: Identity, make: impl FnOnce() -> T) -> u16 {
        let mixed = identity[0] ^ identity[1] >> 1 ^ identity[2] >> 2;
        let place = (mixed >> 3 ^ mixed >> 9) as usize % PLACES;
        let (known, number) = &self.index[place];
        if is_same(known, &identity) {
            *number
        } else {
            self.number_elsewhere(identity, place, make)
        }
    }

    /// Looks in the other place of the pair, or adds the value.
    #[inline(never)]
    fn number_elsewhere(
        &mut self,
        identity: Identity,
        place: usize,
        make: impl FnOnce() -> T,
    ) -> u16 {
        let (known, number) = self.index[place ^ 1];
        if is_same(&known, &identity) {
            return number;
        }
        let number = self.values.len() as u16;
        self.values.push(make());
        let is_free = |place: &usize| self.index[*place].0 == [0; 3];
        let free = [place, place ^ 1].into_iter().find(is_free);
        // Of more than two, the last two are found.
        let last = place ^ (usize::from(number) % 2);
        self.index[free.unwrap_or(last)] = (identity, number);
        number
    }

    /// Forgets all values. All numbers become invalid.
    pub(crate) fn clear(&mut self) {
        self.values.clear();
        if self.values.capacity() > MOST_MEMORY {
            self.values = Vec::new();
        }
        self.index.fill(([0; 3], 0));
    }

    /// Forgets the values if there are many.
    pub(crate) fn clear_if_many(&mut self) {
        if self.values.len() > MOST_KEPT {
            self.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(table: &mut Numbered<u64>, value: u64) -> u16 {
        table.number([value, 0, 1], || value)
    }

    #[test]
    fn a_value_that_occurs_again_has_its_number() {
        let mut table = Numbered::<u64>::default();
        let numbers: Vec<_> = (1..41).map(|value| number(&mut table, 8 * value)).collect();
        assert_eq!(numbers, (0..40).collect::<Vec<_>>());
        let again: Vec<_> = (1..41).map(|value| number(&mut table, 8 * value)).collect();
        assert_eq!(again, numbers);
    }

    #[test]
    fn values_that_share_a_place_keep_their_meaning() {
        for (values, numbers) in [(2, 2), (3, 9)] {
            let mut table = Numbered::<u64>::default();
            for round in 0..9 {
                let value = 8 + 8 * 64 * (round % values);
                let known = number(&mut table, value);
                assert_eq!(table.get(known), Some(&value));
            }
            assert!(table.values.len() <= numbers, "two find each other's place");
        }
    }

    #[test]
    fn a_number_from_before_is_not_taken_for_another_value() {
        let mut table = Numbered::<u64>::default();
        number(&mut table, 8);
        table.clear();
        let first = number(&mut table, 16);
        let second = number(&mut table, 8);
        assert_eq!((table.get(first), table.get(second)), (Some(&16), Some(&8)));
    }
}
