//! Questions that a tree does not answer at a glance.

use std::slice;

use raaf_trace_core::FinishedSpan;

use super::Spans;

impl Spans {
    /// How many spans there are.
    pub fn len(&self) -> usize {
        self.all().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all().is_empty()
    }

    /// All spans, in the order in which they started.
    pub fn iter(&self) -> slice::Iter<'_, FinishedSpan> {
        self.all().iter()
    }

    /// The spans at the top: those without a parent here.
    pub fn roots(&self) -> impl Iterator<Item = &FinishedSpan> {
        self.at(self.shape().roots())
    }

    /// The spans right under `span`.
    pub fn children_of(&self, span: &FinishedSpan) -> impl Iterator<Item = &FinishedSpan> {
        let children = self.place(span).map(|index| self.shape().children(index));
        self.at(children.unwrap_or_default())
    }

    /// The span right above `span`, if it is here.
    pub fn parent_of(&self, span: &FinishedSpan) -> Option<&FinishedSpan> {
        let parent = self.shape().parent(self.place(span)?)?;
        self.all().get(parent)
    }

    /// The first span of that component.
    pub fn find(&self, component: &str) -> Option<&FinishedSpan> {
        self.iter().find(|span| span.component().name() == component)
    }

    /// The one span of that component.
    ///
    /// # Panics
    ///
    /// When it has no span or several; the message shows the tree.
    #[track_caller]
    #[allow(clippy::panic, reason = "how a test fails")]
    pub fn only(&self, component: &str) -> &FinishedSpan {
        match (self.find(component), self.by_component(component).count()) {
            (Some(span), 1) => span,
            (_, count) => panic!("{component:?} has {count} spans, not one, in\n\n{self}"),
        }
    }

    /// The spans of that component.
    pub fn by_component<'a>(
        &'a self,
        component: &'a str,
    ) -> impl Iterator<Item = &'a FinishedSpan> {
        self.iter().filter(move |span| span.component().name() == component)
    }

    /// The spans of that kind.
    pub fn by_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a FinishedSpan> {
        self.iter().filter(move |span| span.kind() == kind)
    }

    /// The components from the root down to `span`: `Pipeline > Agent > search`.
    pub fn path(&self, span: &FinishedSpan) -> String {
        let mut names = vec![span.component().name()];
        let mut above = self.parent_of(span);
        while let Some(span) = above {
            names.push(span.component().name());
            above = self.parent_of(span);
        }
        names.reverse();
        names.join(" > ")
    }

    fn place(&self, span: &FinishedSpan) -> Option<usize> {
        self.shape().place(span.trace_id(), span.span_id())
    }

    fn at<'a>(&'a self, places: &'a [usize]) -> impl Iterator<Item = &'a FinishedSpan> {
        places.iter().filter_map(|&index| self.all().get(index))
    }
}

impl<'a> IntoIterator for &'a Spans {
    type Item = &'a FinishedSpan;
    type IntoIter = slice::Iter<'a, FinishedSpan>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
