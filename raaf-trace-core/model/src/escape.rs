//! Text from outside in one line of a terminal, a log or an error.

use std::fmt::{self, Write};

/// Shows text with its control characters, line separators and invisible marks escaped, as
/// `\u{1b}`, so that it cannot drive a terminal, hide or reorder what is around it, or pretend to
/// be a second line. Escaping twice changes nothing.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::diagnostics::Escaped;
///
/// assert_eq!(Escaped("a\u{1b}[2J\nnaïve").to_string(), r"a\u{1b}[2J\nnaïve");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Escaped<T>(pub T);

impl<T: fmt::Display> fmt::Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.find(is_unsafe) {
            self.0.write_str(&rest[..at])?;
            let mut letters = rest[at..].chars();
            letters
                .next()
                .into_iter()
                .flat_map(char::escape_default)
                .try_for_each(|letter| self.0.write_char(letter))?;
            rest = letters.as_str();
        }
        self.0.write_str(rest)
    }
}

/// Shows text as the quoted label of a Mermaid chart: everything but letters, digits and harmless signs
/// as entities, so that it cannot leave the label, or be read as Markdown or HTML. Characters that
/// [`Escaped`] escapes are escaped.
///
/// # Examples
///
/// ```
/// use raaf_trace_core::escape::MermaidLabel;
///
/// assert_eq!(MermaidLabel("a\"]; click b").to_string(), "a#34;#93;#59; click b");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MermaidLabel<T>(pub T);

impl<T: fmt::Display> fmt::Display for MermaidLabel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Labelling(f), "{}", Escaped(&self.0))
    }
}

struct Labelling<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl Write for Labelling<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|character| {
            if character.is_alphanumeric() || " .,-_:/".contains(character) {
                self.0.write_char(character)
            } else {
                write!(self.0, "#{};", u32::from(character))
            }
        })
    }
}

/// Returns true for control characters, line separators, and invisible marks that hide or reorder
/// text.
pub fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
                | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_drives_a_terminal_is_escaped_once() {
        let shown = Escaped("a\u{202e}b\u{9b}\r\n\u{e0041}").to_string();
        assert_eq!(shown, r"a\u{202e}b\u{9b}\r\n\u{e0041}");
        assert_eq!(Escaped(&shown).to_string(), shown);
        assert_eq!(Escaped("日本 👩‍🔬 \"x\" \\").to_string(), "日本 👩‍🔬 \"x\" \\");
    }
}
