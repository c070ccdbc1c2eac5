//! Traces as one HTML file.

/// The page, as `page/` builds it.
pub(crate) const PAGE: &str = include_str!("../../page/dist/index.html");

/// Element of the page that holds the lines.
const PLACE: &str = r#"<script type="application/json" id="data">"#;

/// Returns the page with lines of a trace file in it.
///
/// `<` cannot occur in JSON but inside strings, where its escape means the same; so nothing in the lines
/// can end the element.
pub(crate) fn html<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let (head, tail) = PAGE.split_once(PLACE).unwrap_or((PAGE, ""));
    let mut out = format!("{head}{PLACE}");
    for line in lines {
        out.push_str(&line.replace('<', "\\u003c"));
        out.push('\n');
    }
    out.push_str(tail);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_one_place_for_lines() {
        assert_eq!(PAGE.matches(PLACE).count(), 1);
        assert!(PAGE.contains("Content-Security-Policy"));
    }

    #[test]
    fn lines_cannot_leave_their_element() {
        let line = r#"{"x":"</script><script>alert(1)</script>"}"#;
        let page = html([line].into_iter());
        assert!(page.contains(r#"{"x":"\u003c/script>\u003cscript>alert(1)\u003c/script>"}"#));
        assert_eq!(page.len(), PAGE.len() + line.len() + 15 + 1);
    }
}
