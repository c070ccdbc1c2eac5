//! Small numbers for values that occur again and again.

/// Number of places of the index, a power of two.
const PLACES: usize = 64;

/// Number of values up to which an emptied table keeps them.
const MOST_KEPT: usize = 64;

/// A table of values that are numbered when they first occur. Values that are not found at once get
/// another number, so that two numbers may mean the same value.
#[derive(Clone, Debug)]
pub(crate) struct Numbered<T> {
    values: Vec<T>,
    /// Numbers by address, in one of two places.
    index: [u16; PLACES],
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { values: Vec::new(), index: [u16::MAX; PLACES] }
    }
}

impl<T> Numbered<T> {
    /// Returns whether there are numbers for so many more values.
    #[inline]
    pub(crate) fn has_room_for(&self, more: usize) -> bool {
        self.values.len() + more < usize::from(u16::MAX)
    }

    #[inline]
    pub(crate) fn get(&self, number: u16) -> Option<&T> {
        self.values.get(usize::from(number))
    }

    /// Returns the number of the value that `is_same` accepts, or else of the one that `make` makes.
    /// `address` is of something that the value refers to. The caller checks
    /// [`has_room_for`](Self::has_room_for).
    #[inline]
    pub(crate) fn number(
        &mut self,
        address: usize,
        is_same: impl Fn(&T) -> bool,
        make: impl FnOnce() -> T,
    ) -> u16 {
        let place = (address >> 3 ^ address >> 9) % PLACES;
        for place in [place, place ^ 1] {
            let number = self.index[place];
            if self.get(number).is_some_and(&is_same) {
                return number;
            }
        }
        self.add(make(), place)
    }

    #[inline(never)]
    fn add(&mut self, value: T, place: usize) -> u16 {
        let number = self.values.len() as u16;
        self.values.push(value);
        let free = [place, place ^ 1].into_iter().find(|place| self.index[*place] == u16::MAX);
        self.index[free.unwrap_or(place)] = number;
        number
    }

    /// Forgets all values. All numbers become invalid.
    pub(crate) fn clear(&mut self) {
        self.values.clear();
        self.values.shrink_to(MOST_KEPT);
        self.index.fill(u16::MAX);
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

    fn number(table: &mut Numbered<usize>, value: usize) -> u16 {
        table.number(value, |known| *known == value, || value)
    }

    #[test]
    fn a_value_that_occurs_again_has_its_number() {
        let mut table = Numbered::default();
        let numbers: Vec<_> = (0..40).map(|value| number(&mut table, 8 * value)).collect();
        assert_eq!(numbers, (0..40).collect::<Vec<_>>());
        let again: Vec<_> = (0..40).map(|value| number(&mut table, 8 * value)).collect();
        assert_eq!(again, numbers);
    }

    #[test]
    fn a_number_from_before_is_not_taken_for_another_value() {
        let mut table = Numbered::default();
        number(&mut table, 8);
        table.clear();
        let first = number(&mut table, 16);
        let second = number(&mut table, 8);
        assert_eq!((table.get(first), table.get(second)), (Some(&16), Some(&8)));
    }
}
