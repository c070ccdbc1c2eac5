//! Positions of code in its source.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};

/// A line and a column.
type Place = (usize, usize);

fn start(span: Span) -> Place {
    let start = span.unwrap().start();
    (start.line(), start.column())
}

fn end(span: Span) -> Place {
    let end = span.unwrap().end();
    (end.line(), end.column())
}

/// Returns true if one piece of code ends where the next begins.
pub(crate) fn touch(one: Span, next: Span) -> bool {
    end(one) == start(next)
}

/// Code as it is written, on one line.
///
/// The compiler's own way of showing tokens puts spaces around each.
pub(crate) fn text(code: TokenStream) -> String {
    let mut text = Text::default();
    text.add_all(code);
    text.written
}

#[derive(Default)]
struct Text {
    written: String,
    end: Option<Place>,
}

impl Text {
    fn add_all(&mut self, code: TokenStream) {
        for token in code {
            match token {
                TokenTree::Group(group) => {
                    let (open, close) = match group.delimiter() {
                        Delimiter::Parenthesis => ("(", ")"),
                        Delimiter::Bracket => ("[", "]"),
                        Delimiter::Brace => ("{", "}"),
                        Delimiter::None => ("", ""),
                    };
                    // Only the span of the whole survives parsing; its ends are one column each.
                    let (start, end) = (start(group.span()), end(group.span()));
                    self.add(open, start, (start.0, start.1 + open.len()));
                    self.add_all(group.stream());
                    self.add(close, (end.0, end.1.saturating_sub(close.len())), end);
                }
                token => self.add(&token.to_string(), start(token.span()), end(token.span())),
            }
        }
    }

    fn add(&mut self, token: &str, start: Place, end: Place) {
        if self.end.is_some_and(|end| end != start) {
            self.written.push(' ');
        }
        self.written.push_str(token);
        self.end = Some(end);
    }
}
