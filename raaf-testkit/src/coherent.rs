//! Whether captured spans are one well-formed tree, whatever stands in it.

use std::{collections::HashMap, fmt};

use crate::{
    AsSpans, Spans,
    tree::{Facts, Shape, label},
};

/// Asserts that spans are one coherent trace: one trace id, one root, every parent there, no
/// cycle, no id twice, and no child that starts before its parent.
///
/// The argument is a [`Capture`](crate::Capture), [`Spans`], a `MemoryExporter` or a list of
/// finished spans.
///
/// # Panics
///
/// When they are not. The message names every problem and draws the tree.
///
/// # Examples
///
/// ```
/// use raaf_testkit::{Capture, assert_coherent};
/// use raaf_trace_core::trace;
///
/// let capture = Capture::new();
/// capture.run(|| trace("nightly").run(|| trace("import").run(|| ())));
/// assert_coherent!(capture);
/// ```
#[macro_export]
macro_rules! assert_coherent {
    ($spans:expr $(,)?) => {
        $crate::__private::assert_coherent(&$spans)
    };
}

impl Spans {
    /// Whether the spans are one coherent trace; see [`assert_coherent!`](crate::assert_coherent).
    ///
    /// # Errors
    ///
    /// Names every problem.
    pub fn check_coherent(&self) -> Result<(), Incoherent> {
        let facts: Vec<_> = self.iter().map(Facts::of).collect();
        let name = |index: usize| {
            let span = &self.all()[index];
            label(span.kind().as_str(), span.component().name(), span.method())
        };
        let problems = problems(&facts, self.shape(), name);
        if problems.is_empty() {
            return Ok(());
        }
        Err(Incoherent { problems, tree: self.to_string() })
    }
}

/// Why spans are not one coherent trace.
#[derive(Clone)]
pub struct Incoherent {
    problems: Vec<String>,
    tree: String,
}

impl Incoherent {
    /// Each problem, in words.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

impl std::error::Error for Incoherent {}

impl fmt::Display for Incoherent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the spans are not one coherent trace:")?;
        for problem in &self.problems {
            writeln!(f, "  {problem}")?;
        }
        write!(f, "\n{}", self.tree)
    }
}

impl fmt::Debug for Incoherent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// For the macro.
///
/// # Panics
///
/// When the spans are not one coherent trace.
#[doc(hidden)]
#[track_caller]
#[allow(clippy::panic, reason = "how a test fails")]
pub fn assert_coherent(spans: &(impl AsSpans + ?Sized)) {
    if let Err(incoherent) = spans.as_spans().check_coherent() {
        panic!("{incoherent}");
    }
}

fn problems(spans: &[Facts], shape: &Shape, name: impl Fn(usize) -> String) -> Vec<String> {
    if spans.is_empty() {
        return vec!["there are no spans".to_owned()];
    }
    let mut problems = Vec::new();
    let mut traces: Vec<_> = spans.iter().map(|span| span.trace).collect();
    traces.sort_unstable();
    traces.dedup();
    if traces.len() > 1 {
        problems.push(format!("there are {} traces", traces.len()));
    }
    let faulty = [shape.orphans(), shape.cycles()].concat();
    let roots: Vec<_> = shape.roots().iter().filter(|root| !faulty.contains(root)).collect();
    if roots.len() > 1 {
        let names: Vec<_> = roots.into_iter().map(|&root| name(root)).collect();
        problems.push(format!("there are {} roots: {}", names.len(), names.join(", ")));
    }
    for &orphan in shape.orphans() {
        problems.push(format!("{}: its parent is not here", name(orphan)));
    }
    for &span in shape.cycles() {
        problems.push(format!("{}: it is its own ancestor", name(span)));
    }
    let mut seen = HashMap::new();
    for (index, span) in spans.iter().enumerate() {
        if let Some(first) = seen.insert(span.id, index) {
            let (one, other) = (name(first), name(index));
            problems.push(if one == other {
                format!("{one}: it is there twice, under one id")
            } else {
                format!("{one} and {other}: they have the same id")
            });
        }
        let Some(parent) = shape.parent(index) else { continue };
        if spans[parent].trace != span.trace {
            problems.push(format!("{}: its parent is in another trace", name(index)));
        }
        if span.start < spans[parent].start {
            problems.push(format!("{}: it starts before its parent", name(index)));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use raaf_trace_core::{SpanId, TraceId};

    use super::*;

    /// A span of trace 1 that starts with number 1.
    fn span(id: u64, parent: u64) -> Facts {
        Facts {
            trace: trace_id(1),
            id: span_id(id).unwrap(),
            parent: span_id(parent),
            local_root: parent == 0,
            start: SystemTime::UNIX_EPOCH + Duration::from_secs(1),
        }
    }

    fn span_id(id: u64) -> Option<SpanId> {
        format!("{id:016x}").parse().ok()
    }

    fn trace_id(id: u64) -> TraceId {
        format!("{id:032x}").parse().unwrap()
    }

    fn of(spans: &[Facts]) -> Vec<String> {
        problems(spans, &Shape::of(spans), |index| format!("#{index}"))
    }

    #[test]
    fn a_tree_has_no_problems() {
        assert!(of(&[span(1, 0), span(2, 1), span(3, 1), span(4, 3)]).is_empty());
        let remote = Facts { parent: span_id(9), ..span(1, 0) };
        assert!(of(&[remote, span(2, 1)]).is_empty());
    }

    #[test]
    fn each_problem_is_named() {
        let earlier = Facts { start: SystemTime::UNIX_EPOCH, ..span(2, 1) };
        let elsewhere = Facts { trace: trace_id(2), ..span(2, 1) };
        for (spans, expected) in [
            (vec![], vec!["there are no spans"]),
            (vec![span(1, 0), span(2, 0)], vec!["there are 2 roots: #0, #1"]),
            (vec![span(1, 0), span(2, 9)], vec!["#1: its parent is not here"]),
            (vec![span(1, 0), span(2, 3), span(3, 2)], vec!["#1: it is its own ancestor"]),
            (vec![span(1, 0), span(2, 2)], vec!["#1: it is its own ancestor"]),
            (vec![span(1, 0), span(2, 1), span(2, 1)], vec!["#1 and #2: they have the same id"]),
            (vec![span(1, 0), earlier], vec!["#1: it starts before its parent"]),
            (
                vec![span(1, 0), elsewhere],
                vec!["there are 2 traces", "#1: its parent is in another trace"],
            ),
        ] {
            assert_eq!(of(&spans), expected);
        }
    }

    #[test]
    fn a_span_delivered_twice_is_named() {
        let spans = [span(1, 0), span(1, 0)];
        let problems = problems(&spans, &Shape::of(&spans), |_| "agent \"A\"".to_owned());
        assert!(problems.contains(&"agent \"A\": it is there twice, under one id".to_owned()));
    }
}
