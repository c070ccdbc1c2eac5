//! Stand-in for a terminal when the feature `live` is off.

/// Type without values: there is never a screen.
#[derive(Clone, Debug)]
pub(in super::super) enum Screen {}

impl Screen {
    pub(super) fn has_color(&self) -> bool {
        match *self {}
    }

    pub(super) fn size(&self) -> (usize, usize) {
        match *self {}
    }

    pub(super) fn show(&self, _: String) {
        match *self {}
    }

    pub(super) fn end(&self) {
        match *self {}
    }

    pub(in super::super) fn suspend<R>(&self, _: impl FnOnce() -> R) -> R {
        match *self {}
    }
}
