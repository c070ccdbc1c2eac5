//! Lines of a chat: from an editor in the terminal, a pipe, or the program.

use std::{
    io::{self, IsTerminal as _},
    sync::mpsc,
    thread,
};

use futures::{StreamExt as _, channel::mpsc as asynchronous, stream::BoxStream};
use rustyline::{DefaultEditor, error::ReadlineError};

use super::mode::Mode;

/// Lines of a chat.
pub(super) enum Input {
    Lines(BoxStream<'static, io::Result<String>>),
    Terminal(Editor),
}

/// A line that was entered, or Ctrl-C in an editor.
pub(super) enum Line {
    Text(String),
    Interrupted,
}

/// Prompt that a line is the response to.
#[derive(Clone, Copy)]
pub(super) enum Question<'a> {
    Turn(&'a str),
    Approval(&'a str),
}

/// Line editor in a thread of its own, because it blocks.
pub(super) struct Editor {
    prompts: mpsc::Sender<Prompt>,
    lines: asynchronous::UnboundedReceiver<io::Result<Option<Line>>>,
    is_terminal: bool,
    /// Number of lines that the thread is to read.
    awaited: usize,
    mode: Mode,
}

/// Restores the terminal if the thread is still reading a line.
impl Drop for Editor {
    fn drop(&mut self) {
        if self.is_terminal && self.awaited > 0 {
            self.mode.restore();
        }
    }
}

struct Prompt {
    text: String,
    is_kept: bool,
}

impl Input {
    /// Starts an editor of standard input.
    pub(super) fn terminal() -> io::Result<Self> {
        let mode = Mode::current();
        let (prompts, asked) = mpsc::channel();
        let (entered, lines) = asynchronous::unbounded();
        thread::Builder::new()
            .name("raaf-repl".to_owned())
            .spawn(move || edit(&asked, &entered))?;
        let is_terminal = io::stdin().is_terminal();
        Ok(Self::Terminal(Editor { prompts, lines, is_terminal, awaited: 0, mode }))
    }

    /// Returns whether a person enters the lines in an editor, which shows prompts.
    pub(super) fn is_terminal(&self) -> bool {
        matches!(self, Self::Terminal(Editor { is_terminal: true, .. }))
    }

    /// Reads a line; returns `None` at the end of the input.
    pub(super) async fn read(&mut self, question: Question<'_>) -> io::Result<Option<Line>> {
        match self {
            Self::Lines(lines) => lines.next().await.transpose().map(|line| line.map(Line::Text)),
            Self::Terminal(editor) => {
                let (text, is_kept) = match question {
                    Question::Turn(text) => (text.to_owned(), true),
                    Question::Approval(text) => (text.to_owned(), false),
                };
                let gone = || io::Error::other("the thread of the line editor has ended");
                editor.prompts.send(Prompt { text, is_kept }).map_err(|_| gone())?;
                editor.awaited += 1;
                let line = editor.lines.next().await.unwrap_or_else(|| Err(gone()));
                editor.awaited -= 1;
                line
            }
        }
    }
}

fn edit(
    prompts: &mpsc::Receiver<Prompt>,
    lines: &asynchronous::UnboundedSender<io::Result<Option<Line>>>,
) {
    let mut editor = DefaultEditor::new();
    while let Ok(Prompt { text, is_kept }) = prompts.recv() {
        let line = match &mut editor {
            Ok(editor) => editor.readline(&text).inspect(|line| {
                if is_kept {
                    // A line that is not added to the history is not lost.
                    let _ = editor.add_history_entry(line);
                }
            }),
            Err(error) => Err(io::Error::other(error.to_string()).into()),
        };
        let line = match line {
            Ok(line) => Ok(Some(Line::Text(line))),
            Err(ReadlineError::Interrupted) => Ok(Some(Line::Interrupted)),
            Err(ReadlineError::Eof) => Ok(None),
            Err(ReadlineError::Io(error)) => Err(error),
            Err(error) => Err(io::Error::other(error)),
        };
        if lines.unbounded_send(line).is_err() {
            return;
        }
    }
}
