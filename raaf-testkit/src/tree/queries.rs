//! Queries on captured spans.

use std::{iter, slice};

use raaf_trace_model::span::{FinishedSpan, Status};

use super::Spans;

/// Queries on captured spans.
///
/// ```
/// use raaf_testkit::Capture;
/// use raaf_trace_core::{Component, Traceable as _};
///
/// let capture = Capture::new();
/// capture.run(|| {
///     Component::pipeline("Import").in_span("run", || {
///         Component::agent("Reader").in_span("run", || {
///             Component::tool("open").in_span("run", || ());
///         });
///         let _ = Component::tool("check").try_in_span("run", || "x".parse::<u8>());
///     });
/// });
/// let spans = capture.spans();
///
/// let open = spans.only("open");
/// assert_eq!(spans.path(open), "Import > Reader > open");
/// assert_eq!(spans.parent_of(open).unwrap().component_name(), "Reader");
/// assert_eq!(spans.ancestors_of(open).count(), 2);
/// assert_eq!(spans.root_of(open).unwrap().kind(), "pipeline");
///
/// let import = spans.at("Import").unwrap();
/// assert_eq!(spans.children_of(import).count(), 2);
/// assert_eq!(spans.descendants_of(import).count(), 3);
/// assert_eq!(spans.by_kind("tool").count(), 2);
/// assert_eq!(spans.failed().next().unwrap().component_name(), "check");
/// assert!(spans.at("Import > Reader > close").is_none());
/// ```
impl Spans {
    /// Returns the number of spans.
    pub fn len(&self) -> usize {
        self.all().len()
    }

    /// Returns true if there are no spans.
    pub fn is_empty(&self) -> bool {
        self.all().is_empty()
    }

    /// Iterates over all spans, in the order in which they started.
    pub fn iter(&self) -> slice::Iter<'_, FinishedSpan> {
        self.all().iter()
    }

    /// Returns the spans without a parent among these.
    pub fn roots(&self) -> impl Iterator<Item = &FinishedSpan> {
        self.at_places(self.tree().top_indices())
    }

    /// Returns the root above `span`, which may be `span` itself.
    pub fn root_of(&self, span: &FinishedSpan) -> Option<&FinishedSpan> {
        self.upwards(span).last()
    }

    /// Returns the children of `span`, in the order in which they started.
    pub fn children_of(&self, span: &FinishedSpan) -> impl Iterator<Item = &FinishedSpan> {
        let children = self.place(span).map(|index| self.tree().child_indices(index));
        self.at_places(children.unwrap_or_default())
    }

    /// Returns all spans below `span`, each before its children.
    pub fn descendants_of(&self, span: &FinishedSpan) -> impl Iterator<Item = &FinishedSpan> {
        let children = self.place(span).map(|index| self.tree().child_indices(index));
        let below = self.tree().walk_from(children.unwrap_or_default());
        below.filter_map(|(_, index)| self.all().get(index))
    }

    /// Returns the parent of `span`, if it is among these.
    pub fn parent_of(&self, span: &FinishedSpan) -> Option<&FinishedSpan> {
        self.ancestors_of(span).next()
    }

    /// Returns the ancestors of `span`, from its parent to the root.
    pub fn ancestors_of(&self, span: &FinishedSpan) -> impl Iterator<Item = &FinishedSpan> {
        self.upwards(span).skip(1)
    }

    /// Returns the first span of that component.
    pub fn find(&self, component: &str) -> Option<&FinishedSpan> {
        self.iter().find(|span| span.component_name() == component)
    }

    /// Returns the only span of that component.
    ///
    /// # Panics
    ///
    /// If it has no span or several; the message shows the tree.
    #[track_caller]
    #[allow(clippy::panic, reason = "how a test fails")]
    pub fn only(&self, component: &str) -> &FinishedSpan {
        match (self.find(component), self.by_component(component).count()) {
            (Some(span), 1) => span,
            (_, count) => panic!("{component:?} has {count} spans, not one, in\n\n{self}"),
        }
    }

    /// Returns the first span at a path of components from a root, such as `Import > Reader`.
    pub fn at(&self, path: &str) -> Option<&FinishedSpan> {
        let mut names = path.split(" > ");
        let is = |name: &str, index: &usize| self.all()[*index].component_name() == name;
        let first = names.next()?;
        let mut level: Vec<usize> =
            self.tree().top_indices().iter().copied().filter(|index| is(first, index)).collect();
        for name in names {
            let children = level.iter().flat_map(|&index| self.tree().child_indices(index));
            level = children.copied().filter(|index| is(name, index)).collect();
        }
        self.all().get(*level.first()?)
    }

    /// Returns the spans of that component.
    pub fn by_component<'a>(
        &'a self,
        component: &'a str,
    ) -> impl Iterator<Item = &'a FinishedSpan> {
        self.iter().filter(move |span| span.component_name() == component)
    }

    /// Returns the spans of that kind.
    pub fn by_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a FinishedSpan> {
        self.iter().filter(move |span| span.kind() == kind)
    }

    /// Returns the spans with that status.
    pub fn by_status(&self, status: Status) -> impl Iterator<Item = &FinishedSpan> {
        self.iter().filter(move |span| span.status() == status)
    }

    /// Returns the spans that ended with an error.
    pub fn failed(&self) -> impl Iterator<Item = &FinishedSpan> {
        self.by_status(Status::Error)
    }

    /// Returns the components from the root to `span`: `Pipeline > Agent > search`.
    pub fn path(&self, span: &FinishedSpan) -> String {
        let mut names = vec![span.component_name()];
        names.extend(self.ancestors_of(span).map(FinishedSpan::component_name));
        names.reverse();
        names.join(" > ")
    }

    /// `span` as it is here, and those above it.
    fn upwards(&self, span: &FinishedSpan) -> impl Iterator<Item = &FinishedSpan> {
        let up = iter::successors(self.place(span), |&index| self.tree().parent_index(index));
        up.filter_map(|index| self.all().get(index))
    }

    fn place(&self, span: &FinishedSpan) -> Option<usize> {
        self.tree().index_of(span.trace_id(), span.span_id())
    }

    fn at_places<'a>(&'a self, places: &'a [usize]) -> impl Iterator<Item = &'a FinishedSpan> {
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
