//! Small numbers for values that occur again and again.

/// Number of values up to which an emptied table keeps them.
const MOST_KEPT: usize = 64;

/// A table of values that are numbered when they first occur. A value that is not found at once gets
/// another number, so that two numbers may mean the same value. `PLACES` is a power of two.
#[derive(Clone, Debug)]
pub(crate) struct Numbered<T, const PLACES: usize = 64> {
    values: Vec<T>,
    /// Identities with their numbers, by hash.
    index: [(Identity, u16); PLACES],
}

/// Numbers, such as addresses, that tell two values apart as long as both exist. Zero for no value.
pub(crate) type Identity = [u64; 3];

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
        let place = &mut self.index[(mixed >> 3 ^ mixed >> 9) as usize % PLACES];
        // Word by word: a wide comparison would have to wait for the words just written.
        let known = place.0;
        if (known[0] ^ identity[0]) | (known[1] ^ identity[1]) | (known[2] ^ identity[2]) != 0 {
            *place = (identity, self.values.len() as u16);
            self.values.push(make());
        }
        place.1
    }

    /// Forgets all values. All numbers become invalid.
    pub(crate) fn clear(&mut self) {
        self.values.clear();
        self.values.shrink_to(MOST_KEPT);
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
    fn two_values_that_share_a_place_keep_their_meaning() {
        let mut table = Numbered::<u64>::default();
        for round in 0..6_u64 {
            let value = if round.is_multiple_of(2) { 8 } else { 8 + 8 * 64 };
            let known = number(&mut table, value);
            assert_eq!(table.get(known), Some(&value));
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
