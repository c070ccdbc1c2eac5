//! Putting a report into its place in a file.

use std::{fs, io, path::Path};

/// Why a report could not be put into a file.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The file has no such place.
    #[error("there is no line `{begin}` with a line `{end}` after it")]
    NoPlace {
        /// The line before the report.
        begin: String,
        /// The line behind it.
        end: String,
    },
}

/// Replaces what is between `<!-- name -->` and `<!-- /name -->` in the file.
///
/// # Errors
///
/// When the file cannot be read or written, or has no such lines.
pub fn put(path: &Path, name: &str, report: &str) -> Result<(), PlaceError> {
    let text = fs::read_to_string(path)?;
    let (begin, end) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    match replaced(&text, &begin, &end, report) {
        Some(text) => Ok(fs::write(path, text)?),
        None => Err(PlaceError::NoPlace { begin, end }),
    }
}

fn replaced(text: &str, begin: &str, end: &str, report: &str) -> Option<String> {
    let (before, rest) = text.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}\n\n{}\n\n{end}{after}", report.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_lines_changes() {
        let text = "a\n<!-- x -->\nold\n<!-- /x -->\nb\n";
        let new = replaced(text, "<!-- x -->", "<!-- /x -->", "new\n").unwrap();
        assert_eq!(new, "a\n<!-- x -->\n\nnew\n\n<!-- /x -->\nb\n");
        assert_eq!(replaced(&new, "<!-- x -->", "<!-- /x -->", "new").as_ref(), Some(&new));
        assert_eq!(replaced(text, "<!-- y -->", "<!-- /y -->", "new"), None);
    }
}
