//! Reading the text: a traced component of the example's own.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use raaf_trace_core::{Component, Traceable, traced};
use thiserror::Error;

/// Length of the excerpt that agents receive; for the rest they have tools.
const OPENING: usize = 600;

/// A text that is worth analysing: it is not empty.
#[derive(Debug)]
pub struct Document {
    text: String,
}

impl Document {
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first characters, cut between words.
    pub fn opening(&self) -> &str {
        let Some((end, _)) = self.text.char_indices().nth(OPENING) else { return self.text.trim() };
        let start = &self.text[..end];
        start.rsplit_once(char::is_whitespace).map_or(start, |(words, _)| words).trim()
    }
}

/// Why a file is no text to analyse.
#[derive(Debug, Error)]
pub enum ReadError {
    #[error("cannot read `{}`", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("`{}` is a directory, not a text file", path.display())]
    Directory { path: PathBuf },
    #[error("`{}` is not UTF-8 text (byte {position} is the first that is not)", path.display())]
    NotText { path: PathBuf, position: usize },
    #[error("`{}` is empty", path.display())]
    Empty { path: PathBuf },
}

/// Reads documents.
#[derive(Traceable)]
pub struct DocumentReader {
    component: Component,
}

impl DocumentReader {
    pub fn new() -> Self {
        Self { component: Component::of::<Self>() }
    }

    #[traced(
        with("file.path" = %path.display()),
        result = |document, attributes| {
            attributes.set("document.bytes", document.text.len());
            attributes.set("document.lines", document.text.lines().count());
        }
    )]
    pub fn read(&self, path: &Path) -> Result<Document, ReadError> {
        let at = || path.to_owned();
        if path.is_dir() {
            return Err(ReadError::Directory { path: at() });
        }
        let bytes =
            fs::read(path).map_err(|source| ReadError::Unreadable { path: at(), source })?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let position = error.utf8_error().valid_up_to();
            ReadError::NotText { path: at(), position }
        })?;
        // A byte order mark says how the text is written, and is no part of it.
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        if text.trim().is_empty() {
            return Err(ReadError::Empty { path: at() });
        }
        Ok(Document { text })
    }
}
