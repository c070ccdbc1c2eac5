//! Running spans and their drawing.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    time::Duration,
};

use anstyle::Style;
use raaf_trace_core::clock::Ticks;
use raaf_trace_model::{
    id::SpanId,
    span::{FinishedSpan, SpanHead, SpanTree, StartedSpan, TreeSpan},
};

use super::super::{
    describe::Describe,
    paint::{DIM, Paint, push},
    text::push_fitted,
    tree::{push_branch, walk},
    units::HumanDuration,
};

const SPINNER: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
/// Duration of one spinner frame, in milliseconds.
const FRAME: u128 = 100;

/// Running spans, in the order in which they started.
///
/// It has an entry for each running span, so its size is bounded by what the program itself holds.
/// Each drawing arranges only the few spans that it shows as a tree.
#[derive(Default)]
pub(super) struct Running {
    spans: BTreeMap<u64, Entry>,
    places: HashMap<SpanId, u64>,
    started: u64,
}

pub(super) struct Entry {
    span: Box<StartedSpan>,
    since: Ticks,
    inside: Inside,
}

impl TreeSpan for Entry {
    fn head(&self) -> &SpanHead {
        self.span.head()
    }
    fn ended(&self) -> Option<&FinishedSpan> {
        None
    }
}

/// Number of spans that ended inside a running span.
#[derive(Clone, Copy, Default)]
struct Inside {
    done: u64,
    failed: u64,
}

impl Running {
    pub(super) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    pub(super) fn start(&mut self, span: Box<StartedSpan>, since: Ticks) {
        let place = self.started;
        self.started += 1;
        self.places.insert(span.span_id(), place);
        let inside = Inside::default();
        self.spans.insert(place, Entry { span, since, inside });
    }

    /// Removes a span that ended, and adds it and the spans that it counted to its parent's count.
    pub(super) fn end(&mut self, span: &FinishedSpan) {
        let inside = self.take(span.span_id()).map(|entry| entry.inside).unwrap_or_default();
        let parent = span.parent_id().and_then(|id| self.places.get(&id));
        if let Some(parent) = parent.and_then(|place| self.spans.get_mut(place)) {
            let failed = span.status().success() == Some(false);
            parent.inside.done += inside.done + u64::from(!failed);
            parent.inside.failed += inside.failed + u64::from(failed);
        }
    }

    /// Removes a span.
    pub(super) fn take(&mut self, span: SpanId) -> Option<Entry> {
        self.spans.remove(&self.places.remove(&span)?)
    }

    /// Draws as many spans as fit into `rows` and `columns`: the newest ones with their ancestors,
    /// and a last line with the number of spans that are not shown.
    pub(super) fn draw(
        &self,
        rows: usize,
        columns: usize,
        paint: Paint,
        elapsed: impl Fn(Ticks) -> Duration,
    ) -> String {
        let total = self.spans.len();
        let room = if total > rows { rows - 1 } else { rows };
        let shown = self.newest(room);
        let tree = SpanTree::new(shown.iter().filter_map(|place| self.spans.get(place)));
        let mut out = String::new();
        walk(&tree, 0, |index, levels| {
            let entry = tree.spans()[index];
            let line = Line { out: &mut out, paint, room: columns };
            line.of(entry, elapsed(entry.since), levels);
        });
        if total > shown.len() {
            let line = Line { out: &mut out, paint, room: columns };
            line.end(DIM, format_args!("+ {} more", total - shown.len()));
        }
        out.truncate(out.trim_end_matches('\n').len());
        out
    }

    /// Returns the positions of the newest spans. Visits about twice that number.
    fn newest(&self, room: usize) -> BTreeSet<u64> {
        let mut chosen = BTreeSet::new();
        for &place in self.spans.keys().rev() {
            let mut next = Some(place);
            while let Some(place) = next
                && chosen.len() < room
                && chosen.insert(place)
            {
                next = self.parent(place);
            }
            if chosen.len() >= room {
                break;
            }
        }
        chosen
    }

    /// Returns the position of the parent of the span at a position.
    fn parent(&self, place: u64) -> Option<u64> {
        let parent = self.spans.get(&place)?.span.parent_id()?;
        self.places.get(&parent).copied()
    }
}

/// Line that is being written.
struct Line<'a> {
    out: &'a mut String,
    paint: Paint,
    /// Number of columns left.
    room: usize,
}

impl Line<'_> {
    /// Appends `├── ⠹ Agent:Writer  1.2 s  3 done, 1 failed`.
    fn of(mut self, entry: &Entry, elapsed: Duration, levels: &[bool]) {
        let mut branch = String::new();
        push_branch(&mut branch, levels, (self.room / 8).max(1));
        self.part(DIM, branch);
        let frame = elapsed.as_millis() / FRAME % SPINNER.len() as u128;
        self.part(Style::new(), format_args!("{} ", SPINNER[frame as usize]));

        let mut label = String::new();
        let plain = Describe { paint: Paint { color: false }, detailed: false };
        let span = &entry.span;
        plain.label(&mut label, span.kind(), span.component_name(), span.method(), usize::MAX);
        let mut tail = String::new();
        push(&mut tail, format_args!("  {}{}", Elapsed(elapsed), entry.inside));

        // The changing part stays visible, however long the name is.
        let kept = tail.chars().count().min(self.room / 2);
        let room = self.room - kept;
        let used = self.fitted(Style::new(), room, label);
        self.room -= used;
        self.end(DIM, tail);
    }

    fn part(&mut self, style: Style, text: impl fmt::Display) {
        self.room -= self.fitted(style, self.room, text);
    }

    /// Adds the last part.
    fn end(mut self, style: Style, text: impl fmt::Display) {
        self.part(style, text);
        self.out.push('\n');
    }

    fn fitted(&mut self, style: Style, columns: usize, text: impl fmt::Display) -> usize {
        let mut used = 0;
        if columns > 0 {
            self.paint.styled(self.out, style, |out| used = push_fitted(out, columns, text));
        }
        used
    }
}

/// Displays a growing duration, with one decimal so that it stays readable.
struct Elapsed(Duration);

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < Duration::from_secs(60) {
            let tenths = self.0.as_millis() / 100;
            write!(f, "{}.{} s", tenths / 10, tenths % 10)
        } else {
            HumanDuration(Duration::from_secs(self.0.as_secs())).fmt(f)
        }
    }
}

impl fmt::Display for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.done, self.failed) {
            (0, 0) => Ok(()),
            (done, 0) => write!(f, "  {done} done"),
            (done, failed) => write!(f, "  {done} done, {failed} failed"),
        }
    }
}
