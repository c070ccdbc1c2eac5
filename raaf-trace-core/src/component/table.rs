//! Components of a thread's frames, by small numbers.

use std::sync::Arc;

use super::{Component, WeakComponent};
use raaf_trace_model::span::ComponentInfo;

/// Number of sets, a power of two, and of components in each.
const SETS: usize = 64;
const WAYS: usize = 4;

/// Components that a thread has recently opened frames for.
///
/// A bounded cache: a component is replaced when it has no open frame and its place is needed. Its
/// address stays valid as long as it is in the table, which does not keep it alive.
#[derive(Debug, Default)]
pub(crate) struct Components {
    /// Empty before the first use.
    places: Vec<Option<Entry>>,
    /// Number of replacements so far: each set takes its turn.
    replaced: usize,
}

#[derive(Debug)]
struct Entry {
    address: usize,
    component: WeakComponent,
    info: Arc<ComponentInfo>,
    open: u32,
}

/// Number of a component in the table, valid while it has an open frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ComponentNumber(u16);

impl Components {
    pub(crate) const fn new() -> Self {
        Self { places: Vec::new(), replaced: 0 }
    }

    /// Counts an open frame of the component; `None` when there is no place for it.
    #[inline]
    pub(crate) fn open(&mut self, component: &Component) -> Option<ComponentNumber> {
        let address = component.address();
        let first = (address >> 5 ^ address >> 12) % SETS * WAYS;
        let set = self.places.get_mut(first..first + WAYS).unwrap_or_default();
        for (way, place) in set.iter_mut().enumerate() {
            if let Some(entry) = place
                && entry.address == address
            {
                entry.open += 1;
                return Some(ComponentNumber((first + way) as u16));
            }
        }
        self.insert(component, first)
    }

    #[cold]
    fn insert(&mut self, component: &Component, first: usize) -> Option<ComponentNumber> {
        if self.places.is_empty() {
            self.places.resize_with(SETS * WAYS, || None);
        }
        component.note_frame();
        self.replaced += 1;
        let set = &mut self.places[first..first + WAYS];
        let is_unused = |way: &usize| set[*way].as_ref().is_none_or(|entry| entry.open == 0);
        let in_turn = (0..WAYS).map(|way| (way + self.replaced) % WAYS);
        let way =
            set.iter().position(Option::is_none).or_else(|| in_turn.into_iter().find(is_unused))?;
        set[way] = Some(Entry {
            address: component.address(),
            component: component.downgrade(),
            info: Arc::clone(component.info()),
            open: 1,
        });
        Some(ComponentNumber((first + way) as u16))
    }

    /// Counts the end of an open frame.
    #[inline]
    pub(crate) fn close(&mut self, number: ComponentNumber) {
        if let Some(entry) = self.entry_mut(number) {
            entry.open = entry.open.saturating_sub(1);
        }
    }

    #[inline]
    pub(crate) fn info(&self, number: ComponentNumber) -> Option<&Arc<ComponentInfo>> {
        Some(&self.entry(number)?.info)
    }

    /// Returns the component, which its call keeps alive.
    pub(crate) fn component(&self, number: ComponentNumber) -> Option<Component> {
        self.entry(number)?.component.upgrade()
    }

    #[inline]
    fn entry(&self, ComponentNumber(number): ComponentNumber) -> Option<&Entry> {
        self.places.get(usize::from(number))?.as_ref()
    }

    #[inline]
    fn entry_mut(&mut self, ComponentNumber(number): ComponentNumber) -> Option<&mut Entry> {
        self.places.get_mut(usize::from(number))?.as_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g9_a_component_makes_room_once_its_frames_have_ended() {
        let mut table = Components::new();
        let all: Vec<_> = (0..3 * SETS * WAYS).map(|_| Component::tool("T")).collect();
        for component in &all {
            let number = table.open(component).expect("all others have ended");
            table.close(number);
        }
        let open = all.iter().filter_map(|component| table.open(component)).count();
        assert!(open <= SETS * WAYS, "an open one keeps its place");
    }
}
